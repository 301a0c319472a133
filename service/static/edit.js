// Corrections: words, names and speakers, boxes to tick, their undo, and what others edit meanwhile.

import { address, postJson, request } from "./api.js";
import { $, fill, make, openDialog, setText } from "./dom.js";
import { TextEditor } from "./edit_texts.js";
import { VocabularyOffer } from "./vocabulary.js";

// Milliseconds between two looks at what others edited.
const LOOK_MS = 3000;
// Seconds that are played before and after a doubtful word.
const AROUND_S = 0.7;
/** Throw an error that names the field only: "edits.0.identify.name: ..." becomes "name: ...". */
const withoutPlace = (error) => {
  error.message = error.message.replace(/^edits\.\d+\.\w+\.(?=\w+: )/, "");
  throw error;
};
const PARTS = { topics: "topics", title: "title", summary: "summary", action_items: "next steps" };

export class Editor {
  /** `state()` returns {known, view}; `redraw()` fetches and shows the transcript; `hear(from, to)` plays these seconds. */
  constructor(id, { state, redraw, hear }) {
    Object.assign(this, { id, state, redraw, hear, version: 0, applied: 0, standing: [], busy: false });
    this.texts = new TextEditor(this);
    this.vocabulary = new VocabularyOffer(id);
    $("edit").hidden = false;
    $("edit").onclick = () => this.toggle($("edit").getAttribute("aria-pressed") !== "true");
    $("undo").onclick = () => this.add([{ kind: "undo", number: this.standing.at(-1).number }], "Undone.");
    $("remake").onclick = () => this.add([{ kind: "remake" }], "They are made again in a moment.");
    $("reviewed").onchange = () => this.add([{ kind: "review", reviewed: $("reviewed").checked }], "Saved.");
    $("turns").addEventListener("click", (event) => this.#click(event), { capture: true });
    $("turns").addEventListener("keydown", (event) => this.#key(event));
    this.#listenToDrags();
    this.look();
    setInterval(() => document.hidden || this.look(), LOOK_MS);
  }

  /** Begin or stop editing: a click on a word or name then edits it. */
  toggle(on) {
    $("edit").setAttribute("aria-pressed", String(on));
    $("recording").classList.toggle("editing", on);
    for (const name of ["edit-title", "edit-short", "edit-long"]) $(name).hidden = !on;
    $("reviewed-box").hidden = !on;
    this.drawn();
  }

  get on() {
    return $("recording").classList.contains("editing");
  }

  /** Prepare what was drawn anew. */
  drawn() {
    const { known, view } = this.state();
    $("reviewed").checked = known.reviewed;
    $("older").hidden = !known.older.length;
    setText($("older-text"), known.older.length ? `Older than the text: ${known.older.map((part) => PARTS[part]).join(", ")}.` : "");
    fill($("conflicts"), ...known.conflicts.map((line) => make("li", {}, line)));
    $("undo").hidden = !this.on || !this.standing.length;
    for (const [row, word] of view.elements.entries()) {
      const doubtful = this.on && view.words.words[row].doubtful;
      if (doubtful) word.tabIndex = 0;
      else word.removeAttribute("tabindex");
    }
    for (const name of $("turns").querySelectorAll("strong")) {
      const title = "Say who this is, or drag it to a paragraph of another speaker";
      if (this.on) Object.assign(name, { tabIndex: 0, role: "button", title, draggable: true });
      else for (const attribute of ["tabindex", "role", "title", "draggable"]) name.removeAttribute(attribute);
    }
    for (const [at, item] of [...$("next").children].entries()) this.#box(item, known.action_items?.next_steps[at]);
    this.texts.drawn();
    this.vocabulary.show(this.on);
  }

  /**
   * Store edits, and show the transcript with them or what prevents it; returns whether they were stored. If somebody
   * else edited something meanwhile, they are stored nevertheless as long as `stands()` says that theirs is unchanged.
   */
  async add(edits, done, stands = () => false) {
    try {
      await this.store(edits, done);
      return true;
    } catch (error) {
      const [stale, known] = [error.status === 409, this.version];
      if (stale) await this.look();
      if (stale && this.version !== known && stands()) return this.add(edits, done, stands);
      setText($("edit-note"), stale ? "Somebody else edited this meanwhile: look, and try again." : error.message);
      return false;
    }
  }

  /** Store edits, and show the transcript with them; throws HttpError. */
  async store(edits, done) {
    this.busy = true;
    try {
      const body = { edits, version: this.version, request_id: crypto.randomUUID?.() };
      this.#take(await postJson(address(this.id, "/corrections"), body).catch(withoutPlace));
      await this.redraw();
      setText($("edit-note"), done);
    } finally {
      this.busy = false;
    }
  }

  #take({ version, applied, edits }) {
    const changed = version !== this.version || applied !== this.applied;
    Object.assign(this, { version, applied, standing: edits.filter(({ stands }) => stands) });
    return changed;
  }

  /** Show what others edited meanwhile. */
  async look() {
    if (this.#occupied()) return;
    const first = this.version === 0 && this.applied === 0;
    const found = await request(address(this.id, "/corrections")).catch(() => null);
    // Meanwhile, an edit of this page's own may be on its way.
    if (!found || this.#occupied() || !this.#take(found)) return;
    if (first && found.applied === found.version) this.drawn();
    else await this.redraw();
  }

  /** Return whether drawing anew would get in the way. */
  #occupied() {
    return this.busy || this.dragged || $("turns").querySelector("input") !== null;
  }

  #click(event) {
    if (!this.on || event.target.closest("a, input")) return;
    const { view } = this.state();
    const name = event.target.closest("strong");
    const row = view.rows.get(event.target);
    if (name) this.#speaker(view.turnOf(name));
    else if (row !== undefined && getSelection().isCollapsed) this.#word(row);
    else return;
    event.stopPropagation();
    event.preventDefault();
  }

  #key(event) {
    if (!this.on || event.target.matches("input") || !["Enter", " "].includes(event.key)) return;
    const { view } = this.state();
    const row = view.rows.get(event.target);
    if (row !== undefined) this.#word(row, view.words.words[row].doubtful);
    else if (event.target.matches("strong")) this.#speaker(view.turnOf(event.target));
    else return;
    event.stopPropagation();
    event.preventDefault();
  }

