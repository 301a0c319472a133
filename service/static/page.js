// The page of one recording: what is made so far while it is made, and the whole transcript once it is.

import { address, ask, found, post } from "./api.js";
import { $, make, say } from "./dom.js";
import { listen } from "./events.js";
import { listenToKeys } from "./keys.js";
import { markTopic, showActions, showDownloads, showHead, showSummary, showTopics } from "./overview.js";
import { Player } from "./player.js";
import { showProgress } from "./progress.js";
import { searchIn } from "./search.js";
import { askForToken } from "./session.js";
import { called, Steps } from "./steps.js";
import { TranscriptView } from "./transcript.js";
import { lastUpTo, Words } from "./words.js";

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
const DONE = new Set(["ended", "retired"]);
// How often to look again while events can't be had, and for what an event announced (ms).
const LOOK_MS = 5000;
const SOON_MS = 300;
const HEAD = new Set(["recording", "participants"]);

const steps = new Steps();
let known = null;
let player = null;
let view = null;
let stop = null;
let looking = null;
let drawing = false;
let failedRun;
let status = null;

async function begin() {
  try {
    known = await ask(address(id));
  } catch (error) {
    if (error.status === 401) return askForToken(begin);
    return notice(error.status === 404 ? "There is no such recording." : error.message);
  }
  notice("");
  $("recording").hidden = false;
  showKnown();
  if (isComplete()) await finish();
  return DONE.has(known.state) || watch();
}

/** Whether there is a finished transcript; it may be at work again, or have failed to tell others of it. */
const isComplete = () => known.words !== null;

function notice(text) {
  say($("notice"), text);
  $("notice").hidden = !text;
}

function showKnown() {
  showHead(known);
  showSummary(known);
  showActions(known.action_items, go);
  showTopics(known.topics, jump);
  showState();
}

function showState() {
  const failed = known.state === "error";
  $("failure").hidden = !failed;
  $("progress").hidden = failed ? !steps.list().length : DONE.has(known.state);
  $("progress").classList.toggle("stopped", failed);
  if (!failed) return;
  say($("failure-title"), isComplete() ? "Not every step could be finished" : "This recording couldn’t be finished");
  say($("failure-step"), known.step ? `It failed at: ${called(known.step)}` : "It failed before its first step.");
  say($("failure-reason"), known.reason ?? "");
  $("retry").hidden = !known.may_retry;
}

function watch() {
  const tick = setInterval(() => showProgress(steps), 1000);
  const end = listen(id, take, (live) => {
    $("progress").classList.toggle("interrupted", !live);
    clearInterval(looking);
    looking = live ? null : setInterval(look, LOOK_MS);
  });
  stop = () => {
    clearInterval(tick);
    clearInterval(looking);
    end();
  };
  showProgress(steps);
}

const LEARN = {
  DURATION: ({ duration }) => ({ duration }),
  FINAL_TITLE: ({ title }) => ({ title }),
  FINAL_SHORT_SUMMARY: ({ short_summary }) => ({ short_summary }),
  ACTION_ITEMS: ({ action_items }) => ({ action_items }),
  TOPIC: (topic) => ({ topics: inOrder([...(known.topics ?? []).filter(({ id }) => id !== topic.id), topic]) }),
};

const inOrder = (topics) => topics.sort((a, b) => a.timestamp - b.timestamp);

function take(event) {
  if (event.event === "PIPELINE_PROGRESS") {
    steps.take(event);
    const { current_step: step, step_status: now } = event.data;
    if (step === "topics" && now === "in_progress" && !isComplete()) known.topics = null;
    // Where and when it was, and who was there: no event tells.
    if (HEAD.has(step) && now === "completed" && !isComplete()) lookSoon();
    // A run after the one that failed: it goes on.
    if (known.state === "error" && failedRun !== undefined && steps.run !== failedRun) known.state = "processing";
  } else if (event.event === "STATUS") {
    const { value, step, reason } = event.data;
    status = value;
    failedRun = value === "error" ? steps.run : undefined;
    // What is finished is shown once it has been fetched.
    Object.assign(known, { state: value === "ended" ? "processing" : value, step, reason });
    if (value !== "processing") lookSoon();
  } else if (LEARN[event.event] && !isComplete()) {
    Object.assign(known, LEARN[event.event](event.data));
  }
  draw();
}

