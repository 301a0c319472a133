"""Meetings of which is known what was spoken: the sample, ones of read public-domain speech, and scripted ones."""

import json
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from bench.accuracy_scripts import Script
from bench.audio_meeting import SOURCES
from bench.measure import ROOT
from bench.scores import Turn
from testing.audio_files import RATE, opus_track

SAMPLE = ROOT / "samples" / "meeting"
READ = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Five sentences of a LibriVox reader, with their text: Debian's package pocketsphinx-testdata."""
VOICES = {"Ada": 1.0, "Ben": 0.88, "Chloe": 1.1}
"""The reader's pitch for each participant."""
PAUSES_S = (0.05, 0.3, 0.8, 1.5, 3.0)
LEVEL = 0.07
UNMUTED_S = 0.4
# The aligner counts in frames.
FRAME_S = 0.01

Samples = NDArray[np.float32]


@dataclass
class Meeting:
    """The raw track of each speaker, and what they said; `spoken` has words with their starts where they are known."""

    name: str
    duration: float
    tracks: dict[str, Path]
    turns: list[Turn]
    names: list[str] = field(default_factory=list[str])
    spoken: dict[str, list[tuple[str, float]]] = field(default_factory=dict[str, list[tuple[str, float]]])


def sample() -> Meeting:
    """Return the sample meeting."""
    truth = json.loads((SAMPLE / "truth.json").read_text())
    people = json.loads((SAMPLE / "participants.json").read_text())["data"]
    names = {person["participant_id"]: person["user_name"] for person in people}
    return Meeting(
        "sample meeting",
        truth["duration_s"],
        {names[path.name.split("-", 1)[1][:36]]: path for path in SOURCES},
        [Turn(turn["speaker"], turn["text"], turn["start"], turn["end"]) for turn in truth["turns"]],
        list(names.values()),
        {
            speaker: [(word, start) for word, start in words]
            for speaker, words in json.loads((SAMPLE / "word_times.json").read_text()).items()
        },
    )


def composed(folder: Path, *, seed: int, noise_db: float, muted: bool) -> Meeting:
    """Write a meeting of three voices with pauses between their sentences, over noise; `muted` while others speak.

    When which word is spoken comes from forced alignment of text and sound by another recognizer, since a reader
    breathes audibly before a sentence: its first sound isn't its first word.
    """
    folder.mkdir()
    rng = np.random.default_rng(seed)
    waiting = {speaker: list(rng.permutation(np.array(sorted(READ.glob("*.wav"))))) for speaker in VOICES}
    said = {path.stem: (text, _aligned(path, text)) for path, text in _texts().items()}
    turns: list[Turn] = []
    spoken: dict[str, list[tuple[str, float]]] = {speaker: [] for speaker in VOICES}
    placed: list[tuple[str, int, Samples]] = []
    at = 2 * RATE
    while speakers := [speaker for speaker in VOICES if waiting[speaker]]:
        speaker = str(rng.choice(speakers))
        for _ in range(min(int(rng.integers(1, 4)), len(waiting[speaker]))):
            path = Path(waiting[speaker].pop())
            samples = _read(path, VOICES[speaker])
            placed.append((speaker, at, samples))
            text, words = said[path.stem]
            times = [at / RATE + second / VOICES[speaker] for _, *both in words for second in both]
            turns.append(Turn(speaker, text, times[0], times[-1]))
            spoken[speaker] += [(word, start) for (word, *_), start in zip(words, times[::2], strict=True)]
            at += len(samples) + round(float(rng.choice(PAUSES_S)) * RATE)
    tracks = {
        speaker: _track(
            folder / f"{speaker}.webm", [p[1:] for p in placed if p[0] == speaker], at, noise_db, muted, rng
        )
        for speaker in VOICES
    }
    kind = "muted while others speak" if muted else "never muted"
    return Meeting(f"read speech, noise at {noise_db:g} dB, {kind}", at / RATE, tracks, turns, spoken=spoken)


def scripted(folder: Path, script: Script, *, seed: int) -> Meeting:
    """Write a meeting of a script's sentences, spoken by flite, over noise at -65 dB."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    turns: list[Turn] = []
    placed: list[tuple[str, int, Samples]] = []
    at = 2 * RATE
    for voice, text in script.sentences:
        command = ["flite", "-voice", voice, "-t", text, "-o", str(folder / "spoken.wav")]
        subprocess.run(command, check=True, capture_output=True)
        samples = _read(folder / "spoken.wav", 1.0)
        placed.append((voice, at, samples))
        turns.append(Turn(voice, text, at / RATE, (at + len(samples)) / RATE))
        at += len(samples) + round(float(rng.choice(PAUSES_S)) * RATE)
    voices = dict.fromkeys(voice for voice, _ in script.sentences)
    tracks = {
        voice: _track(folder / f"{voice}.webm", [p[1:] for p in placed if p[0] == voice], at, -65, False, rng)
        for voice in voices
    }
    return Meeting(script.name, at / RATE, tracks, turns, list(script.terms))


def _track(
    path: Path,
    spoken: Sequence[tuple[int, Samples]],
    length: int,
    noise_db: float,
    muted: bool,
    rng: np.random.Generator,
) -> Path:
    sound = rng.standard_normal((1, length)).astype(np.float32) * np.float32(10 ** (noise_db / 20))
    for at, samples in spoken:
        sound[0, at : at + len(samples)] += samples
    open_at = [(at - UNMUTED_S * RATE, at + len(samples) + UNMUTED_S * RATE) for at, samples in spoken]
    packet = RATE // 50
    return opus_track(path, sound, lost=lambda number: muted and not any(a <= number * packet < b for a, b in open_at))


def _texts() -> dict[Path, str]:
    """Return the sentences by their files."""
    lines = (READ / "transcription").read_text().splitlines()
    return {
        READ / f"{line.rpartition('(')[2].strip(' )')}.wav": line.partition("<s>")[2].partition("</s>")[0].strip()
        for line in lines
        if "<s>" in line
    }


def _aligned(path: Path, text: str) -> list[tuple[str, float, float]]:
    """Return the words of a file with start and end in seconds, by PocketSphinx."""
    with wave.open(str(path)) as source:
        samples, rate = source.readframes(source.getnframes()), source.getframerate()
    # The library's types are incomplete.
    decoder = cast("Any", pocketsphinx).Decoder(lm=None, samprate=rate, loglevel="FATAL")
    decoder.set_align_text(text)
    # The first pass finds the words, the second aligns them.
    for aligns in (False, True):
        if aligns:
            decoder.set_alignment()
        decoder.start_utt()
        decoder.process_raw(samples, full_utt=True)
        decoder.end_utt()
    # Silence is a word in brackets.
    found: list[Any] = [one for one in decoder.get_alignment().words() if one.name[0] not in "<["]
    return [
        (word, one.start * FRAME_S, (one.start + one.duration) * FRAME_S)
        for word, one in zip(text.split(), found, strict=True)
    ]


def _read(path: Path, pitch: float) -> Samples:
    """Decode a file at 48 kHz, at another pitch and speed, and at the level of the sample meeting."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(str(path)) as source:
        frames = [out for frame in source.decode(audio=0) for out in resampler.resample(frame)]
    sound = np.concatenate([frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))])
    changed = np.interp(np.arange(0, len(sound), pitch), np.arange(len(sound)), sound)
    return (changed * (LEVEL / np.sqrt(np.mean(changed**2)))).clip(-1, 1).astype(np.float32)
