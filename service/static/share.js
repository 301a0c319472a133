// Links that let everyone who has them read this transcript: make, copy, list and withdraw them.

import { address, postJson, request } from "./api.js";
import { $, fill, make, openDialog, setText } from "./dom.js";
import { when } from "./format.js";

/** Offer to share a transcript. */
export function offerSharing(id) {
  const links = (part = "") => address(id, `/shares${part}`);
  const say = (text) => setText($("share-note"), text);

  async function showLinks() {
    const { items } = await request(links());
    fill($("shares"), ...(items.length ? items.map(entry) : [make("li", { className: "quiet" }, "There are none.")]));
  }

  function entry(link) {
    const expires = when(link.expires_at);
    const about = make("small", {}, `Made by ${link.created_by || "somebody"} on ${when(link.created_at)}`);
    const button = make("button", { type: "button", "aria-label": `Withdraw the link that expires ${expires}` }, "Withdraw");
    button.onclick = () => confirm("Withdraw this link? People who have it can’t read the transcript any more.") && withdraw(link);
    return make("li", {}, make("span", {}, `Expires ${expires}`, about), button);
  }

  /** Do something with the links, or say why it isn't possible. */
  async function attempt(act) {
    try {
      await act();
    } catch (error) {
      say(error.message);
    }
  }

  const withdraw = (link) => attempt(async () => {
    await request(links(`/${encodeURIComponent(link.id)}`), { method: "DELETE" });
    if (link.id === $("share-new").dataset.link) $("share-new").hidden = true;
    await showLinks();
    say("The link was withdrawn.");
    $("shares-title").focus();
  });

  const create = () => attempt(async () => {
    const link = await postJson(links(), { days: Number($("share-days").value) });
    $("share-url").value = link.url;
    $("share-new").dataset.link = link.id;
    $("share-new").hidden = false;
    $("share-copy").focus();
    say("The link was made.");
    await showLinks();
  });

  $("share-form").onsubmit = (event) => {
    event.preventDefault();
    create();
  };
  $("share-copy").onclick = async () => {
    $("share-url").select();
    // Without HTTPS, browsers give pages no clipboard.
    const copied = await navigator.clipboard?.writeText($("share-url").value).then(() => true, () => false);
    say(copied || document.execCommand("copy") ? "Copied." : "Press Ctrl+C or ⌘C to copy it.");
    $("share-copy").focus();
  };
  $("share").onclick = () => {
    $("share-new").hidden = true;
    $("share-url").value = "";
    say("");
    openDialog($("share-box"));
    attempt(showLinks);
  };
  $("share").hidden = false;
}
