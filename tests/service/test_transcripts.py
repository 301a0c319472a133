"""One transcript over HTTP: its parts, its audio, its downloads, and making it again."""

# pyright: basic

import json
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from domain.recording import Recording
from domain.results import Title
from domain.text.markdown import to_html
from domain.text.words import Word
from resources.store.erasure import mark_deleted
from service.ports import Ports
from service.routes.downloads import attachment
from testing.parts.proxy import Proxy
from testing.parts.s3 import S3Server
from tests.domain.finished import finished
from tests.service.in_process import BEARER, application
from tests.service.shown_recordings import Scripted, finish, overview, put, shown

DONE, BUSY, FAILED = "rec-done", "rec-busy", "rec-failed"
SPOKEN = [
    Word("Hello", 1.0, 1.4, 0, 0.9),
    Word("there.", 1.5, 2.0, 0, 0.9),
    Word("Hi", 1.6, 1.9, 1, 0.9),
    Word("Ada.", 2.0, 2.4, 1, 0.9),
]
PARTS = ("", "/topics", "/waveform", "/words", "/webvtt", "/audio", "/export/txt", "/export/json")


class World:
    """A service with a finished, an unfinished and a failed recording."""

    def __init__(self, folder: Path) -> None:
        made, self.script, self.store = shown(folder / "data")
        people = [
            {"participant_id": "p1", "user_id": None, "name": "Ada", "speaker": 0},
            {"participant_id": "p2", "user_id": None, "name": "Бен <b>", "speaker": 1},
        ]
        self.made = finished(DONE, participants=people, duration=3.0)
        finish(self.store, self.script, self.made, SPOKEN)
        self.script.states[BUSY] = overview(BUSY)
        self.script.states[FAILED] = overview(FAILED, "error", step="topics", reason="the LLM answered 401")
        app, _, _ = application(f"sqlite:///{folder}/reflector.db", ports=made)
        self.client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)

    def get(self, recording_id: str, part: str = "", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/v1/transcripts/{recording_id}{part}", headers={**BEARER, **named})

    def retry(self, recording_id: str, **headers: str) -> Any:
        return self.client.post(f"/v1/transcripts/{recording_id}/retry", headers=headers or BEARER)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("shown"))


def test_a_finished_transcript_is_shown(world: World) -> None:
    found = world.get(DONE).json()
    assert (found["id"], found["state"], found["title"], found["words"]) == (DONE, "ended", "Weekly meeting", 4)
    assert [person["name"] for person in found["participants"]] == ["Ada", "Бен <b>"]
    assert [topic["title"] for topic in found["topics"]] == ["Budget", "Plans"]
    assert found["action_items"]["next_steps"][0]["task"] == "Send the slides"
    assert (found["audio"], found["may_retry"]) == ({"available": True, "reason": None}, False)
    # Below the page's own headings.
    assert "<h3>Quick recap</h3>" in found["long_summary_html"]


def test_an_unfinished_one_is_shown_as_far_as_it_is_made(world: World) -> None:
    nothing = world.get(BUSY).json()
    assert (nothing["state"], nothing["title"], nothing["topics"], nothing["words"]) == ("processing", None, None, None)
    assert nothing["audio"] == {"available": False, "reason": None}
    put(world.store, "recording", BUSY, Recording(id=BUSY, room_name="daily-20260323080000", start_ts=1774252800.5))
    put(world.store, "title", BUSY, Title(title="So far", method="gpt"))
    some = world.get(BUSY).json()
    assert (some["title"], some["room_name"], some["method"]) == ("So far", "daily-20260323080000", "gpt")
    assert some["created_at"] == "2026-03-23T08:00:00.500000+00:00"
    assert some["short_summary"] is None


def test_a_failed_one_says_where_and_why_and_can_be_retried(world: World) -> None:
    found = world.get(FAILED).json()
    assert (found["state"], found["step"], found["reason"]) == ("error", "topics", "the LLM answered 401")
    assert found["may_retry"]
    for daemon in (True, False):
        world.script.daemon = daemon
        answer = world.retry(FAILED)
        assert (answer.status_code, answer.json()) == (202, {"requested": True, "daemon": daemon})
    assert world.script.retried == [FAILED, FAILED]
    assert world.retry(FAILED, Authorization="Bearer wrong").status_code == 401
    assert len(world.script.retried) == 2


