"""The sample meeting as its users see it: from Daily's webhook to the finished page, with the real daemon."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from testing import PATIENCE_S
from testing.daemon import Daemon
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.gpu_host import Call, GPUHost
from testing.hosts.host import Answer
from testing.parts.receiver import OTHER_SECRET, SECRET, Receiver
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.slow(30)

SPOKEN = "Good morning everyone"


@pytest.fixture
def daily() -> Iterator[DailyHost]:
    """Daily, who knows the sample meeting and who was there."""
    described = json.loads((SAMPLE / "recording.json").read_text())
    people = json.loads((SAMPLE / "participants.json").read_text())["data"]
    with DailyHost(recordings=[described], participants={described["mtgSessionId"]: people}) as host:
        yield host


def good_morning(_: Call) -> list[dict[str, Any]]:
    return [{"word": f" {word}", "start": at, "end": at + 0.4} for at, word in enumerate(SPOKEN.split())]


@pytest.fixture
def gpu() -> Iterator[GPUHost]:
    with GPUHost(words=good_morning) as host:
        yield host


@pytest.fixture
def deployment(tmp_path: Path, daily: DailyHost, gpu: GPUHost) -> Deployment:
    return deploy(
        tmp_path,
        **daily.env,
        **gpu.env,
        DAILY_WEBHOOK_SECRET=SECRET,
        REFLECTOR_POLL_INTERVAL="3600",
        REFLECTOR_DAILY_FOLDER=str(tmp_path / "daily"),
        REFLECTOR_RETRY_DELAY="0",
    )


def test_from_the_webhook_over_a_failure_to_the_finished_page_without_a_reload(
    deployment: Deployment, daily: DailyHost, gpu: GPUHost, visitor: Visitor, tmp_path: Path
) -> None:
    seen = threading.Event()

    def answer_late(call: Call) -> Answer:
        assert seen.wait(PATIENCE_S)
        return gpu.reply(call)

    gpu.plan(3, answer_late)
    with Receiver(deployment, "--trial") as receiver, visitor.visit(receiver.url) as page, ExitStack() as stack:
        # The daemon is down, and Daily announces the recording before its tracks can be read.
        event = json.loads((SAMPLE / "webhook.json").read_text())
        assert daily.send(receiver.webhook, event, OTHER_SECRET) == 401
        assert daily.send(receiver.webhook, event, SECRET) == 200
        stack.enter_context(Daemon(deployment, forked=True))
        entry = page.get_by_role("link", name=re.compile("weekly-planning|" + SAMPLE_ID)).first
        expect(entry).to_be_visible()
        entry.click()
        page.evaluate("window.stillHere = true")
        failure = page.get_by_role("region", name=re.compile("be finished"))
        expect(failure).to_be_visible()
        expect(failure).to_contain_text("Line up the tracks")
        expect(failure).to_contain_text(SAMPLE_ID)

        bucket = tmp_path / "daily" / "example" / "weekly-planning-20260323080000"
        bucket.mkdir(parents=True)
        for track in (SAMPLE / "tracks").glob("*.webm"):
            shutil.copy(track, bucket / track.stem)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name=re.compile(r"Transcribing tracks? [\d, and]+ of 3"))).to_be_visible()
        seen.set()
        expect(failure).to_be_hidden()

        expect(page.get_by_role("region", name="Transcript", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", level=1)).not_to_contain_text(SAMPLE_ID)
        expect(page.get_by_text(SPOKEN).first).to_be_visible()
        expect(page.get_by_role("list", name="Participants").get_by_role("listitem")).to_have_text(
            ["Ada", "Ben", "Chloe"]
        )
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        assert page.evaluate("window.stillHere") is True
