"""Rooms of the old system become rooms here: first only shown, then taken over, and once."""

from pathlib import Path
from typing import Any

import pytest

from domain.old_rooms import OldRoomDetails, plan
from domain.rooms import Room
from resources.old_system.client import OldSystem
from resources.old_system.rooms import OldRooms
from testing.deployment import Deployment
from testing.hosts.old_host import OldHost
from testing.hosts.old_world import STRANGER

SECRET = "hush-nobody-knows"


def read(old: OldHost) -> dict[str, OldRoomDetails]:
    rooms = OldRooms(system=OldSystem(url=old.url, api_key=old.api_key, timeout=5))
    return {room.name: room for room in rooms.read()}


def test_all_pages_of_what_the_owner_sees_are_read(old: OldHost) -> None:
    for number in range(230):
        old.world.add_room(f"room-{number}")
    old.world.add_room("others", STRANGER)
    old.world.add_room("shared", STRANGER, shared=True)
    assert len(read(old)) == 231
    assert "others" not in read(old)


def test_settings_are_taken_over_and_others_stay(old: OldHost) -> None:
    old.world.add_room("weekly").update(
        webhook_url="https://hooks.example.com/a", webhook_secret=SECRET, zulip_stream="general", zulip_auto_post=True
    )
    room = read(old)["weekly"]
    new = plan(room, None)
    assert (new.outcome, new.fields) == (
        "new",
        ("old_id", "webhook_secret", "webhook_url", "zulip_auto_post", "zulip_stream"),
    )
    assert new.settings is not None
    taken = Room(name="weekly", language="de", **new.settings.model_dump(exclude_unset=True))
    # Its language isn't the old system's.
    assert plan(room, taken).outcome == "same"
    assert plan(room, taken.model_copy(update={"zulip_stream": "other"})).fields == ("zulip_stream",)
    assert SECRET not in repr(new)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"platform": "whereby"}, "at whereby, not at Daily"),
        ({"webhook_url": "ftp://hooks"}, "webhook_url"),
        ({"zulip_stream": "x" * 300}, "zulip_stream"),
    ],
)
def test_a_room_that_cannot_be_taken_over_stops_no_other(old: OldHost, given: dict[str, Any], reason: str) -> None:
    old.world.add_room("weekly").update(given)
    found = plan(read(old)["weekly"], None)
    assert found.outcome == "refused"
    assert reason in (found.reason or "")


@pytest.mark.slow(10)
def test_the_command_changes_nothing_without_apply(tmp_path: Path, deployment: Deployment, old: OldHost) -> None:
    deployment.env |= old.env
    old.world.add_room("weekly").update(webhook_url="https://hooks.example.com/a", webhook_secret=SECRET)
    old.world.add_room("monthly")["platform"] = "livekit"
    counts = {"new": 1, "changed": 0, "same": 0, "refused": 1}
    assert deployment.json("import-old")["counts"] == counts
    assert deployment.json("rooms", "list") == []
    applied = deployment.json("import-old", "--apply")
    assert (applied["applied"], applied["counts"]) == (True, counts)
    [room] = deployment.json("rooms", "list")
    assert (room["name"], room["has_webhook_secret"]) == ("weekly", True)
    assert room["old_id"] == old.world.rooms["weekly"]["id"]
    again = deployment.reflector("import-old", "--apply")
    assert "0 new, 0 changed, 1 same, 1 refused" in again.stdout
    assert SECRET not in again.stdout
