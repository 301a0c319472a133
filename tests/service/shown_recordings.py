"""Recordings in a store, and where they are as a test says: what the service needs of Dagster's side."""

# pyright: basic

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lameenc
import numpy as np

from domain.errors import InvalidInput, NotFound
from domain.events import Event
from domain.overview import RecordingOverview, State
from domain.recording import Recording, value_key
from domain.results import Summary, Title, Topics, TrackTranscript, TrackTranscripts, Transcript, Waveform
from domain.text import captions, words
from domain.text.table import Table
from resources.store.base import LocalStore, Store
from service.ports import Ports
from tests.domain.finished import finished

BEGAN = 1774252800.0
SENTENCES = (
    "we should look at the budget again before spring because the numbers have changed a lot since the last time "
    "that everybody came together and I think that it is enough for what we want to build this year"
)
TALK = SENTENCES.split()


def overview(
    recording_id: str, state: State = "processing", *, room: str | None = "weekly-20260323080000", **known: Any
) -> RecordingOverview:
    """Describe a recording that began at `BEGAN`; `known` are its other fields."""
    nothing = {"title": None, "duration": None, "run_id": None, "reason": None, "created_at": BEGAN}
    return RecordingOverview(id=recording_id, state=state, room=room, **{**nothing, **known})


@dataclass
class Scripted:
    """Recordings as the service asks for them; a test says their states and events."""

    states: dict[str, RecordingOverview] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    retried: list[str] = field(default_factory=list)
    daemon: bool = True

    def state(self, recording_id: str) -> RecordingOverview:
        if recording_id not in self.states:
            raise NotFound(f"there is no recording {recording_id}")
        return self.states[recording_id]

    def retry(self, recording_id: str) -> bool:
        self.state(recording_id)
        self.retried.append(recording_id)
        return self.daemon

    def reader(self, recording_id: str) -> "Reader":
        self.state(recording_id)
        return Reader(self, recording_id)

    def tell(self, recording_id: str, name: str, **data: Any) -> None:
        """Add an event, five seconds after the last."""
        events = self.events.setdefault(recording_id, [])
        at = BEGAN + 5 * len(events)
        events.append(Event(id=f"{len(events) + 1:06}", at=at, event=name, data=data))

    def step(self, recording_id: str, step: str, status: str, *, percent: float = 0, **data: Any) -> None:
        """Add a PIPELINE_PROGRESS event of the first run, unless `data` names another."""
        places = {"workflow_id": "run-1", "step_index": 1, "total_steps": 3}
        self.tell(
            recording_id,
            "PIPELINE_PROGRESS",
            **{**places, "current_step": step, "step_status": status, "percent": percent, **data},
        )


@dataclass
class Reader:
    """Reads a script."""

    script: Scripted
    recording_id: str
    place: int = 0

    def read(self) -> Sequence[Event]:
        new = self.script.events.get(self.recording_id, [])[self.place :]
        self.place += len(new)
        return new

    def after(self, event_id: str) -> Callable[[Event], bool]:
        if not event_id.isdigit():
            raise InvalidInput(f"{event_id!r} is no event's id")
        return lambda event: int(event.id) > int(event_id)


def shown(folder: Path) -> tuple[Ports, Scripted, LocalStore]:
    """An empty store, and recordings to script."""
    store, script = LocalStore(root=str(folder)), Scripted()
    return Ports(script, store), script, store


def put(store: Store, asset: str, recording_id: str, value: Any) -> None:
    """Store an asset's value as the IO manager does."""
    content = words.to_parquet(value) if asset == "merged_words" else value.model_dump_json().encode()
    store.write(value_key(asset, recording_id), content)


