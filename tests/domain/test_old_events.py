"""Webhooks for the old system: valid by its own schema, and unchanged wherever they already are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.daily import judge_listed
from domain.errors import InvalidInput
from domain.old_events import acceptable, event_of_listed
from testing.deployment import SAMPLE
from testing.hosts.old_contract import event_problem

EVENT = (SAMPLE / "webhook.json").read_bytes()
LISTED: dict[str, Any] = json.loads((SAMPLE / "recording.json").read_text())
# Values as they were seen in Daily's lists and webhooks, and worse.
NUMBERS = st.none() | st.integers(-1, 10**6) | st.floats(0, 1e6) | st.sampled_from([float("inf"), 10**400, "245", True])
STARTS = st.none() | st.just(1774252800) | st.just(1774252800.96)
STATUSES = st.none() | st.sampled_from(["finished", "in-progress", ""])


def with_tracks(listed: dict[str, Any], sizes: list[Any]) -> dict[str, Any]:
    return {**listed, "tracks": [{**track, "size": size} for track, size in zip(listed["tracks"], sizes, strict=True)]}


@given(NUMBERS, STARTS, STATUSES, st.lists(NUMBERS, min_size=3, max_size=3))
def test_whatever_polling_finds_becomes_an_event_that_the_old_system_takes(
    duration: Any, start: Any, status: Any, sizes: list[Any]
) -> None:
    listed: dict[str, Any] = {**with_tracks(LISTED, sizes), "duration": duration, "start_ts": start, "status": status}
    body = json.dumps(listed).encode()
    assert event_problem(event_of_listed(body)) is None
    assert judge_listed(body, None, patience_over=True).outcome in {"accepted", "unfinished"}


@given(NUMBERS, STARTS, STATUSES, st.lists(NUMBERS, min_size=3, max_size=3))
def test_a_webhook_with_values_missing_is_completed(duration: Any, start: Any, status: Any, sizes: list[Any]) -> None:
    event = json.loads(EVENT)
    payload = with_tracks(event["payload"], sizes)
    event["payload"] = {**payload, "duration": duration, "start_ts": start, "status": status}
    body = acceptable(json.dumps(event).encode())
    assert event_problem(body) is None
    assert json.loads(body)["payload"]["recording_id"] == LISTED["id"]


def test_values_are_rounded_and_filled_in() -> None:
    listed: dict[str, Any] = {**with_tracks(LISTED, [None, 1.5, 7]), "duration": 244.6, "status": None}
    payload = json.loads(event_of_listed(json.dumps(listed).encode()))["payload"]
    assert (payload["duration"], payload["status"]) == (245, "finished")
    assert [track["size"] for track in payload["tracks"]] == [0, 0, 7]
    assert json.loads(event_of_listed(json.dumps({**listed, "duration": None}).encode()))["payload"]["duration"] == 0
    started = json.loads(event_of_listed(json.dumps({**listed, "start_ts": None}).encode()))["payload"]["start_ts"]
    assert started == 1774252800, "by the names of the tracks"


UNCHANGED = [
    EVENT,
    EVENT.replace(b",", b" ,"),
    b"no JSON",
    b"[]",
    b'{"test": "test"}',
    b'{"type": "recording.started", "payload": null}',
    b'{"type": "participant.joined"}',
]


@pytest.mark.parametrize("body", UNCHANGED)
def test_everything_else_stays_byte_by_byte(body: bytes) -> None:
    assert acceptable(body) is body


@pytest.mark.parametrize("kind", ["meeting.started", "meeting.ended", "transcript.ready-to-download", "x" * 500])
def test_events_that_the_old_system_refuses_are_not_sent(kind: str) -> None:
    with pytest.raises(InvalidInput, match="takes no events"):
        acceptable(json.dumps({"type": kind, "payload": {}}).encode())


@pytest.mark.parametrize("missing", [{"room_name": ""}, {"room_name": None, "tracks": None, "s3key": None}])
def test_without_a_room_or_a_file_there_is_no_event(missing: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="isn't known"):
        event_of_listed(json.dumps({**LISTED, **missing}).encode())
