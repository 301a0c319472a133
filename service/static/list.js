// The list of all transcripts, newest first; the service searches it. It is refreshed, faster while runs are in progress.

import { request } from "./api.js";
import { $, fill, make, setText } from "./dom.js";
import { length, when } from "./format.js";
import { askForToken } from "./session.js";

const STATES = { new: "Waiting", processing: "Processing", ended: "Finished", error: "Failed", retired: "Retired" };
const IN_PROGRESS = new Set(["new", "processing"]);
const REFRESH_MS = 5000;
const IDLE_REFRESH_MS = 15000;
const SIZE = 20;

const parameters = new URLSearchParams(location.search);
const query = (parameters.get("q") ?? "").trim();
const page = Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1);
const rendered = new Map();

async function load() {
  const wanted = new URLSearchParams({ page, size: SIZE, ...(query && { q: query }) });
  let found;
  try {
    found = await request(`/v1/transcripts?${wanted}`);
  } catch (error) {
    if (error.status === 401) return askForToken(load);
    setText($("notice"), error.message);
    $("notice").hidden = false;
    return setTimeout(load, REFRESH_MS);
  }
  show(found);
  return setTimeout(refresh, found.items.some(({ state }) => IN_PROGRESS.has(state)) ? REFRESH_MS : IDLE_REFRESH_MS);
}

/** Load again, but not while the page is hidden. */
function refresh() {
  if (document.hidden) document.addEventListener("visibilitychange", load, { once: true });
  else load();
}

function show({ items, total }) {
  const nothing = query ? `Nothing was found for “${query}”.` : "There are no recordings yet.";
  const found = `${total.toLocaleString()} ${total === 1 ? "transcript" : "transcripts"}`;
  const count = query ? `${found} with “${query}”` : found;
  setText($("notice"), total ? count : nothing);
  $("notice").hidden = false;
  // Unchanged rows keep their elements, and so the focus.
  const rows = items.map((item) => {
    const json = JSON.stringify(item);
    const old = rendered.get(item.id);
    if (old?.json === json) return old.element;
    const element = row(item);
    rendered.set(item.id, { json, element });
    return element;
  });
  const present = [...$("rows").children];
  const same = rows.length === present.length && rows.every((one, index) => one === present[index]);
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
    item.excerpt ? make("p", { className: "excerpt" }, ...marked(item)) : null,
  );
}

/** Return the excerpt's parts; its marks count characters, not the units of JavaScript's strings. */
function marked({ excerpt, marks }) {
  const letters = [...excerpt];
  const part = (from, to) => letters.slice(from, to).join("");
  const ends = [0, ...marks.map(([, to]) => to)];
  const parts = marks.flatMap(([from, to], index) => [part(ends[index], from), make("mark", {}, part(from, to))]);
  return [...parts, part(ends.at(-1))];
}

function pages(total) {
  const last = Math.max(1, Math.ceil(total / SIZE));
  const link = (number) => `/?${new URLSearchParams({ ...(query && { q: query }), page: number })}`;
  $("pages").hidden = last < 2;
  setText($("where"), `${page} of ${last}`);
  for (const [name, number] of [["newer", page - 1], ["older", page + 1]]) {
    $(name).hidden = number < 1 || number > last;
    $(name).href = link(number);
  }
}

$("q").value = query;
if (query) document.title = `${query} · Transcripts`;
load();
