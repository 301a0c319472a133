// Creating and finding elements; texts are inserted as text, never as HTML.

export const $ = (id) => document.getElementById(id);

/** Create an element; `properties` are set on it, those with a dash, and `role`, as attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Set a text only if it changes: screen readers announce every update. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Open a dialog; what opened it has the focus again afterwards, even if it was drawn anew. */
export function openDialog(dialog) {
  const opener = document.activeElement;
  dialog.onclose = () => opener.isConnected || $(opener.id)?.focus();
  dialog.showModal();
}

export const reducesMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
