"""Recordings: the length as Daily describes it, and the people."""

import pytest

from domain.daily import DailyRecording
from domain.recording import Participants, Recording, Track, name_participants
from domain.text.words import Word, by_person, sentences, table


@pytest.mark.parametrize(
    ("described", "known"), [(0, None), (0.0, None), (-1, None), (None, None), (0.5, 0.5), (245, 245)]
)
def test_a_length_of_zero_is_unknown(described: float | None, known: float | None) -> None:
    assert Recording(id="a", room_name="r", duration=described).duration == known
    daily: dict[str, object] = {"id": "a", "room_name": "r", "duration": described, "status": "finished"}
    assert DailyRecording.read(daily).to_recording().duration == known


def people(*rows: tuple[str, str | None, str | None]) -> list[tuple[str, int]]:
    tracks = tuple(Track(index=n, key=f"t{n}", participant_id=one) for n, one in enumerate(("a", "b", "c", "d")))
    return [(one.name, one.speaker) for one in name_participants(recording(tracks), rows).root]


def recording(tracks: tuple[Track, ...]) -> Recording:
    return Recording(id="r", room_name="r", tracks=tracks)


def test_one_user_with_several_sessions_is_one_speaker() -> None:
    rows = (("b", "u1", None), ("c", "u1", "Ben"), ("d", "u1", "Ben"), ("e", "u1", ""), ("f", None, "Eva"))
    assert people(*rows) == [("Speaker 1", 0), ("Ben", 1), ("Eva", -1)]
    tracks = tuple(Track(index=n, key=f"t{n}", participant_id=one) for n, one in enumerate(("a", "b", "c", "b")))
    made = name_participants(recording(tracks), rows)
    assert made.names() == {0: "Speaker 1", 1: "Ben", 2: "Ben"}
    words = table([Word("One.", 0.0, 0.5, 1, 0.9), Word("Two.", 3.0, 3.5, 2, 0.9), Word("A.", 5.0, 5.5, 0, 0.9)])
    assert [sentence.speaker for sentence in sentences(by_person(words, made.numbers()))] == [1, 1, 0]
    assert "other_speakers" not in made.root[0].model_dump()
    assert Participants.model_validate_json(made.model_dump_json()) == made


def test_people_without_a_user_id_stay_apart() -> None:
    assert people(("a", None, "Ben"), ("b", None, "Ben"), ("c", "", "Ben"), ("d", "", "Ben")) == [
        ("Ben", 0),
        ("Ben", 1),
        ("Ben", 2),
        ("Ben", 3),
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (["Ben", None], "Ben"),
        (["Ben", ""], "Ben"),
        (["Ben", "\u200b"], "Ben"),
        (["Ben", "Ben Okri"], "Ben Okri"),
        (["Ben Okri", "Ben"], "Ben Okri"),
        (["Ben Okri", "Guest 3"], "Ben Okri"),
        (["ben.okri@example.com", "Ben"], "Ben"),
        (["iPhone", "ben@example.com"], "ben@example.com"),
        (["\u200b"], "Speaker 1"),
        (["\u3164"], "Speaker 1"),
        (["\u2800 \u00ad\u115f\u2060"], "Speaker 1"),
        (["\u202eBen\u202c"], "Ben"),
        (["🎧"], "🎧"),
        (["नी\u200dना"], "नी\u200dना"),
        ([" Zoë \n Maier "], "Zoë Maier"),
    ],
)
def test_the_best_name_wins(typed: list[str | None], name: str) -> None:
    assert people(*(("a", "u", one) for one in typed))[0] == (name, 0)
