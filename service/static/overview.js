// Title, facts, summary, decisions, next steps and topics of a recording, as far as they exist.

import { address } from "./api.js";
import { $, fill, make, setText } from "./dom.js";
import { clock, colour, length, when } from "./format.js";

const BY_HAND = "Corrected by hand";
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
  if (known.by_hand.includes("title")) facts.push(make("span", {}, "Title corrected by hand"));
  for (const error of known.errors ?? []) facts.push(make("span", {}, error));
  fill($("facts"), ...facts);
  const people = known.participants ?? [];
  $("people").hidden = !people.length;
  fill($("people"), ...people.map(({ name, speaker }) => make("li", { className: colour(speaker) }, name)));
}

/** Show the summary and what it rests on; `go` is called with a time in seconds. */
export function showSummary(known, go) {
  $("overview").hidden = !known.short_summary && !known.long_summary;
  const written = [["short_summary", "Short summary"], ["long_summary", "Full summary"]].filter(
    ([name]) => known.by_hand.includes(name),
  );
  $("method").hidden = known.method !== "extractive" || written.length === 2;
  $("summary-by-hand").hidden = !written.length;
  setText($("summary-by-hand"), `${written.length === 2 ? "Summary" : written[0]?.[1]} corrected by hand`);
  setText($("short"), known.short_summary ?? "");
  $("long-box").hidden = !known.long_summary_html;
  // The service rendered this from Markdown, with any HTML in it escaped.
  if (known.long_summary_html) $("long").innerHTML = known.long_summary_html;
  const shown = known.summary_evidence ?? [];
  $("sources-box").hidden = !shown.length;
  const subjects = [...new Set(shown.map(({ subject }) => subject))];
  fill($("sources"), ...subjects.map((about) => make(
    "li", {}, about ?? "Quick recap", ...shown.filter(({ subject }) => subject === about).map((one) => quote(one, go)),
  )));
}

/** Show decisions and next steps; `go` is called with a time in seconds. */
export function showActions(items, go) {
  $("actions").hidden = !items;
  if (!items) return;
  const entry = (text, facts, { timestamp: at, evidence }) => make(
    "li", {}, text,
    ...(facts.length ? [make("span", { className: "quiet facts" }, ...facts.map((fact) => make("span", {}, fact)))] : []),
    ...(evidence ? [quote(evidence, go)] : at === null || at === undefined ? [] : [" ", timeButton(at, go)]),
  );
  const decisions = items.decisions.map((one) => entry(
    one.decision, [one.decided_by && `Decided by ${one.decided_by}`, one.rationale].filter(Boolean), one,
  ));
  // The editor adds boxes to tick.
  const next = items.next_steps.map((one) => entry(
    one.task,
    [
      one.done && "Done", one.assigned_to, one.deadline && `Due ${one.deadline}`, one.context, isByHand(one) && BY_HAND,
    ].filter(Boolean),
    one,
  ));
  const failed = items.error && `They couldn’t be made: ${items.error}`;
  // As the tables of wordings in domain/summarize.
  const where = items.method === "extractive"
    ? " Without a language model, they are recognized in English, German and Spanish only." : "";
  const none = (text) => [make("li", { className: "quiet none" }, failed || `${text}${where}`)];
  fill($("decisions"), ...(decisions.length ? decisions : none("No decisions were found.")));
  fill($("next"), ...(next.length ? next : none("No next steps were found.")));
}

/** Return whether a person wrote something of a topic or a next step. */
export const isByHand = (one) => Object.keys(one ?? {}).some((name) => name.startsWith("generated_"));

/** Return a note that a person corrected a topic, or null. */
export const noteOfHand = (topic) => (isByHand(topic) ? make("p", { className: "quiet by-hand" }, BY_HAND) : null);

/** Show the topics; `jump` is called with a topic's index, `go` with a time in seconds. */
export function showTopics(topics, jump, go) {
  $("topics").hidden = !topics?.length;
  $("topics").style.setProperty("--clock", topics?.at(-1)?.timestamp >= 3600 ? "4rem" : "2.6rem");
  const entry = ({ title, summary, timestamp, evidence }, index) => {
    const at = make("span", { className: "clock quiet" }, clock(timestamp));
    const button = make("button", { type: "button" }, at, make("span", {}, title));
    button.onclick = () => jump(index);
    const shown = evidence ? quote(evidence, go) : null;
    return make("li", {}, button, summary ? make("p", { className: "quiet" }, summary) : null, shown);
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

/** Return a quote of the meeting that plays the place where it was said. */
export function quote({ quote: words, timestamp, speaker }, go) {
  const at = make("span", { className: "clock" }, clock(timestamp));
  const button = make("button", { type: "button", className: "quote" }, at, " ", `${speaker}: `, make("q", {}, words));
  button.onclick = () => go(timestamp);
  return button;
}

function timeButton(at, go) {
  const button = make("button", { type: "button", className: "time" }, clock(at));
  button.setAttribute("aria-label", `Go to ${clock(at)}`);
  button.onclick = () => go(at);
  return button;
}
