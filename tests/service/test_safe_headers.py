"""No answer but static files is stored by browsers, nor its type guessed: what no route answers.

tests/service/test_access.py checks the answers of all routes.
"""

# pyright: basic

import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from service.server import MOST_HEAD
from tests.service.in_process import BEARER, application, listening
from tests.service.shown_recordings import shown
from tests.service.test_access import check_safe

ORIGIN = "https://app.example.com"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("headers")
    ports, _, _ = shown(folder / "data")
    app, *_ = application(f"sqlite:///{folder}/reflector.db", ports=ports, origins=[ORIGIN])
    with listening(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/static/0/style.css", {}, 404),
        ("GET", "/v1/transcripts/unknown", BEARER, 404),
        ("GET", "/v1/rooms/", BEARER, 307),
        ("PUT", "/v1/rooms", BEARER, 405),
        ("GET", "/v1/daily/webhook", {}, 405),
        ("POST", "/v1/daily/webhook", {}, 401),
        ("PUT", "/v1/rooms/weekly", {**BEARER, "Content-Type": "text/plain"}, 415),
        ("POST", "/v1/session", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("OPTIONS", "/v1/rooms", {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}, 200),
        ("GET", "/compat/v1/nowhere", BEARER, 404),
        ("PUT", "/compat/v1/transcripts/x", BEARER, 405),
        ("GET", f"/{'x' * MOST_HEAD}", {}, 431),
    ],
)
def test_answers(client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == status
    check_safe(answer.headers)


def test_what_isn_t_http(client: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=30) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        head = connection.makefile("rb").read().decode()
    assert head.startswith("HTTP/1.1 400 ")
    assert "cache-control: no-store\r\nx-content-type-options: nosniff\r\n" in head


def test_websockets_of_other_sites(client: httpx.Client) -> None:
    url = f"ws://127.0.0.1:{client.base_url.port}/v1/transcripts/x/events"
    with pytest.raises(InvalidStatus) as refused, connect(url, origin="https://evil.test", proxy=None):  # pyright: ignore[reportArgumentType]
        pass
    assert refused.value.response.status_code == 403
    check_safe(refused.value.response.headers)


def test_static_files_are_stored_for_ever_but_not_guessed(client: httpx.Client) -> None:
    [style] = re.findall(r'href="(/static/[^"]+\.css)"', client.get("/").text)
    answer = client.get(style)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
