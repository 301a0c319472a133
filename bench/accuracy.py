"""Accuracy of the embedded Whisper: words, names, speakers and times against what was spoken.

The sample meeting is spoken by a synthesizer. The composed meetings are of read public-domain speech, and are left out
where Debian's package pocketsphinx-testdata isn't installed; the scripted ones, with names and words that sound alike,
where its package flite isn't.
"""

import shutil
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench import scores
from bench.accuracy_meetings import READ, Meeting, composed, sample, scripted
from bench.accuracy_scripts import SCRIPTS
from bench.measure import ROOT
from bench.results import Cell, Result, Size, Table, Target, cli
from domain.audio.padding import pad
from domain.text.words import Word
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.whisper import EmbeddedWhisper

COMPOSED = ((1, -75.0, True), (2, -60.0, False), (3, -50.0, False))
"""Seed, level of the noise in dB, and whether who doesn't speak is muted."""
COLUMNS = [
    *("meeting", "words", "word error rate %", "cpWER %", "names heard %", "turns"),
    *("onset median s", "onset p95 s", "words p90 s", "words outside of speech"),
]
EXPECTING = ["meeting", "vocabulary", "words", "word error rate %", "names and terms heard %", "invented", "CPU s"]


def hear(
    meeting: Meeting, transcriber: EmbeddedWhisper, folder: Path, *, expecting: bool = True
) -> dict[str, tuple[Word, ...]]:
    """Transcribe all tracks of a meeting, expecting its names and terms or not; return the words by speaker."""
    transcriber = transcriber.for_track(None, meeting.names if expecting else ())
    words: dict[str, tuple[Word, ...]] = {}
    for number, (speaker, track) in enumerate(meeting.tracks.items()):
        pad(track, folder / f"{number}.padded.webm")
        audio = TrackAudio(LocalStore(root=str(folder)), f"{number}.padded.webm", "", meeting.duration)
        words[speaker] = transcriber.transcribe(audio, speaker=number, recording="bench", track=number).words
    return words


def row(meeting: Meeting, words: dict[str, tuple[Word, ...]]) -> list[Cell]:
    """Return the figures of one meeting in the order of COLUMNS; an empty text where nothing is known."""
    onsets = scores.onset_errors(meeting.turns, words)
    inner = [late for speaker, spoken in meeting.spoken.items() for late in scores.inner_errors(spoken, words[speaker])]
    everybody = sorted((word for found in words.values() for word in found), key=lambda word: word.start)
    return [
        meeting.name,
        sum(len(scores.normal(turn.text)) for turn in meeting.turns),
        round(100 * scores.word_error_rate(meeting.turns, words), 2),
        round(100 * scores.speaker_error_rate(meeting.turns, everybody), 2),
        round(100 * scores.recall(meeting.names, meeting.turns, words), 1) if meeting.names else "",
        len(onsets),
        round(float(np.median(onsets)), 3),
        round(float(np.percentile(onsets, 95)), 3),
        round(float(np.percentile(inner, 90)), 3) if inner else "",
        scores.outside(meeting.turns, words),
    ]


def expecting_rows(meeting: Meeting, transcriber: EmbeddedWhisper, folder: Path) -> list[list[Cell]]:
    """Return the figures of a meeting without and with its vocabulary, in the order of EXPECTING."""
    rows: list[list[Cell]] = []
    for expecting in (False, True):
        begin = time.process_time()
        words = hear(meeting, transcriber, folder, expecting=expecting)
        rows.append(
            [
                *(meeting.name, "yes" if expecting else "no"),
                sum(len(scores.normal(turn.text)) for turn in meeting.turns),
                round(100 * scores.word_error_rate(meeting.turns, words), 2),
                round(100 * scores.recall(meeting.names, meeting.turns, words), 1),
                scores.invented(meeting.names, meeting.turns, words),
                round(time.process_time() - begin, 1),
            ]
        )
    return rows


def bench(size: Size) -> Result:
    """Transcribe the sample meeting and, unless at the least size, the composed and the scripted ones."""
    transcriber = EmbeddedWhisper(model="base", model_dir=str(ROOT / ".reflector" / "models"), language="en")
    with TemporaryDirectory() as folder:
        meetings = [sample()]
        if size != Size.LEAST and READ.exists():
            meetings += [
                composed(Path(folder, str(seed)), seed=seed, noise_db=noise, muted=muted)
                for seed, noise, muted in COMPOSED
            ]
        rows = [row(meeting, hear(meeting, transcriber, Path(folder))) for meeting in meetings]
        with_names = meetings[:1]
        if size != Size.LEAST and shutil.which("flite"):
            with_names += [scripted(Path(folder, f"script {n}"), script, seed=n) for n, script in enumerate(SCRIPTS)]
        expecting = [cells for meeting in with_names for cells in expecting_rows(meeting, transcriber, Path(folder))]
    return result(transcriber, rows, expecting)


def result(transcriber: EmbeddedWhisper, rows: list[list[Cell]], expecting: list[list[Cell]]) -> Result:
    """Return the tables of all meetings, with the targets for each."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("faster-whisper", "ctranslate2", "jiwer"))
    return Result(
        name="accuracy",
        title="Accuracy",
        how=f"Model: {transcriber.identity()}; {versions}; the participants' names are its vocabulary. Texts are "
        "compared by Whisper's English normalizer. cpWER is the word error rate of the whole transcript for the best "
        "assignment of its speakers. An onset is the distance of a turn's start and the nearest start of a word of its "
        "speaker. When the words of read speech begin is known from forced alignment by PocketSphinx, to 10 ms.",
        tables=[
            Table(title="Meetings", columns=COLUMNS, rows=rows),
            Table(
                title="With and without a vocabulary",
                columns=EXPECTING,
                rows=expecting,
                note="The scripted meetings also have words that sound like the names and terms. Invented: names and "
                "terms that were heard more often than their speaker said them.",
            ),
        ],
        targets=[
            *(target for cells in rows for target in _targets(dict(zip(COLUMNS, cells, strict=True)))),
            *(
                Target(what=f"{cells[0]}, with vocabulary: names and terms invented", found=float(cells[5]), limit=0)
                for cells in expecting
                if cells[1] == "yes"
            ),
        ],
    )


def _targets(figures: dict[str, Cell]) -> list[Target]:
    limits: dict[str, float] = {
        "onset median s": 0.03,
        "onset p95 s": 0.2,
        "words p90 s": 0.2,
        "words outside of speech": 0,
    }
    return [
        Target(what=f"{figures['meeting']}: {name}", found=float(figures[name]), limit=limit)
        for name, limit in limits.items()
        if figures[name] != ""
    ]


if __name__ == "__main__":
    cli("accuracy", __doc__, bench)
