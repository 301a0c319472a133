// The player: audio, waveform and clock.

import { address } from "./api.js";
import { $, setText } from "./dom.js";
import { clock } from "./format.js";
import WaveSurfer from "./vendor/wavesurfer-8.0.1.esm.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export class Player {
  /** `moved(seconds)` is called for each frame during playback, and after each jump. */
  constructor(id, peaks, duration, moved) {
    this.moved = moved;
    this.length = duration;
    this.target = null;
    this.until = null;
    // The audio is fetched on play only: the peaks come from the waveform.
    this.audio = new Audio();
    this.audio.preload = "none";
    this.wave = WaveSurfer.create({
      container: $("waveform"),
      media: this.audio,
      url: address(id, "/audio"),
      peaks: [peaks?.length ? peaks : [0]],
      duration,
      height: 44,
      barWidth: 2,
      barGap: 1,
      barRadius: 2,
      cursorWidth: 1,
      normalize: true,
      interact: false,
      hideScrollbar: true,
      cspNonce: document.querySelector('meta[name="style-nonce"]').content,
      ...colours(),
    });
    dark.addEventListener("change", () => this.wave.setOptions(colours()));
    this.#controls();
    this.#audio();
    this.#showClock(0);
  }

  #controls() {
    $("controls").hidden = false;
    $("play").onclick = () => this.toggle();
    $("position").max = Math.floor(this.length);
    $("position").oninput = () => this.seek(Number($("position").value), false);
    $("rate").onchange = () => {
      this.audio.playbackRate = Number($("rate").value);
    };
    setText($("length"), clock(this.length));
  }

  #audio() {
    const frame = () => {
      const at = this.audio.currentTime;
      // Until a seek is done, the audio reports the old time.
      if (this.target === null || Math.abs(at - this.target) < 1) this.#show(at);
      if (this.until !== null && this.target === null && at >= this.until) this.audio.pause();
      if (!this.audio.paused) requestAnimationFrame(frame);
    };
    this.audio.addEventListener("play", () => {
      $("audio-trouble").hidden = true;
      $("play").setAttribute("aria-label", "Pause");
      $("play").classList.add("playing");
      requestAnimationFrame(frame);
    });
    for (const name of ["pause", "ended"]) {
      this.audio.addEventListener(name, () => {
        $("play").setAttribute("aria-label", "Play");
        $("play").classList.remove("playing");
      });
    }
    this.audio.addEventListener("seeked", () => {
      this.target = null;
      if (this.audio.paused) frame();
    });
    this.audio.addEventListener("error", () => this.#reload());
  }

  /** Load the audio again, once in a minute: the URL that it was redirected to expires after some hours. */
  #reload() {
    const now = performance.now();
    if (this.triedAt && now - this.triedAt < 60_000) {
      setText($("audio-trouble"), "The audio can’t be played now.");
      $("audio-trouble").hidden = false;
      return;
    }
    this.triedAt = now;
    const at = this.position;
    this.audio.load();
    this.seek(at);
  }

  #show(seconds) {
    this.#showClock(seconds);
    this.moved(seconds);
  }

  #showClock(seconds) {
    this.position = seconds;
    const whole = Math.floor(seconds);
    if (whole !== this.whole) {
      this.whole = whole;
      setText($("clock"), clock(seconds));
      $("position").value = whole;
      $("position").setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(this.length)}`);
    }
  }

  play() {
    this.audio.playbackRate = Number($("rate").value);
    // Errors arrive as `error` events; an interrupted play() isn't one.
    this.audio.play().catch(() => {});
  }

  toggle() {
    this.until = null;
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  /** Go to a time in seconds, and play from there unless `play` is false. */
  seek(seconds, play = true) {
    const at = Math.min(Math.max(0, seconds), this.length);
    this.target = at;
    this.until = null;
    this.wave.setTime(at);
    this.#show(at);
    if (play && this.audio.paused) this.play();
  }

  /** Play from one time to another, in seconds. */
  hear(from, to) {
    this.seek(from);
    this.until = to;
  }

  skip(seconds) {
    this.seek(this.position + seconds, false);
  }
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  return {
    waveColor: style.getPropertyValue("--wave").trim(),
    progressColor: style.getPropertyValue("--accent").trim(),
    cursorColor: style.getPropertyValue("--text").trim(),
  };
}
