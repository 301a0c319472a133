"""What web pages of other sites get, as a browser of this machine sends it: over real sockets."""

# pyright: basic

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.deployment import Deployment
from testing.parts.receiver import Receiver, signed
from tests.domain.finished import finished
from tests.service.in_process import TOKEN, application, listening
from tests.service.shown_recordings import finish, overview, shown

ID = "rec-1"
CONSENT = f"/v1/meetings/{ID}/consent"
RETRY = f"/v1/transcripts/{ID}/retry"
EVENTS = f"/v1/transcripts/{ID}/events"
WEBHOOK = "/v1/daily/webhook"
JSON = {"Content-Type": "application/json"}
DENIAL = b'{"consent_given": false}'
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Served:
    """A served application; `ask` sends a request as it is and returns the answer's status."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", host: str | None = None) -> int:
        named = {"Host": host or f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1") + body)
            return int(connection.makefile("rb").readline().split()[1])


def served(folder: Path, **settings) -> Iterator[Served]:
    ports, script, store = shown(folder / "data")
    finish(store, script, finished(ID, duration=1.0), [])
    script.states[ID] = overview(ID, "error")
    app, _, _ = application(f"sqlite:///{folder}/reflector.db", ports=ports, **settings)
    with listening(app) as port:
        yield Served(port)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Served]:
    yield from served(tmp_path, trial=True, token=None, secrets=())


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Served]:
    yield from served(tmp_path, hosts=["reflector.example.com"], origins=["https://app.example.com"])


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
    ],
)
def test_pages_of_other_sites_change_nothing_in_a_trial(trial: Served, page: dict[str, str]) -> None:
    text = {"Content-Type": "text/plain"}
    assert trial.ask("POST", CONSENT, page | text, DENIAL) == 403
    assert trial.ask("POST", CONSENT, page | JSON, DENIAL) == 403
    assert trial.ask("POST", RETRY, page) == 403
    assert trial.ask("POST", WEBHOOK, page | text, b'{"type": "any"}') == 403
    assert trial.ask("GET", EVENTS, page | UPGRADE) == 403


def test_what_is_not_declared_as_json_is_refused(trial: Served) -> None:
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert trial.ask("POST", CONSENT, kind, DENIAL) == 415
        assert trial.ask("POST", WEBHOOK, kind, b'{"type": "any"}') == 415
    assert trial.ask("POST", CONSENT, {"Content-Type": "application/json; charset=utf-8"}, DENIAL) == 202
    assert trial.ask("POST", WEBHOOK, JSON, b'{"type": "any"}') == 200


def test_a_trial_has_loopback_names_only(trial: Served) -> None:
    page = {"Sec-Fetch-Site": "same-origin"}
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert trial.ask("GET", "/v1/transcripts", page, host=f"{name}:{trial.port}") != 421
        assert trial.ask("POST", RETRY, page, host=f"{name}:{trial.port}") == 202
    for host in (
        *("evil.test", f"evil.test:{trial.port}", "127.0.0.1", f"127.0.0.1:{trial.port + 1}", "localhost:x"),
        *(f"localhost.evil.test:{trial.port}", f"evil.test@127.0.0.1:{trial.port}", f"0.0.0.0:{trial.port}"),
    ):
        for method, path in (("GET", f"/v1/transcripts/{ID}"), ("GET", "/"), ("POST", RETRY), ("POST", WEBHOOK)):
            assert trial.ask(method, path, page, host=host) == 421, host
        assert trial.ask("GET", EVENTS, page | UPGRADE, host=host) == 421, host


def test_our_own_pages_and_programs_use_a_trial(trial: Served) -> None:
    own = {"Origin": f"http://127.0.0.1:{trial.port}"}
    for page in ({}, own, {"Sec-Fetch-Site": "same-origin", **own}):
        assert trial.ask("POST", RETRY, page) == 202
        assert trial.ask("GET", EVENTS, page | UPGRADE) == 101


def test_production_has_its_own_hosts_and_origins(production: Served) -> None:
    bearer, host = {"Authorization": f"Bearer {TOKEN}"}, "reflector.example.com"
    assert production.ask("POST", RETRY, bearer, host=host) == 202
    assert production.ask("POST", RETRY, bearer, host=f"{host}:8443") == 202
    assert production.ask("POST", RETRY, bearer) == 421
    assert production.ask("GET", "/health", {}) == 200
    ours = bearer | {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
    assert production.ask("POST", RETRY, ours, host=host) == 202
    assert production.ask("POST", RETRY, bearer | {"Origin": "https://evil.test"}, host=host) == 403
    protocol = UPGRADE | {"Sec-WebSocket-Protocol": f"bearer, {TOKEN}"}
    assert production.ask("GET", EVENTS, protocol | {"Origin": "https://evil.test"}, host=host) == 403
    assert production.ask("GET", EVENTS, protocol | {"Origin": "https://app.example.com"}, host=host) == 101
    event = b'{"type": "any", "id": "1"}'
    assert production.ask("POST", WEBHOOK, signed(event) | {"Origin": "https://evil.test"}, event, host) == 403
    assert production.ask("POST", WEBHOOK, signed(event), event, host) == 200


@pytest.mark.slow(3)
def test_a_trial_refuses_to_start_for_other_origins(deployment: Deployment) -> None:
    deployment.env["CORS_ORIGIN"] = "*"
    done = deployment.reflector("serve", "--trial", "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "CORS_ORIGIN" in done.stderr


@pytest.mark.slow(3)
def test_the_command_lets_no_other_site_in(deployment: Deployment) -> None:
    with Receiver(deployment, "--trial") as receiver:
        server = Served(receiver.port)
        assert server.ask("POST", CONSENT, JSON | {"Origin": "http://evil.test"}, DENIAL) == 403
        assert server.ask("GET", "/v1/transcripts", {}, host="evil.test") == 421
        assert server.ask("GET", "/v1/transcripts", {}) == 200
