"""Ways into the pages without a token, in a real browser: a link to one transcript, and an account."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from domain.access import Scope
from resources.database.shares import Shares
from service.login import CALLBACK, Login
from testing.parts import free_ports
from testing.parts.identity_provider import IdentityProvider
from tests.browser.conftest import Visitor, faults
from tests.browser.serving import site
from tests.service.shown_recordings import finish, meeting

pytestmark = pytest.mark.slow(10)


def test_people_sign_in_with_their_account_and_are_where_they_wanted_to_be(visitor: Visitor, tmp_path: Path) -> None:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with IdentityProvider(tmp_path, f"{url}{CALLBACK}", ["ann@example.com", "eve@evil.test"]) as provider:
        scopes = {"@example.com": Scope.READ}
        login = Login(provider.url, provider.client_id, provider.client_secret, page_url=url, scopes=scopes)
        with site(tmp_path, trial=False, login=login, port=port) as here:
            finish(here.store, here.script, *meeting("wanted", 1, 60, 2))
            page_url = f"{here.url}/transcripts/wanted"
            with visitor.visit(page_url, refused=True, examined=True, other=provider.url) as page:
                expect(page.locator("#account")).to_be_visible()
                assert faults(page) == []
                page.locator("#account").click()
                sign_in(page, "ann", provider.password)
                expect(page.locator("#turns .spoken span")).to_have_count(60)
                assert page.url == page_url
                ours = [one.get("name") for one in page.context.cookies(here.url)]
                assert "reflector_session" in ours
                assert "reflector_login" not in ours
                assert faults(page) == []
                page.get_by_role("button", name="Sign out").click()
                expect(page.locator("#account")).to_be_visible()
                assert "reflector_session" not in [one.get("name") for one in page.context.cookies(here.url)]
            # The account of the second has no access.
            with visitor.visit(f"{here.url}/v1/login", refused=True, examined=True, other=provider.url) as page:
                sign_in(page, "eve", provider.password)
                expect(page.get_by_role("alert")).to_have_text(
                    "This account has no access; ask the operator of this service."
                )
                assert faults(page) == []
                page.get_by_role("link", name="Back to the transcripts").click()
                expect(page.get_by_label("Access token")).to_be_visible()


def sign_in(page: Page, account: str, password: str) -> None:
    """Fill in the provider's two pages."""
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=login]").press("Enter")
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=password]").press("Enter")


def test_a_link_shows_and_plays_one_transcript_until_it_is_withdrawn(visitor: Visitor, tmp_path: Path) -> None:
    with site(tmp_path, trial=False) as here:
        finish(here.store, here.script, *meeting("shared", 1, 60, 2))
        shares = Shares(database=here.catalogue.database)
        share, token = shares.create("shared", 3600, "test")
        link = f"{here.url}/transcripts/shared#share={token}"
        # The first request is refused: only then is the link used.
        with visitor.visit(link, refused=True, examined=True) as page:
            expect(page.locator("#turns .spoken span")).to_have_count(60)
            expect(page.locator("#pages")).to_be_hidden()
            assert faults(page) == []
            assert page.evaluate("location.href") == f"{here.url}/transcripts/shared", "nobody reads it off the screen"
            page.locator("#play").click()
            page.wait_for_function("document.getElementById('position').value > 0")
            page.reload()
            expect(page.locator("#turns .spoken span")).to_have_count(60)
            with page.expect_download() as waited:
                page.locator("#downloads a").first.click()
            assert "Weekly meeting" in waited.value.path().read_text()
            page.goto(f"{here.url}/")
            expect(page.get_by_label("Access token")).to_be_visible()
        shares.withdraw(share.id)
        with visitor.visit(link, refused=True) as page:
            expect(page.locator("#notice")).to_have_text("This link has expired or was withdrawn.")
