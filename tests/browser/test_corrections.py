"""Correcting a transcript on its page, by mouse and keyboard, while somebody else does too."""

# pyright: basic

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(15)

FIRST, SECOND, THIRD, FOURTH = "first", "second", "third", "fourth"
ITEMS = {"next_steps": [{"task": "Send the slides", "assigned_to": "Ben"}], "method": "extractive"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as here:
        for name in (FIRST, SECOND, THIRD, FOURTH):
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
        # It is heard, from 1.8 to 3.6 s.
        expect(page.locator("#clock")).to_have_text(re.compile("0:0[34]"))
        expect(page.locator("#play")).to_have_class("play")
        page.keyboard.press("Escape")
        expect(page.locator("#turns input")).to_have_count(0)
        expect(page.locator("#turns .spoken").first).to_contain_text("docker podman")
        expect(page.locator("#turns .doubtful")).to_have_count(1)
        page.locator("#undo").click()
        expect(page.locator("#turns .spoken").first).not_to_contain_text("docker")


def test_people_texts_and_steps_are_corrected_and_somebody_else_sees_it(visitor: Visitor, here: Site) -> None:
    url = f"{here.url}/transcripts/{SECOND}"
    with visitor.visit(url, refused=True) as page, visitor.visit(url, width=390) as other:
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("button", name="Ada Lovelace").first.click()
        page.get_by_label("Name", exact=True).fill(" ")
        page.get_by_role("button", name="Save the name").click()
        expect(page.get_by_text("Name is empty.")).to_be_visible()
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        page.get_by_label("Name", exact=True).fill("\u3164")
        page.get_by_role("button", name="Save the name").click()
        expect(page.locator("#edit-note")).to_have_text("name: must have a visible character")
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


def test_corrected_terms_are_offered_to_the_room_and_a_paragraph_is_dragged(visitor: Visitor, here: Site) -> None:
    with visitor.visit(f"{here.url}/transcripts/{THIRD}", width=390, examined=True) as page:
        offered = page.locator("#terms button")
        page.get_by_role("button", name="Edit", exact=True).click()
        expect(offered).to_have_count(0)
        for at, text in enumerate(("Docker", "there", "Kubernetes", "Ada King")):
            word = page.locator("#turns .spoken span").nth(at)
            word.click()
            page.keyboard.type(text)
            page.keyboard.press("Enter")
            expect(page.locator("#turns .spoken").first).to_contain_text(text)
        expect(offered).to_have_text(["Docker", "Kubernetes", "Ada King"])
        assert faults(page) == []
        assert not is_too_wide(page)
        offered.nth(1).click()
        expect(page.locator("#edit-note")).to_contain_text("“Kubernetes” is expected")
        expect(offered).to_have_text(["Docker", "Ada King"])
        page.get_by_role("button", name="No", exact=True).click()
        expect(page.locator("#vocabulary")).to_be_hidden()
        names = page.locator("#turns strong:not(.hidden)")
        expect(names).to_have_text(["Ada Lovelace", "Ben Okri", "Chinwe Achebe", "Ada Lovelace"])
        drag(page, names.nth(1), page.locator("#turns .spoken").nth(2))
        expect(names).to_have_text(["Ada Lovelace", "Chinwe Achebe", "Ada Lovelace"])
        page.reload()
        page.get_by_role("button", name="Edit", exact=True).click()
        expect(offered).to_have_text(["Docker", "Ada King"])


def test_two_people_correct_different_words_and_not_the_same_one_unseen(visitor: Visitor, here: Site) -> None:
    url = f"{here.url}/transcripts/{FOURTH}"
    with visitor.visit(url, refused=True) as page, visitor.visit(url, refused=True) as other:
        for one in (page, other):
            one.get_by_role("button", name="Edit", exact=True).click()
        spoken = [one.locator("#turns .spoken").first for one in (page, other)]

        def write(one: int, at: int, text: str) -> None:
            spoken[one].locator("span").nth(at).click()
            expect(spoken[one].locator("input")).to_be_focused()
            (page, other)[one].keyboard.type(text)

        # While a word is open, the page doesn't show what others edit.
        write(1, 3, "fourth")
        write(0, 0, "First")
        page.keyboard.press("Enter")
        expect(spoken[0]).to_contain_text("First")
        other.keyboard.press("Enter")
        for text in spoken:
            expect(text).to_have_text(re.compile(r"^First \S+ \S+ fourth "))
        write(1, 0, "theirs")
        write(0, 0, "mine")
        page.keyboard.press("Enter")
        expect(spoken[0]).to_contain_text("mine")
        other.keyboard.press("Enter")
        expect(other.locator("#edit-note")).to_contain_text("Somebody else edited this meanwhile")
        expect(spoken[1]).to_have_text(re.compile("^mine "))


def drag(page: Page, what: Locator, to: Locator) -> None:
    """Drag an element to the upper left corner of another one; `Locator.drag_to` scrolls in between."""
    what.scroll_into_view_if_needed()
    begin, end = what.bounding_box(), to.bounding_box()
    assert begin is not None
    assert end is not None
    page.mouse.move(begin["x"] + 9, begin["y"] + 9)
    page.mouse.down()
    page.mouse.move(end["x"] + 9, end["y"] + 9, steps=9)
    page.mouse.up()


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
