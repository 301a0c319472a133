"""Corrections by the HTTP API: the old system's shapes, the history, and what is visible before a run takes them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from domain.corrections import people, spoken
from domain.recording import Participants, value_key
from domain.results import Transcript
from domain.text import captions, words
from resources.results.originals import SourcePeople, store_source_people
from resources.store.base import Store
from testing.databases import migrated
from tests.service.in_process import BEARER, Service, serving
from tests.service.shown_recordings import finish, meeting, overview, put, shown

ID = "rec-1"
HERE = f"/v1/transcripts/{ID}"
STEPS: dict[str, Any] = {"next_steps": [{"task": "Send the slides", "assigned_to": "Ben"}], "method": "extractive"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("corrections")
    ports, script, store = shown(folder / "data")
    url = migrated(folder / "reflector.db")
    for recording_id in (ID, "rec-2", "rec-3", "rec-4", "retired"):
        finish(store, script, *meeting(recording_id, 1, 120, 3, action_items=STEPS))
    script.states["retired"] = overview("retired", "retired")
    script.states["new"] = overview("new", "new")
    with serving(url, ports=ports) as running:
        running.client.headers.update(BEARER)
        yield running


def answer(service: Service, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    found = service.client.request(method, path, json=body)
    assert found.status_code == status, found.text
    return found.json()


def version(service: Service) -> int:
    return answer(service, "GET", f"{HERE}/corrections")["version"]


def test_a_transcript_is_patched_as_in_the_old_system(service: Service) -> None:
    body: dict[str, object] = {
        "title": "Budget",
        "short_summary": "Enough.",
        "reviewed": True,
        "participants": [{"id": "p0", "name": "A."}],
    }
    found = answer(service, "PATCH", HERE, body)
    assert (found["title"], found["short_summary"], found["reviewed"]) == ("Budget", "Enough.", True)
    seen = answer(service, "GET", HERE)
    assert (seen["title"], seen["participants"][0]["name"], seen["may_edit"]) == ("Budget", "A.", True)
    assert seen["long_summary"] == found["long_summary"]
    assert seen["by_hand"] == ["title", "short_summary"]
    answer(service, "PATCH", HERE, {"title": None})
    seen = answer(service, "GET", HERE)
    assert (seen["title"], seen["by_hand"]) == ("Weekly meeting", ["short_summary"])


def test_participants_and_speakers_as_in_the_old_system(service: Service) -> None:
    before = answer(service, "GET", f"{HERE}/participants")
    assert [(one["id"], one["speaker"]) for one in before] == [("p0", 0), ("p1", 1), ("p2", 2)]
    assert answer(service, "PATCH", f"{HERE}/participants/p1", {"name": " Ben  O. "})["name"] == "Ben O."
    added = answer(service, "POST", f"{HERE}/participants", {"name": "Guest", "speaker": 7})
    assert added == {"id": "speaker-7", "speaker": 7, "name": "Guest"}
    assert answer(service, "DELETE", f"{HERE}/participants/p1") == {"status": "ok"}
    assert answer(service, "PATCH", f"{HERE}/speaker/merge", {"speaker_from": 2, "speaker_to": 0}) == {"status": "ok"}
    names = {one["id"]: one["name"] for one in answer(service, "GET", f"{HERE}/participants")}
    assert (names["p1"], "p2" in names, names["speaker-7"]) == ("Speaker 2", False, "Guest")
    stretch = {"timestamp_from": 0, "timestamp_to": 2}
    answer(service, "PATCH", f"{HERE}/speaker/assign", {**stretch, "participant": "speaker-7"})
    assert answer(service, "GET", f"{HERE}/words")["segments"][0]["name"] == "Guest"
    answer(service, "PATCH", f"{HERE}/speaker/assign", {**stretch, "speaker": 1, "participant": "p1"}, 422)
    answer(service, "PATCH", f"{HERE}/speaker/assign", {**stretch, "participant": "gone"}, 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("PATCH", "/speaker/merge", {"speaker_from": 1, "speaker_to": 1}, 422, "the same speaker"),
        ("PATCH", "/speaker/merge", {"speaker_from": 9999, "speaker_to": 0}, 404, "there is no speaker 9999"),
        ("PATCH", "/speaker/merge", {"speaker_from": 0, "speaker_to": 9999}, 404, "there is no speaker 9999"),
        (
            "PATCH",
            "/speaker/assign",
            {"speaker": 1, "timestamp_from": 9000, "timestamp_to": 9001},
            422,
            "timestamp_from lies behind the recording's end, 60 s",
        ),
        ("PATCH", "", {"titel": "x"}, 422, "titel: there is no such field"),
        ("PATCH", "", {"title": ""}, 422, "title: it must not be empty"),
        ("PATCH", "", {"title": "x" * 1001}, 422, "title: it must have at most 1000 characters"),
        ("PATCH", "", [1], 422, "the body: it must be a JSON object"),
        ("POST", "/participants", {"name": "Guest"}, 422, "speaker: it is missing"),
        ("POST", "/corrections", {"edits": []}, 422, "edits: it must not be empty"),
        (
            "POST",
            "/corrections",
            {"edits": [{"kind": "remake"}], "version": 999},
            409,
            "send your edit with this number",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    service: Service, method: str, path: str, body: Any, status: int, reason: str
) -> None:
    before = version(service)
    assert reason in answer(service, method, HERE + path, body, status)["detail"]
    assert version(service) == before


def test_a_recording_that_doesnt_exist_isnt_called_unfinished(service: Service) -> None:
    refused = answer(service, "PATCH", "/v1/transcripts/nobody", {"title": "A"}, 404)
    assert "transcript yet" not in refused["detail"]


def test_edits_are_added_once_and_undone(service: Service) -> None:
    word: dict[str, object] = {"kind": "words", "start": 0, "end": 0.4, "was": "We", "text": "They all"}
    begun = version(service)
    body: dict[str, object] = {"edits": [word], "version": begun, "request_id": "r1"}
    added = answer(service, "POST", f"{HERE}/corrections", body)
    assert added["version"] == answer(service, "POST", f"{HERE}/corrections", body)["version"] == begun + 1
    assert added["edits"][-1]["edit"] == word
    words = [word[0] for word in answer(service, "GET", f"{HERE}/words")["segments"][0]["words"]]
    assert words[:2] == ["They", "all"]
    stale = answer(service, "POST", f"{HERE}/corrections", {**body, "request_id": "r2"}, 409)
    assert stale["detail"].endswith(f"its last edit is {begun + 1}, not {begun}.") or str(begun + 1) in stale["detail"]
    undone = answer(service, "POST", f"{HERE}/corrections/{begun + 1}/undo")
    assert [one["stands"] for one in undone["edits"][-2:]] == [False, False]
    assert answer(service, "GET", f"{HERE}/words")["segments"][0]["words"][0][0] == "We"
    answer(service, "POST", f"{HERE}/corrections/999/undo", status=422)


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "words", "start": 2, "end": 1, "text": "x"},
        {"kind": "words", "start": 2, "end": 2, "text": " "},
        {"kind": "title", "title": "two\nlines"},
        {"kind": "rename", "participant_id": "p0", "name": "\u200b"},
        {"kind": "nothing"},
    ],
)
def test_an_edit_without_sense_is_refused(service: Service, edit: dict[str, Any]) -> None:
    before = version(service)
    answer(service, "POST", f"{HERE}/corrections", {"edits": [edit]}, 422)
    assert version(service) == before


def test_what_isnt_finished_or_is_retired_isnt_corrected(service: Service) -> None:
    answer(service, "PATCH", "/v1/transcripts/new", {"title": "A"}, 404)
    refused = answer(service, "PATCH", "/v1/transcripts/retired", {"title": "A"}, 422)
    assert "retired" in refused["detail"]
    answer(service, "POST", "/v1/transcripts/nobody/corrections", {"edits": [{"kind": "remake"}]}, 404)


def test_correcting_needs_the_token(service: Service) -> None:
    service.client.headers.pop("Authorization")
    try:
        answer(service, "PATCH", HERE, {"title": "A"}, 401)
        answer(service, "POST", f"{HERE}/corrections", {"edits": [{"kind": "remake"}]}, 401)
    finally:
        service.client.headers.update(BEARER)


def test_a_transcript_that_a_run_has_corrected_is_shown_as_it_is(service: Service) -> None:
    store: Store = service.app.state.store
    recording = "rec-2"
    answer(service, "PATCH", f"/v1/transcripts/{recording}", {"title": "Mine"})
    key = value_key("transcript", recording)
    text = store.read(key).decode().replace('"title":"Weekly meeting"', '"title":"Of the run"')
    store.write(key, text.removesuffix("}").encode() + b',"revision":1}')
    assert answer(service, "GET", f"/v1/transcripts/{recording}")["title"] == "Of the run"


def test_names_and_words_that_stand_are_offered_to_the_room_and_learnt_when_accepted(service: Service) -> None:
    here = "/v1/transcripts/rec-4"
    texts = ("Docker", "there", "dock her, or so", "We all.", "2FA", "ドッカー")
    edits: list[dict[str, Any]] = [
        {"kind": "words", "start": at * 0.5, "end": at * 0.5 + 0.4, "was": "we all", "text": text}
        for at, text in enumerate(texts)
    ]
    edits += [{"kind": "identify", "speaker": 0, "name": name} for name in ("Ada King (she)", "Guest 2", "Eve")]
    added = answer(service, "POST", f"{here}/corrections", {"edits": edits})
    answer(service, "POST", f"{here}/corrections/{added['version']}/undo")
    offered = ["Docker", "2FA", "ドッカー", "Ada King"]
    assert answer(service, "GET", f"{here}/vocabulary") == {"room": "weekly", "vocabulary": [], "offered": offered}
    found = answer(service, "POST", f"{here}/vocabulary", {"terms": ["Docker"]})
    assert (found["vocabulary"], found["offered"]) == (["Docker"], offered[1:])
    assert answer(service, "GET", "/v1/rooms/weekly")["vocabulary"] == ["Docker"]
    answer(service, "POST", f"{here}/vocabulary", {"terms": ["a, b"]}, 422)
    answer(service, "POST", f"{here}/vocabulary", {"terms": [f"term {number}" for number in range(100)]}, 422)
    answer(service, "GET", "/v1/transcripts/new/vocabulary", status=404)


def test_edits_show_once_while_a_run_replaces_the_files_and_undone_ones_no_more(service: Service) -> None:
    recording = "rec-3"
    store, history = service.app.state.store, service.app.state.corrections
    here = f"/v1/transcripts/{recording}"

    def shown_now() -> list[list[str]]:
        """Return the words and names of our own page, of the old one, and of captions and downloads."""
        ours = answer(service, "GET", f"{here}/words")["segments"]
        old = answer(service, "GET", f"/compat{here}/topics/with-words")
        names = {one["speaker"]: one["name"] for one in answer(service, "GET", f"/compat{here}/participants")}
        own = sorted((word for one in ours for word in one["words"]), key=lambda word: word[1])
        vtt = service.client.get(f"{here}/webvtt").text
        assert vtt == service.client.get(f"{here}/export/vtt").text
        theirs = [word for topic in old for word in topic["words"]]
        return [
            [word[0] for word in own[:4]],
            list(dict.fromkeys(one["name"] for one in ours)),
            [word["text"].strip() for word in theirs[:4]],
            list(dict.fromkeys(names[word["speaker"]] for word in theirs)),
            " ".join(re.sub(r"<[^>]*>|.*-->.*", " ", vtt).split()[1:5]).split(),
        ]

    before = shown_now()
    edits: list[dict[str, object]] = [
        {"kind": "words", "start": 0.5, "end": 0.5, "text": "really"},
        {"kind": "words", "start": 1.0, "end": 1.4, "was": before[0][1], "text": ""},
        {"kind": "merge", "speaker_from": 2, "speaker_to": 0},
        {"kind": "assign", "start": 0, "end": 0.4, "speaker": 1},
    ]
    answer(service, "POST", f"{here}/corrections", {"edits": edits})
    corrected = shown_now()
    assert corrected[0] == corrected[2] == [before[0][0], "really", *before[0][2:4]]
    assert corrected[1] == corrected[3] == ["Ben Okri", "Ada Lovelace"]
    # The run has made the words and the people, and not yet the transcript.
    made = history.gathered(recording)
    named = Participants.model_validate_json(store.read(value_key("participants", recording)))
    said = words.words(words.from_parquet(store.read(value_key("merged_words", recording))))
    store_source_people(recording, SourcePeople(recording="1", participants=named), store)
    renamed = people.apply(named, made.of("people"))[0]
    put(store, "participants", recording, renamed)
    table = words.table(spoken.apply(said, made.of("words"), 60.0).words)
    put(store, "merged_words", recording, table)
    assert shown_now() == corrected
    finished = Transcript.model_validate_json(store.read(value_key("transcript", recording)))
    sentences = words.sentences(words.by_person(table, renamed.numbers()))
    finished = finished.model_copy(
        update={
            "participants": renamed.root,
            "segments": words.segments(sentences, renamed.names()),
            "revision": 4,
        }
    )
    put(store, "transcript", recording, finished)
    store.write(f"recordings/{recording}/transcript.vtt", captions.webvtt(finished.segments).encode())
    assert shown_now() == corrected
    for number in range(1, 5):
        answer(service, "POST", f"{here}/corrections/{number}/undo")
    assert shown_now() == before
