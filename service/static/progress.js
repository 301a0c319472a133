// The panel that shows how far a recording is.

import { $, make, say } from "./dom.js";
import { took } from "./format.js";
import { called } from "./steps.js";

const STATUS = { pending: "to do", in_progress: "running", completed: "done", failed: "failed" };
const rows = new Map();

/** Show the steps as they are now; `now` is in epoch seconds. */
export function showProgress(steps, now = Date.now() / 1000) {
  const [done, all] = steps.counts();
  say($("progress-title"), steps.headline());
  say($("progress-note"), all ? `${done} of ${all} steps are done.` : "");
  const percent = Math.round(steps.percent);
  $("bar").value = percent;
  say($("percent"), `${percent} %`);
  const list = steps.list();
  $("steps-box").hidden = !list.length;
  list.forEach((step, index) => {
    const row = rows.get(step.name) ?? newRow(step.name);
    const there = $("steps").children[index] ?? null;
    if (there !== row.element) $("steps").insertBefore(row.element, there);
    showRow(row, step, now);
  });
}

function newRow(name) {
  const status = make("span", { className: "hidden" });
  const details = make("span", { className: "quiet" });
  const reason = make("p", { className: "reason" });
  const element = make("li", {}, make("span", { className: "step" }, called(name), " "), status, details, reason);
  const row = { element, status, details, reason };
  rows.set(name, row);
  return row;
}

function showRow(row, step, now) {
  row.element.className = step.status;
  say(row.status, `: ${STATUS[step.status]}`);
  say(row.details, details(step, now).join(" · "));
  const reason = step.status === "completed" ? "" : reasons(step).join("\n");
  say(row.reason, reason);
  row.reason.hidden = !reason;
}

function details(step, now) {
  const parts = [];
  const count = step.trackCount ?? 0;
  if (count && step.tracks.size && step.status !== "completed") {
    const done = [...step.tracks.values()].filter(({ status }) => status === "completed").length;
    parts.push(`${done} of ${count} tracks`);
  }
  if (step.attempt > 1) parts.push(attempt(step));
  if (step.began && (step.ended || step.status === "in_progress")) parts.push(took((step.ended ?? now) - step.began));
  return parts;
}

const attempt = ({ attempt, most }) => `attempt ${attempt}${most ? ` of ${most}` : ""}`;

function reasons(step) {
  const told = step.reason ? [step.reason] : [];
  for (const [index, track] of step.tracks) {
    if (track.status !== "completed" && (track.reason || track.attempt > 1)) {
      const how = track.attempt ? attempt(track) : STATUS[track.status];
      told.push(`Track ${index}, ${how}${track.reason ? `: ${track.reason}` : ""}`);
    }
  }
  return told;
}
