// Keyboard shortcuts of a single key, which can be switched off, and their help.

import { $ } from "./dom.js";

const OFF = "reflector-keys-off";
const TYPING = "input:not([type=range]):not([type=checkbox]),textarea,select,[contenteditable]";

export function listenToKeys({ player, follow }) {
  const actions = {
    " ": () => player?.toggle(),
    k: () => player?.toggle(),
    j: () => player?.skip(-10),
    l: () => player?.skip(10),
    ArrowLeft: () => player?.skip(-5),
    ArrowRight: () => player?.skip(5),
    f: follow,
    "/": () => $("find").focus(),
    "?": () => $("help").showModal(),
  };
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    const action = actions[key.length === 1 ? key.toLowerCase() : key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (localStorage.getItem(OFF) || target.closest(TYPING)) return;
    // Space activates buttons, and arrow keys move sliders.
    if (key === " " && target.closest("button,a,summary,input")) return;
    if (key.startsWith("Arrow") && target.closest("input")) return;
    event.preventDefault();
    action();
  });
  $("show-help").onclick = () => $("help").showModal();
  $("keys-on").checked = !localStorage.getItem(OFF);
  $("keys-on").onchange = () => {
    if ($("keys-on").checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  };
}
