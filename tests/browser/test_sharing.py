"""Links to one transcript, made and withdrawn on its page."""

# pyright: basic

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from domain.access import Scope
from resources.database.shares import Shares
from resources.database.tokens import Tokens
from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.browser.serving import Site, site
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(10)
ID = "shared"


def sign_in(page: Page, here: Site, scope: Scope) -> None:
    """Sign in with a new token of a scope."""
    token = Tokens(database=here.catalogue.database).create(f"ben-{scope}", scope)
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("h1")).to_have_text("Weekly meeting")


@pytest.mark.parametrize("width", [390, 1200])
def test_a_link_is_made_copied_used_and_withdrawn(visitor: Visitor, tmp_path: Path, width: int) -> None:
    with site(tmp_path, trial=False) as here:
        finish(here.store, here.script, *meeting(ID, 1, 60, 2))
        shares = Shares(database=here.catalogue.database)
        shares.create(ID, timedelta(days=3).total_seconds(), "Ann")
        url = f"{here.url}/transcripts/{ID}"
        with visitor.visit(url, width=width, refused=True, examined=True) as page:
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            sign_in(page, here, Scope.WRITE)
            page.get_by_role("button", name="Share", exact=True).click()
            expect(page.locator("#shares li")).to_have_count(1)
            expect(page.locator("#shares")).to_contain_text("Made by Ann")
            page.get_by_label("Valid for").select_option("30 days")
            page.get_by_role("button", name="Make a link").click()
            expect(page.get_by_role("button", name="Copy")).to_be_focused()
            expect(page.locator("#shares li")).to_have_count(2)
            expect(page.locator("#shares")).to_contain_text("token ben-write")
            assert faults(page) == []
            assert not is_too_wide(page)
            page.keyboard.press("Enter")
            expect(page.locator("#share-note")).to_have_text("Copied.")
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied == page.get_by_label("New link").input_value()
            made = shares.all(ID)[1]
            assert made.expires_at - made.created_at == timedelta(days=30).total_seconds()
            # The service is another one under its public URL.
            link = f"{url}#{copied.partition('#')[2]}"
            with visitor.visit(link, refused=True) as reader:
                expect(reader.locator("h1")).to_have_text("Weekly meeting")
                expect(reader.locator("#share")).to_be_hidden()
            page.once("dialog", lambda asked: asked.dismiss())
            page.get_by_role("button", name="Withdraw").nth(1).click()
            expect(page.locator("#shares li")).to_have_count(2)
            page.once("dialog", lambda asked: asked.accept())
            page.get_by_role("button", name="Withdraw").nth(1).click()
            expect(page.locator("#share-note")).to_have_text("The link was withdrawn.")
            expect(page.get_by_label("New link")).to_be_hidden()
            assert [one.created_by for one in shares.all(ID)] == ["Ann"]
            page.keyboard.press("Escape")
            expect(page.get_by_role("button", name="Share", exact=True)).to_be_focused()
            with visitor.visit(link, refused=True) as reader:
                expect(reader.locator("#notice")).to_have_text("This link has expired or was withdrawn.")


def test_readers_make_no_links(visitor: Visitor, tmp_path: Path) -> None:
    with site(tmp_path, trial=False) as here:
        finish(here.store, here.script, *meeting(ID, 1, 60, 2))
        with visitor.visit(f"{here.url}/transcripts/{ID}", refused=True) as page:
            sign_in(page, here, Scope.READ)
            expect(page.locator("#turns .spoken span")).to_have_count(60)
            expect(page.locator("#share")).to_be_hidden()
            expect(page.locator("#edit")).to_be_hidden()
