"""`reflector edit` and `reflector history`: what they store, and how they refuse what can't be meant."""

from typing import Any

import pytest

from domain.recording import Participant, Participants, Recording
from domain.results import NextStep
from domain.text import words
from resources.store.base import LocalStore
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment
from tests.domain.finished import finished
from tests.service.shown_recordings import transcribed

pytestmark = pytest.mark.slow(10)


@pytest.fixture
def meeting(deployment: Deployment) -> Deployment:
    """A deployment with the sample's finished transcript, of which a person changed one next step."""
    deployment.reflector("import", str(SAMPLE))
    folder, made = deployment.folder(SAMPLE_ID), finished(SAMPLE_ID)
    steps = (NextStep(task="Send it", generated_task="Send the slides"), NextStep(task="Book a room"))
    items = made.action_items.model_copy(update={"next_steps": steps})
    people = Participants((Participant(participant_id="p0", name="Ada", speaker=0),))
    changed = made.model_copy(update={"action_items": items, "participants": people.root})
    (folder / "transcript.json").write_text(changed.model_dump_json())
    spoken = words.table([words.Word("dog", 12.0, 12.5, 0, 0.3), words.Word("Yes.", 15.0, 15.4, 3, 0.9)])
    transcribed(LocalStore(root=str(folder.parent.parent)), changed, spoken)
    (folder / "words.parquet").write_bytes(words.to_parquet(spoken))
    (folder / "participants.json").write_text(people.model_dump_json())
    recording = Recording(id=SAMPLE_ID, room_name="weekly-20260323080000")
    (folder / "recording.json").write_text(recording.model_dump_json())
    return deployment


def edits(deployment: Deployment) -> list[dict[str, Any]]:
    return [one["edit"] for one in deployment.json("history", SAMPLE_ID)]


def test_each_option_is_an_edit(meeting: Deployment) -> None:
    topics = finished(SAMPLE_ID).topics
    given: dict[str, tuple[str, dict[str, Any]]] = {
        "--rename": ("Ada=Ada Lovelace", {"kind": "rename", "participant_id": "p0", "name": "Ada Lovelace"}),
        "--merge": ("3=Ada", {"kind": "merge", "speaker_from": 3, "speaker_to": 0}),
        "--assign": ("1-2.5=Ada", {"kind": "assign", "start": 1.0, "end": 2.5, "speaker": 0}),
        "--words": ("1-2=Docker", {"kind": "words", "start": 1.0, "end": 2.0, "text": "Docker"}),
        "--title": ("Roadmap", {"kind": "title", "title": "Roadmap"}),
        "--topic": ("2=Budget", {"kind": "topic", "at": topics[1].timestamp, "title": "Budget"}),
        "--topic-summary": ("1=", {"kind": "topic", "at": topics[0].timestamp, "summary": None}),
        "--item": ("1=Send all", {"kind": "action_item", "task": "Send the slides", "text": "Send all"}),
        "--owner": ("2=Ben", {"kind": "action_item", "task": "Book a room", "assigned_to": "Ben"}),
        "--deadline": ("2=", {"kind": "action_item", "task": "Book a room", "deadline": None}),
        "--done": ("1", {"kind": "action_item", "task": "Send the slides", "done": True}),
        "--not-done": ("2", {"kind": "action_item", "task": "Book a room", "done": False}),
    }
    options = [part for name, (value, _) in given.items() for part in (name, value)]
    assert meeting.json("edit", SAMPLE_ID, *options)["version"] == len(given)
    assert edits(meeting) == [edit for _, edit in given.values()]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--topic", "9=Budget", "there is no topic 9"),
        ("--owner", "0=Ben", "there is no next step 0"),
        ("--done", "3", "there is no next step 3"),
        ("--item", "Send it", "can't be understood"),
        ("--rename", "Eve=Eva", "there is no participant 'Eve'"),
        ("--words", "2-1=x", "the edit: a stretch can't end before it begins"),
        ("--words", "9999-10000=x", "9999 s lies behind the recording's end"),
        ("--assign", "9999-10000=Ada", "lies behind the recording's end"),
        ("--merge", "7=Ada", "there is no participant '7'"),
        ("--merge", "0=Ada", "are the same person already"),
        ("--version", "4", "send your edit with this number"),
        ("--undo", "4", "there is no edit 4"),
    ],
)
def test_what_cant_be_meant_is_refused_whole(meeting: Deployment, option: str, value: str, reason: str) -> None:
    refused = meeting.reflector("edit", SAMPLE_ID, "--title", "Roadmap", option, value)
    assert (refused.returncode, reason in refused.stderr) == (1, True), refused.stderr
    assert edits(meeting) == []


def test_the_room_learns_names_and_words_that_it_can(meeting: Deployment) -> None:
    given = ("--rename", "Ada=Ada Lovelace", "--words", "1-2=Docker,", "--learn")
    meeting.json("edit", SAMPLE_ID, *given)
    assert meeting.json("rooms", "show", "weekly")["vocabulary"] == ["Ada Lovelace", "Docker"]
    refused = meeting.reflector("edit", SAMPLE_ID, "--words", "2-3=one, two", "--learn")
    assert (refused.returncode, "can't learn this" in refused.stderr) == (1, True), refused.stderr
    assert len(edits(meeting)) == 2


def test_what_was_edited_is_shown_in_words_and_can_be_named(meeting: Deployment) -> None:
    meeting.json("edit", SAMPLE_ID, "--rename", "Ada=Ada Lovelace", "--words", "12-13=Docker")
    # By the corrected name, before a run took it.
    meeting.json("edit", SAMPLE_ID, "--rename", "Ada Lovelace=Ada King", "--title", "Roadmap", "--undo", "2")
    lines = meeting.reflector("history", SAMPLE_ID).stdout.splitlines()
    replaced = 'replaced the words from 00:12 to 00:13 by "Docker"'
    assert [line.split("  ")[-1] for line in lines[1:]] == [
        "renamed Ada to Ada Lovelace",
        f"(undone) {replaced}",
        "renamed Ada Lovelace to Ada King",
        'set the title to "Roadmap"',
        f"undid 2: {replaced}",
    ]
    assert meeting.json("show", SAMPLE_ID)["title"] == "Roadmap"
    assert [row["title"] for row in meeting.json("list")] == ["Roadmap"]
