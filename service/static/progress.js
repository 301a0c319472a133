// The panel with the progress of a recording's steps.

import { $, make, setText } from "./dom.js";
import { elapsed } from "./format.js";
import { labelOf } from "./steps.js";

const STATUS = { pending: "to do", in_progress: "running", completed: "done", failed: "failed" };
const rows = new Map();

/** Render the steps; `now` is in epoch seconds. */
export function showProgress(steps, now = Date.now() / 1000) {
  const [done, all] = steps.counts();
  setText($("progress-title"), steps.headline());
  setText($("progress-note"), all ? `${done} of ${all} steps are done.` : "");
  const percent = Math.round(steps.percent);
  $("bar").value = percent;
  setText($("percent"), `${percent} %`);
  const list = steps.list();
  $("steps-box").hidden = !list.length;
  list.forEach((step, index) => {
    const row = rows.get(step.name) ?? newRow(step.name);
    const present = $("steps").children[index] ?? null;
    if (present !== row.element) $("steps").insertBefore(row.element, present);
    showRow(row, step, now);
  });
}

function newRow(name) {
  const status = make("span", { className: "hidden" });
  const details = make("span", { className: "quiet" });
  const reason = make("p", { className: "reason" });
  const element = make("li", {}, make("span", { className: "step" }, labelOf(name), " "), status, details, reason);
  const row = { element, status, details, reason };
  rows.set(name, row);
  return row;
}

function showRow(row, step, now) {
  row.element.className = step.status;
  setText(row.status, `: ${STATUS[step.status]}`);
  setText(row.details, details(step, now).join(" · "));
  const reason = step.status === "completed" ? "" : reasons(step).join("\n");
  setText(row.reason, reason);
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
  if (step.began && (step.ended || step.status === "in_progress")) parts.push(elapsed((step.ended ?? now) - step.began));
  return parts;
}

const attempt = ({ attempt, maxAttempts }) => `attempt ${attempt}${maxAttempts ? ` of ${maxAttempts}` : ""}`;

function reasons(step) {
  const found = step.reason ? [step.reason] : [];
  for (const [index, track] of step.tracks) {
    if (track.status !== "completed" && (track.reason || track.attempt > 1)) {
      const state = track.attempt ? attempt(track) : STATUS[track.status];
      found.push(`Track ${index}, ${state}${track.reason ? `: ${track.reason}` : ""}`);
    }
  }
  return found;
}
