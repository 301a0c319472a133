"""The page of costs and the list, over a recording that was really made, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, faults, is_too_wide
from tests.consent.world import World, world
from tests.costs.serving import app_of
from tests.service.in_process import listening

pytestmark = pytest.mark.slow(10)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A recording that was processed, and where it is shown; the browser comes after it."""
    with world(tmp_path_factory.mktemp("world")) as found:
        assert found.run().success
        app = app_of(found, f"sqlite:///{tmp_path_factory.mktemp('service') / 'reflector.db'}", trial=True)
        with listening(app) as port:
            yield found, f"http://127.0.0.1:{port}"


def test_costs_are_summed_up_as_is_chosen(made: tuple[World, str], visitor: Visitor) -> None:
    recording, url = made
    with visitor.visit(f"{url}/costs") as page:
        expect(page.locator("#rows tr")).to_have_count(16)
        expect(page.locator("#notice")).to_contain_text("EUR in total")
        page.get_by_label("By", exact=True).select_option("recording")
        expect(page.locator("#rows tr")).to_have_count(1)
        expect(page.locator("#rows a")).to_have_attribute("href", f"/transcripts/{recording.id}")
        assert page.url.endswith("/costs?by=recording")
        page.reload()
        expect(page.locator("#rows th")).to_have_text(recording.id)


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_use_the_page(made: tuple[World, str], visitor: Visitor, dark: bool) -> None:
    with visitor.visit(f"{made[1]}/costs", dark=dark, width=360, examined=True) as page:
        expect(page.locator("#rows tr")).to_have_count(16)
        assert faults(page) == []
        assert not is_too_wide(page)


def test_the_list_finds_what_was_said(made: tuple[World, str], visitor: Visitor) -> None:
    with visitor.visit(f"{made[1]}/?q=speaking") as page:
        expect(page.locator("#rows li")).to_have_count(1)
        expect(page.locator("#rows mark").first).to_have_text("speaking")
