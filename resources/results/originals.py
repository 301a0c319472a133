"""What corrections are applied to: words as transcribed, people as the source names them, and texts as generated."""

from typing import TypeVar

from domain.corrections.texts import BY_HAND
from domain.errors import NotFound
from domain.recording import Frozen, Participants, folder, value_key
from domain.results import Summary, Title, TrackTranscripts
from domain.text import words
from domain.text.table import Table
from resources.store.base import Store

T = TypeVar("T", Title, Summary)


class SourcePeople(Frozen):
    """The people as the source names them; `recording` is the data version of the recording that they belong to."""

    recording: str
    participants: Participants


def transcribed(recording_id: str, store: Store) -> tuple[Table, float]:
    """Return the words as they were transcribed, and the recording's duration in seconds; raises NotFound."""
    tracks = TrackTranscripts.model_validate_json(store.read(value_key("track_transcripts", recording_id)))
    return read_words(tracks, store), tracks.duration


def read_words(transcripts: TrackTranscripts, store: Store) -> Table:
    """Return the words of all tracks in one table."""
    return words.merge([words.from_parquet(store.read(track.key)) for track in transcripts.tracks])


def source_people(recording_id: str, store: Store) -> SourcePeople | None:
    """Return the people as they were stored; None if people of this recording were never corrected."""
    try:
        return SourcePeople.model_validate_json(store.read(_key(recording_id)))
    except NotFound:
        return None


def store_source_people(recording_id: str, people: SourcePeople, store: Store) -> None:
    """Store the people once they are corrected: Daily may forget them."""
    store.write(_key(recording_id), people.model_dump_json().encode())


def generated(recording_id: str, model: type[T], store: Store) -> T | None:
    """Return the title or summary that was generated last; None if none was stored since the first correction."""
    try:
        return model.model_validate_json(store.read(_generated_key(recording_id, model)))
    except NotFound:
        return None


def store_generated(recording_id: str, text: Title | Summary, store: Store) -> None:
    """Store the generated title or summary, to which a person can return once another one stands in its place."""
    store.write(_generated_key(recording_id, type(text)), text.model_dump_json().encode())


def keep_generated(recording_id: str, model: type[T], store: Store) -> None:
    """Store the present title or summary as the generated one, which a person's is about to replace."""
    if generated(recording_id, model, store) is not None:
        return
    try:
        present = model.model_validate_json(store.read(value_key(model.__name__.lower(), recording_id)))
    except NotFound:
        return
    if present.method != BY_HAND:
        store_generated(recording_id, present, store)


def _generated_key(recording_id: str, model: type[Title | Summary]) -> str:
    return f"{folder(recording_id)}/{model.__name__.lower()}.generated.json"


def _key(recording_id: str) -> str:
    return f"{folder(recording_id)}/participants.source.json"
