"""A real browser, and pages that must ask nobody else, break no policy and raise no error."""

# pyright: basic

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from testing import PATIENCE_S

CHROMIUM = Path("/usr/bin/chromium")
# Playwright's own, which one of ours replaces, and the address bar's pop-ups: two pages for each page of a test.
NOT_NEEDED = (
    *("AimEnabled", "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints"),
    *("PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning", "WebUIOmniboxAimPopup"),
    *("WebUIOmniboxPopup",),
)
ARGUMENTS = [
    f"--disable-features={','.join(NOT_NEEDED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SERIOUS = {"serious", "critical"}
expect.set_options(timeout=PATIENCE_S * 1000)


class Visitor:
    """Opens pages of one service."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def visit(
        self,
        url: str,
        *,
        dark: bool = False,
        width: int = 1200,
        refused: bool = False,
        examined: bool = False,
        other: str = "data:",
    ) -> Iterator[Page]:
        """Open a page; at the end it must have asked its own service only, without any error.

        `refused` is for pages whose requests are refused or cut off, `examined` for those that axe looks at: it brings
        styles of its own, which the policy forbids. `other` is another service that the page leads to.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            bypass_csp=examined,
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        troubles: list[str] = []
        own = "/".join(url.split("/")[:3])

        def note_request(request: Request) -> None:
            if not request.url.startswith((own, "data:", other)):
                troubles.append(request.url)

        def note_message(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                troubles.append(message.text)

        page.on("request", note_request)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", note_message)
        try:
            page.goto(url)
            yield page
        finally:
            context.close()
        allowed = ("Failed to load resource",) if refused else ()
        assert [one for one in troubles if not one.startswith(allowed or "\0")] == []


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield Visitor(browser)
        browser.close()


def faults(page: Page) -> list[Any]:
    """What axe finds that keeps people out: rule, impact, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in SERIOUS
    ]


def is_too_wide(page: Page) -> bool:
    """Say whether a page has to be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
