// A recording's events: all from its first run on, then each as it happens.

import { address } from "./api.js";

export const NAMES = [
  "STATUS", "PIPELINE_PROGRESS", "DURATION", "WAVEFORM", "TRANSCRIPT", "TOPIC", "FINAL_TITLE",
  "FINAL_SHORT_SUMMARY", "FINAL_LONG_SUMMARY", "ACTION_ITEMS",
];
const PAUSE_MS = 5000;

/**
 * Hand each event on once, however often the connection is lost; `live` says whether there is one.
 * Returns a function that ends it.
 */
export function listen(id, take, live) {
  const seen = new Set();
  let source = null;
  let timer = null;

  function hear(message) {
    const told = JSON.parse(message.data);
    const event = told.event ? told : { id: message.lastEventId, event: message.type, data: told };
    if (event.id && seen.has(event.id)) return;
    seen.add(event.id);
    take(event);
  }

  function open() {
    source = new EventSource(address(id, "/events"));
    source.onopen = () => live(true);
    source.onmessage = hear;
    for (const name of NAMES) source.addEventListener(name, hear);
    source.onerror = () => {
      live(false);
      // Browsers try again by themselves, but not after an answer such as 503.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, PAUSE_MS);
    };
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
