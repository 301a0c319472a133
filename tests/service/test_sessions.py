"""Who gets in: by token, by cookie, from which page; and the pages themselves, which hold nothing."""

# pyright: basic

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from domain.access import Scope
from resources.database.database import Database
from service.sessions import COOKIE, SESSION_S
from tests.domain.finished import finished
from tests.service.in_process import BEARER, TOKEN, access_of, application
from tests.service.shown_recordings import Scripted, finish, overview, shown

HOST = "reflector.test"
ID = "rec-1"


def client(folder: Path, scheme: str = "http", **settings: Any) -> tuple[TestClient, Scripted]:
    made, script, store = shown(folder / "data")
    finish(store, script, finished(ID, duration=1.0), [])
    script.states[ID] = overview(ID, "error")
    app, _, _ = application(f"sqlite:///{folder}/reflector.db", ports=made, **settings)
    host = "localhost" if settings.get("trial") else HOST
    return TestClient(app, base_url=f"{scheme}://{host}"), script


def connection(kind: str = "http", **headers: str) -> HTTPConnection:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    return HTTPConnection({"type": kind, "headers": named, "path": "/", "query_string": b""})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_for_this_site_s_pages_and_no_script(tmp_path: Path, scheme: str) -> None:
    browser, _ = client(tmp_path, scheme)
    set_cookie = browser.post("/v1/session", headers=BEARER).headers["set-cookie"]
    name, *flags = [part.strip().lower() for part in set_cookie.split(";")]
    assert name.startswith(f"{COOKIE}=")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={SESSION_S}"} <= set(flags)
    assert ("secure" in flags) is (scheme == "https")
    assert TOKEN not in set_cookie


def test_a_session_begins_and_ends(tmp_path: Path) -> None:
    browser, _ = client(tmp_path)
    same = {"Sec-Fetch-Site": "same-origin"}
    assert browser.get("/v1/session").json() == {
        "reads": False,
        "acts": False,
        "scopes": [],
        "name": None,
        "has_session": False,
        "login": None,
    }
    assert browser.get(f"/v1/transcripts/{ID}").status_code == 401
    everything = {
        "reads": True,
        "acts": True,
        "scopes": ["read", "write", "operate"],
        "name": "REFLECTOR_API_TOKEN",
        "has_session": False,
        "login": None,
    }
    assert browser.post("/v1/session", headers=BEARER).json() == everything
    assert browser.get("/v1/session", headers=same).json() == {**everything, "has_session": True}
    assert browser.get(f"/v1/transcripts/{ID}", headers=same).json()["may_retry"]
    assert browser.delete("/v1/session").status_code == 204
    assert browser.get(f"/v1/transcripts/{ID}").status_code == 401


def test_signing_out_ends_the_session_on_the_server_and_in_other_processes(tmp_path: Path) -> None:
    first, second = (client(tmp_path)[0] for _ in range(2))

    def acts(browser: TestClient, cookie: str) -> bool:
        own = {"Sec-Fetch-Site": "same-origin", "Cookie": f"{COOKIE}={cookie}"}
        return browser.get("/v1/session", headers=own).json()["acts"]

    kept, ended = (first.post("/v1/session", headers=BEARER).cookies[COOKIE] for _ in range(2))
    first.cookies.clear()
    assert acts(first, ended)
    assert acts(second, ended)
    assert first.delete("/v1/session", headers={"Cookie": f"{COOKIE}={ended}"}).status_code == 204
    for browser in (first, second, client(tmp_path)[0]):
        assert not acts(browser, ended), "though the client has kept the cookie"
        assert acts(browser, kept)
    assert not acts(client(tmp_path, token="another-token-of-the-service")[0], kept), "a new token ends all sessions"
    assert not acts(client(tmp_path, token=None)[0], kept)


def test_behind_https_the_cookie_is_secure_whatever_the_connection_is(tmp_path: Path) -> None:
    browser, _ = client(tmp_path, "http", https=True)
    assert "secure" in browser.post("/v1/session", headers=BEARER).headers["set-cookie"].lower()
    assert "secure" in browser.delete("/v1/session", headers=BEARER).headers["set-cookie"].lower()