def finish(store: Store, script: Scripted, transcript: Transcript, spoken: Sequence[words.Word]) -> None:
    """Store all that a finished recording has, with its audio, and say that it has ended."""
    table = words.table(spoken)
    names = {one.speaker: one.name for one in transcript.participants}
    made = transcript.model_copy(
        update={"segments": words.segments(words.sentences(table), names), "words": len(spoken)}
    )
    values = {
        "recording": Recording(id=made.id, room_name=made.room_name or "weekly", start_ts=BEGAN),
        "merged_words": table,
        "topics": Topics(made.topics),
        "title": Title(title=made.title, method=made.method),
        "summary": Summary(long_summary=made.long_summary, short_summary=made.short_summary, method=made.method),
        "action_items": made.action_items,
        "waveform": Waveform(tuple(round(abs(math.sin(n / 9) * math.sin(n / 3.1)), 2) for n in range(255))),
        "transcript": made,
    }
    for asset, value in values.items():
        put(store, asset, made.id, value)
    transcribed(store, made, table)
    people = "[" + ",".join(one.model_dump_json() for one in made.participants) + "]"
    store.write(value_key("participants", made.id), people.encode())
    folder = f"recordings/{made.id}"
    store.write(f"{folder}/transcript.vtt", captions.webvtt(made.segments).encode())
    store.write(f"{folder}/audio.mp3", tone(made.duration))
    script.states[made.id] = overview(made.id, "ended", title=made.title, duration=made.duration)


def transcribed(store: Store, made: Transcript, table: Table) -> None:
    """Store the words as if one track had all of them."""
    stored = store.write(f"recordings/{made.id}/tracks/0.words.parquet", words.to_parquet(table))
    track = TrackTranscript(
        index=0,
        speaker=0,
        key=stored.key,
        sha256=stored.sha256,
        words=len(table),
        language="en",
        speech=made.duration,
    )
    put(store, "track_transcripts", made.id, TrackTranscripts(duration=made.duration, expected=1, tracks=(track,)))


def tone(seconds: float) -> bytes:
    """An mp3 of a quiet tone, at most two minutes long."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(32)
    encoder.set_in_sample_rate(16000)
    encoder.set_channels(1)
    encoder.set_quality(7)
    encoder.silence()
    samples = np.sin(np.arange(int(16000 * min(seconds, 120))) * 0.17) * 3000
    return bytes(encoder.encode(samples.astype("<i2").tobytes())) + bytes(encoder.flush())


def meeting(
    recording_id: str, minutes: float, count: int, speakers: int = 4, **other: Any
) -> tuple[Transcript, list[words.Word]]:
    """A meeting of so many words by speakers who take turns, with a topic every 300 words."""
    pace = minutes * 60 / count
    spoken: list[words.Word] = []
    for row in range(count):
        text = TALK[row * 7 % len(TALK)]
        ends = row % 13 == 12
        text = text.capitalize() if row % 13 == 0 else text
        spoken.append(
            words.Word(text + "." * ends, round(row * pace, 2), round((row + 0.8) * pace, 2), row // 39 % speakers, 0.9)
        )
    names = [
        "Ada Lovelace",
        "Ben Okri",
        "Chinwe Achebe",
        "Dora Maar",
        "Emil Nolde",
        "Fay Weldon",
        "Gus Lobel",
        "Hal Foster",
    ]
    topics = [
        {
            "id": f"t{at}",
            "title": f"{['Budget of the spring', 'Hiring', 'What customers say', 'The move to Lisbon'][at // 300 % 4]}",
            "summary": "The numbers have changed, and everybody agrees that it is enough.",
            "timestamp": spoken[at].start,
            "duration": 300 * pace,
            "words_from": at,
            "words_to": min(at + 300, count),
        }
        for at in range(0, count, 300)
    ]
    people = [
        {"participant_id": f"p{n}", "user_id": None, "name": names[n % len(names)], "speaker": n}
        for n in range(speakers)
    ]
    fields = {"duration": minutes * 60, "topics": topics, "participants": people, "title": "Weekly meeting", **other}
    return finished(recording_id, **fields), spoken
