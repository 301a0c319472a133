// The list of all transcripts: newest first, searched by the service, kept up to date while something is at work.

import { ask } from "./api.js";
import { $, fill, make, say } from "./dom.js";
import { length, when } from "./format.js";
import { askForToken } from "./session.js";

const STATES = { new: "Waiting", processing: "Processing", ended: "Finished", error: "Failed", retired: "Retired" };
const AT_WORK = new Set(["new", "processing"]);
const LOOK_MS = 5000;
const QUIET_MS = 15000;
const SIZE = 20;

const asked = new URLSearchParams(location.search);
const query = (asked.get("q") ?? "").trim();
const page = Math.max(1, Number.parseInt(asked.get("page") ?? "1", 10) || 1);
const shown = new Map();

async function load() {
  const wanted = new URLSearchParams({ page, size: SIZE, ...(query && { q: query }) });
  let found;
  try {
    found = await ask(`/v1/transcripts?${wanted}`);
  } catch (error) {
    if (error.status === 401) return askForToken(load);
    say($("notice"), error.message);
    $("notice").hidden = false;
    return setTimeout(load, LOOK_MS);
  }
  show(found);
  return setTimeout(again, found.items.some(({ state }) => AT_WORK.has(state)) ? LOOK_MS : QUIET_MS);
}

/** Look again, but not while nobody does. */
function again() {
  if (document.hidden) document.addEventListener("visibilitychange", load, { once: true });
  else load();
}

function show({ items, total }) {
  const nothing = query ? `Nothing was found for “${query}”.` : "There are no recordings yet.";
  const found = `${total.toLocaleString()} ${total === 1 ? "transcript" : "transcripts"}`;
  const count = query ? `${found} with “${query}”` : found;
  say($("notice"), total ? count : nothing);
  $("notice").hidden = false;
  // Rows that are as they were stay, with the focus that may be in them.
  const rows = items.map((item) => {
    const told = JSON.stringify(item);
    const old = shown.get(item.id);
    if (old?.told === told) return old.element;
    const element = row(item);
    shown.set(item.id, { told, element });
    return element;
  });
  const there = [...$("rows").children];
  const same = rows.length === there.length && rows.every((one, index) => one === there[index]);
  if (!same) fill($("rows"), ...rows);
  pages(total);
}

function row(item) {
  const facts = [];
  if (item.room_name && item.title) facts.push(make("span", {}, item.room_name));
  if (item.created_at) facts.push(make("time", { dateTime: item.created_at }, when(item.created_at)));
  if (item.duration) facts.push(make("span", {}, length(item.duration)));
  const href = `/transcripts/${encodeURIComponent(item.id)}`;
  const title = make("h2", {}, make("a", { href }, item.title || item.room_name || item.id));
  const badge = make("span", { className: `badge ${item.state}` }, STATES[item.state] ?? item.state);
  return make(
    "li", {},
    make("div", { className: "row-head" }, title, badge),
    make("p", { className: "facts" }, ...facts),
    item.state === "error" && item.reason ? make("p", { className: "reason" }, item.reason) : null,
    item.excerpt ? make("p", { className: "excerpt" }, ...marked(item.excerpt)) : null,
  );
}

/** The excerpt with the words, or beginnings of words, that were searched for marked. */
function marked(text) {
  const words = query.match(/[\p{L}\p{N}]+/gu);
  if (!words) return [text];
  const wanted = new RegExp(`(?<![\\p{L}\\p{N}])(${words.join("|")})`, "giu");
  // Every other part is what was searched for.
  return text.split(wanted).map((part, index) => (index % 2 ? make("mark", {}, part) : part));
}

function pages(total) {
  const last = Math.max(1, Math.ceil(total / SIZE));
  const link = (number) => `/?${new URLSearchParams({ ...(query && { q: query }), page: number })}`;
  $("pages").hidden = last < 2;
  say($("where"), `${page} of ${last}`);
  for (const [name, number] of [["newer", page - 1], ["older", page + 1]]) {
    $(name).hidden = number < 1 || number > last;
    $(name).href = link(number);
  }
}

$("q").value = query;
if (query) document.title = `${query} · Transcripts`;
load();
