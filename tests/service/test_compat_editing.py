"""Editing under /compat: the requests of the old frontend's pages, and what it reads after them."""

# pyright: basic

from collections.abc import Iterator
from typing import Any

import pytest

from domain.access import Scope
from resources.database.tokens import Tokens
from testing.hosts.old_contract import check_answer
from tests.service.compat_world import BUSY, DONE, World, check_by_document
from tests.service.shown_recordings import overview

pytestmark = pytest.mark.slow(13)

HERE = f"/transcripts/{DONE}"
EDITS = [
    ("/v1/transcripts/{transcript_id}", "patch"),
    ("/v1/transcripts/{transcript_id}/participants", "post"),
    ("/v1/transcripts/{transcript_id}/participants/{participant_id}", "patch"),
    ("/v1/transcripts/{transcript_id}/participants/{participant_id}", "delete"),
    ("/v1/transcripts/{transcript_id}/speaker/assign", "patch"),
    ("/v1/transcripts/{transcript_id}/speaker/merge", "patch"),
    ("/v1/transcripts/{transcript_id}/process", "post"),
    ("/v1/transcripts/{transcript_id}", "delete"),
    ("/v1/transcripts/{transcript_id}/restore", "post"),
]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("compat")).running() as world:
        yield world


def names(world: World) -> dict[str, str]:
    found = world.get(f"{HERE}/participants").json()
    check_answer("/v1/transcripts/{transcript_id}/participants", "get", found)
    return {one["id"]: one["name"] for one in found}


def turns(world: World) -> list[dict[str, Any]]:
    return world.get(f"{HERE}/topics/{world.topic}/words-per-speaker").json()["words_per_speaker"]


def test_title_and_summary_are_changed_on_the_page_of_a_transcript(world: World) -> None:
    made = world.get(HERE).json()
    for change in ({"title": "Budget"}, {"long_summary": "## Budget\n\nEnough."}, {"reviewed": True}):
        answer = world.send("PATCH", HERE, change)
        check_answer("/v1/transcripts/{transcript_id}", "patch", answer)
        assert change.items() <= answer.items()
        assert change.items() <= world.get(HERE).json().items()
    cleared = world.send("PATCH", HERE, {"title": "", "long_summary": None})
    assert (cleared["title"], cleared["long_summary"]) == (made["title"], made["long_summary"])


def test_participants_are_renamed_as_a_list(world: World) -> None:
    people = [{"id": "p0", "speaker": 0, "name": "Ada"}, {"speaker": 1, "name": "Ben"}]
    answer = world.send("PATCH", HERE, {"participants": people})
    assert [one["name"] for one in answer["participants"]] == ["Ada", "Ben", "Chinwe Achebe", "Dora Maar"]
    assert world.get(HERE).json()["transcript"].startswith("Ada: ")


@pytest.mark.parametrize("change", [{"share_mode": "public"}, {"locked": True}, {"audio_deleted": True}])
def test_what_this_system_does_not_have_is_refused(world: World, change: dict[str, Any]) -> None:
    answer = world.send("PATCH", HERE, change, status=422)
    assert next(iter(change)) in answer["detail"][0]["msg"]
    world.send("PATCH", HERE, {"share_mode": "semi-private", "locked": False, "audio_deleted": None})


def test_a_stretch_is_given_to_a_new_participant(world: World) -> None:
    words = turns(world)[0]["words"]
    new = world.send("POST", f"{HERE}/participants", {"name": "Guest"})
    assert new["speaker"] == 4
    stretch = {"timestamp_from": words[2]["start"], "timestamp_to": words[4]["end"]}
    answer = world.send("PATCH", f"{HERE}/speaker/assign", {"participant": new["id"], **stretch})
    check_answer("/v1/transcripts/{transcript_id}/speaker/assign", "patch", answer)
    assert [(one["speaker"], len(one["words"])) for one in turns(world)[:3]] == [(0, 2), (4, 3), (0, 34)]
    assert "\nGuest: " in world.get(HERE).json()["transcript"]
    segments = world.get(f"{HERE}/topics").json()[0]["segments"]
    assert 4 in {one["speaker"] for one in segments}
    world.send("PATCH", f"{HERE}/speaker/assign", stretch, status=400)
    world.send("PATCH", f"{HERE}/speaker/assign", {**stretch, "speaker": 1, "participant": "p1"}, status=400)
    world.send("PATCH", f"{HERE}/speaker/assign", {**stretch, "participant": "nobody"}, status=404)


