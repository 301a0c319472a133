// The state of a recording's steps, derived from its events; no page here.

import { listed } from "./format.js";
import { STEPS } from "./step_labels.js";

const ORDER = new Map(STEPS.map(([name], index) => [name, index]));

export const labelOf = (step) => STEPS[ORDER.get(step)]?.[1] ?? step;

/** Steps by name; each has status, tracks, attempt, reason, and its begin and end in epoch seconds. */
export class Steps {
  constructor() {
    this.byName = new Map();
    this.percent = 0;
    this.run = null;
  }

  /** Apply a PIPELINE_PROGRESS event; returns whether it starts another run. */
  take({ at, data }) {
    const another = data.workflow_id !== this.run;
    this.run = data.workflow_id;
    this.percent = data.percent ?? this.percent;
    let step = this.byName.get(data.current_step);
    if (!step || step.run !== data.workflow_id) {
      step = { name: data.current_step, run: data.workflow_id, status: "pending", tracks: new Map() };
      this.byName.set(data.current_step, step);
    }
    const state = {
      status: data.step_status,
      attempt: data.attempt,
      maxAttempts: data.max_attempts,
      reason: data.reason ?? null,
    };
    if (data.track_count) step.trackCount = data.track_count;
    if (data.track_index) {
      step.tracks.set(data.track_index, state);
      // One finished or failed track doesn't determine the state of the step.
      if (state.status === "in_progress" && step.status === "pending") step.status = "in_progress";
    } else {
      // Success after a failed attempt clears the reason.
      Object.assign(step, state);
    }
    if (state.status === "in_progress") step.began ??= at;
    if (!data.track_index && (state.status === "completed" || state.status === "failed")) step.ended = at;
    return another;
  }

  /** Return the steps in their order. */
  list() {
    return [...this.byName.values()].sort((a, b) => (ORDER.get(a.name) ?? 99) - (ORDER.get(b.name) ?? 99));
  }

  /** Return the number of steps that are done, and of all steps. */
  counts() {
    const all = this.list();
    return [all.filter((step) => step.status === "completed").length, all.length];
  }

  /** Describe the current activity in one line. */
  headline() {
    const all = this.list();
    const running = all.filter((step) => step.status === "in_progress");
    // Transcription takes longest; show it if several steps are running.
    const step = running.find(({ name }) => name === "track_transcripts") ?? running.at(-1);
    if (step) return activity(step);
    const waiting = all.find(({ status, reason }) => status === "pending" && reason);
    if (waiting) return `Waiting to try again: ${labelOf(waiting.name).toLowerCase()}`;
    return all.some(({ status }) => status === "completed") ? "In progress" : "Waiting to start";
  }
}

function activity(step) {
  const text = STEPS[ORDER.get(step.name)]?.[2] ?? step.name;
  const running = [...step.tracks].filter(([, { status }]) => status === "in_progress");
  const tracks = running.map(([index]) => index).sort((a, b) => a - b);
  const perTrack = step.name === "track_transcripts" || step.name === "padded_tracks";
  if (!perTrack) return text;
  if (!tracks.length) return `${text} the tracks`;
  return `${text} ${tracks.length > 1 ? "tracks" : "track"} ${listed(tracks.map(String))} of ${step.trackCount ?? "?"}`;
}
