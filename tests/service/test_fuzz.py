"""Odd requests: none gives a 5xx, nothing unsigned is stored, nothing invalid becomes a recording.

With the profile "long" they are at least 4,500, beside 500 more at the webhook in test_openapi.py.
"""

# pyright: basic

import asyncio
import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.daily import judge_event
from resources.database.inbox import Inbox
from testing.parts.receiver import OTHER_SECRET, SECRET, signature, signed
from tests.examples import examples
from tests.service.in_process import application

pytest_plugins = ["tests.service.databases"]

DOMAIN = "example"
Headers = list[tuple[bytes, bytes]]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
EXAMPLES, AT_ONCE = examples(100, 310), 5
quick = settings(max_examples=EXAMPLES, suppress_health_check=SLOW)


@dataclass
class Service:
    """The application, asked without a client in between: a client would refuse to send most of this."""

    app: Any
    inbox: Inbox
    runner: asyncio.Runner
    answers: Counter[int] = field(default_factory=Counter)

    def send(self, requests: list[tuple[Headers, bytes]]) -> list[int]:
        """Post webhooks at once; returns the answers' statuses."""

        async def all_of_them() -> list[int]:
            return await asyncio.gather(*(self._post(headers, body) for headers, body in requests))

        statuses = self.runner.run(all_of_them())
        self.answers.update(statuses)
        return statuses

    async def _post(self, headers: Headers, body: bytes) -> int:
        path, said = "/v1/daily/webhook", list[dict[str, Any]]()
        parts = [body[: len(body) // 2], body[len(body) // 2 :]]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
        scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers}
        await self.app(scope, receive, send)
        return int(said[0]["status"])


@contextmanager
def service(url: str) -> Iterator[Service]:
    app, inbox, _ = application(url, secrets=(SECRET, OTHER_SECRET))
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield Service(app, inbox, runner)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


def encoded(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


# What is sent.

PARTICIPANT = "d4ae9e67-48f8-541b-9839-3fdb6d98cbac"
TRACK = f"1774252800000-{PARTICIPANT}-cam-audio-1774252812285"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
good_keys = st.sampled_from(["room", "room-20260323080000", "a/b"]).map(lambda room: f"{DOMAIN}/{room}/{TRACK}")
bad_keys = st.sampled_from(
    [
        f"../{DOMAIN}/room/{TRACK}",
        f"{DOMAIN}/../other/room/{TRACK}",
        f"{DOMAIN}/room/../../other/{TRACK}",
        f"{DOMAIN}/room/..",
        f"{DOMAIN}/./{TRACK}",
        f"{DOMAIN}//{TRACK}",
        f"/{DOMAIN}/room/{TRACK}",
        f"{DOMAIN}/room/{TRACK}/",
        f"{DOMAIN}\\..\\other\\{TRACK}",
        f"{DOMAIN}/room\\..\\..\\{TRACK}",
        f"other/room/{TRACK}",
        f"{DOMAIN}x/room/{TRACK}",
        f"{DOMAIN.upper()}/room/{TRACK}",
        f"{DOMAIN}\0/room/{TRACK}",
        f"{DOMAIN}/room/{TRACK}\0",
        f"{DOMAIN}/room\n/{TRACK}",
        f"{DOMAIN}/\x1b[31m/{TRACK}",
        f"{DOMAIN}/\u202e/{TRACK}",
        f"{DOMAIN}/\ud800/{TRACK}",
        f"s3://{DOMAIN}/room/{TRACK}",
        f"{DOMAIN}/{'room/' * 250}{TRACK}",
        DOMAIN,
        "",
    ]
)
keys = good_keys | bad_keys | st.text(max_size=30) | anything
tracks = st.lists(
    st.fixed_dictionaries(
        {"s3Key": keys},
        optional={"type": st.sampled_from(["audio", "video"]) | anything, "size": st.integers() | anything},
    ),
    max_size=3,
)
ids = st.sampled_from(["0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70", "a", "../a", "a/b", "a\0", "a\n", "\ud800", "-a", ""])
payloads = st.fixed_dictionaries(
    {"recording_id": ids | anything, "tracks": tracks | st.none() | anything},
    optional={
        "type": st.sampled_from(["raw-tracks", "cloud", "cloud-audio-only"]) | anything,
        "room_name": st.text(max_size=30) | anything,
        "room": anything,
        "start_ts": st.floats() | anything,
        "duration": st.integers() | anything,
        "status": st.sampled_from(["finished", "in-progress"]) | anything,
        "s3_key": keys,
        "mtgSessionId": anything,
    },
)


def ready(recording_id: Any, found: list[Any]) -> dict[str, Any]:
    listed = [{"type": "audio", "s3Key": key, "size": 1} for key in found]
    return {"recording_id": recording_id, "type": "raw-tracks", "tracks": listed}


good_ids = st.integers(0, 10**9).map(lambda number: f"recording-{number}")
good = st.builds(ready, good_ids, st.lists(good_keys, max_size=2))
one_bad_key = st.builds(lambda number, key, bad: ready(number, [key, bad]), good_ids, good_keys, bad_keys)
bad_id = st.builds(ready, ids, st.lists(good_keys, max_size=1))
events = st.fixed_dictionaries(
    {
        "type": st.just("recording.ready-to-download"),
        "payload": good | one_bad_key | one_bad_key | bad_id | payloads | anything,
    },
    optional={"id": st.text(max_size=30) | anything, "version": anything, "event_ts": anything},
) | st.fixed_dictionaries({"type": st.text(max_size=20) | anything, "payload": anything})
# NaN and infinities too, which JSON hasn't; halves of surrogate pairs as escapes.
bodies = (
    events.map(lambda event: json.dumps(event).encode())
    | st.binary(max_size=60)
    | anything.map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
)


def is_valid(body: bytes) -> bool:
    """Say by rules of its own whether an event may become a recording."""
    payload = json.loads(body)["payload"]
    found = payload.get("tracks")
    listed = [track["s3Key" if "s3Key" in track else "s3_key"] for track in found or []]
    return (
        re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", payload["recording_id"]) is not None
        and isinstance(found, list)
        and payload.get("type") not in {"cloud", "cloud-audio-only"}
        and all(
            key.startswith(f"{DOMAIN}/") and key.isprintable() and not {"", ".", ".."} & set(re.split(r"[/\\]", key))
            for key in listed
        )
    )


def test_whatever_is_signed_is_stored_and_only_what_is_valid_becomes_a_recording(database_url: str) -> None:
    with service(database_url) as asked:
        sent: set[bytes] = set()

        @quick
        @given(st.lists(bodies, min_size=AT_ONCE, max_size=AT_ONCE, unique=True))
        def send(some: list[bytes]) -> None:
            sent.update(some)
            assert asked.send([(encoded(signed(body)), body) for body in some]) == [200] * len(some)

        send()
        assert asked.answers.total() >= AT_ONCE * (EXAMPLES - 10)
        rows = asked.inbox.items(limit=1_000_000)
    assert {row.body for row in rows} <= sent
    # Of two events with the same id only the first is kept.
    assert len(rows) > len(sent) / 2
    outcomes = Counter[str]()
    for row in rows:
        verdict = judge_event(row.body, DOMAIN)
        outcomes[verdict.outcome] += 1
        for text in (row.key, row.event_type, row.recording_id, verdict.reason):
            assert text is None or text.isprintable()
        if verdict.outcome == "accepted":
            assert is_valid(row.body)
            assert verdict.recording is not None
            recording = verdict.recording.to_recording()
            assert all(track.key.startswith(f"{DOMAIN}/") for track in recording.tracks)
            assert all(n is None or math.isfinite(n) for n in (recording.start_ts, recording.duration))
    assert {"accepted", "failed", "ignored"} <= set(outcomes)


header_values = st.binary(max_size=60) | st.sampled_from([b"0", b"-1", b"nan", b"\xb2", b"1" * 5000, b"\xff" * 44])


@st.composite
def forged(draw: st.DrawFn) -> tuple[Headers, bytes]:
    """A request that isn't signed, by little or by much."""
    body, now = draw(bodies), str(int(time.time()))
    mac = signature(body, SECRET, now)
    place = draw(st.integers(0, len(mac) - 2))
    other = mac[:place] + ("A" if mac[place] != "A" else "B") + mac[place + 1 :]
    values: st.SearchStrategy[bytes] = header_values | st.sampled_from(
        [other.encode(), mac[:place].encode(), signature(body + b"\0", SECRET, now).encode()]
    )
    headers: Headers = [
        (b"x-webhook-signature", draw(values)),
        (b"x-webhook-timestamp", draw(header_values | st.just(now.encode()))),
        (draw(st.sampled_from([b"content-length", b"content-type", b"authorization"])), draw(header_values)),
    ]
    return draw(st.permutations(headers))[draw(st.integers(0, 1)) :], body


def test_nothing_that_isnt_signed_is_stored(tmp_path: Path) -> None:
    with service(f"sqlite:///{tmp_path / 'inbox.db'}") as asked:

        @quick
        @given(st.lists(forged(), min_size=AT_ONCE, max_size=AT_ONCE))
        def send(some: list[tuple[Headers, bytes]]) -> None:
            for (_, body), status in zip(some, asked.send(some), strict=True):
                # Daily's check is answered, and not stored either.
                assert status in {400, 401, 413} or (status == 200 and json.loads(body) == {"test": "test"})

        send()
        assert asked.answers.total() >= AT_ONCE * (EXAMPLES - 10)
        assert {400, 401} <= set(asked.answers)
        assert asked.inbox.items() == []
