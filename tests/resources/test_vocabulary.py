"""The words that a transcriber should expect."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.recording import Participant, Participants, Recording
from domain.results import PaddedTrack, PaddedTracks
from domain.vocabulary import MOST_CHARACTERS, Term, compose, names, parse
from reflector_assets.io_manager import data_version
from resources.transcription.base import Transcriber
from resources.transcription.gpu import GPUService
from resources.transcription.openai import OpenAIAudio
from resources.transcription.whisper import EmbeddedWhisper

terms = st.lists(st.text(max_size=80))


@given(terms, terms)
def test_terms_come_in_order_each_once_and_bounded(room: list[str], common: list[str]) -> None:
    found = compose(room, common)
    assert len(", ".join(found)) <= MOST_CHARACTERS
    assert len({term.casefold() for term in found}) == len(found)
    assert [term for term in (*room, *common) if term in found][: len(found)] or not found
    if sum(len(term) + 2 for term in (*room, *common)) <= MOST_CHARACTERS:
        assert {term.casefold() for term in found} == {term.casefold() for term in (*room, *common)}


@given(st.text())
def test_what_is_parsed_is_a_term(text: str) -> None:
    cleaned = "".join(char for char in text if char.isprintable() or char.isspace())
    for term in parse(cleaned):
        assert TypeAdapter(Term).validate_python(term[:60].strip()) == term[:60].strip()


def test_names_are_as_spoken() -> None:
    given = [
        "Özge Kaya (she/her)",
        "🎧 John",
        "Guest 2",
        "ada@example.com",
        "Speaker 1",
        "Unknown",
        "O'Brien-Smith",
        "🎧",
    ]
    people = Participants(tuple(Participant(participant_id=name, name=name, speaker=-1) for name in given))
    assert names(people) == ["Özge Kaya", "John", "O'Brien-Smith"]


def test_without_a_vocabulary_data_versions_are_as_before_there_was_one() -> None:
    track: dict[str, object] = {
        "index": 0,
        "participant_id": "a",
        "speaker": 0,
        "key": "k",
        "sha256": "s",
        "bytes": 1,
        "duration": 1.0,
    }
    padded = PaddedTrack.model_validate({**track, "bytes": 1, "duration": 1.0, "start": 0.0, "silence": 0.0, "gaps": 0})
    assert (
        data_version(PaddedTracks(duration=1.0, duration_source="daily", tracks=(padded,))).value == "c826604eb913aa07"
    )
    assert data_version(Recording(id="r", room_name="standup")).value == "a5dc4c7b49146acd"


def test_the_identity_has_the_vocabulary_of_the_track_only_where_it_is_sent() -> None:
    whisper = EmbeddedWhisper(model="tiny.en", model_dir="models", common_terms=["Grafana"])
    openai = OpenAIAudio(url="http://a", api_key="", common_terms=["Grafana"])
    service = GPUService(url="http://a", api_key="", common_terms=["Grafana"])
    plain: list[Transcriber] = [
        EmbeddedWhisper(model="tiny.en", model_dir="models"),
        OpenAIAudio(url="http://a", api_key=""),
    ]
    # The code version is that of the deployment's transcriber: its terms make nothing stale.
    assert [whisper.identity(), openai.identity()] == [one.identity() for one in plain]
    for one in (whisper, openai):
        with_terms = one.for_track("de", ["Özge"])
        assert with_terms.identity().endswith("language=de vocabulary=Özge, Grafana")
        assert one.for_track(None, []).identity() != one.for_track(None, ["Özge"]).identity()
    assert [one.for_track(None, []).identity() for one in plain] == [one.identity() for one in plain]
    assert service.for_track(None, ["Özge"]).identity() == service.identity()