  /** Let a word be edited, `heard` or not: Enter stores it, Tab goes on to the next doubtful one, Escape leaves it. */
  #word(row, heard = false) {
    const { view } = this.state();
    const [word, element] = [view.words.words[row], view.elements[row]];
    view.follow(false);
    if (heard) this.hear(word.start - AROUND_S, word.end + AROUND_S);
    const input = make("input", { type: "text", value: word.text, autocomplete: "off", spellcheck: true });
    input.setAttribute("aria-label", `Correct “${word.text}”`);
    const widen = () => input.style.setProperty("width", `${Math.max(6, input.value.length + 3)}ch`);
    input.oninput = widen;
    widen();
    fill(element, input);
    input.focus();
    input.select();
    const close = () => {
      input.onblur = null;
      fill(element, word.text);
    };
    const save = async () => {
      const text = input.value.trim();
      close();
      if (text === word.text) return true;
      const { speaker } = view.words.turns[word.turn];
      const edit = { kind: "words", start: word.start, end: Math.max(word.end, word.start + 0.001), speaker, was: word.text, text };
      const isSame = (one) => one.start === word.start && one.text === word.text;
      const stands = () => this.state().view.words.words.some(isSame);
      return this.add([edit], text ? `“${word.text}” is now “${text}”.` : `“${word.text}” was deleted.`, stands);
    };
    input.onblur = close;
    input.onkeydown = async (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        close();
        element.focus();
      } else if (event.key === "Enter") {
        event.preventDefault();
        await save();
        this.state().view.elements[row]?.focus();
      } else if (event.key === "Tab") {
        event.preventDefault();
        if (await save()) this.#next(word.start, event.shiftKey ? -1 : 1);
      }
    };
  }

  #next(start, by) {
    const { words } = this.state().view.words;
    const doubtful = words.map((word, row) => [word, row]).filter(([word]) => word.doubtful);
    const found = by > 0 ? doubtful.find(([word]) => word.start > start) : doubtful.findLast(([word]) => word.start < start);
    if (!found) return setText($("edit-note"), "There is no further doubtful word.");
    this.#word(found[1], true);
  }

  /** Ask who speaks in a turn: another name, another participant, or another one in this paragraph only. */
  #speaker(turn) {
    const { known } = this.state();
    const people = (known.participants ?? []).filter(({ speaker }) => speaker >= 0);
    const others = people.filter(({ speaker }) => speaker !== turn.speaker);
    $("speaker-name").value = turn.name;
    setText($("speaker-trouble"), "");
    fill($("speaker-other"), ...others.map(({ name, speaker }) => make("option", { value: speaker }, name)));
    $("speaker-others").hidden = !others.length;
    const chosen = () => Number($("speaker-other").value);
    const store = (edit, done) => {
      $("speaker").close();
      this.add([edit], done);
    };
    $("speaker-form").onsubmit = (event) => {
      if (event.submitter?.value === "cancel") return;
      event.preventDefault();
      const name = $("speaker-name").value.trim();
      if (name) return store({ kind: "identify", speaker: turn.speaker, name }, `${turn.name} is now ${name}.`);
      setText($("speaker-trouble"), "Name is empty.");
      $("speaker-name").focus();
    };
    $("speaker-merge").onclick = () =>
      store({ kind: "merge", speaker_from: turn.speaker, speaker_to: chosen() }, "They are one person now.");
    $("speaker-assign").onclick = () => {
      $("speaker").close();
      this.#assign(turn, chosen());
    };
    openDialog($("speaker"));
  }

  /** Give a paragraph to another speaker. */
  #assign(turn, speaker) {
    const { known, view } = this.state();
    const own = (known.participants ?? []).find((one) => one.speaker === turn.speaker);
    const spoken = view.words.words.slice(turn.from, turn.to);
    const [start, end] = [Math.min(...spoken.map((word) => word.start)), Math.max(...spoken.map((word) => word.end))];
    const of = [turn.speaker, ...(own?.other_speakers ?? [])];
    return this.add([{ kind: "assign", start, end, speaker, of }], "The paragraph has another speaker now.");
  }

  /** A name that is dragged to a paragraph of another speaker gives its own paragraph to that speaker. */
  #listenToDrags() {
    const target = ({ target: element }) => {
      // Some browsers name a text here.
      const over = element.parentElement.closest(".turn");
      const turn = this.dragged && over && this.state().view.turnOf(over);
      return turn && turn.speaker !== this.dragged.speaker ? turn : null;
    };
    $("turns").ondragstart = ({ target: name, dataTransfer }) => {
      if (!this.on || !name.matches?.("strong")) return;
      this.dragged = this.state().view.turnOf(name);
      dataTransfer.effectAllowed = "move";
    };
    $("turns").ondragover = (event) => target(event) && event.preventDefault();
    $("turns").ondrop = (event) => {
      const turn = target(event);
      if (!turn) return;
      event.preventDefault();
      this.#assign(this.dragged, turn.speaker);
    };
    $("turns").ondragend = () => {
      this.dragged = null;
    };
  }

  #box(item, step) {
    if (!step || item.querySelector("input")) return;
    const box = make("input", { type: "checkbox", checked: step.done ?? false });
    box.setAttribute("aria-label", `Done: ${step.task}`);
    box.onchange = () =>
      this.add([{ kind: "action_item", task: step.generated_task ?? step.task, done: box.checked }], "Saved.");
    item.prepend(box, " ");
  }
}
