"""Correcting a transcript on its page, by mouse and keyboard, while somebody else does too."""

# pyright: basic

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(15)

FIRST, SECOND = "first", "second"
ITEMS = {"next_steps": [{"task": "Send the slides", "assigned_to": "Ben"}], "method": "extractive"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as here:
        for name in (FIRST, SECOND):
            transcript, spoken = meeting(name, 1, 120, 3, action_items=ITEMS)
            doubtful = [word._replace(confidence=0.2) if row in (2, 5) else word for row, word in enumerate(spoken)]
            finish(here.store, here.script, transcript, doubtful)
        yield here


def test_words_are_corrected_with_the_keyboard(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{FIRST}") as page:
        expect(page.locator("#turns .doubtful")).to_have_count(2)
        page.get_by_role("button", name="Edit", exact=True).click()
        page.locator("#turns .doubtful").first.focus()
        page.keyboard.press("Enter")
        page.keyboard.type("docker podman")
        page.keyboard.press("Tab")
        # The next doubtful word is open now.
        expect(page.locator("#turns .doubtful input")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#turns input")).to_have_count(0)
        expect(page.locator("#turns .spoken").first).to_contain_text("docker podman")
        expect(page.locator("#turns .doubtful")).to_have_count(1)
        page.locator("#undo").click()
        expect(page.locator("#turns .spoken").first).not_to_contain_text("docker")


def test_people_texts_and_steps_are_corrected_and_somebody_else_sees_it(visitor: Visitor, here: Site) -> None:
    url = f"{here.url}/transcripts/{SECOND}"
    with visitor.visit(url) as page, visitor.visit(url, width=390) as other:
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("button", name="Ada Lovelace").first.click()
        page.get_by_label("Name", exact=True).fill("Ada King")
        page.get_by_role("button", name="Save the name").click()
        expect(page.locator("#people li").first).to_have_text("Ada King")
        page.get_by_role("button", name="Edit the title").click()
        page.get_by_role("textbox", name="Title").fill("Budget of the spring")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("h1")).to_have_text("Budget of the spring")
        page.get_by_role("button", name="Ben Okri").first.click()
        page.get_by_label("Another participant").select_option("Chinwe Achebe")
        page.get_by_role("button", name="It is the same person").click()
        expect(page.locator("#people li")).to_have_text(["Ada King", "Chinwe Achebe"])
        page.get_by_label("Done: Send the slides").check()
        expect(page.locator("#next")).to_contain_text("Done")
        # Without a reload.
        expect(other.locator("h1")).to_have_text("Budget of the spring")
        expect(other.locator("#people li")).to_have_text(["Ada King", "Chinwe Achebe"])
        expect(other.locator("#next")).to_contain_text("Done")
        other.get_by_role("button", name="Edit", exact=True).click()
        assert not is_too_wide(other)


@pytest.mark.parametrize("dark", [False, True])
def test_editing_keeps_nobody_out(visitor: Visitor, here: Site, dark: bool) -> None:
    with visitor.visit(f"{here.url}/transcripts/{FIRST}", dark=dark, width=390, examined=True) as page:
        page.get_by_role("button", name="Edit", exact=True).click()
        page.locator("#turns .doubtful").first.click()
        assert faults(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Ada Lovelace").first.click()
        assert faults(page) == []
        assert not is_too_wide(page)