def test_only_the_token_begins_a_session(tmp_path: Path) -> None:
    browser, _ = client(tmp_path)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = browser.post("/v1/session", headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Origin": f"http://{HOST}"}, 202),
        # A proxy in front of the service speaks https.
        ({"Origin": f"https://{HOST}"}, 202),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": f"http://{HOST}.evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_with_a_cookie_only_our_own_pages_act(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    browser, script = client(tmp_path)
    browser.post("/v1/session", headers=BEARER)
    assert browser.post(f"/v1/transcripts/{ID}/retry", headers=headers).status_code == status
    assert script.retried == [ID] * (status == 202)


def test_websockets_take_the_token_as_subprotocols_and_cookies_of_our_pages(tmp_path: Path) -> None:
    access = access_of(Database(url=f"sqlite:///{tmp_path}/reflector.db"))

    def reads(kind: str = "websocket", **headers: str) -> bool:
        asked = connection(kind, **headers)
        asyncio.run(access.identify(asked))
        return access.may(asked, Scope.READ)

    assert reads(sec_websocket_protocol=f"bearer, {TOKEN}")
    assert not reads(sec_websocket_protocol="bearer, wrong")
    # It is of WebSockets alone.
    assert not reads("http", sec_websocket_protocol=f"bearer, {TOKEN}")
    asked = connection(authorization=f"Bearer {TOKEN}")
    asyncio.run(access.identify(asked))
    value = asyncio.run(access.begin_session(asked)) or ""
    cookie = f"{COOKIE}={value}"
    assert reads(cookie=cookie, origin=f"http://{HOST}")
    assert not reads(cookie=cookie, origin="http://other.test")
    assert not reads(cookie=cookie)
    for wrong in ("1", "", value[:-1], f"2{value[1:]}", "\u00e9"):
        assert not reads("http", cookie=f"{COOKIE}={wrong}")


def test_in_public_everybody_reads_and_nobody_acts(tmp_path: Path) -> None:
    browser, script = client(tmp_path, public=True)
    assert browser.get("/v1/session").json() == {
        "reads": True,
        "acts": False,
        "scopes": ["read"],
        "name": None,
        "has_session": False,
        "login": None,
    }
    assert browser.get(f"/v1/transcripts/{ID}").json()["may_retry"] is False
    assert browser.get(f"/v1/transcripts/{ID}/audio").status_code == 200
    assert browser.post(f"/v1/transcripts/{ID}/retry").status_code == 401
    assert script.retried == []


def test_a_trial_is_open_and_a_service_without_token_closed(tmp_path: Path) -> None:
    trial, _ = client(tmp_path / "a", trial=True)
    assert trial.get("/v1/session").json()["scopes"] == ["read", "write", "operate"]
    assert "set-cookie" not in trial.post("/v1/session").headers
    closed, _ = client(tmp_path / "b", token=None)
    assert closed.get(f"/v1/transcripts/{ID}").status_code == 401
    assert "REFLECTOR_API_TOKEN" in closed.post("/v1/session", headers=BEARER).json()["detail"]


def test_pages_of_set_origins_may_use_the_api(tmp_path: Path) -> None:
    ours = "https://app.example.com"
    browser, _ = client(tmp_path, origins=[ours])
    asked = {"Origin": ours, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    assert browser.options("/v1/rooms", headers=asked).headers["access-control-allow-origin"] == ours
    answer = browser.get(f"/v1/transcripts/{ID}", headers={"Origin": ours})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, ours)
    # With the token, not with our cookie.
    assert "access-control-allow-credentials" not in answer.headers
    other = browser.get(f"/v1/transcripts/{ID}", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/", f"/transcripts/{ID}", "/transcripts/unknown"])
def test_a_page_is_for_everybody_and_holds_nothing(tmp_path: Path, path: str) -> None:
    browser, _ = client(tmp_path)
    page = browser.get(path)
    assert page.status_code == 200
    assert "Weekly meeting" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", page.text)
    # All that it names is there, and is never asked for again.
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(named) >= 3
    for address in named:
        file = browser.get(address)
        assert (file.status_code, file.headers["x-content-type-options"]) == (200, "nosniff")
        assert "immutable" in file.headers["cache-control"]


def test_modules_import_only_what_is_there(tmp_path: Path) -> None:
    browser, _ = client(tmp_path)
    base = re.findall(r'src="(/static/\w+)/', browser.get("/").text)[0]
    waiting, seen = ["page.js", "list.js"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        module = browser.get(f"{base}/{name}")
        assert (module.status_code, "javascript" in module.headers["content-type"]) == (200, True), name
        if not name.startswith("vendor/"):
            waiting += set(re.findall(r'from "\./([^"]+)"', module.text)) - seen
    assert "vendor/wavesurfer-8.0.1.esm.js" in seen
    assert browser.get(f"{base}/vendor/wavesurfer.LICENSE.txt").text.startswith("BSD 3-Clause")
    assert browser.get(f"{base}/transcript.html").status_code == 404
    assert browser.get("/static/other/page.js").status_code == 404