def test_what_failed_after_it_was_finished_can_still_be_read(world: World) -> None:
    world.script.states[DONE] = overview(DONE, "error", step="webhook_delivery", reason="no answer")
    try:
        found = world.get(DONE).json()
    finally:
        world.script.states[DONE] = overview(DONE, "ended")
    assert (found["state"], found["step"], found["title"], found["words"]) == (
        "error",
        "webhook_delivery",
        "Weekly meeting",
        4,
    )


def test_words_come_by_sentence_with_names(world: World) -> None:
    assert world.get(DONE, "/words").json() == {
        "segments": [
            {
                "speaker": 0,
                "name": "Ada",
                "start": 1.0,
                "end": 2.0,
                "words": [["Hello", 1.0, 1.4], ["there.", 1.5, 2.0]],
            },
            {
                "speaker": 1,
                "name": "Бен <b>",
                "start": 1.6,
                "end": 2.4,
                "words": [["Hi", 1.6, 1.9], ["Ada.", 2.0, 2.4]],
            },
        ]
    }
    assert len(world.get(DONE, "/waveform").json()["data"]) == 255
    assert [topic["timestamp"] for topic in world.get(DONE, "/topics").json()["data"]] == [0.0, 65.0]
    assert world.get(DONE, "/webvtt").text.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ada>Hello there.")


@pytest.mark.parametrize("part", ["/topics", "/waveform", "/words", "/webvtt"])
def test_what_a_browser_has_isn_t_sent_again(world: World, part: str) -> None:
    first = world.get(DONE, part)
    assert "no-store" in first.headers["cache-control"]
    again = world.get(DONE, part, If_None_Match=f'"other", W/{first.headers["etag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert world.get(DONE, part, If_None_Match='"other"').content == first.content


def test_who_is_renamed_is_sent_again(world: World, tmp_path: Path) -> None:
    other = World(tmp_path)
    tag = other.get(DONE, "/words").headers["etag"]
    people = other.store.read(f"recordings/{DONE}/participants.json").replace(b"Ada", b"Eve")
    other.store.write(f"recordings/{DONE}/participants.json", people)
    again = other.get(DONE, "/words", If_None_Match=tag)
    assert (again.status_code, again.json()["segments"][0]["name"]) == (200, "Eve")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-99", 206, slice(0, 100)),
        ("bytes=500-", 206, slice(500, None)),
        ("bytes=-100", 206, slice(-100, None)),
        ("bytes=99999999-", 416, slice(0, 0)),
    ],
)
def test_audio_comes_in_ranges(world: World, asked: str, status: int, part: slice) -> None:
    whole = world.store.read(f"recordings/{DONE}/audio.mp3")
    answer = world.get(DONE, "/audio", Range=asked)
    assert (answer.status_code, answer.content) == (status, whole[part])
    all_of_it = world.get(DONE, "/audio")
    assert (all_of_it.content, all_of_it.headers["accept-ranges"]) == (whole, "bytes")
    assert all_of_it.headers["content-type"] == "audio/mpeg"


def test_deleted_audio_is_gone_and_says_why(tmp_path: Path) -> None:
    world = World(tmp_path)
    mark_deleted(world.store, DONE, "consent denied")
    answer = world.get(DONE, "/audio")
    assert answer.status_code == 410
    assert "deleted on request" in answer.json()["detail"]
    assert world.get(DONE).json()["audio"] == {
        "available": False,
        "reason": "the audio of this recording was deleted on request",
    }


@pytest.mark.slow
def test_audio_in_s3_is_redirected_to(tmp_path: Path) -> None:
    """A real S3: its presigned URL answers ranges, is in no cache, and pages may play from there."""
    with S3Server(tmp_path / "s3") as server:
        server.create_bucket("results")
        store = server.store("results")
        made, script, _ = shown(tmp_path / "data")
        finish(store, script, finished(DONE, duration=1.0), SPOKEN)
        app, _, _ = application(f"sqlite:///{tmp_path}/reflector.db", ports=Ports(made.recordings, store))
        client = TestClient(app, follow_redirects=False)
        answer = client.get(f"/v1/transcripts/{DONE}/audio", headers=BEARER)
        assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
        target = answer.headers["location"]
        heard = httpx.get(target, headers={"Range": "bytes=0-9"}, trust_env=False)
        assert (heard.status_code, len(heard.content)) == (206, 10)
        policy = client.get(f"/transcripts/{DONE}").headers["content-security-policy"]
        media = next(part for part in policy.split("; ") if part.startswith("media-src"))
        assert f"http://{target.split('/')[2]}" in media.split()


