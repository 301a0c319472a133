// The page of one recording: its progress and what exists so far, and the whole transcript once it is finished.

import { address, post, request, requestOrNull } from "./api.js";
import { $, make, setText } from "./dom.js";
import { Editor } from "./edit.js";
import { listen } from "./events.js";
import { listenToKeys } from "./keys.js";
import { markTopic, showActions, showDownloads, showHead, showSummary, showTopics } from "./overview.js";
import { Player } from "./player.js";
import { showProgress } from "./progress.js";
import { searchIn } from "./search.js";
import { askForToken } from "./session.js";
import { offerSharing } from "./share.js";
import { labelOf, Steps } from "./steps.js";
import { TranscriptView } from "./transcript.js";
import { lastUpTo, Words } from "./words.js";

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
const DONE = new Set(["ended", "retired"]);
// Milliseconds between two requests while the event stream is down, and before what an event announced is requested.
const REFRESH_MS = 5000;
const SOON_MS = 300;
const HEAD = new Set(["recording", "participants"]);

const steps = new Steps();
let known = null;
const MISSING = { 404: "There is no such recording.", 410: "This recording was deleted on request." };
let player = null;
let view = null;
let editor = null;
let stop = null;
let polling = null;
let drawing = false;
let failedRun;
let status = null;

async function begin() {
  const link = takeLink();
  try {
    known = await request(address(id)).catch((error) => visit(link, error));
  } catch (error) {
    if (error.status === 401 && link) return notice("This link has expired or was withdrawn.");
    if (error.status === 401) return askForToken(begin);
    return notice(MISSING[error.status] ?? error.message);
  }
  notice("");
  $("recording").hidden = false;
  $("pages").hidden = known.shared;
  showKnown();
  if (known.may_share) offerSharing(id);
  if (isComplete()) await finish();
  return DONE.has(known.state) || watch();
}

/** Return the token of a link that shares this recording, and remove it from the address that others may see. */
function takeLink() {
  const found = /^#share=([\w-]+)$/.exec(location.hash);
  if (found) history.replaceState(null, "", location.pathname);
  return found?.[1];
}

/** Exchange the token of a link for a cookie, and request the recording again; throws the error without a link. */
async function visit(link, error) {
  if (!link || error.status !== 401) throw error;
  await post(address(id, "/visit"), { Authorization: `Bearer ${link}` });
  return request(address(id));
}

/** Return whether the transcript is finished; it may be in progress again, or a delivery may have failed. */
const isComplete = () => known.words !== null;

function notice(text) {
  setText($("notice"), text);
  $("notice").hidden = !text;
}

function showKnown() {
  showHead(known);
  showSummary(known, go);
  showActions(known.action_items, go);
  showTopics(known.topics, jump, go);
  showState();
}

function showState() {
  const failed = known.state === "error";
  $("failure").hidden = !failed;
  $("progress").hidden = failed ? !steps.list().length : DONE.has(known.state);
  $("progress").classList.toggle("stopped", failed);
  if (!failed) return;
  setText($("failure-title"), isComplete() ? "Not every step could be finished" : "This recording couldn’t be finished");
  setText($("failure-step"), known.step ? `It failed at: ${labelOf(known.step)}` : "It failed before its first step.");
  setText($("failure-reason"), known.reason ?? "");
  $("retry").hidden = !known.may_retry;
}

function watch() {
  const tick = setInterval(() => showProgress(steps), 1000);
  const end = listen(id, take, (live) => {
    $("progress").classList.toggle("interrupted", !live);
    clearInterval(polling);
    polling = live ? null : setInterval(refresh, REFRESH_MS);
  });
  stop = () => {
    clearInterval(tick);
    clearInterval(polling);
    end();
  };
  showProgress(steps);
}

const UPDATES = {
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
    // No event has the room, the time and the participants.
    if (HEAD.has(step) && now === "completed" && !isComplete()) refreshSoon();
    // An event of a run after the failed one.
    if (known.state === "error" && failedRun !== undefined && steps.run !== failedRun) known.state = "processing";
  } else if (event.event === "STATUS") {
    const { value, step, reason } = event.data;
    status = value;
    failedRun = value === "error" ? steps.run : undefined;
    // A finished recording is displayed once it has been fetched.
    Object.assign(known, { state: value === "ended" ? "processing" : value, step, reason });
    if (value !== "processing") refreshSoon();
  } else if (UPDATES[event.event] && !isComplete()) {
    Object.assign(known, UPDATES[event.event](event.data));
  }
  draw();
}

