"""Recordings in the format of Daily's list, with every oddity seen there and some malicious ones."""

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

DOMAIN = "example"
NEWEST = datetime(2026, 3, 23, 8, tzinfo=UTC)
Json = dict[str, Any]


def plain_recording(rng: random.Random, number: int) -> Json:
    """Return a finished raw-tracks recording of two people as listed by GET /recordings; higher numbers are older."""
    start = NEWEST - timedelta(minutes=11 * number)
    room = f"room-{number % 7}-{start:%Y%m%d%H%M%S}"
    made: Json = {
        "id": _uuid(rng),
        "room_name": room,
        "start_ts": int(start.timestamp()),
        "status": "finished",
        "type": None,
        "max_participants": 2,
        "duration": 60 + rng.randrange(3000),
        "share_token": None,
        "tracks": [],
        "mtgSessionId": _uuid(rng),
    }
    for _ in range(2):
        made["tracks"].append(track(rng, made, offset=rng.randrange(20_000)))
    return made


def track(
    rng: random.Random, recording: Json, *, who: str | None = None, kind: str = "cam-audio", offset: int = 0
) -> Json:
    """Return a track of a recording; `offset` in milliseconds after its start."""
    start = int(recording["start_ts"]) * 1000
    room = recording.get("room_name") or recording.get("room")
    key = f"{DOMAIN}/{room}/{start}-{who or _uuid(rng)}-{kind}-{start + offset}"
    return {"type": kind.rsplit("-", maxsplit=1)[-1], "s3Key": key, "size": 1000 + rng.randrange(10**6)}


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _set(**fields: Any) -> Callable[[Json, random.Random], None]:
    return lambda recording, _: recording.update(fields)


def _drop(*names: str) -> Callable[[Json, random.Random], None]:
    def change(recording: Json, _: random.Random) -> None:
        for name in names:
            recording.pop(name, None)

    return change


def _key(old: str, new: str) -> Callable[[Json, random.Random], None]:
    """Change the last track's key."""

    def change(recording: Json, _: random.Random) -> None:
        recording["tracks"][-1]["s3Key"] = recording["tracks"][-1]["s3Key"].replace(old, new, 1)

    return change


def _room_alone(recording: Json, _: random.Random) -> None:
    recording["room"] = recording.pop("room_name")


def _with_screen_and_video(recording: Json, rng: random.Random) -> None:
    for kind in ("screen-audio", "cam-video", "screen-video"):
        recording["tracks"].append(track(rng, recording, kind=kind, offset=5000))


def _reconnected(recording: Json, rng: random.Random) -> None:
    who = recording["tracks"][0]["s3Key"].split("-cam-audio-")[0][-36:]
    recording["tracks"] += [track(rng, recording, who=who, offset=offset) for offset in (30_000, 45_000)]


def _all_of_others(recording: Json, _: random.Random) -> None:
    for one in recording["tracks"]:
        one["s3Key"] = one["s3Key"].replace(DOMAIN, "somebody-else", 1)


def _cloud_without_tracks(recording: Json, _: random.Random) -> None:
    recording["s3key"] = "example/room/1774252800000"
    del recording["tracks"]


def _no_size(recording: Json, _: random.Random) -> None:
    recording["tracks"][0].pop("size")
    recording["tracks"][1]["size"] = None


