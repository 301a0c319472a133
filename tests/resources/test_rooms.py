"""Rooms in the database and on the command line."""

import threading
from typing import Any

import pytest

from domain.errors import NotFound
from domain.rooms import Room, RoomSettings
from resources.database.database import Database
from resources.database.rooms import Rooms
from testing.deployment import Deployment

pytest_plugins = ["tests.service.databases"]

SECRET = "hush-nobody-knows"
FULL: dict[str, Any] = {
    "language": "de",
    "vocabulary": ["Kubernetes", "Özge"],
    "webhook_url": "https://hooks.example.com/a?b=c",
    "webhook_secret": SECRET,
    "zulip_stream": "general ✓ chat",
    "zulip_topic": "notes",
    "zulip_auto_post": True,
    "skip_consent": True,
    "old_id": "9a1e3c1c-5b52-4df2-8c1c-0d2b6f7c8a11",
    "texts_after_names": "never",
    "texts_after_words": "at_once",
}


@pytest.fixture
def rooms(database_url: str) -> Rooms:
    return Rooms(database=Database(url=database_url))


def full(name: str) -> Room:
    return Room.model_validate({"name": name, **FULL})


def test_what_is_put_is_read_back(rooms: Rooms) -> None:
    rooms.put(full("weekly"))
    rooms.put(Room(name="daily"))
    assert rooms.room("weekly") == full("weekly")
    assert rooms.list_rooms() == [Room(name="daily"), full("weekly")]


def test_putting_replaces_all_and_changing_only_what_is_given(rooms: Rooms) -> None:
    rooms.put(full("weekly"))
    changed = rooms.change("weekly", RoomSettings.model_validate({"language": "fr", "webhook_url": None}))
    assert changed == rooms.room("weekly")
    assert changed == Room.model_validate({"name": "weekly", **FULL, "language": "fr", "webhook_url": None})
    assert rooms.change("weekly", RoomSettings()) == changed
    rooms.put(Room(name="weekly", language="en"))
    assert rooms.room("weekly") == Room(name="weekly", language="en")


def test_changing_makes_a_room_that_isnt_there(rooms: Rooms) -> None:
    assert rooms.change("new", RoomSettings.model_validate({"webhook_secret": SECRET})) == Room.model_validate(
        {"name": "new", "webhook_secret": SECRET}
    )
    assert rooms.change("newer", RoomSettings()) == Room(name="newer")
    assert [room.name for room in rooms.list_rooms()] == ["new", "newer"]


def test_a_meetings_settings_are_keyed_by_its_base_name(rooms: Rooms) -> None:
    rooms.put(Room(name="weekly", language="de"))
    rooms.put(Room(name="dated-20260323080000", language="fr"))
    for meeting, language in (
        ("weekly-20260323080000", "de"),
        ("weekly", "de"),
        ("dated-20260323080000", "fr"),
        ("dated-20260323080001", None),
        ("weekly-x", None),
    ):
        room = rooms.of_meeting(meeting)
        assert (room and room.language) == language


def test_a_room_that_is_deleted_or_was_never_set_is_not_found(rooms: Rooms) -> None:
    rooms.put(full("weekly"))
    rooms.delete("weekly")
    rooms.delete("weekly")
    with pytest.raises(NotFound, match="'weekly'"):
        rooms.room("weekly")


def test_who_sets_a_room_at_once_doesnt_undo_the_other(rooms: Rooms) -> None:
    given = [RoomSettings.model_validate({field: value}) for field, value in FULL.items()]
    begin, failed = threading.Barrier(len(given)), list[Exception]()

    def change(settings: RoomSettings) -> None:
        begin.wait()
        try:
            for _ in range(5):
                rooms.change("weekly", settings)
                rooms.put(Room(name="other"))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=change, args=(settings,)) for settings in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert rooms.room("weekly") == full("weekly")


def test_people_set_show_list_and_delete_rooms(deployment: Deployment) -> None:
    deployment.env["WEBHOOK_SECRET"] = SECRET
    said = deployment.reflector(
        *("rooms", "set", "weekly", "--language", "de", "--webhook-url", "https://hooks.example.com/a"),
        *("--zulip-stream", "[/red] stream", "--skip-consent", "--vocabulary", "Kubernetes,Özge,"),
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "has_webhook_secret: True" in said.stdout
    assert "webhook_url: https://hooks.example.com/a\n" in said.stdout
    listed = deployment.reflector("rooms", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    del deployment.env["WEBHOOK_SECRET"]
    changed = deployment.json("rooms", "set", "weekly", "--no-skip-consent", "--clear", "webhook_url")
    assert changed == deployment.json("rooms", "show", "weekly")
    assert changed == {
        "name": "weekly",
        "language": "de",
        "vocabulary": ["Kubernetes", "Özge"],
        "webhook_url": None,
        "has_webhook_secret": True,
        "zulip_stream": "[/red] stream",
        "zulip_topic": None,
        "zulip_auto_post": False,
        "skip_consent": False,
        "old_id": None,
        "texts_after_names": "at_once",
        "texts_after_words": "on_request",
    }
    assert SECRET not in said.stdout + listed.stdout + str(changed)
    assert deployment.reflector("rooms", "delete", "weekly").returncode == 0
    gone = deployment.reflector("rooms", "show", "weekly")
    assert (gone.returncode, gone.stdout) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("weekly", "--language", "english", "--webhook-secret", SECRET),
        ("weekly", "--clear", "name"),
    ],
)
def test_what_cant_be_set_is_reported_in_one_line(arguments: tuple[str, ...], deployment: Deployment) -> None:
    done = deployment.reflector("rooms", "set", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("reflector: ")
    assert SECRET not in done.stderr
