"""A recording while it is made, in a real browser: live, failed, tried again, finished with no reload; and the list."""

# pyright: basic

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from service.disclosure import FAILED
from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.service.in_process import TOKEN
from tests.service.shown_recordings import finish, meeting, overview

pytestmark = pytest.mark.slow(30)

PLANNED = ["recording", "participants", "padded_tracks", "track_transcripts", "topics", "title", "transcript"]
REASON = "the transcription service answered 503"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as here:
        yield here


def begin(here: Site, recording_id: str) -> Any:
    """Start a recording's first run, up to where its tracks are transcribed; returns what tells of a step."""
    here.script.states[recording_id] = overview(recording_id)

    def step(*reported: Any, **data: Any) -> None:
        here.script.step(recording_id, *reported, **data)

    here.script.tell(recording_id, "STATUS", value="processing", step=None, reason=None)
    for name in PLANNED:
        step(name, "pending")
    for at, name in enumerate(PLANNED[:3], 1):
        step(name, "in_progress", percent=at * 10, attempt=1, max_attempts=4)
        step(name, "completed", percent=at * 10)
    return step


def one(page: Page, name: str) -> Any:
    """The row of a step."""
    return page.locator("#steps li").filter(has_text=name)


def test_a_run_is_watched_to_its_end_without_a_reload(visitor: Visitor, here: Site) -> None:
    step = begin(here, "live")
    with visitor.visit(f"{here.url}/transcripts/live") as page:
        page.evaluate("window.same = true")
        expect(page.locator("#steps li")).to_have_count(len(PLANNED))
        expect(one(page, "Read the recording")).to_contain_text("done5.0 s")
        expect(page.locator("#bar")).to_have_js_property("value", 30)
        step("track_transcripts", "in_progress", percent=33, track_index=2, track_count=3, attempt=1, max_attempts=4)
        expect(page.locator("#progress-title")).to_have_text("Transcribing track 2 of 3")
        expect(page.locator("#percent")).to_have_text("33 %")
        step("track_transcripts", "in_progress", percent=33, track_index=3, track_count=3, attempt=1, max_attempts=4)
        expect(page.locator("#progress-title")).to_have_text("Transcribing tracks 2 and 3 of 3")
        waits = {"attempt": 2, "max_attempts": 4, "reason": REASON}
        step("track_transcripts", "pending", percent=33, track_index=2, track_count=3, **waits)
        expect(one(page, "Transcribe each track")).to_contain_text(f"Track 2, attempt 2 of 4: {REASON}")
        step("track_transcripts", "completed", percent=60)
        expect(one(page, "Transcribe each track")).not_to_contain_text(REASON)
        here.script.tell("live", "FINAL_TITLE", title="As it comes")
        expect(page.locator("h1")).to_have_text("As it comes")
        for at in (60.0, 0.0, 60.0):
            topic = {"title": f"Topic at {at:.0f}", "summary": "Said", "timestamp": at, "duration": 60.0}
            here.script.tell("live", "TOPIC", id=f"t{at}", **topic)
        expect(page.locator("#topic-list button")).to_have_text(["0:00Topic at 0", "1:00Topic at 60"])
        finish(here.store, here.script, *meeting("live", 1, 60, 2))
        here.script.tell("live", "STATUS", value="ended", step=None, reason=None)
        expect(page.locator("#turns .spoken span")).to_have_count(60)
        expect(page.locator("h1")).to_have_text("Weekly meeting")
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#play")).to_be_visible()
        expect(page.locator("#notice")).to_have_text("The transcript is finished.")
        assert page.evaluate("window.same")


def test_a_lost_connection_doubles_nothing(visitor: Visitor, here: Site) -> None:
    step = begin(here, "cut")
    with visitor.visit(f"{here.url}/transcripts/cut", refused=True) as page:
        expect(page.locator("#steps li")).to_have_count(len(PLANNED))
        for at in range(3):
            before = len(here.proxy.connections)
            here.proxy.cut()
            topic = {"title": f"Topic {at}", "summary": "", "timestamp": float(at), "duration": 1.0}
            here.script.tell("cut", "TOPIC", id=f"t{at}", **topic)
            step("track_transcripts", "in_progress", percent=40 + at, attempt=1, max_attempts=4)
            expect(page.locator("#topic-list button")).to_have_count(at + 1)
            expect(page.locator("#percent")).to_have_text(f"{40 + at} %")
            assert len(here.proxy.connections) > before
        expect(page.locator("#steps li")).to_have_count(len(PLANNED))
        expect(page.locator("#progress")).not_to_have_class("panel interrupted")


def test_a_failed_one_is_tried_again(visitor: Visitor, here: Site) -> None:
    step = begin(here, "bad")
    with visitor.visit(f"{here.url}/transcripts/bad") as page:
        step("track_transcripts", "failed", percent=50, track_index=2, track_count=3, reason=REASON)
        step("track_transcripts", "failed", percent=50)
        here.script.states["bad"] = overview("bad", "error", step="track_transcripts", reason=REASON)
        here.script.tell("bad", "STATUS", value="error", step="track_transcripts", reason=REASON)
        expect(page.locator("#failure-step")).to_have_text("It failed at: Transcribe each track")
        expect(page.locator("#failure-reason")).to_have_text(REASON)
        expect(one(page, "Transcribe each track")).to_contain_text(f"failed0 of 3 tracksTrack 2, failed: {REASON}")
        page.locator("#retry").click()
        expect(page.locator("#retry-note")).to_contain_text("starts again")
        assert here.script.retried == ["bad"]
        here.script.states["bad"] = overview("bad")
        step("track_transcripts", "pending", percent=50, workflow_id="run-2")
        step("track_transcripts", "in_progress", percent=50, workflow_id="run-2", attempt=1, max_attempts=4)
        expect(page.locator("#failure")).to_be_hidden()
        expect(page.locator("#progress-title")).to_have_text("Transcribing the tracks")
        # What the first run did stays done.
        expect(one(page, "Read the recording")).to_contain_text("done")
        expect(one(page, "Transcribe each track")).not_to_contain_text(REASON)


