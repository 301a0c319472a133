"""Live listeners over real sockets: so many of a process, so many of a client, and none of a deleted recording."""

# pyright: basic

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, create_connection

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from resources.database.catalogue import Catalogue, IndexedTranscript
from resources.database.database import Database
from resources.database.deletions import Deletions
from service.listeners import Listeners
from testing import PATIENCE_S
from testing.daemon import until
from tests.service.in_process import BEARER, TOKEN, application, listening
from tests.service.shown_recordings import overview, shown

ID = "recording-1"
PATH = f"/v1/transcripts/{ID}/events"
STREAM = {**BEARER, "Accept": "text/event-stream"}


@contextlib.contextmanager
def serving(folder: Path, listeners: Listeners) -> Iterator[tuple[int, httpx.Client]]:
    ports, script, _ = shown(folder)
    script.states[ID] = overview(ID)
    script.tell(ID, "STATUS", value="processing")
    app, _, _ = application(f"sqlite:///{folder}/reflector.db", ports=ports, listeners=listeners)
    with listening(app) as port, client_of(port) as client:
        yield port, client


def client_of(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S)


def socket(port: int) -> ClientConnection:
    found = connect(
        f"ws://127.0.0.1:{port}{PATH}",
        subprotocols=[Subprotocol("bearer"), Subprotocol(TOKEN)],
        open_timeout=PATIENCE_S,
    )
    found.recv(timeout=PATIENCE_S)
    return found


def closed_with(port: int) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        socket(port)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


LIMITS = {"client": (Listeners(2), 429), "process": (Listeners(0, 2), 503)}


@pytest.mark.parametrize(("limits", "status"), LIMITS.values(), ids=LIMITS)
def test_listeners_are_limited(tmp_path: Path, limits: Listeners, status: int) -> None:
    with serving(tmp_path, limits) as (port, client):
        first = socket(port)
        with client.stream("GET", PATH, headers=STREAM) as second:
            assert second.status_code == 200
            # Without a reference to its lines, the answer is closed.
            lines = second.iter_lines()
            assert next(lines)
            refused = client.get(PATH, headers=STREAM)
            assert (refused.status_code, "Retry-After" in refused.headers) == (status, True)
            assert closed_with(port) == 1013
            assert client.get(PATH, headers=BEARER).status_code == 200, "it doesn't listen"
        # Whoever leaves makes room.
        until(lambda: client.get(PATH, headers=BEARER) and _has_room(port), what="room for another")
        first.close()


def _has_room(port: int) -> bool:
    try:
        socket(port).close()
    except ConnectionClosed:
        return False
    return True


def test_one_that_leaves_after_another_request_makes_room(tmp_path: Path) -> None:
    heads = "".join(f"{name}: {value}\r\n" for name, value in STREAM.items())
    with serving(tmp_path, Listeners(1)) as (port, _), create_connection(("127.0.0.1", port), PATIENCE_S) as raw:
        raw.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\n{heads}\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")
        assert not _has_room(port)
        raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        until(lambda: _has_room(port), what="room for another")


def test_listeners_of_a_deleted_recording_are_disconnected(tmp_path: Path) -> None:
    catalogue = Catalogue(database=Database(url=f"sqlite:///{tmp_path}/reflector.db"))
    with serving(tmp_path, Listeners(0)) as (port, client):
        catalogue.index(IndexedTranscript(ID, "1", "weekly", "A title", None, 1.0, "text"))
        listener = socket(port)
        with client.stream("GET", PATH, headers=STREAM) as stream:
            lines = stream.iter_lines()
            assert next(lines)
            asked = client.delete(f"/v1/transcripts/{ID}", headers=BEARER)
            assert (asked.status_code, asked.json()["completed_at"]) == (202, None)
            assert catalogue.search("title").total == 0, "at once"
            with pytest.raises(ConnectionClosed) as closed:
                listener.recv(timeout=PATIENCE_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4410
            assert not [line for line in lines if line.startswith("data")][1:], "the stream ends"
        for part in ("", "/topics", "/words", "/webvtt", "/waveform", "/audio", "/export/txt", "/events"):
            gone = client.get(f"/v1/transcripts/{ID}{part}", headers=BEARER)
            assert (gone.status_code, "deleted on request" in gone.json()["detail"]) == (410, True), part
        assert client.post(f"/v1/transcripts/{ID}/retry", headers=BEARER).status_code == 410
        assert closed_with(port) == 4410
        assert client.delete(f"/v1/transcripts/{ID}", headers=BEARER).status_code == 202
        deletions = Deletions(database=catalogue.database)
        deletions.add_left(ID, ["1 webhooks"])
        deletions.fail(ID, "Zulip is down")
        state = client.delete(f"/v1/transcripts/{ID}", headers=BEARER).json()
        assert (state["not_deleted"], state["problem"]) == (["1 webhooks"], "Zulip is down")
        deletions.complete(ID, ["a log"])
        done = client.delete(f"/v1/transcripts/{ID}", headers=BEARER)
        assert (done.status_code, done.json()["not_deleted"], done.json()["problem"]) == (
            200,
            ["1 webhooks", "a log"],
            None,
        )
        assert client.delete("/v1/transcripts/unknown", headers=BEARER).status_code == 404
        assert client.delete(f"/v1/transcripts/{ID}").status_code == 401
