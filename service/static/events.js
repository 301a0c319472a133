// A recording's events: all since its first run, then new ones as they happen.

import { address } from "./api.js";

export const NAMES = [
  "STATUS", "PIPELINE_PROGRESS", "DURATION", "WAVEFORM", "TRANSCRIPT", "TOPIC", "FINAL_TITLE",
  "FINAL_SHORT_SUMMARY", "FINAL_LONG_SUMMARY", "ACTION_ITEMS", "CORRECTION",
];
const RECONNECT_MS = 5000;

/**
 * Call `take` with each event once, however often the connection is lost, and `live` with whether there is one.
 * Returns a function that stops listening.
 */
export function listen(id, take, live) {
  const seen = new Set();
  let source = null;
  let timer = null;

  function receive(message) {
    const data = JSON.parse(message.data);
    const event = data.event ? data : { id: message.lastEventId, event: message.type, data };
    if (event.id && seen.has(event.id)) return;
    seen.add(event.id);
    take(event);
  }

  function open() {
    source = new EventSource(address(id, "/events"));
    source.onopen = () => live(true);
    source.onmessage = receive;
    for (const name of NAMES) source.addEventListener(name, receive);
    source.onerror = () => {
      live(false);
      // Browsers reconnect by themselves, but not after an answer such as 503.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RECONNECT_MS);
    };
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