def test_what_failed_after_it_was_finished_is_shown_with_it(visitor: Visitor, here: Site) -> None:
    finish(here.store, here.script, *meeting("told", 1, 60, 2))
    here.script.states["told"] = overview("told", "error", step="webhook_delivery", reason="nobody answers")
    here.script.step("told", "webhook_delivery", "failed", percent=93)
    with visitor.visit(f"{here.url}/transcripts/told") as page:
        expect(page.locator("#turns .spoken span")).to_have_count(60)
        expect(page.locator("#failure")).to_contain_text("Not every step could be finished")
        expect(page.locator("#failure")).to_contain_text("nobody answers")
        page.locator("#retry").click()
        here.script.states["told"] = overview("told")
        here.script.step("told", "webhook_delivery", "in_progress", percent=93, workflow_id="run-2", attempt=1)
        expect(page.locator("#progress-title")).to_have_text("Telling other systems")
        here.script.states["told"] = overview("told", "ended")
        here.script.tell("told", "STATUS", value="ended", step=None, reason=None)
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#failure")).to_be_hidden()


def test_who_may_not_act_sees_no_button(visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    with site(tmp_path_factory.mktemp("public"), public=True) as here:
        here.script.states["bad"] = overview("bad", "error", step="topics", reason=REASON)
        with visitor.visit(f"{here.url}/transcripts/bad") as page:
            expect(page.locator("#failure-reason")).to_have_text(FAILED)
            expect(page.locator("#retry")).to_be_hidden()


def test_readers_give_the_token_once(visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    with site(tmp_path_factory.mktemp("closed"), trial=False) as here:
        finish(here.store, here.script, *meeting("closed", 1, 60, 2))
        here.item("closed", title="Weekly meeting")
        with visitor.visit(f"{here.url}/transcripts/closed", refused=True, examined=True) as page:
            expect(page.get_by_label("Access token")).to_be_focused()
            assert faults(page) == []
            page.keyboard.type("wrong")
            page.keyboard.press("Enter")
            expect(page.locator("#token-wrong")).to_have_text("The token is wrong.")
            page.get_by_label("Access token").fill(TOKEN)
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("#turns .spoken span")).to_have_count(60)
            # The audio goes by the cookie, too.
            page.locator("#turns .spoken span").nth(20).click()
            expect(page.locator("#clock")).to_have_text(re.compile("0:2[1-5]"))
            page.goto(f"{here.url}/")
            expect(page.get_by_role("link", name="Weekly meeting")).to_be_visible()


def test_what_is_unknown_says_so(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/nobody-knows", refused=True) as page:
        expect(page.locator("#notice")).to_have_text("There is no such recording.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_kept_out_meanwhile(visitor: Visitor, here: Site, dark: bool) -> None:
    name = f"seen-{dark}"
    step = begin(here, name)
    step("track_transcripts", "pending", track_index=1, track_count=2, attempt=2, max_attempts=4, reason=REASON)
    step("topics", "failed", reason=REASON)
    with visitor.visit(f"{here.url}/transcripts/{name}", dark=dark, examined=True, width=360) as page:
        expect(one(page, "Find the topics")).to_contain_text("failed")
        assert faults(page) == []
        assert not is_too_wide(page)
        here.script.states[name] = overview(name, "error", step="topics", reason=REASON)
        here.script.tell(name, "STATUS", value="error", step="topics", reason=REASON)
        expect(page.locator("#retry")).to_be_visible()
        assert faults(page) == []
        for state in ("new", "processing", "ended", "error", "retired"):
            here.item(f"one-{state}-{dark}", state=state, title=f"The {state} one {dark}", reason=REASON)
        page.goto(f"{here.url}/?q=the+{dark}")
        expect(page.locator("#rows li")).to_have_count(5)
        assert faults(page) == []
        assert not is_too_wide(page)


def test_the_list_is_searched_paged_and_kept_up_to_date(
    visitor: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with site(tmp_path_factory.mktemp("list")) as here, visitor.visit(f"{here.url}/") as page:
        expect(page.locator("#notice")).to_have_text("There are no recordings yet.")
        for number in range(40):
            here.item(f"rec-{number}", f"Meeting <b>{number}</b>", text="We talked about the weather. " * 20)
        here.item("busy", state="processing")
        page.reload()
        expect(page.locator("#notice")).to_have_text("41 transcripts")
        expect(page.locator("#rows li")).to_have_count(20)
        expect(page.locator(".badge").first).to_have_text("Processing")
        here.item("busy", "Budget & more", text="What is left of the budget, and who needs more of it?")
        expect(page.locator(".badge").first).to_have_text("Finished")
        expect(page.get_by_role("link", name="Budget & more")).to_be_visible()
        page.get_by_role("link", name="Older").click()
        expect(page.locator("#where")).to_have_text("2 of 3")
        expect(page.locator("#rows h2").first).to_have_text("Meeting <b>20</b>")
        page.get_by_label("Search in all transcripts").fill("budg & need")
        page.keyboard.press("Enter")
        expect(page.locator("#rows li")).to_have_count(1)
        expect(page.locator("mark")).to_have_text(["budg", "need"])
        page.get_by_label("Search in all transcripts").fill("nothing of that")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_have_text("Nothing was found for “nothing of that”.")
