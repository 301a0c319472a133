// Usage and costs by step, recording, room or month; the URL has the selection.

import { request } from "./api.js";
import { $, fill, make, setText } from "./dom.js";
import { askForToken } from "./session.js";

const NAMES = { step: "Step", recording: "Recording", room: "Room", month: "Month" };
const number = (value) => value.toLocaleString();
const money = (value) => value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const COLUMNS = [
  ["Steps", (row) => number(row.steps)],
  ["Failures", (row) => number(row.failures)],
  ["Time", (row) => time(row.wall_seconds)],
  ["CPU", (row) => time(row.cpu_seconds)],
  ["GPU", (row) => time(row.gpu_seconds)],
  ["LLM calls", (row) => number(row.llm_calls)],
  ["Tokens in", (row) => number(row.prompt_tokens)],
  ["Tokens out", (row) => number(row.completion_tokens)],
  ["Read", (row) => size(row.bytes_read)],
  ["Written", (row) => size(row.bytes_written)],
];

let requests = 0;

async function load() {
  const [by, since] = [$("by").value, $("since").value];
  const mine = ++requests;
  let found;
  try {
    found = await request(`/v1/costs?${new URLSearchParams({ by, ...(since && { since }) })}`);
  } catch (error) {
    if (mine !== requests) return;
    $("region").hidden = true;
    if (error.status === 401) return askForToken(load);
    setText($("notice"), error.message);
    $("notice").hidden = false;
    return;
  }
  // The answer to an older request can arrive last.
  if (mine === requests) show(found);
}

function show({ by, currency, rows, total }) {
  $("notice").hidden = false;
  $("region").hidden = rows.length === 0;
  if (!rows.length) return setText($("notice"), "No run ended in this period.");
  setText($("notice"), `${money(total.cost)} ${currency} in total`);
  const headings = [NAMES[by], ...COLUMNS.map(([name]) => name), currency];
  fill($("head"), make("tr", {}, ...headings.map((name, index) => make("th", { scope: "col", className: index ? "number" : "" }, name))));
  fill($("rows"), ...rows.map((row) => line(row, name(by, row.key))));
  fill($("foot"), line(total, "Total"));
}

function line(row, key) {
  const cells = [...COLUMNS.map(([, format]) => format(row)), money(row.cost)];
  return make("tr", {}, make("th", { scope: "row" }, key), ...cells.map((text) => make("td", { className: "number" }, text)));
}

function name(by, key) {
  if (by === "recording") return make("a", { href: `/transcripts/${encodeURIComponent(key)}` }, key);
  return key || "unknown";
}

function time(seconds) {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

function choose() {
  const [by, since] = [$("by").value, $("since").value];
  history.replaceState(null, "", `/costs?${new URLSearchParams({ by, ...(since && { since }) })}`);
  load();
}

const given = new URLSearchParams(location.search);
for (const part of ["by", "since"]) {
  const value = given.get(part);
  if ([...$(part).options].some((option) => option.value === value)) $(part).value = value;
}
$("choice").addEventListener("change", choose);
$("choice").addEventListener("submit", (event) => event.preventDefault());
load();
