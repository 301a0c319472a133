"""Messages in Zulip: posted once, edited where they stand, whoever dies or doesn't answer in between."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PermanentError, TransientError
from resources.database.database import Database
from resources.outgoing.zulip import UnknownOutcome, Zulip
from resources.outgoing.zulip_messages import LEASE_S, Messages, PostResult
from testing import PATIENCE_S
from testing.databases import migrated
from testing.deployment import ROOT
from testing.hosts.host import Answer
from testing.hosts.zulip_host import TOO_LATE, ZulipHost

KEY, STREAM, TOPIC, MARK = "transcript:rec-1", "general", "notes", "(https://example.com/transcripts/rec-1)"
NOW = 1_800_000_000.0


@pytest.fixture
def host() -> Iterator[ZulipHost]:
    with ZulipHost() as server:
        yield server


def messages_of(host: ZulipHost, folder: Path, timeout: float = PATIENCE_S, key: str | None = None) -> Messages:
    zulip = Zulip(realm=host.url, email=host.email, api_key=key or host.key, timeout=timeout)
    return Messages(database=Database(url=migrated(folder / "reflector.db")), zulip=zulip)


def say(messages: Messages, text: str = "first", now: float = NOW, **other: str) -> PostResult:
    return messages.post_or_edit(
        other.get("key", KEY), other.get("stream", STREAM), TOPIC, f"{text} {MARK}", MARK, now=now
    )


def test_it_is_posted_once_then_edited_and_left_alone_when_it_is_the_same(host: ZulipHost, tmp_path: Path) -> None:
    messages = messages_of(host, tmp_path)
    first = say(messages)
    assert say(messages) == first
    assert len(host.requests) == 1, "the same content asks nobody"
    assert say(messages, "second") == first
    assert host.says() == [f"second {MARK}"]
    assert say(messages, "second", stream="operations") == first
    assert host.posted == 1
    assert host.refused == []


def test_a_message_is_posted_anew_only_when_it_is_gone(host: ZulipHost, tmp_path: Path) -> None:
    messages = messages_of(host, tmp_path)
    first = say(messages)
    host.forget()
    again = say(messages, "second")
    assert again.message_id != first.message_id
    assert host.says() == [f"second {MARK}"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, TOO_LATE),
        (400, "You don't have permission to edit this message"),
        (400, "Your organization has turned off message editing"),
        (403, "Invalid message(s)"),
        (404, "Not found"),
    ],
)
def test_what_may_not_be_edited_stays_and_isnt_posted_again(
    host: ZulipHost, tmp_path: Path, status: int, said: str
) -> None:
    messages = messages_of(host, tmp_path)
    first = say(messages)
    host.fail(1, status, said)
    reported = say(messages, "second")
    assert reported.message_id == first.message_id
    assert said in (reported.note or "")
    assert host.posted == 1
    assert say(messages, "second") == first, "the edit is tried again by the next run"
    assert host.says() == [f"second {MARK}"]


def test_too_many_requests_wait_as_long_as_zulip_says(host: ZulipHost, tmp_path: Path) -> None:
    messages = messages_of(host, tmp_path)
    host.fail(1, 429, retry_after=28)
    with pytest.raises(TransientError) as reported:
        say(messages)
    assert reported.value.retry_after == 28
    say(messages)
    assert [request.method for request in host.requests] == ["POST", "POST"], "what wasn't posted isn't looked for"


def test_a_wrong_key_is_permanent_and_not_shown(host: ZulipHost, tmp_path: Path) -> None:
    messages = messages_of(host, tmp_path, key="wrong-secret")
    with pytest.raises(PermanentError, match="ZULIP_API_KEY") as reported:
        say(messages)
    assert "wrong-secret" not in str(reported.value)
    say(messages_of(host, tmp_path))


def test_a_stream_that_doesnt_exist_is_permanent(host: ZulipHost, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"does not exist.*subscribe the bot"):
        say(messages_of(host, tmp_path), stream="nowhere")


@pytest.mark.parametrize("trouble", ["reset", "hang", "500", "html"])
def test_a_lost_answer_never_posts_twice(host: ZulipHost, tmp_path: Path, trouble: str) -> None:
    """The message may stand there or not: who comes next looks for it, when the request must be over."""
    messages = messages_of(host, tmp_path)
    how = {
        "reset": Answer(how="reset"),
        "hang": Answer(how="hang"),
        "500": Answer(502, {"result": "error", "msg": "bad gateway"}),
        "html": Answer(200, b"<html></html>"),
    }[trouble]

    def take(call: Any):
        host.reply(call)
        return how

    host.plan(1, take, lambda call: call.method == "POST")
    with pytest.raises(UnknownOutcome):
        say(messages_of(host, tmp_path, timeout=5) if trouble == "hang" else messages)
    with pytest.raises(TransientError, match="another process") as reported:
        say(messages, now=NOW + 1)
    assert reported.value.retry_after == pytest.approx(LEASE_S - 1)
    later = say(messages_of(host, tmp_path), "second", now=NOW + LEASE_S)
    assert host.posted == 1
    assert host.says() == [f"second {MARK}"]
    assert say(messages, "second", now=NOW + LEASE_S) == later


def test_a_posting_that_was_lost_before_it_arrived_is_made_later(host: ZulipHost, tmp_path: Path) -> None:
    messages = messages_of(host, tmp_path)
    # Another one in the same topic isn't taken for it.
    messages.post_or_edit("other", STREAM, TOPIC, "other (https://example.com/transcripts/rec-10)", "rec-10", now=NOW)
    host.reset(1, begun=False)
    with pytest.raises(UnknownOutcome):
        say(messages)
    say(messages, now=NOW + LEASE_S)
    assert host.posted == 2


def test_a_server_that_isnt_there_is_transient(tmp_path: Path) -> None:
    gone = ZulipHost()
    gone.server.server_close()
    messages = messages_of(gone, tmp_path)
    for _ in range(2):
        with pytest.raises(TransientError, match="can't be reached"):
            say(messages)


def test_of_many_at_once_one_posts(host: ZulipHost, tmp_path: Path) -> None:
    host.latency = 0.2
    messages = messages_of(host, tmp_path)
    begin, reported = threading.Barrier(6), list[object]()

    def work() -> None:
        begin.wait()
        try:
            reported.append(say(messages))
        except TransientError as error:
            reported.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reported) == 6
    assert host.posted == 1
    assert host.says() == [f"first {MARK}"]


@pytest.mark.slow
def test_killed_between_posting_and_recording_it_is_posted_once(host: ZulipHost, tmp_path: Path) -> None:
    """A process is killed when Zulip has the message and the answer is on its way."""
    arrived = threading.Event()

    def take(call: Any):
        answer = host.reply(call)
        arrived.set()
        host.stopping.wait(PATIENCE_S)
        return answer

    host.plan(1, take)
    about = json.dumps({"url": f"sqlite:///{tmp_path / 'reflector.db'}", "realm": host.url, "key": host.key})
    code = (
        "import json, sys\n"
        "from resources.database.database import Database\n"
        "from resources.outgoing.zulip_messages import Messages\n"
        "from resources.outgoing.zulip import Zulip\n"
        f"about = json.loads({about!r})\n"
        f"zulip = Zulip(realm=about['realm'], email={host.email!r}, api_key=about['key'], timeout={PATIENCE_S})\n"
        "messages = Messages(database=Database(url=about['url']), zulip=zulip)\n"
        f"messages.post_or_edit({KEY!r}, {STREAM!r}, {TOPIC!r}, {'first ' + MARK!r}, {MARK!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert arrived.wait(PATIENCE_S)
    process.send_signal(signal.SIGKILL)
    process.wait()
    messages = messages_of(host, tmp_path)
    with pytest.raises(TransientError, match="another process"):
        say(messages, now=time.time())
    say(messages, now=time.time() + LEASE_S + 1)
    assert host.posted == 1
    assert len(host.says()) == 1
