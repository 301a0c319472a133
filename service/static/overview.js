// Title, facts, summary, decisions, next steps and topics of a recording, as far as they exist.

import { address } from "./api.js";
import { $, fill, make, setText } from "./dom.js";
import { clock, colour, length, when } from "./format.js";

const DOWNLOADS = [["txt", "Text"], ["md", "Markdown"], ["vtt", "WebVTT"], ["srt", "SRT"], ["json", "JSON"]];

export function showHead(known) {
  const title = known.title || known.room_name || known.id;
  setText($("title"), title);
  document.title = `${title} · Transcript`;
  const facts = [];
  if (known.room_name && known.title) facts.push(make("span", {}, known.room_name));
  if (known.created_at) facts.push(make("time", { dateTime: known.created_at }, when(known.created_at)));
  if (known.duration) facts.push(make("span", {}, length(known.duration)));
  if (known.words) facts.push(make("span", {}, `${known.words.toLocaleString()} words`));
  for (const error of known.errors ?? []) facts.push(make("span", {}, error));
  fill($("facts"), ...facts);
  const people = known.participants ?? [];
  $("people").hidden = !people.length;
  fill($("people"), ...people.map(({ name, speaker }) => make("li", { className: colour(speaker) }, name)));
}

export function showSummary(known) {
  $("overview").hidden = !known.short_summary && !known.long_summary;
  $("method").hidden = known.method !== "extractive";
  setText($("short"), known.short_summary ?? "");
  $("long-box").hidden = !known.long_summary_html;
  // The service rendered this from Markdown, with any HTML in it escaped.
  if (known.long_summary_html) $("long").innerHTML = known.long_summary_html;
}

/** Show decisions and next steps; `go` is called with a time in seconds. */
export function showActions(items, go) {
  $("actions").hidden = !items;
  if (!items) return;
  const entry = (text, facts, at) => make(
    "li", {}, text,
    ...(facts.length ? [make("span", { className: "quiet facts" }, ...facts.map((fact) => make("span", {}, fact)))] : []),
    ...(at === null || at === undefined ? [] : [" ", timeButton(at, go)]),
  );
  const decisions = items.decisions.map((one) => entry(
    one.decision, [one.decided_by && `Decided by ${one.decided_by}`, one.rationale].filter(Boolean), one.timestamp,
  ));
  // The editor adds boxes to tick.
  const next = items.next_steps.map((one) => entry(
    one.task, [one.done && "Done", one.assigned_to, one.deadline && `Due ${one.deadline}`, one.context].filter(Boolean), one.timestamp,
  ));
  const failed = items.error && `They couldn’t be made: ${items.error}`;
  const none = (text) => [make("li", { className: "quiet none" }, failed || text)];
  fill($("decisions"), ...(decisions.length ? decisions : none("No decisions were found.")));
  fill($("next"), ...(next.length ? next : none("No next steps were found.")));
}

/** Show the topics; `jump` is called with a topic's index. */
export function showTopics(topics, jump) {
  $("topics").hidden = !topics?.length;
  $("topics").style.setProperty("--clock", topics?.at(-1)?.timestamp >= 3600 ? "4rem" : "2.6rem");
  const entry = ({ title, summary, timestamp }, index) => {
    const at = make("span", { className: "clock quiet" }, clock(timestamp));
    const button = make("button", { type: "button" }, at, make("span", {}, title));
    button.onclick = () => jump(index);
    return make("li", {}, button, summary ? make("p", { className: "quiet" }, summary) : null);
  };
  fill($("topic-list"), ...(topics ?? []).map(entry));
}

/** Mark the topic that is being played. */
export function markTopic(index) {
  const now = $("topic-list").querySelector("[aria-current]");
  const button = $("topic-list").children[index]?.firstChild;
  if (now === button) return;
  now?.removeAttribute("aria-current");
  button?.setAttribute("aria-current", "true");
}

export function showDownloads(id) {
  fill($("downloads"), ...DOWNLOADS.map(([suffix, name]) => make(
    "li", {}, make("a", { href: address(id, `/export/${suffix}`), download: "", title: `Download as ${name}` }, name),
  )));
}

function timeButton(at, go) {
  const button = make("button", { type: "button", className: "time" }, clock(at));
  button.setAttribute("aria-label", `Go to ${clock(at)}`);
  button.onclick = () => go(at);
  return button;
}
