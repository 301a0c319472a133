// Corrected names and words for the vocabulary of the room: each is added by a click, and none by itself.

import { address, postJson, request } from "./api.js";
import { $, fill, make, setText } from "./dom.js";

// Terms that are offered at a time.
const MOST = 3;

export class VocabularyOffer {
  constructor(id) {
    this.address = address(id, "/vocabulary");
    this.shown = [];
    this.refused = new Set();
    $("terms-no").onclick = () => {
      for (const term of this.shown) this.refused.add(term);
      $("vocabulary").hidden = true;
      $("edit").focus();
    };
  }

  /** Show the newest terms that corrections offer and the room doesn't expect; hide them unless `on`. */
  async show(on) {
    // A room without a usable name can't learn.
    const found = on ? await request(this.address).catch(() => null) : null;
    this.#fill(found?.offered ?? []);
  }

  #fill(offered) {
    this.shown = offered.filter((term) => !this.refused.has(term)).slice(-MOST);
    $("vocabulary").hidden = !this.shown.length;
    fill($("terms"), ...this.shown.map((term) => {
      const button = make("button", { type: "button", className: "small", "aria-label": `Expect “${term}”` }, term);
      button.onclick = () => this.#learn(term);
      return button;
    }));
  }

  async #learn(term) {
    try {
      const { offered } = await postJson(this.address, { terms: [term] });
      this.#fill(offered);
      setText($("edit-note"), `“${term}” is expected in the room’s next meetings.`);
      ($("terms").querySelector("button") ?? $("edit")).focus();
    } catch (error) {
      setText($("edit-note"), error.message);
    }
  }
}
