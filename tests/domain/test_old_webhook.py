"""Rooms' webhooks in the old system's units and ids."""

import re
from datetime import datetime
from typing import Any

from domain.notifications import webhook_body
from domain.old_webhook import reflector_body, room_id
from domain.rooms import Room
from tests.domain.finished import finished

OLD_ID = "9a1e3c1c-5b52-4df2-8c1c-0d2b6f7c8a11"


def bodies(**room: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    given: dict[str, Any] = {"at": 1774253100.25, "language": "en", "page_url": "https://x.example.com"}
    ours = Room(name="weekly", **room)
    return webhook_body(finished(), "weekly", **given), reflector_body(finished(), ours, **given)


def test_units_ids_and_voices_are_those_of_the_old_system() -> None:
    _, body = bodies(old_id=OLD_ID)
    transcript = body["transcript"]
    assert transcript["duration"] == 90_500
    assert (body["room"], transcript["room_id"]) == ({"id": OLD_ID, "name": "weekly"}, OLD_ID)
    assert [(topic["timestamp"], topic["duration"]) for topic in transcript["topics"]] == [(0.0, 40.0), (65.0, 20.0)]
    assert re.fullmatch("[0-9a-f]{32}", body["event_id"])
    assert "<v Speaker0>The budget is enough." in transcript["webvtt"]
    assert all("<v Speaker0>" in topic["webvtt"] for topic in transcript["topics"])
    assert "Ada" not in str(transcript["webvtt"])
    assert transcript["created_at"] == "2026-03-23T08:00:00Z"
    assert body["timestamp"] == "2026-03-23T08:05:00.250000Z"


def test_everything_else_is_the_same_in_both_formats() -> None:
    ours, theirs = bodies()
    assert list(ours) == list(theirs)
    assert list(ours["transcript"]) == list(theirs["transcript"])
    same = set(ours["transcript"]) - {"duration", "room_id", "created_at", "webvtt", "topics"}
    assert {name: ours["transcript"][name] for name in same} == {name: theirs["transcript"][name] for name in same}
    assert datetime.fromisoformat(theirs["timestamp"]) == datetime.fromisoformat(ours["timestamp"])


def test_nothing_of_a_topic_is_a_link_in_either_format() -> None:
    meant = finished()
    topic = meant.topics[0].model_copy(update={"title": "See https://evil.example.com", "summary": "@**all** come"})
    transcript = meant.model_copy(update={"topics": (topic, *meant.topics[1:])})
    given: dict[str, Any] = {"at": 1774253100.25, "language": "en", "page_url": "https://x.example.com"}
    ours = webhook_body(transcript, "weekly", **given)["transcript"]["topics"][0]
    theirs = reflector_body(transcript, Room(name="weekly"), **given)["transcript"]["topics"][0]
    assert "https://" not in str(theirs)
    assert (theirs["title"], theirs["summary"]) == (ours["title"], ours["summary"])


def test_a_room_without_an_old_id_has_one_that_stays() -> None:
    assert room_id("weekly", None) == room_id("weekly", None) != room_id("monthly", None)
    assert re.fullmatch("[0-9a-f-]{36}", room_id("weekly", None))
