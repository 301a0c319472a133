"""The embedded Whisper on this machine's device: a GPU where there is one, else the CPU; `python -m bench gpu`.

A track of an hour is silent in every second minute, as of a muted participant; it is made of the sample meeting's
speech. Its parts are measured alone and together, since decoding, detection and transcription run side by side.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import av
from av.packet import Packet

from bench.audio_meeting import SOURCES
from bench.measure import ROOT
from bench.results import Cell, Result, Size, Table, Target, cli
from domain.audio.padding import pad
from domain.errors import PermanentError
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.clip import RATE, Clip
from resources.transcription.clip_words import transcribe_batch
from resources.transcription.vad import clips, decode
from resources.transcription.whisper import EmbeddedWhisper
from resources.transcription.whisper_device import Device, DeviceName, choose
from resources.transcription.window import windows

MINUTES = {Size.LEAST: 0.2, Size.SHORT: 10.0, Size.FULL: 60.0}
TRACKS = {Size.LEAST: 2, Size.SHORT: 4, Size.FULL: 4}
VARIANTS: dict[str, tuple[tuple[str, int], ...]] = {
    "cuda": (("float16", 4), ("float16", 16), ("float16", 48), ("int8_float16", 48)),
    "cpu": (("int8", 4),),
}
WHOLE_S, AT_ONCE = 4.0, 1.0
"""Limits on an H100: seconds of an hour's track, and 4 tracks at once as a share of their transcriptions' sum."""
PACKET_MS, MILLISECONDS = 20, Fraction(1, 1000)


class Track(NamedTuple):
    """A padded track, its length in seconds, and its clips, found before."""

    audio: TrackAudio
    clips: list[Clip]

    @property
    def speech(self) -> float:
        """Seconds of speech."""
        return sum(clip.voice for clip in self.clips) / RATE


def talk(target: Path, minutes: float, first: int) -> Path:
    """Write a track of the sample meeting's speech from its packet `first` on, silent in every second minute."""
    packets: list[bytes] = []
    for source in SOURCES:
        with av.open(str(source)) as opened:
            packets += [bytes(packet) for packet in opened.demux(audio=0) if packet.size]
    with av.open(str(SOURCES[0])) as like, av.open(str(target), "w", format="webm") as opened:
        # PyAV's types leave parameters open.
        new: Any = opened
        track = new.add_stream_from_template(like.streams.audio[0])
        half = min(60_000, round(minutes * 30_000))
        for number, at in enumerate(at for at in range(0, round(minutes * 60_000), PACKET_MS) if not at // half % 2):
            packet = Packet(packets[(first + number) % len(packets)])
            packet.stream, packet.pts, packet.dts, packet.time_base = track, at, at, MILLISECONDS
            new.mux(packet)
    return target


def prepare(folder: Path, number: int, minutes: float) -> Track:
    """Return a padded track with its clips."""
    source = talk(folder / f"{number}.webm", minutes, first=number * 5000)
    pad(source, folder / f"{number}.padded.webm")
    audio = TrackAudio(LocalStore(root=str(folder)), f"{number}.padded.webm", "", minutes * 60)
    return Track(audio, list(clips(decode(folder / audio.key))))


def seconds(work: Callable[[], object]) -> float:
    """Return the wall-clock seconds of a call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def transcribe(whisper: EmbeddedWhisper, track: Track) -> int:
    """Transcribe a whole track as the product does; return the number of its words."""
    return len(whisper.transcribe(track.audio, speaker=0, recording="bench", track=0).words)


def transcribe_alone(whisper: EmbeddedWhisper, device: Device, track: Track) -> int:
    """Transcribe a track's clips, without decoding and detection; return the number of their words."""
    model, notes = whisper.loaded(), Counter[str]()
    made = list(windows(track.clips))
    batches = [made[n : n + device.batch] for n in range(0, len(made), device.batch)]
    return sum(1 for batch in batches for _ in transcribe_batch(model, batch, "en", 0, None, notes))


def devices() -> Table:
    """Return what each setting of the device comes to on this machine."""
    asked: list[tuple[DeviceName, bool | None]] = [("auto", None), ("cpu", None), ("cuda", None), ("cuda", True)]
    rows: list[list[Cell]] = []
    for name, fall_back in asked:
        try:
            found = str(choose(name, fall_back=fall_back))
        except PermanentError as error:
            found = f"fails: {error}"
        rows.append([f"{name}, falling back" if fall_back else name, found])
    return Table(title="Devices", columns=["REFLECTOR_WHISPER_DEVICE", "found"], rows=rows)


def variants(whisper: EmbeddedWhisper, track: Track) -> dict[tuple[str, int], list[float]]:
    """Return the seconds of the transcription alone and of the whole by numbers' type and clips at once."""
    found: dict[tuple[str, int], list[float]] = {}
    for compute_type, batch in VARIANTS[whisper.chosen_device().name]:
        variant = whisper.model_copy(update={"compute_type": compute_type, "batch": batch})
        try:
            device = variant.chosen_device()
        except PermanentError:
            # An older card.
            continue
        # Loads the model and, on a GPU, its kernels.
        transcribe_alone(variant, device, track._replace(clips=track.clips[:batch]))
        work = [partial(transcribe_alone, variant, device, track), partial(transcribe, variant, track)]
        found[compute_type, batch] = [seconds(one) for one in work]
    return found


def before_transcription(track: Track) -> Table:
    """Return what decoding and detection cost, each alone on one core, and how much of a track they take."""
    with track.audio.local() as path:
        taken = sum(len(piece.samples) for piece in decode(path)) / RATE
        decoding = seconds(lambda: list(decode(path)))
        both = seconds(lambda: list(clips(decode(path))))
    return Table(
        title="Before transcription",
        columns=["track s", "decoded s", "speech s", "clips", "decoding takes s", "detection takes s"],
        rows=[[track.audio.duration, taken, track.speech, len(track.clips), decoding, both - decoding]],
        note="What padding filled with silence is neither decoded nor searched for speech.",
    )


def bench(size: Size) -> Result:
    """Measure one track with each variant of the device, and several at once with its usual one."""
    minutes, usual = MINUTES[size], choose("auto")
    whisper = EmbeddedWhisper(model="base", model_dir=str(ROOT / ".reflector" / "models"), device="auto")
    with TemporaryDirectory() as folder:
        tracks = [prepare(Path(folder), number, minutes) for number in range(TRACKS[size])]
        before = before_transcription(tracks[0])
        found = variants(whisper, tracks[0])
        alone = sum(seconds(partial(transcribe_alone, whisper, usual, track)) for track in tracks)
        with ThreadPoolExecutor(len(tracks)) as pool:
            at_once = seconds(lambda: list(pool.map(partial(transcribe, whisper), tracks)))
    share = at_once / alone
    is_goal = usual.name == "cuda" and size == Size.FULL
    return Result(
        name="gpu",
        title="The device of the embedded Whisper",
        how=f"Device: {usual}; {whisper.identity()}. Tracks of {minutes:g} min of the sample meeting's speech, every "
        "second minute without packets. Wall-clock time of one run each, with the model loaded. A whole transcription "
        "has decoding, detection and transcription side by side, and word times by the sound.",
        tables=[
            devices(),
            before,
            Table(
                title="One track",
                columns=["numbers", "clips at once", "transcription alone s", "whole s", "times real time"],
                rows=[[*key, alone, whole, minutes * 60 / whole] for key, (alone, whole) in found.items()],
            ),
            Table(
                title="Several tracks at once",
                columns=["tracks", "sum of their transcriptions alone s", "at once, whole s", "ratio"],
                rows=[[len(tracks), alone, at_once, share]],
            ),
        ],
        targets=_targets(found[usual.compute_type, usual.batch][1], share) if is_goal else [],
    )


def _targets(whole: float, share: float) -> list[Target]:
    return [
        Target(what="an hour's track, half of it muted: s", found=whole, limit=WHOLE_S),
        Target(what="4 tracks at once as a share of their transcriptions alone", found=share, limit=AT_ONCE),
    ]


if __name__ == "__main__":
    cli("gpu", __doc__, bench)
