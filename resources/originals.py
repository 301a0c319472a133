"""What corrections are applied to: the words as they were transcribed, and the people as the source names them."""

from domain.errors import NotFound
from domain.recording import Frozen, Participants, folder, value_key
from domain.results import TrackTranscripts
from domain.text import words
from domain.text.table import Table
from resources.store.base import Store


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


def _key(recording_id: str) -> str:
    return f"{folder(recording_id)}/participants.source.json"
