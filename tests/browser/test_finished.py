"""A finished transcript of two hours and 10,000 words in a real browser."""

# pyright: basic

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from domain.text.words import Word
from resources.store.erasure import mark_deleted
from testing.daemon import until
from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.domain.finished import finished
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(50)

LONG, SHORT, EVIL, SILENT, BARE = "long", "short", "evil", "silent", "bare"
MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
# Does something once and waits for the frame that shows it.
ACT = """async ([act, n]) => {
  new Function('n', act)(n);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.stack"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as here:
        finish(here.store, here.script, *meeting(LONG, 120, 10_000, 8))
        rests_on = [{**QUOTE, "timestamp": 33.0, "subject": "Slides"}]
        finish(here.store, here.script, *meeting(SHORT, 1, 120, 3, action_items=ITEMS, summary_evidence=rests_on))
        people = [{"participant_id": "p", "user_id": None, "name": MARKUP, "speaker": 0}]
        topics = [
            {"id": MARKUP, "title": MARKUP, "summary": MARKUP, "timestamp": 0.0, "duration": 2.0}
            | {"words_from": 0, "words_to": 1}
        ]
        said = [Word(MARKUP, 0.5, 1.0, 0, 0.9)]
        texts = {"title": MARKUP, "short_summary": MARKUP, "long_summary": MARKUP, "room_name": MARKUP}
        items = {"decisions": [{"decision": MARKUP, "decided_by": MARKUP}], "method": MARKUP}
        fields: Any = {"topics": topics, "participants": people, "duration": 2.0, "action_items": items, **texts}
        finish(here.store, here.script, finished(EVIL, **fields), said)
        finish(here.store, here.script, finished(SILENT, duration=2.0, topics=[]), [])
        finish(here.store, here.script, *meeting(BARE, 1, 20, 2, action_items={"method": "extractive"}))
        yield here


QUOTE = {"quote": "I'll send the slides by Friday", "timestamp": 21.0, "speaker": "Ben"}
ITEMS = {
    "decisions": [{"decision": "The budget stays", "decided_by": "Ada", "timestamp": 12.0}],
    "next_steps": [{"task": "Send the slides", "assigned_to": "Ben", "deadline": "Friday", "evidence": QUOTE}],
    "method": "extractive",
}


def words(page: Page) -> Any:
    return page.locator("#turns .spoken span")


def heard(page: Page) -> float:
    """Where the player is, in seconds, as its slider says."""
    return float(page.locator("#position").input_value())


def test_everything_is_there(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        expect(page.locator("h1")).to_have_text("Weekly meeting")
        expect(page).to_have_title("Weekly meeting · Transcript")
        expect(page.locator("#people li")).to_have_text(["Ada Lovelace", "Ben Okri", "Chinwe Achebe"])
        expect(page.locator("#facts")).to_contain_text("1 min")
        expect(page.locator("#short")).to_have_text("They met.")
        expect(page.locator("#method")).to_contain_text("own sentences")
        page.get_by_text("Full summary", exact=True).click()
        expect(page.locator("#long h3").first).to_have_text("Quick recap")
        expect(page.locator("#decisions")).to_contain_text("Decided by Ada")
        expect(page.locator("#next")).to_contain_text("Due Friday")
        expect(words(page)).to_have_count(120)
        expect(page.locator("#length")).to_have_text("1:00")
        assert page.locator("#waveform canvas").count() >= 1
        # Nothing of the audio is fetched before somebody wants to hear it.
        fetched = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
        assert not [url for url in fetched if url.endswith("/audio")]


def test_the_page_says_in_which_languages_nothing_was_found(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{BARE}") as page:
        for none in (page.locator("#decisions .none"), page.locator("#next .none")):
            expect(none).to_contain_text("recognized in English, German and Spanish only")


def test_a_word_is_heard_when_it_is_clicked_and_the_mark_follows(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        # Read at once: what plays goes on.
        click = "(word) => { word.click(); return document.getElementById('position').value }"
        assert words(page).nth(60).evaluate(click) == "30"
        expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
        expect(words(page).nth(60)).not_to_have_class("now")
        now = page.locator("#turns .now")
        expect(now).to_have_count(1)
        place = words(page).evaluate_all("(all) => all.findIndex((one) => one.className === 'now')")
        assert place > 60
        page.locator("#play").click()
        expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
        page.locator("#decisions").get_by_role("button", name="Go to 0:12").click()
        expect(page.locator("#clock")).to_have_text(re.compile("0:1[2-9]"))


def test_evidence_is_heard_when_it_is_clicked(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        expect(words(page)).to_have_count(120)
        quote = page.locator("#next").get_by_role("button", name="I'll send the slides by Friday")
        expect(quote).to_contain_text("Ben")
        quote.click()
        expect(page.locator("#clock")).to_have_text(re.compile("0:2[1-9]"))
        page.get_by_text("What the summary rests on").click()
        page.locator("#sources").get_by_role("button").click()
        expect(page.locator("#clock")).to_have_text(re.compile("0:3[3-9]"))


def _still(page: Page) -> bool:
    """Say whether the page doesn't scroll for a moment."""
    at = page.evaluate("scrollY")
    page.wait_for_timeout(300)
    return page.evaluate("scrollY") == at


