"""Correcting topics and action items on the page, while somebody else does too."""

# pyright: basic

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(10)

IDS = ("by-mouse", "by-keyboard", "together", "apart", "examined-light", "examined-dark")
STEPS: dict[str, Any] = {
    "next_steps": [
        {"task": "Send the slides", "assigned_to": "Ben Okri", "deadline": "Friday"},
        {"task": "Book the room"},
    ],
    "method": "extractive",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as here:
        for recording_id in IDS:
            finish(here.store, here.script, *meeting(recording_id, 5, 620, 3, action_items=STEPS))
        transcript, spoken = meeting("between", 5, 620, 3)
        topics = [*transcript.topics]
        # No sentence begins before the next topic.
        topics.insert(
            1, topics[0].model_copy(update={"id": "t1", "title": "Aside", "timestamp": spoken[300].start - 0.1})
        )
        finish(here.store, here.script, transcript.model_copy(update={"topics": tuple(topics)}), spoken)
        yield here


@contextmanager
def editing(visitor: Visitor, here: Site, recording_id: str, **settings: Any) -> Iterator[Page]:
    """Open a page and begin to edit."""
    with visitor.visit(f"{here.url}/transcripts/{recording_id}", **settings) as page:
        press(page, "Edit")
        yield page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def field(page: Page, name: str) -> Locator:
    return page.locator("#text-box").get_by_label(name, exact=True)


def saved(page: Page) -> None:
    press(page, "Save")
    expect(page.locator("#text-box")).to_be_hidden()


def test_topics_and_steps_are_corrected_and_return_to_what_was_generated(visitor: Visitor, here: Site) -> None:
    with editing(visitor, here, "by-mouse") as page:
        expect(page.locator(".by-hand")).to_have_count(0)
        press(page, "Edit the topic “Hiring”")
        expect(field(page, "Title")).to_have_value("Hiring")
        expect(page.get_by_role("button", name="Use the generated text")).to_be_hidden()
        field(page, "Title").fill("Two new people")
        field(page, "Summary").fill("Ada looks for them.")
        saved(page)
        expect(page.locator("#topic-1")).to_have_text("Two new people")
        expect(page.locator("#topic-list li").nth(1)).to_contain_text("Two new people")
        expect(page.locator(".topic-summary").nth(1)).to_have_text("Ada looks for them.")
        expect(page.locator(".by-hand")).to_have_text(["Corrected by hand"])
        press(page, "Edit “Send the slides”")
        field(page, "What").fill("Send the slides and the budget")
        field(page, "Owner").fill("Ada Lovelace")
        field(page, "Deadline").fill("")
        saved(page)
        step = page.locator("#next li").first
        expect(step).to_contain_text("Send the slides and the budget")
        expect(step.locator(".facts span")).to_have_text(["Ada Lovelace", "Corrected by hand"])
        page.get_by_label("Done: Send the slides and the budget").check()
        expect(step).to_contain_text("Done")
        press(page, "Edit “Send the slides and the budget”")
        press(page, "Use the generated text")
        expect(step.locator(".facts span")).to_have_text(["Done", "Ben Okri", "Due Friday"])
        press(page, "Edit the topic “Two new people”")
        press(page, "Use the generated text")
        expect(page.locator("#topic-1")).to_have_text("Hiring")
        expect(page.locator(".by-hand")).to_have_count(0)
        press(page, "Edit")
        expect(page.locator(".edit-part")).to_have_count(0)


def test_a_topic_in_which_no_turn_begins_is_corrected(visitor: Visitor, here: Site) -> None:
    with editing(visitor, here, "between") as page:
        press(page, "Edit the topic “Aside”")
        field(page, "Title").fill("Coffee")
        saved(page)
        expect(page.locator("h3.topic")).to_have_text(
            ["Budget of the spring", "Coffee", "Hiring", "What customers say"]
        )
        page.locator("#topic-list").get_by_role("button", name="Coffee").click()
        expect(page.locator("#topic-1")).to_be_focused()


def test_a_reader_sees_which_title_and_summary_are_by_hand(visitor: Visitor, here: Site) -> None:
    with editing(visitor, here, "apart") as page, visitor.visit(f"{here.url}/transcripts/apart") as other:
        press(page, "Edit the title")
        field(page, "Title").fill("Budget and people")
        saved(page)
        press(page, "Edit the short summary")
        field(page, "Short summary").fill("There is enough.")
        saved(page)
        for one in (page, other):
            expect(one.locator("#facts")).to_contain_text("Title corrected by hand")
            expect(one.locator("#summary-by-hand")).to_have_text("Short summary corrected by hand")
        press(page, "Undo")
        press(page, "Edit the title")
        press(page, "Use the generated text")
        for one in (page, other):
            expect(one.locator("#summary-by-hand")).to_be_hidden()
            expect(one.locator("#facts")).not_to_contain_text("by hand")


def test_the_keyboard_is_enough_and_stays_where_it_was(visitor: Visitor, here: Site) -> None:
    with editing(visitor, here, "by-keyboard") as page:
        topic = page.locator("#edit-topic-0")
        topic.focus()
        page.keyboard.press("Enter")
        expect(field(page, "Title")).to_be_focused()
        field(page, "Title").fill(" ")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="Title is empty.")).to_be_visible()
        page.keyboard.type("Money")
        page.keyboard.press("Enter")
        expect(page.locator("#topic-0")).to_have_text("Money")
        expect(topic).to_be_focused()
        page.locator("#edit-step-1").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(field(page, "Owner")).to_be_focused()
        page.keyboard.type("Chinwe Achebe")
        page.keyboard.press("Escape")
        expect(page.locator("#edit-step-1")).to_be_focused()
        expect(page.locator("#next")).not_to_contain_text("Chinwe Achebe")
        name = page.get_by_role("button", name="Ben Okri").first
        name.focus()
        page.keyboard.press("Enter")
        page.get_by_label("Name", exact=True).fill("Benjamin")
        page.keyboard.press("Enter")
        expect(page.locator("#people")).to_contain_text("Benjamin")
        expect(page.get_by_role("button", name="Benjamin", exact=True).first).to_be_focused()