@pytest.mark.slow
def test_browsers_reach_s3_at_an_address_of_their_own(tmp_path: Path) -> None:
    """A real S3 behind another address: the signature is for that one."""
    with S3Server(tmp_path / "s3") as server, Proxy(server.port) as proxy:
        server.create_bucket("results")
        store = server.store("results", public_endpoint_url=proxy.endpoint)
        made, script, _ = shown(tmp_path / "data")
        finish(store, script, finished(DONE, duration=1.0), SPOKEN)
        app, _, _ = application(f"sqlite:///{tmp_path}/reflector.db", ports=Ports(made.recordings, store))
        client = TestClient(app, follow_redirects=False)
        target = client.get(f"/v1/transcripts/{DONE}/audio", headers=BEARER).headers["location"]
        assert target.startswith(f"{proxy.endpoint}/")
        assert httpx.get(target, trust_env=False).status_code == 200
        assert store.url(f"recordings/{DONE}/audio.mp3").startswith(server.endpoint)
        assert proxy.endpoint in client.get(f"/transcripts/{DONE}").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("suffix", "media", "begins"),
    [
        ("txt", "text/plain", "Weekly meeting\n"),
        ("md", "text/markdown", "# Weekly meeting\n"),
        ("vtt", "text/vtt", "WEBVTT\n"),
        ("srt", "application/x-subrip", "1\n00:00:01,000 --> "),
        ("json", "application/json", "{"),
    ],
)
def test_downloads_are_files_named_after_the_title(world: World, suffix: str, media: str, begins: str) -> None:
    answer = world.get(DONE, f"/export/{suffix}")
    assert answer.headers["content-type"].split(";")[0] == media
    assert answer.text.startswith(begins)
    named = answer.headers["content-disposition"]
    assert named == f"attachment; filename=\"Weekly meeting.{suffix}\"; filename*=UTF-8''Weekly%20meeting.{suffix}"
    if suffix == "json":
        assert answer.json() == json.loads(world.store.read(f"recordings/{DONE}/transcript.json"))


@given(st.text(max_size=300))
def test_any_title_makes_a_file_s_name(title: str) -> None:
    header = attachment(title, "txt")
    header.encode("ascii")
    read = Message()
    read["content-disposition"] = header
    name = read.get_filename() or ""
    assert name.endswith(".txt")
    assert 0 < len(name) <= 104
    assert not set(name) & set('/\\:*?"<>|\r\n\0')


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("unknown", ["unknown", ".hidden", "a%2Fb", "x" * 200])
def test_what_is_unknown_is_404(world: World, unknown: str, part: str) -> None:
    answer = world.get(unknown, part)
    assert answer.status_code == 404
    assert answer.json()["detail"]


def test_what_isn_t_made_yet_is_404_and_other_formats_too(world: World) -> None:
    for part in PARTS[1:]:
        assert world.get(FAILED, part).status_code == 404
    assert world.get(DONE, "/export/docx").status_code == 404
    assert world.retry("unknown").status_code == 404


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_read_without_the_token(world: World, part: str) -> None:
    assert world.get(DONE, part, Authorization="").status_code == 401


def test_everything_is_in_the_document(world: World) -> None:
    paths = world.client.get("/openapi.json").json()["paths"]
    path = "/v1/transcripts/{id}"
    suffixes = [f"/export/{suffix}" for suffix in ("txt", "md", "vtt", "srt", "json")]
    for part in ["", "/topics", "/waveform", "/words", "/webvtt", "/audio", *suffixes]:
        assert "get" in paths[path + part], part
    assert set(paths[f"{path}/retry"]["post"]["responses"]) == {"202", "401", "403", "404", "410"}


def test_a_summary_can_hold_no_markup_of_its_own() -> None:
    text = "# <script>x</script>\n\n<img src=x onerror=y> [a](javascript:b) ![c](http://example.com/d.png) **e**"
    shown = to_html(text, shift=2)
    assert "<script" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
    assert "<a" not in shown
    assert "<strong>e</strong>" in shown
    assert shown.startswith("<h3>")


@given(st.text())
def test_any_summary_can_be_shown(text: str) -> None:
    assert "<script" not in to_html(text).lower()


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.store.write(f"recordings/{DONE}/transcript.json", b'{"id": 1}')
    answer = world.get(DONE)
    assert answer.status_code == 500
    assert "transcript.json" in answer.json()["detail"]


def test_scripted_recordings_are_what_the_service_asks_for() -> None:
    script = Scripted({"a": overview("a")})
    script.tell("a", "STATUS", value="processing")
    reader = script.reader("a")
    first = reader.read()
    assert ([event.event for event in first], reader.read()) == (["STATUS"], [])
    assert reader.after("000000")(first[0])
