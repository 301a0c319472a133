"""CPU time of the embedded Whisper against the bare engine: the same model on the same tracks, as processes in turns.

The tracks are the sample meeting's, padded. Ours is the work of the step `track_transcripts`; the bare engine is
faster-whisper's own transcription of a file.
"""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.accuracy_meetings import sample
from bench.measure import ROOT, Cost, python
from bench.results import Cell, Result, Size, Table, Target, cli
from domain.audio.padding import pad
from resources.transcription.clip import RATE
from resources.transcription.vad import clips, decode
from resources.transcription.whisper_model import locate

REPEAT = {Size.LEAST: 1, Size.SHORT: 1, Size.FULL: 5}
MODELS = str(ROOT / ".reflector" / "models")
OURS, SEQUENTIAL, BATCHED = "ours", "faster-whisper, one window at a time", "faster-whisper, 4 windows at once"
SIDES = {
    OURS: """
import sys
from pathlib import Path
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.whisper import EmbeddedWhisper
models, names, duration, *tracks = sys.argv[1:]
whisper = EmbeddedWhisper(model="base", model_dir=models).for_track("en", names.split(","))
whisper.prepare()
for track in map(Path, tracks):
    audio = TrackAudio(LocalStore(root=str(track.parent)), track.name, "", float(duration))
    whisper.transcribe(audio, speaker=0, recording="bench", track=0)
""",
    SEQUENTIAL: """
import sys
from faster_whisper import WhisperModel
model, names, _, *tracks = sys.argv[1:]
whisper = WhisperModel(model, device="cpu", compute_type="int8")
for track in tracks:
    list(whisper.transcribe(track, language="en", word_timestamps=True, vad_filter=True, hotwords=names)[0])
""",
    BATCHED: """
import sys
from faster_whisper import BatchedInferencePipeline, WhisperModel
model, names, _, *tracks = sys.argv[1:]
whisper = BatchedInferencePipeline(WhisperModel(model, device="cpu", compute_type="int8"))
for track in tracks:
    list(whisper.transcribe(track, language="en", word_timestamps=True, batch_size=4, hotwords=names)[0])
""",
}
MOST = 1.0
"""Limit of our CPU as a share of the bare engine's."""
COLUMNS = ["side", "CPU s", "start-up CPU s", "CPU s per second of speech", "our CPU as a share of it", "peak MiB"]


def measure(side: str, duration: float, names: list[str], tracks: list[Path]) -> Cost:
    """Return the cost of one process that transcribes the tracks; without any, it only loads the model."""
    model = MODELS if side == OURS else locate("base", MODELS)
    return python(SIDES[side], model, ",".join(names), duration, *tracks)


def bench(size: Size) -> Result:
    """Measure all sides in turns, so that a busy machine slows all."""
    meeting = sample()
    with TemporaryDirectory() as folder:
        tracks = [Path(folder, f"{number}.webm") for number in range(len(meeting.tracks))]
        for source, target in zip(meeting.tracks.values(), tracks, strict=True):
            pad(source, target)
        if size == Size.LEAST:
            tracks = tracks[-1:]
        speech = sum(clip.voice for track in tracks for clip in clips(decode(track))) / RATE
        costs: dict[str, list[tuple[Cost, float]]] = {side: [] for side in SIDES}
        for _ in range(REPEAT[size]):
            for side, found in costs.items():
                start_up = measure(side, meeting.duration, meeting.names, []).cpu
                found.append((measure(side, meeting.duration, meeting.names, tracks), start_up))
    shares = {
        side: statistics.median(
            (our.cpu - our_start) / (cost.cpu - start)
            for (our, our_start), (cost, start) in zip(costs[OURS], found, strict=True)
        )
        for side, found in costs.items()
    }
    return result(costs, shares, speech)


def result(costs: dict[str, list[tuple[Cost, float]]], shares: dict[str, float], speech: float) -> Result:
    """Return the table of all sides, and the limit of our share."""
    rows: list[list[Cell]] = []
    for side, found in costs.items():
        cpu, start_up = (statistics.median(figures) for figures in zip(*((c.cpu, s) for c, s in found), strict=True))
        work = statistics.median((cost.cpu - start) / speech for cost, start in found)
        rows.append([side, cpu, start_up, work, shares[side], round(max(cost.rss for cost, _ in found))])
    return Result(
        name="recognition",
        title="CPU time of the embedded Whisper",
        how=f"The sample meeting's padded tracks, {speech:.0f} s of speech. Whole processes in turns, medians of "
        f"{len(costs[OURS])}; the start-up, which loads the model, is subtracted from the last figures. All sides use "
        "the packaged base model in int8 with a beam of 5, word times, speech detection and the participants' names as "
        "hotwords; ours also decodes doubtful clips again and takes word times from the sound. The share carries over "
        "to other machines, and to busy ones, the seconds don't.",
        tables=[Table(title="Whole processes", columns=COLUMNS, rows=rows)],
        targets=[
            Target(what=f"our CPU as a share of {side}", found=shares[side], limit=MOST)
            for side in SIDES
            if side != OURS
        ],
    )


if __name__ == "__main__":
    cli("recognition", __doc__, bench)
