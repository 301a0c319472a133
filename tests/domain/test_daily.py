"""Decisions about recordings from Daily's events and lists."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.daily import DailyRecording, Verdict, check_track_key, judge, judge_event, judge_listed
from domain.errors import InvalidInput
from domain.recording import Recording, check_recording_id
from testing.deployment import SAMPLE, SAMPLE_ID
from testing.hosts.daily_oddities import DOMAIN, FINE, NOT, plain_recording

WEBHOOK: dict[str, Any] = json.loads((SAMPLE / "webhook.json").read_text())
LISTED: dict[str, Any] = json.loads((SAMPLE / "recording.json").read_text())
WHO = "99a6f6e1-18cc-56c2-b76b-2e1f2d3f14a9"


def event(**payload: Any) -> bytes:
    return json.dumps({**WEBHOOK, "payload": {**WEBHOOK["payload"], **payload}}).encode()


def listed(**fields: Any) -> bytes:
    return json.dumps({**LISTED, **fields}).encode()


def accepted(verdict: Verdict) -> Recording:
    assert verdict.outcome == "accepted", verdict.reason
    assert verdict.reason is None
    assert verdict.recording is not None
    return verdict.recording.to_recording()


def key(participant: str = WHO, kind: str = "cam-audio", offset: int = 0) -> str:
    return f"{DOMAIN}/room/1774252800000-{participant}-{kind}-{1774252800000 + offset}"


def test_events_and_lists_describe_the_same_recording():
    announced, found = accepted(judge_event(event(), DOMAIN)), accepted(judge_listed(listed(), DOMAIN))
    assert announced == found.model_copy(update={"mtg_session_id": None})
    assert found.id == SAMPLE_ID
    assert (found.room_name, found.start_ts, found.duration) == ("weekly-planning-20260323080000", 1774252800, 245)
    assert found.mtg_session_id == "5c0f2d64-8a57-4d39-b3a5-0c8b1d6e7f21"
    assert [(t.index, t.participant_id[:4], t.size) for t in found.tracks] == [
        (0, "99a6", 154416),
        (1, "d4ae", 325489),
        (2, "effc", 342957),
    ]
    assert [t.offset_s for t in found.tracks] == [43.58, 12.285, 0.84]
    assert found.tracks[0].key == LISTED["tracks"][0]["s3Key"]


# Accepted and other recordings.

OUTCOMES = {
    "unfinished": {
        *("null duration", "no duration", "text duration", "huge duration"),
        *("in progress", "in progress, with tracks", "unknown status", "null status"),
    },
    "ignored": {"cloud", "cloud, given", "cloud, tracks left out"},
}


@pytest.mark.parametrize("name", FINE)
def test_unusual_recordings_are_accepted(name: str):
    made = plain_recording(rng := random.Random(name), 3)
    FINE[name](made, rng)
    found = accepted(judge_listed(json.dumps(made).encode(), DOMAIN))
    assert found.id == made["id"]
    assert found.room_name == (made.get("room_name") or made["room"])


@pytest.mark.parametrize("name", NOT)
def test_other_recordings_are_not_accepted_with_a_reason(name: str):
    made = plain_recording(rng := random.Random(name), 3)
    NOT[name](made, rng)
    verdict = judge_listed(json.dumps(made).encode(), DOMAIN)
    expected = next((outcome for outcome, names in OUTCOMES.items() if name in names), "failed")
    assert verdict.outcome == expected
    assert verdict.reason
    assert verdict.reason.isprintable()
    assert len(verdict.reason) < 400


def test_only_microphone_tracks_are_used():
    kinds = ["cam-audio", "screen-audio", "cam-video", "screen-video"]
    tracks = [{"type": kind[kind.index("-") + 1 :], "s3Key": key(kind=kind)} for kind in kinds]
    tracks += [{"type": "video", "s3Key": key()}, {"type": "video", "s3Key": f"{DOMAIN}/room/notes.txt"}]
    assert [track.key for track in accepted(judge_listed(listed(tracks=tracks), DOMAIN)).tracks] == [key()]


def test_a_track_without_a_participant_fails():
    """An unknown name would drop the track silently, so the recording fails and names it."""
    verdict = judge_listed(listed(tracks=[{"type": "audio", "s3Key": f"{DOMAIN}/room/notes.txt"}]), DOMAIN)
    assert verdict.outcome == "failed"
    assert "notes.txt" in (verdict.reason or "")


def test_a_null_room_name_with_the_other_field_set():
    assert accepted(judge_listed(listed(room_name=None, room="standup-20260323080000"), DOMAIN)).room_name.startswith(
        "standup"
    )


def test_one_participant_can_have_several_tracks():
    tracks = [{"type": "audio", "s3Key": key(offset=offset)} for offset in (0, 60_000)]
    found = accepted(judge_listed(listed(tracks=tracks), DOMAIN))
    assert [track.offset_s for track in found.tracks] == [0, 60]
    assert found.speakers() == {WHO: 0}


def test_a_recording_without_tracks_is_accepted():
    assert accepted(judge_listed(listed(tracks=[]), DOMAIN)).tracks == ()
    assert accepted(judge_event(event(tracks=[]), DOMAIN)).tracks == ()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": None, "tracks": []}, "raw-tracks"),
        ({"type": "raw-tracks", "tracks": None}, "raw-tracks"),
        ({"type": None, "tracks": [], "s3key": "a/b"}, "raw-tracks"),
        ({"type": None, "tracks": None, "s3key": "a/b"}, "cloud"),
        ({"type": "cloud", "tracks": None}, "cloud"),
        ({"type": "cloud-audio-only", "tracks": [], "s3_key": "a/b"}, "cloud"),
        ({"type": None, "tracks": None}, None),
        ({"type": None, "tracks": None, "s3key": ""}, None),
    ],
)
def test_the_kind_follows_from_tracks_and_file_if_the_type_is_null(fields: dict[str, Any], kind: str | None):
    assert DailyRecording.read({"id": "a", **fields}).kind == kind


# Finished and unfinished recordings.


def test_ready_recordings_need_no_duration():
    assert accepted(judge_event(event(duration=None), DOMAIN)).duration is None
    assert accepted(judge_event(event(status="whatever"), DOMAIN)).duration == 245


def test_a_missing_duration_is_accepted_after_waiting():
    late: list[dict[str, Any]] = [{"duration": None}, {"status": "uploading", "duration": None}]
    for fields in late:
        assert judge_listed(listed(**fields), DOMAIN).outcome == "unfinished"
        assert accepted(judge_listed(listed(**fields), DOMAIN, patience_over=True)).duration is None


def test_a_recording_in_progress_is_unfinished():
    assert judge_event(event(status="in-progress"), DOMAIN).outcome == "unfinished"
    assert judge_listed(listed(status="in-progress"), DOMAIN, patience_over=True).outcome == "unfinished"


def test_raw_tracks_without_a_list_of_tracks_are_unfinished():
    assert judge_event(event(tracks=None), DOMAIN).outcome == "unfinished"
    assert judge_listed(listed(type="raw-tracks", tracks=None), DOMAIN, patience_over=True).outcome == "unfinished"


def test_unfinished_recordings_have_an_id():
    unfinished = judge_listed(listed(duration=None), DOMAIN)
    assert unfinished.recording is not None
    assert unfinished.recording.id == SAMPLE_ID


# Track keys and domains.


def test_keys_of_another_domain_are_rejected():
    verdict = judge_listed(listed(), "another")
    assert verdict.outcome == "failed"
    assert "DAILY_SUBDOMAIN" in (verdict.reason or "")
    assert judge_event(event(), "exampl").outcome == "failed"
    assert judge_event(event(), "example/weekly").outcome == "failed"


def test_without_a_domain_the_keys_must_agree():
    assert judge_listed(listed(), None).outcome == "accepted"
    mixed: list[Any] = [*LISTED["tracks"], {"type": "audio", "s3Key": key().replace(DOMAIN, "another")}]
    assert judge_listed(listed(tracks=mixed), None).outcome == "failed"
    assert judge_event(event(s3_key="another/room"), None).outcome == "failed"


def test_keys_of_other_tracks_are_checked_too():
    tracks: list[Any] = [*LISTED["tracks"], {"type": "video", "s3Key": "../../secret"}]
    assert judge_listed(listed(tracks=tracks), DOMAIN).outcome == "failed"


PARTS = st.sampled_from(
    ["example", "room", "..", ".", "", "a\x00", "other", "a b", "ü", "\u202e", "\ud800", "\\", "\n"]
)


@given(st.lists(PARTS, max_size=5))
def test_accepted_keys_are_inside_of_the_domain(parts: list[str]):
    text = "/".join(parts)
    try:
        check_track_key(text, "example")
    except InvalidInput:
        return
    assert parts[0] == "example"
    assert len(parts) >= 2
    assert set(parts) <= {"example", "room", "other", "a b", "ü"}


@given(st.text(alphabet="abcxyz0189-_.ü ", min_size=1, max_size=30).filter(lambda part: set(part) != {"."}))
def test_ordinary_keys_are_accepted(name: str):
    assert check_track_key(f"example/{name}", "example") == f"example/{name}"


# Events.


@pytest.mark.parametrize("kind", ["recording.started", "participant.joined", "participant.left", "room.painted", ""])
def test_other_events_are_ignored(kind: str):
    verdict = judge_event(json.dumps({"type": kind, "payload": {"x": 1}, "event_ts": 1.5}).encode(), DOMAIN)
    assert verdict.outcome == "ignored"
    assert verdict.reason


def test_a_recording_that_failed_at_daily_is_ignored_with_its_error():
    body: dict[str, Any] = {"type": "recording.error", "payload": {"error_msg": "disk\nfull", "room_name": "a"}}
    verdict = judge_event(json.dumps(body).encode(), DOMAIN)
    assert verdict.outcome == "ignored"
    assert "disk" in (verdict.reason or "")
    assert "\n" not in (verdict.reason or "")


def test_cloud_recordings_are_ignored():
    for kind in ("cloud", "cloud-audio-only"):
        assert judge_event(event(type=kind, tracks=None, s3_key="example/room/1"), DOMAIN).outcome == "ignored"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b'{"type": 7}', b"{}", b"[" * 10_000, b'{"a": ' * 3_000],
)
def test_unreadable_events_fail(body: bytes):
    verdict = judge_event(body, DOMAIN)
    assert verdict.outcome == "failed"
    assert verdict.reason


def test_both_field_names_of_the_room_are_read():
    payload: dict[str, Any] = {**WEBHOOK["payload"], "room": "other-name"}
    del payload["room_name"]
    body = json.dumps({**WEBHOOK, "payload": payload}).encode()
    assert accepted(judge_event(body, DOMAIN)).room_name == "other-name"


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, '"soon"', "true", "{}", "[]"])
def test_times_that_are_not_numbers_become_none(odd: str):
    body = event(duration=123454321, start_ts=678987678).decode()
    body = body.replace("123454321", odd).replace("678987678", odd)
    found = accepted(judge_event(body.encode(), DOMAIN))
    assert (found.duration, found.start_ts) == (None, None)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "recording_id", "room", "room_name", "type", "start_ts", "status", "duration", "mtgSessionId", "s3key"]
TRACKS = (
    st.none()
    | JSON
    | st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(["audio", "video", None, 3]), "s3Key": st.just(key()) | JSON}),
        max_size=4,
    )
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), st.none() | st.dictionaries(st.just("tracks"), TRACKS)
)
def test_accepted_recordings_are_valid(fields: dict[str, Any], tracks: dict[str, Any] | None):
    described = {**LISTED, **fields, **(tracks or {})}
    for body, judged in (
        (json.dumps(described), judge_listed),
        (json.dumps({"type": "recording.ready-to-download", "payload": described}), judge_event),
    ):
        verdict = judged(body.encode("utf-8", "surrogatepass"), DOMAIN)
        if verdict.outcome == "accepted":
            found = accepted(verdict)
            assert check_recording_id(found.id)
            assert Recording.model_validate_json(found.model_dump_json()) == found
            assert all(track.key.startswith("example/") for track in found.tracks)
        else:
            assert verdict.reason


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_any_json_is_handled(value: object):
    body = json.dumps(value).encode()
    assert judge_listed(body, None).outcome in {"failed", "unfinished"}
    assert judge_event(body, None).outcome in {"failed", "ignored"}


@given(st.binary(max_size=60))
def test_any_bytes_are_handled(body: bytes):
    assert judge_listed(body, DOMAIN).outcome == "failed"
    assert judge_event(body, DOMAIN).outcome == "failed"


def test_an_invalid_id_raises():
    with pytest.raises(InvalidInput, match="can't be a recording id"):
        judge(DailyRecording.read({"id": "../x", "tracks": []}), DOMAIN, ready=True)