def test_two_people_see_each_others_changes_and_overwrite_none_unseen(visitor: Visitor, here: Site) -> None:
    with (
        editing(visitor, here, "together", refused=True) as page,
        editing(visitor, here, "together", width=390, refused=True) as other,
    ):
        press(page, "Edit the topic “Hiring”")
        press(other, "Edit “Book the room”")
        field(other, "Owner").fill("Ada Lovelace")
        saved(other)
        # Something else was edited: this goes on.
        field(page, "Title").fill("New people")
        saved(page)
        expect(page.locator("#next")).to_contain_text("Ada Lovelace")
        expect(other.locator("#topic-1")).to_have_text("New people")
        press(page, "Edit the topic “New people”")
        press(other, "Edit the topic “New people”")
        field(other, "Summary").fill("Ada looks for them.")
        saved(other)
        field(page, "Summary").fill("Ben looks for them.")
        press(page, "Save")
        expect(page.locator("#text-trouble")).to_contain_text("Summary is now “Ada looks for them.”")
        expect(field(page, "Summary")).to_have_value("Ben looks for them.")
        saved(page)
        for one in (page, other):
            expect(one.locator(".topic-summary").nth(1)).to_have_text("Ben looks for them.")
        assert not is_too_wide(other)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1200, False)])
def test_nobody_is_kept_out(visitor: Visitor, here: Site, width: int, dark: bool) -> None:
    with editing(
        visitor, here, f"examined-{'dark' if dark else 'light'}", dark=dark, width=width, examined=True
    ) as page:
        for name in ("#edit-topic-1", "#edit-step-0", "#edit-short"):
            page.locator(name).click()
            expect(page.locator("#text-box")).to_be_visible()
            assert faults(page) == []
            assert not is_too_wide(page)
            page.locator("#text-0").fill(f"By hand at {width}")
            saved(page)
        assert faults(page) == []
        assert not is_too_wide(page)