def test_a_speaker_whose_name_was_deleted_is_merged_or_named_again(world: World) -> None:
    assert world.send("DELETE", f"{HERE}/participants/p1") == {"status": "ok"}
    assert world.send("DELETE", f"{HERE}/participants/p2") == {"status": "ok"}
    assert list(names(world)) == ["p0", "p3"], "so that the page offers to merge or to name"
    assert {one["speaker"] for one in turns(world)} == {0, 1, 2, 3}
    assert world.get(f"{HERE}/participants/p1").status_code == 404
    world.send("PATCH", f"{HERE}/speaker/merge", {"speaker_from": 1, "speaker_to": 3})
    assert {one["speaker"] for one in turns(world)} == {0, 2, 3}
    # For speaker 0 the page sends this instead.
    world.send("PATCH", f"{HERE}/participants/p0", {"speaker": 2})
    assert {one["speaker"] for one in turns(world)} == {0, 3}
    assert world.send("DELETE", f"{HERE}/participants/p3") == {"status": "ok"}
    named = world.send("POST", f"{HERE}/participants", {"name": "Dora", "speaker": 3})
    assert named == {"id": "p3", "speaker": 3, "name": "Dora"}
    assert world.send("PATCH", f"{HERE}/participants/p3", {"name": "Dora M."})["name"] == "Dora M."


def test_two_people_with_names_stay_two(world: World) -> None:
    world.send("PATCH", f"{HERE}/speaker/merge", {"speaker_from": 0, "speaker_to": 1}, status=400)
    world.send("PATCH", f"{HERE}/participants/p0", {"speaker": 1}, status=400)
    world.send("POST", f"{HERE}/participants", {"name": "Guest", "speaker": 1}, status=400)
    world.send("PATCH", f"{HERE}/speaker/merge", {"speaker_from": 0, "speaker_to": 9}, status=404)
    assert len(names(world)) == 4


def test_a_transcript_stays_readable_while_edits_are_taken(world: World) -> None:
    """The frontend leaves the page of a transcript in processing, with what is being written on it."""
    world.script.states[DONE] = overview(DONE, "processing")
    assert world.get(HERE).json()["status"] == "ended"
    world.script.states[DONE] = overview(DONE, "error")
    assert world.get(HERE).json()["status"] == "error"
    assert world.get(f"/transcripts/{BUSY}").json()["status"] == "processing"


def test_edits_need_the_scope_to_write_and_are_in_the_audit_log(world: World) -> None:
    tokens = Tokens(database=world.app.state.inbox.database)
    reader, writer = (
        {"Authorization": f"Bearer {tokens.create(str(scope), scope, None)}"} for scope in (Scope.READ, Scope.WRITE)
    )
    world.send("PATCH", HERE, {"title": "A"}, status=401, headers={})
    world.send("PATCH", HERE, {"title": "A"}, status=403, headers=reader)
    world.send("PATCH", HERE, {"title": "A"}, headers=writer)
    entry = world.app.state.audit.entries(limit=1)[0]
    assert (entry.who, entry.action, entry.recording_id) == ("token write", "correct", DONE)


def test_processing_is_requested_again(world: World) -> None:
    answer = world.send("POST", f"/transcripts/{DONE}/process")
    check_answer("/v1/transcripts/{transcript_id}/process", "post", answer)
    assert world.script.retried == [DONE]


def test_a_transcript_is_destroyed_but_never_moved_to_a_trash(world: World) -> None:
    deletions, audit = world.app.state.deletions, world.app.state.audit
    refused = world.send("DELETE", HERE, status=409)
    assert f"DELETE /v1/transcripts/{DONE}" in refused["detail"]
    world.send("POST", f"{HERE}/restore", status=400)
    assert deletions.get(DONE) is None
    assert world.get("/transcripts").json()["total"] == 2
    tokens = Tokens(database=world.app.state.inbox.database)
    reader = {"Authorization": f"Bearer {tokens.create('reader', Scope.READ, None)}"}
    world.send("DELETE", f"{HERE}/destroy", status=403, headers=reader)
    answer = world.send("DELETE", f"{HERE}/destroy")
    check_answer("/v1/transcripts/{transcript_id}/destroy", "delete", answer)
    assert deletions.get(DONE) is not None
    assert [one["id"] for one in world.get("/transcripts").json()["items"]] == [BUSY]
    assert world.get(HERE).status_code == 410
    entry = audit.entries(limit=1)[0]
    assert (entry.action, entry.recording_id, entry.outcome) == ("delete", DONE, "done")
    world.send("DELETE", "/transcripts/nothing/destroy", status=404)


def test_what_is_not_finished_is_not_edited(world: World) -> None:
    world.send("PATCH", f"/transcripts/{BUSY}", {"title": "A"}, status=404)


@pytest.mark.parametrize(("path", "method"), EDITS)
def test_no_edit_of_the_old_document_is_answered_otherwise_than_it_says(world: World, path: str, method: str) -> None:
    check_by_document(world, path, method)
