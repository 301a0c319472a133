// Search in one transcript: in its text, not in the page's elements, which would be slow on long pages.

import { $, setText } from "./dom.js";

const marks = globalThis.CSS?.highlights;

export function searchIn(words, view) {
  let places = [];
  let at = -1;

  function range({ row, offset, endRow, endOffset }) {
    const [from, to] = [view.elements[row].firstChild, view.elements[endRow].firstChild];
    return new StaticRange({ startContainer: from, startOffset: offset, endContainer: to, endOffset });
  }

  function show() {
    const wanted = $("find").value.trim();
    setText($("found"), wanted ? (places.length ? `${at + 1} of ${places.length}` : "No match") : "");
    $("previous").disabled = $("following").disabled = !places.length;
    view.elements.marked?.classList.remove("match");
    view.elements.marked = null;
    if (marks) marks.set("match-now", at < 0 ? new Highlight() : new Highlight(range(places[at])));
    if (at < 0) return;
    if (!marks) {
      view.elements.marked = view.elements[places[at].row];
      view.elements.marked.classList.add("match");
    }
    view.follow(false);
    view.show(places[at].row);
  }

  function search() {
    places = words.find($("find").value);
    at = places.length ? 0 : -1;
    marks?.set("match", new Highlight(...places.map(range)));
    show();
  }

  function go(by) {
    if (!places.length) return;
    at = (at + by + places.length) % places.length;
    show();
  }

  $("find").oninput = search;
  $("find").onkeydown = (event) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      $("find").value = "";
      search();
      $("find").blur();
    } else return;
    event.preventDefault();
  };
  $("search").onsubmit = (event) => event.preventDefault();
  $("previous").onclick = () => go(-1);
  $("following").onclick = () => go(1);
  if ($("find").value) search();
}
