// How far a recording is, from its events: a model without a page.

import { listed } from "./format.js";

// In the order of the work: name of the asset, what it is called, and what is going on meanwhile.
export const STEPS = [
  ["recording", "Read the recording", "Reading the recording"],
  ["participants", "Look up who took part", "Looking up who took part"],
  ["padded_tracks", "Line up the tracks", "Lining up"],
  ["mixed_audio", "Mix the audio", "Mixing the audio"],
  ["waveform", "Draw the waveform", "Drawing the waveform"],
  ["track_transcripts", "Transcribe each track", "Transcribing"],
  ["merged_words", "Put the words in order", "Putting the words in order"],
  ["topics", "Find the topics", "Finding the topics"],
  ["title", "Find a title", "Finding a title"],
  ["summary", "Write the summary", "Writing the summary"],
  ["action_items", "Find decisions and next steps", "Finding decisions and next steps"],
  ["transcript", "Finish the transcript", "Finishing the transcript"],
  ["consent_cleanup", "Check consent", "Checking consent"],
  ["zulip_message", "Post to Zulip", "Posting to Zulip"],
  ["webhook_delivery", "Tell other systems", "Telling other systems"],
];
const ORDER = new Map(STEPS.map(([name], index) => [name, index]));

export const called = (step) => STEPS[ORDER.get(step)]?.[1] ?? step;

/** Steps by name; each has status, tracks, attempt, reason, and when it began and ended (epoch seconds). */
export class Steps {
  constructor() {
    this.byName = new Map();
    this.percent = 0;
    this.run = null;
  }

  /** Take a PIPELINE_PROGRESS event; says whether it begins another run. */
  take({ at, data }) {
    const another = data.workflow_id !== this.run;
    this.run = data.workflow_id;
    this.percent = data.percent ?? this.percent;
    let step = this.byName.get(data.current_step);
    if (!step || step.run !== data.workflow_id) {
      step = { name: data.current_step, run: data.workflow_id, status: "pending", tracks: new Map() };
      this.byName.set(data.current_step, step);
    }
    const told = {
      status: data.step_status, attempt: data.attempt, most: data.max_attempts, reason: data.reason ?? null,
    };
    if (data.track_count) step.trackCount = data.track_count;
    if (data.track_index) {
      step.tracks.set(data.track_index, told);
      // That one track is done or failed says nothing of the others.
      if (told.status === "in_progress" && step.status === "pending") step.status = "in_progress";
    } else {
      // Who finishes after a failed attempt has nothing to explain any more.
      Object.assign(step, told);
    }
    if (told.status === "in_progress") step.began ??= at;
    if (!data.track_index && (told.status === "completed" || told.status === "failed")) step.ended = at;
    return another;
  }

  /** The steps in the order of the work. */
  list() {
    return [...this.byName.values()].sort((a, b) => (ORDER.get(a.name) ?? 99) - (ORDER.get(b.name) ?? 99));
  }

  /** How many steps are done, of how many. */
  counts() {
    const all = this.list();
    return [all.filter((step) => step.status === "completed").length, all.length];
  }

  /** What is going on, in one line. */
  headline() {
    const all = this.list();
    const running = all.filter((step) => step.status === "in_progress");
    // What is transcribed takes longest, and is what people wait for.
    const step = running.find(({ name }) => name === "track_transcripts") ?? running.at(-1);
    if (step) return doing(step);
    const waiting = all.find(({ status, reason }) => status === "pending" && reason);
    if (waiting) return `Waiting to try again: ${called(waiting.name).toLowerCase()}`;
    return all.some(({ status }) => status === "completed") ? "Going on" : "Waiting to start";
  }
}

function doing(step) {
  const text = STEPS[ORDER.get(step.name)]?.[2] ?? step.name;
  const running = [...step.tracks].filter(([, { status }]) => status === "in_progress");
  const tracks = running.map(([index]) => index).sort((a, b) => a - b);
  const perTrack = step.name === "track_transcripts" || step.name === "padded_tracks";
  if (!perTrack) return text;
  if (!tracks.length) return `${text} the tracks`;
  return `${text} ${tracks.length > 1 ? "tracks" : "track"} ${listed(tracks.map(String))} of ${step.trackCount ?? "?"}`;
}