# Changes to a plain recording with which it is still accepted.
FINE: dict[str, Callable[[Json, random.Random], None]] = {
    "plain": _set(),
    "type given": _set(type="raw-tracks"),
    "type left out": _drop("type"),
    "float duration": _set(duration=245.37),
    "float start": _set(start_ts=1774252800.25),
    "no session": _drop("mtgSessionId"),
    "null session": _set(mtgSessionId=None),
    "silent": _set(tracks=[]),
    "silent, with a file": _set(tracks=[], s3key="example/room"),
    "tracks and a file": _set(s3key="example/room"),
    "screen and video": _with_screen_and_video,
    "reconnects": _reconnected,
    "more fields": _set(instanceId="x", output={"tracks": [1, {"deep": None}]}, isVttEnabled=False),
    "room": _room_alone,
    "no counts": _drop("max_participants", "share_token"),
    "sizes missing": _no_size,
    "name with blanks": _set(room_name="Große Runde ✓"),
}
# Changes with which it isn't: not finished, not raw tracks, failed, or invalid.
NOT: dict[str, Callable[[Json, random.Random], None]] = {
    "null duration": _set(duration=None),
    "no duration": _drop("duration"),
    "text duration": _set(duration="245"),
    "huge duration": _set(duration=10**400),
    "in progress": _set(status="in-progress", duration=None, tracks=None),
    "in progress, with tracks": _set(status="in-progress"),
    "unknown status": _set(status="uploading"),
    "null status": _set(status=None),
    "number as status": _set(status=7),
    "cloud": _set(tracks=None, s3key="example/room/1774252800000"),
    "cloud, given": _set(type="cloud", tracks=None, s3key="example/room/1774252800000"),
    "cloud, tracks left out": _cloud_without_tracks,
    "failed": _set(tracks=None),
    "failed, tracks left out": _drop("tracks"),
    "no id": _drop("id"),
    "null id": _set(id=None),
    "number as id": _set(id=17),
    "empty id": _set(id=""),
    "object as id": _set(id={"id": "x"}),
    "path as id": _set(id="../../etc/passwd"),
    "long id": _set(id="x" * 5000),
    "control character in the id": _set(id="a\x00b"),
    "half a character as id": _set(id="\ud800"),
    "text as tracks": _set(tracks="none"),
    "number as tracks": _set(tracks=2),
    "object as tracks": _set(tracks={"0": {}}),
    "nothing in tracks": _set(tracks=[None]),
    "keys as tracks": _set(tracks=["example/room/key"]),
    "track without key": lambda r, _: r["tracks"].append({"type": "audio"}),
    "number as key": lambda r, _: r["tracks"][0].update(s3Key=7),
    "empty key": lambda r, _: r["tracks"][0].update(s3Key=""),
    "object as track type": lambda r, _: r["tracks"][0].update(type={}),
    "key upwards": _key("/room", "/../other/room"),
    "key from the root": _key("example/", "/example/"),
    "key with a dot": _key("/room", "/./room"),
    "key with a gap": _key("/room", "//room"),
    "key with backslash": _key("/room", "/a\\room"),
    "key with a line break": _key("/room", "/a\nroom"),
    "key with NUL": _key("/room", "/a\x00room"),
    "key that hides": _key("/room", "/\u202eroom"),
    "one key of another domain": _key("example/", "somebody-else/"),
    "one key of a longer domain": _key("example/", "example-2/"),
    "all keys of another domain": _all_of_others,
    "long key": _key("/room", f"/{'x' * 2000}"),
}


def odd_recordings(n: int, seed: int) -> tuple[list[Json], set[str]]:
    """Return `n` recordings, newest first, with every oddity in turn, and the ids of those to be accepted.

    At least 61 recordings contain all oddities, in an order given by the seed. Accepted means for our domain DOMAIN
    and on the first attempt: an unfinished recording may be accepted later.
    """
    rng = random.Random(seed)
    kinds = [*((change, True) for change in FINE.values()), *((change, False) for change in NOT.values())]
    made: list[Json] = []
    expected: set[str] = set()
    while len(made) < n:
        rng.shuffle(kinds)
        for change, arrives in kinds[: n - len(made)]:
            recording = plain_recording(rng, len(made))
            change(recording, rng)
            made.append(recording)
            if arrives:
                expected.add(recording["id"])
    return made, expected


def ready_event(recording: dict[str, Any]) -> dict[str, Any]:
    """Return the webhook that announces a recording of the API."""
    fields = ("start_ts", "status", "max_participants", "duration", "tracks")
    return {
        "version": "1.1.0",
        "type": "recording.ready-to-download",
        "id": f"rec-rtd-{recording['id']}-1774253050",
        "payload": {
            "type": "raw-tracks",
            "recording_id": recording["id"],
            "room_name": recording["room_name"],
            "s3_key": f"{DOMAIN}/{recording['room_name']}",
            **{field: recording[field] for field in fields},
        },
        "event_ts": 1774253050.12,
    }