/** Render what events changed, once per frame. */
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
function refreshSoon(pause = SOON_MS) {
  clearTimeout(soon);
  soon = setTimeout(refresh, pause);
}

async function refresh() {
  let now;
  try {
    now = await request(address(id));
  } catch (error) {
    if (error.status === 401 || error.status === 410) location.reload();
    return;
  }
  const [before, had] = [text(known), view !== null];
  known = now;
  // The editor looks for changes by itself.
  if (had && !editor && text(known) !== before) offerReload();
  if (had) showState();
  else showKnown();
  if (DONE.has(known.state)) stop?.();
  // The deliveries are still in progress.
  else if (status === "ended") refreshSoon(REFRESH_MS);
  if (isComplete() && !had) {
    await finish();
    notice("The transcript is finished.");
  }
}

const text = ({ title, long_summary, topics, words }) => JSON.stringify([title, long_summary, topics, words]);

function offerReload() {
  notice("This transcript has changed.");
  const again = make("button", { type: "button" }, "Show it");
  again.onclick = () => location.reload();
  $("notice").append(" ", again);
}

async function finish() {
  const parts = ["/words", "/waveform"].map((part) => requestOrNull(address(id, part)));
  const [spoken, wave] = await Promise.all(parts).catch((error) => {
    notice(error.message);
    return [null, null];
  });
  $("columns").classList.toggle("finished", Boolean(spoken));
  if (!spoken) return;
  showWords(spoken);
  $("transcript").hidden = false;
  showDownloads(id);
  showPlayer(wave?.data);
  $("turns").classList.toggle("mute", !player);
  $("follow").onclick = () => view.follow(true);
  listenToKeys({ player, follow: () => view.follow(true) });
  const hear = (from, to) => player?.hear(from, to);
  if (known.may_edit) editor = new Editor(id, { state: () => ({ known, view }), redraw, hear });
  const at = /^#t=(\d+)$/.exec(location.hash);
  if (at && player) player.seek(Number(at[1]), false);
}

function showWords({ segments }) {
  const topics = known.topics ?? [];
  const words = new Words(segments, topics);
  view?.end();
  const follows = view?.follows ?? true;
  view = new TranscriptView(words, topics, seek, go);
  view.follows = follows;
  view.changed = (on) => {
    $("follow").hidden = on || !player;
  };
  searchIn(words, view);
}

/** Fetch and show the transcript again, where it is on the screen. */
async function redraw() {
  const [now, spoken] = await Promise.all([request(address(id)), request(address(id, "/words"))]);
  known = now;
  const [at, focused] = [scrollY, document.activeElement];
  const row = view.rows.get(focused);
  showKnown();
  showWords(spoken);
  scrollTo(0, at);
  editor.drawn();
  const again = view.elements[row] ?? $(focused.id);
  if (!focused.isConnected) again?.focus({ preventScroll: true });
}

function showPlayer(peaks) {
  $("player").hidden = !known.audio.available && !known.audio.reason;
  $("no-audio").hidden = known.audio.available;
  if (!known.audio.available) {
    const reason = known.audio.reason ?? "";
    setText($("no-audio"), reason && `${reason[0].toUpperCase()}${reason.slice(1)}. The text remains.`);
    return;
  }
  const begins = (known.topics ?? []).map(({ timestamp }) => timestamp);
  let [from, to] = [0, 0];
  player = new Player(id, peaks, known.duration ?? 0, (seconds) => {
    if (seconds >= from && seconds < to) return;
    [from, to] = view.mark(seconds);
    markTopic(lastUpTo(begins, seconds));
  });
}

function seek(seconds) {
  if (!player) return;
  view.follow(true);
  player.seek(seconds);
}

/** Play from a time, or scroll to it if there is no audio. */
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
  setText($("retry-note"), "Requesting a retry");
  try {
    const { daemon } = await post(address(id, "/retry"));
    const when = daemon ? "in a moment" : "as soon as Dagster’s daemon is up";
    setText($("retry-note"), `It starts again ${when}.`);
  } catch (error) {
    setText($("retry-note"), error.message);
  }
  $("retry").disabled = false;
};

begin();