/** Show what events told, once for all that come together. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (isComplete()) showState();
    else showKnown();
    if (!DONE.has(known.state)) showProgress(steps);
  });
}

let soon = null;
function lookSoon(pause = SOON_MS) {
  clearTimeout(soon);
  soon = setTimeout(look, pause);
}

async function look() {
  let now;
  try {
    now = await ask(address(id));
  } catch (error) {
    if (error.status === 401) location.reload();
    return;
  }
  const [before, had] = [text(known), view !== null];
  known = now;
  if (had && text(known) !== before) renewed();
  if (had) showState();
  else showKnown();
  if (DONE.has(known.state)) stop?.();
  // Its last steps, which tell others of it, are at work still.
  else if (status === "ended") lookSoon(LOOK_MS);
  if (isComplete() && !had) {
    await finish();
    notice("The transcript is finished.");
  }
}

const text = ({ title, long_summary, topics, words }) => JSON.stringify([title, long_summary, topics, words]);

function renewed() {
  notice("This transcript was made anew.");
  const again = make("button", { type: "button" }, "Show it");
  again.onclick = () => location.reload();
  $("notice").append(" ", again);
}

async function finish() {
  const parts = ["/words", "/waveform"].map((part) => found(address(id, part)));
  const [spoken, wave] = await Promise.all(parts).catch((error) => {
    notice(error.message);
    return [null, null];
  });
  $("columns").classList.toggle("finished", Boolean(spoken));
  if (!spoken) return;
  const topics = known.topics ?? [];
  const words = new Words(spoken.segments, topics);
  view = new TranscriptView(words, topics, seek);
  $("transcript").hidden = false;
  showDownloads(id);
  searchIn(words, view);
  showPlayer(wave?.data);
  $("turns").classList.toggle("mute", !player);
  view.changed = (on) => {
    $("follow").hidden = on || !player;
  };
  $("follow").onclick = () => view.follow(true);
  listenToKeys({ player, view });
  const at = /^#t=(\d+)$/.exec(location.hash);
  if (at && player) player.seek(Number(at[1]), false);
}

function showPlayer(peaks) {
  $("player").hidden = !known.audio.available && !known.audio.reason;
  $("no-audio").hidden = known.audio.available;
  if (!known.audio.available) {
    const reason = known.audio.reason ?? "";
    say($("no-audio"), reason && `${reason[0].toUpperCase()}${reason.slice(1)}. The text stays.`);
    return;
  }
  const begins = (known.topics ?? []).map(({ timestamp }) => timestamp);
  let [from, to] = [0, 0];
  player = new Player(id, peaks, known.duration ?? 0, (seconds) => {
    if (seconds >= from && seconds < to) return;
    [from, to] = view.hear(seconds);
    markTopic(lastUpTo(begins, seconds));
  });
}

function seek(seconds) {
  if (!player) return;
  view.follow(true);
  player.seek(seconds);
}

/** Hear a place, or at least show it. */
function go(seconds) {
  if (player) seek(seconds);
  else view?.show(view.words.at(seconds)[0]);
}

function jump(index) {
  if (!view) return;
  view.follow(false);
  view.showTopic(index);
  player?.seek(known.topics[index].timestamp, !player.audio.paused);
}

$("retry").onclick = async () => {
  $("retry").disabled = true;
  say($("retry-note"), "Asking for another try");
  try {
    const { daemon } = await post(address(id, "/retry"));
    const when = daemon ? "in a moment" : "as soon as Dagster’s daemon is up";
    say($("retry-note"), `It begins again ${when}.`);
  } catch (error) {
    say($("retry-note"), error.message);
  }
  $("retry").disabled = false;
};

begin();