def test_who_scrolls_is_left_alone_until_they_follow_again(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        words(page).nth(0).click()
        expect(page.locator("#follow")).to_be_hidden()
        page.mouse.wheel(0, 3000)
        expect(page.locator("#follow")).to_be_visible()
        # The wheel's own scrolling is smooth, and takes its time on a busy machine.
        until(lambda: _still(page), what="the end of scrolling")
        before = page.evaluate("scrollY")
        page.wait_for_timeout(900)
        assert page.evaluate("scrollY") == before
        page.locator("#follow").click()
        expect(page.locator("#follow")).to_be_hidden()
        expect(page.locator("#turns .now")).to_be_in_viewport()


def test_topics_and_addresses_with_a_time_lead_to_their_place(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{LONG}#t=3600") as page:
        expect(page.locator("#clock")).to_have_text("1:00:00")
        expect(page.locator("#turns .now")).to_be_in_viewport()
        page.locator("#topic-list button").nth(30).click()
        expect(page.locator("#topic-30")).to_be_in_viewport()
        expect(page.locator("#topic-30")).to_be_focused()
        expect(page.locator("#topic-list [aria-current]")).to_have_text(re.compile("1:48:00"))


def test_a_search_counts_goes_on_and_comes_back(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{LONG}") as page:
        expect(words(page)).to_have_count(10_000)
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()
        # Over the ends of words, in any case.
        page.keyboard.type("NUMBERS last i")
        expect(page.locator("#found")).to_have_text(re.compile(r"^1 of \d+$"))
        count = int((page.locator("#found").text_content() or "").split()[-1])
        shown = page.locator("#turns").text_content() or ""
        assert count == shown.lower().count("numbers last i") > 100
        assert page.evaluate("CSS.highlights.get('match').size") == count
        page.keyboard.press("Enter")
        expect(page.locator("#found")).to_have_text(f"2 of {count}")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        expect(page.locator("#found")).to_have_text(f"{count} of {count}")
        assert page.evaluate("scrollY > 10000")
        page.locator("#find").fill("no such words")
        expect(page.locator("#found")).to_have_text("No match")
        expect(page.locator("#following")).to_be_disabled()
        page.keyboard.press("Escape")
        expect(page.locator("#found")).to_have_text("")


def test_the_keyboard_does_it_all(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        expect(words(page)).to_have_count(120)
        for key, seconds in (("l", 10), ("l", 20), ("ArrowRight", 25), ("j", 15), ("ArrowLeft", 10)):
            page.keyboard.press(key)
            assert heard(page) == seconds
        for key, label in (("k", "Pause"), ("k", "Play"), ("Space", "Pause"), ("Space", "Play")):
            page.keyboard.press(key)
            expect(page.locator("#play")).to_have_attribute("aria-label", label)
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        at = heard(page)
        page.keyboard.press("l")
        assert heard(page) == at
        page.reload()
        expect(words(page)).to_have_count(120)
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.locator("#position").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#position")).to_have_attribute("aria-valuetext", "0:01 of 1:00")


def test_the_downloads_download(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}") as page:
        links = page.locator("#downloads a")
        expect(links).to_have_text(["Text", "Markdown", "WebVTT", "SRT", "JSON"])
        with page.expect_download() as waited:
            links.nth(2).click()
        assert waited.value.suggested_filename == "Weekly meeting.vtt"
        assert waited.value.path().read_text().startswith("WEBVTT")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_kept_out(visitor: Visitor, here: Site, dark: bool) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SHORT}", dark=dark, examined=True) as page:
        words(page).nth(5).click()
        page.locator("#find").fill("the")
        assert faults(page) == []
        page.locator("#show-help").click()
        assert faults(page) == []
    # All eight colours of speakers.
    with visitor.visit(f"{here.url}/transcripts/{LONG}", dark=dark, examined=True) as page:
        expect(words(page)).to_have_count(10_000)
        page.evaluate("[...document.querySelectorAll('.turn')].slice(12).forEach((one) => one.remove())")
        assert len(set(page.locator(".who strong").evaluate_all("(a) => a.map((e) => getComputedStyle(e).color)"))) == 8
        assert faults(page) == []


@pytest.mark.parametrize("recording", [SHORT, EVIL])
def test_it_fits_a_phone(visitor: Visitor, here: Site, recording: str) -> None:
    with visitor.visit(f"{here.url}/transcripts/{recording}", width=360) as page:
        words(page).first.click()
        page.locator("#find").fill("the")
        assert not is_too_wide(page)


def test_markup_in_names_words_and_titles_is_text(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{EVIL}") as page:
        expect(words(page)).to_have_text([MARKUP])
        expect(page.locator("h1")).to_have_text(MARKUP)
        for place in ("#people li", ".who strong", ".topic", ".topic-summary", "#short", "#topic-list", "#decisions"):
            expect(page.locator(place).first).to_contain_text(MARKUP)
        page.get_by_text("Full summary", exact=True).click()
        expect(page.locator("#long")).to_have_text(MARKUP)
        assert page.locator("main img, main script").count() == 0
        assert page.title() == f"{MARKUP} · Transcript"


def test_a_silent_recording_and_one_without_audio_say_so(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{SILENT}") as page:
        expect(page.locator("#turns")).to_have_text("Nothing was said.")
        expect(page.locator("#topics")).to_be_hidden()
    mark_deleted(here.store, SILENT, "consent denied")
    with visitor.visit(f"{here.url}/transcripts/{SILENT}", examined=True) as page:
        expect(page.locator("#no-audio")).to_contain_text("The audio of this recording was deleted on request.")
        expect(page.locator("#play")).to_be_hidden()
        assert faults(page) == []


def work(page: Page, act: str, n: int) -> tuple[int, int, int]:
    """Do something on the page; how many layouts its script forced, and the elements styled and objects laid out."""
    browser = page.context.browser
    assert browser
    browser.start_tracing(page=page, categories=TRACED)
    page.evaluate(ACT, [act, n])
    events = json.loads(browser.stop_tracing())["traceEvents"]
    layouts = [one["args"].get("beginData", {}) for one in events if one["name"] == "Layout"]
    styled = [one["args"].get("elementCount", 0) for one in events if one["name"] == "UpdateLayoutTree"]
    laid_out = [one.get("dirtyObjects", 0) for one in layouts]
    return sum("stackTrace" in one for one in layouts), sum(styled), sum(laid_out)


def test_two_hours_answer_at_once(visitor: Visitor, here: Site) -> None:
    """What a click costs doesn't grow with the transcript: it touches about what is on the screen."""
    with visitor.visit(f"{here.url}/transcripts/{LONG}") as page:
        expect(words(page)).to_have_count(10_000)
        # A player that plays would add work of its own to each frame.
        page.evaluate("HTMLMediaElement.prototype.play = async () => {}")
        click = "document.querySelectorAll('#turns .spoken span')[n * 997 + 500].click()"
        find = """const box = document.getElementById('find');
            box.value = ['the', 'a', 'budget', 'numbers changed', 'e'][n % 5];
            box.dispatchEvent(new Event('input'))"""
        following = "document.getElementById('following').click()"
        topic = "document.querySelectorAll('#topic-list button')[n * 3].click()"
        for act in (click, find, following, topic):
            cost = [work(page, act, n) for n in range(3)]
            forced, styled, laid_out = (sorted(one)[1] for one in zip(*cost, strict=True))
            assert forced <= 4, (act, cost)
            assert styled < 2_500, (act, cost)
            assert laid_out < 5_000, (act, cost)
