// The transcript on the page: turns of speakers, the word that is being played, and scrolling along.

import { $, fill, make, reducesMotion } from "./dom.js";
import { clock, colour } from "./format.js";
import { noteOfHand, quote } from "./overview.js";

const SCROLL_KEYS = new Set(["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"]);
// Milliseconds that scrolling by the page itself may last.
const OWN_SCROLL_MS = 900;

export class TranscriptView {
  /** `seek(seconds)` is called when a word or time is clicked, `go(seconds)` for a quote. */
  constructor(words, topics, seek, go) {
    this.words = words;
    this.elements = [];
    this.turns = [];
    this.rows = new Map();
    this.current = -1;
    this.follows = true;
    this.scrolledAt = -Infinity;
    this.replaced = new AbortController();
    this.#build(topics, go);
    this.#listen(seek);
  }

  #build(topics, go) {
    const all = document.createDocumentFragment();
    let [topic, last] = [-1, null];
    const begin = (index) => {
      if (index > topic) last = null;
      // A topic in which no turn begins has a heading, too.
      while (topic < index) all.append(...this.#heading((topic += 1), topics[topic], go));
    };
    for (const turn of this.words.turns) {
      begin(turn.topic);
      all.append(this.#turn(turn, turn.name !== last));
      last = turn.name;
    }
    begin(topics.length - 1);
    if (!this.words.words.length) all.append(make("p", { className: "quiet" }, "Nothing was said."));
    fill($("turns"), all);
  }

  #heading(index, topic, go) {
    const { id, title, summary, evidence } = topic;
    const parts = [make("h3", { id: `topic-${index}`, className: "topic", tabIndex: -1 }, title)];
    if (summary) parts.push(make("p", { className: "topic-summary quiet", id: `about-${id}` }, summary));
    const byHand = noteOfHand(topic);
    if (byHand) parts.push(byHand);
    if (evidence) parts.push(make("p", { className: "topic-quote" }, quote(evidence, go)));
    return parts;
  }

  #turn(turn, named) {
    const spoken = make("p", { className: "spoken" });
    for (let row = turn.from; row < turn.to; row += 1) {
      const { text, doubtful } = this.words.words[row];
      const word = make("span", doubtful ? { className: "doubtful" } : {}, text);
      if (row > turn.from) spoken.append(this.words.space(row));
      spoken.append(word);
      this.elements.push(word);
      this.rows.set(word, row);
    }
    const time = make("a", { href: `#t=${Math.floor(turn.start)}`, className: "time" }, clock(turn.start));
    const name = make(
      "strong", { id: `who-${this.turns.length}`, className: named ? colour(turn.speaker) : "hidden" }, turn.name,
    );
    const who = make("p", { className: "who" }, name, " ", time);
    const element = make("div", { className: `turn ${colour(turn.speaker)}` }, who, spoken);
    if (!named) element.classList.add("continued");
    this.turns.push(element);
    return element;
  }

  #listen(seek) {
    $("turns").onclick = (event) => {
      const time = event.target.closest("a.time");
      const row = time ? this.turnOf(time).from : this.rows.get(event.target);
      // A click that ends a selection doesn't start playback.
      if (row === undefined || (!time && !getSelection().isCollapsed)) return;
      if (time && (event.metaKey || event.ctrlKey || event.shiftKey)) return;
      event.preventDefault();
      seek(this.words.words[row].start);
    };
    // Before playback there is nothing to scroll along with.
    const stopFollowing = () => this.current >= 0 && this.follow(false);
    const options = { passive: true, signal: this.replaced.signal };
    addEventListener("wheel", stopFollowing, options);
    addEventListener("touchmove", stopFollowing, options);
    const scrolls = ({ key, target }) => SCROLL_KEYS.has(key) && !target.closest("input,select");
    addEventListener("keydown", (event) => scrolls(event) && stopFollowing(), options);
    addEventListener("scroll", () => performance.now() - this.scrolledAt > OWN_SCROLL_MS && stopFollowing(), options);
  }

  /** End the view, because another one replaces it. */
  end() {
    this.replaced.abort();
  }

  /** Return the turn that an element is in. */
  turnOf(element) {
    return this.words.turns[this.turns.indexOf(element.closest(".turn"))];
  }

  /** Start or stop following the playback; calls `changed`. */
  follow(on) {
    // Ignore scrolling that is still under way.
    if (on) this.scrolledAt = performance.now();
    if (this.follows === on) return;
    this.follows = on;
    this.changed?.(on);
    if (on) this.#scrollAlong();
  }

  /** Mark the word at a time; returns from when to when it is the one. */
  mark(seconds) {
    const [row, from, to] = this.words.at(seconds);
    if (row !== this.current) {
      this.elements[this.current]?.classList.remove("now");
      this.elements[row]?.classList.add("now");
      this.current = row;
      if (this.follows) this.#scrollAlong();
    }
    return [from, to];
  }

  #scrollAlong() {
    const word = this.elements[this.current];
    if (!word) return;
    const { top, bottom } = word.getBoundingClientRect();
    if (top > innerHeight * 0.2 && bottom < innerHeight * 0.6) return;
    this.show(this.current);
  }

  /** Scroll to a word. */
  show(row) {
    this.scrolledAt = performance.now();
    this.elements[row]?.scrollIntoView({ block: "center", behavior: reducesMotion() ? "auto" : "smooth" });
  }

  /** Scroll to a topic, and focus it for screen readers. */
  showTopic(index) {
    const heading = $(`topic-${index}`);
    if (!heading) return;
    this.scrolledAt = performance.now();
    heading.scrollIntoView({ block: "start", behavior: reducesMotion() ? "auto" : "smooth" });
    heading.focus({ preventScroll: true });
  }
}
