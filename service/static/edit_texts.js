// Correcting the texts: title and summary, a topic's, and an action item's text, owner and deadline, in one dialog.

import { $, fill, make, openDialog, setText } from "./dom.js";
import { isByHand } from "./overview.js";

// Requests that may be refused, one after another, because somebody edited something else meanwhile.
const MOST_TRIES = 3;
const LINE_LENGTH = 1000;

/**
 * Edits texts with an editor's `state` and `store`. What is edited has fields ({label, name, now, rows, required,
 * people}; `now(state)` returns the present text, `rows` those of a longer one), `edits(texts)` for those that changed,
 * and `generated()`, the edits that return to what was generated, null if a person wrote nothing.
 */
export class TextEditor {
  constructor(editor) {
    this.editor = editor;
    for (const [button, heading, kind, name, field] of [
      ["edit-title", "Edit the title", "title", "title", { label: "Title" }],
      ["edit-short", "Edit the short summary", "summary", "short_summary", { label: "Short summary", rows: 6 }],
      ["edit-long", "Edit the full summary", "summary", "long_summary", { label: "Full summary, in Markdown", rows: 12 }],
    ]) {
      $(button).onclick = () => this.#open(heading, {
        fields: [{ ...field, name, required: true, now: ({ known }) => known[name] }],
        edits: (texts) => [{ kind, ...texts }],
        generated: () => (editor.state().known.by_hand.includes(name) ? [{ kind, [name]: null }] : null),
      });
    }
    $("text-form").onsubmit = (event) => {
      if (event.submitter?.value === "cancel") return;
      event.preventDefault();
      this.#save();
    };
  }

  /** Prepare what was drawn anew. */
  drawn() {
    for (const button of document.querySelectorAll(".edit-part")) button.remove();
    if (!this.editor.on) return;
    const { topics, action_items: items } = this.editor.state().known;
    for (const [index, topic] of (topics ?? []).entries()) {
      const part = partButton(`edit-topic-${index}`, `Edit the topic “${topic.title}”`);
      part.onclick = () => this.#topic(topic);
      $(`topic-${index}`).after(part);
    }
    for (const [index, step] of (items?.next_steps ?? []).entries()) {
      const part = partButton(`edit-step-${index}`, `Edit “${step.task}”`);
      part.onclick = () => this.#step(step);
      $("next").children[index].append(" ", part);
    }
  }

  #topic({ id, timestamp: at }) {
    const now = ({ known }) => known.topics.find((one) => one.id === id);
    this.#open("Edit the topic", {
      fields: [
        { label: "Title", name: "title", required: true, now: (state) => now(state)?.title },
        { label: "Summary", name: "summary", rows: 5, now: (state) => now(state)?.summary },
      ],
      edits: (texts) => [{ kind: "topic", at, ...texts }],
      generated: () => isByHand(now(this.editor.state())) && [{ kind: "topic", at, title: null, summary: null }],
    });
  }

  #step(step) {
    const task = step.generated_task ?? step.task;
    const now = ({ known }) => known.action_items.next_steps.find((one) => (one.generated_task ?? one.task) === task);
    this.#open("Edit the next step", {
      fields: [
        { label: "What", name: "text", rows: 3, required: true, now: (state) => now(state)?.task },
        { label: "Owner", name: "assigned_to", people: true, now: (state) => now(state)?.assigned_to },
        { label: "Deadline", name: "deadline", now: (state) => now(state)?.deadline },
      ],
      // An empty owner or deadline is none.
      edits: (texts) => [{ kind: "action_item", task, ...Object.fromEntries(
        Object.entries(texts).map(([name, text]) => [name, text || null]),
      ) }],
      generated: () => isByHand(now(this.editor.state())) && this.#undone(task, now(this.editor.state()).done),
    });
  }

  /** Return the edits that undo those of a step's texts, and leave its box as it is. */
  #undone(task, done) {
    const written = this.editor.standing.filter(
      ({ edit }) => edit.kind === "action_item" && edit.task === task &&
        ["text", "assigned_to", "deadline"].some((name) => name in edit),
    );
    const undos = written.map(({ number }) => ({ kind: "undo", number }));
    if (!written.some(({ edit }) => "done" in edit)) return undos;
    return [...undos, { kind: "action_item", task, done: done ?? false }];
  }

  #open(heading, edited) {
    const state = this.editor.state();
    setText($("text-title"), heading);
    this.#warn("");
    const written = edited.fields.map((field) => {
      const was = field.now(state) ?? "";
      return { ...field, was, input: inputOf(field, was) };
    });
    this.edited = { ...edited, fields: written };
    fill($("text-fields"), ...written.map(({ label, input }, at) => {
      input.id = `text-${at}`;
      return make("p", {}, make("label", { htmlFor: input.id }, label), " ", input);
    }));
    fill($("text-people"), ...(state.known.participants ?? []).map(({ name }) => make("option", { value: name })));
    const generated = edited.generated();
    $("text-generated").hidden = !generated;
    $("text-generated").onclick = () => this.#store(generated);
    openDialog($("text-box"));
  }

  #warn(text, field = null) {
    setText($("text-trouble"), text);
    field?.input.focus();
  }

  async #save() {
    const { fields, edits } = this.edited;
    const empty = fields.find(({ input, required }) => required && !input.value.trim());
    if (empty) return this.#warn(`${empty.label} is empty.`, empty);
    const changed = fields.filter(({ input, was }) => input.value.trim() !== was);
    if (!changed.length) return $("text-box").close();
    await this.#store(edits(Object.fromEntries(changed.map(({ name, input }) => [name, input.value.trim()]))));
  }

  async #store(edits) {
    $("text-save").disabled = $("text-generated").disabled = true;
    try {
      for (let tries = 1; !this.#overtaken(); tries += 1) {
        const error = await this.editor.store(edits, "Saved.").then(() => null, (one) => one);
        if (!error) return $("text-box").close();
        if (error.status !== 409 || tries === MOST_TRIES) return this.#warn(error.message);
        await this.editor.look();
      }
    } finally {
      $("text-save").disabled = $("text-generated").disabled = false;
    }
  }

  /** Return whether somebody else changed what is edited, and say how; saving again replaces it. */
  #overtaken() {
    const state = this.editor.state();
    const field = this.edited.fields.find((one) => (one.now(state) ?? "") !== one.was);
    if (!field) return false;
    for (const one of this.edited.fields) one.was = one.now(state) ?? "";
    this.#warn(`Somebody else edited this meanwhile. ${field.label} is now “${field.was}”. Save again to replace it.`, field);
    return true;
  }
}

function partButton(id, label) {
  return make("button", { id, type: "button", className: "edit-part", "aria-label": label }, "Edit");
}

function inputOf({ rows, people, required }, value) {
  if (rows) return make("textarea", { rows, value, required });
  const input = make("input", { type: "text", value, required, maxLength: LINE_LENGTH, autocomplete: "off" });
  if (people) input.setAttribute("list", "text-people");
  return input;
}
