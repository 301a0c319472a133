"""The sample meeting as its users see it: from Daily's webhook to the finished page, with the real daemon."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from testing.daemon import Daemon
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.parts.receiver import OTHER_SECRET, SECRET, Receiver
from tests.browser.conftest import Visitor, faults

pytestmark = pytest.mark.slow(90)


@pytest.fixture
def daily() -> Iterator[DailyHost]:
    """Daily, who knows the sample meeting and who was there."""
    described = json.loads((SAMPLE / "recording.json").read_text())
    people = json.loads((SAMPLE / "participants.json").read_text())["data"]
    with DailyHost(recordings=[described], participants={described["mtgSessionId"]: people}) as host:
        yield host


@pytest.fixture
def deployment(tmp_path: Path, daily: DailyHost) -> Deployment:
    return deploy(
        tmp_path,
        **daily.env,
        DAILY_WEBHOOK_SECRET=SECRET,
        REFLECTOR_POLL_INTERVAL="3600",
        REFLECTOR_DAILY_FOLDER=str(tmp_path / "daily"),
        REFLECTOR_RETRY_DELAY="0",
    )


def test_from_the_webhook_over_a_failure_to_the_finished_page_without_a_reload(
    deployment: Deployment, daily: DailyHost, visitor: Visitor, tmp_path: Path
) -> None:
    with Receiver(deployment, "--trial") as receiver, visitor.visit(receiver.url) as page, ExitStack() as stack:
        # The daemon is down, and Daily announces the recording before its tracks can be read.
        event = json.loads((SAMPLE / "webhook.json").read_text())
        assert daily.send(receiver.webhook, event, OTHER_SECRET) == 401
        assert daily.send(receiver.webhook, event, SECRET) == 200
        # As `make dev` does: the embedded Whisper takes one track after the other.
        assert deployment.reflector("pools").returncode == 0
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
        expect(page.get_by_role("heading", name=re.compile(r"Transcribing track \d of 3"))).to_be_visible()
        expect(failure).to_be_hidden()

        expect(page.get_by_role("region", name="Transcript", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", level=1)).not_to_contain_text(SAMPLE_ID)
        expect(page.get_by_text("Good morning everyone")).to_be_visible()
        expect(page.get_by_role("list", name="Participants").get_by_role("listitem")).to_have_text(
            ["Ada", "Ben", "Chloe"]
        )
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        assert page.evaluate("window.stillHere") is True


def test_axe_finds_nothing_on_the_list_of_a_real_service(deployment: Deployment, visitor: Visitor) -> None:
    assert deployment.reflector("import", str(SAMPLE)).returncode == 0
    with Receiver(deployment, "--trial") as receiver, visitor.visit(receiver.url, examined=True) as page:
        expect(page.get_by_role("link", name=re.compile("weekly-planning|" + SAMPLE_ID)).first).to_be_visible()
        assert faults(page) == []
