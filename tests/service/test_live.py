"""Live events over real sockets: many listeners cost one reader, get everything once, and don't wait for slow ones."""

# pyright: basic

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from domain.events import Event
from reflector_assets.eventlog.reader import RecordingLog
from reflector_assets.operations.queries import DagsterRecordings
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from service.ports import Ports
from testing import PATIENCE_S
from testing.deployment import new_instance
from tests.scenarios.telling import ID, Telling
from tests.service.in_process import TOKEN, application, listening

pytestmark = pytest.mark.slow(12)
LISTENERS = 50


class Counted(DagsterRecordings):
    """Counts the readers that were made."""

    readers = 0

    def reader(self, recording_id: str) -> RecordingLog:
        self.readers += 1
        return super().reader(recording_id)


class Live:
    """The service at a port of 127.0.0.1, and the recording whose events it tells."""

    def __init__(self, reported: Telling, recordings: Counted, port: int) -> None:
        self.reported, self.recordings, self.port = reported, recordings, port
        # How often a listener heard a run end.
        self.ends = 0
        self.path = f"/v1/transcripts/{ID}/events"

    def all(self) -> list[str]:
        """Ids of all events so far, by the log itself."""
        return [event.id for event in self.reported.log().read()]

    async def socket(self, runs: int = 1, after: str = "", **options: Any) -> list[str]:
        """Listen by WebSocket until that many runs were reported to their end."""
        ids: list[str] = []
        async with connect(
            f"ws://127.0.0.1:{self.port}{self.path}?after={after}", open_timeout=PATIENCE_S, **options
        ) as found:
            while runs:
                event = Event.model_validate_json(await asyncio.wait_for(found.recv(), PATIENCE_S))
                ids.append(event.id)
                runs -= self._is_end(event)
        return ids

    async def stream(self, runs: int = 1, after: str | None = None) -> list[str]:
        """Listen by Server-Sent Events until that many runs were reported to their end."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
        ids: list[str] = []
        # Without TLS: to make ready for it takes longer than to listen.
        async with (
            httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE_S) as client,
            client.stream("GET", f"http://127.0.0.1:{self.port}{self.path}", headers=headers) as response,
        ):
            async for event in _events(response):
                ids.append(event.id)
                runs -= self._is_end(event)
                if not runs:
                    break
        return ids

    def _is_end(self, event: Event) -> bool:
        self.ends += _is_last(event)
        return _is_last(event)


def _is_last(event: Event) -> bool:
    done = {"current_step": "webhook_delivery", "step_status": "completed"}
    return event.event == "PIPELINE_PROGRESS" and done.items() <= event.data.items()


async def _events(response: httpx.Response) -> AsyncIterator[Event]:
    """Read Server-Sent Events; the id of each line must be the event's own."""
    said = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            said = line[4:]
        elif line.startswith("data: "):
            event = Event.model_validate_json(line[6:])
            assert event.id == said
            yield event


@contextmanager
def serving(reported: Telling, folder: Path, **settings: Any) -> Iterator[Live]:
    url = f"sqlite:///{folder}/inbox.db"
    history = CorrectionHistory(database=Database(url=url))
    recordings = Counted(lambda: reported.instance, reported.store, history)
    app, *_ = application(url, ports=Ports(recordings, reported.store), **settings)
    with listening(app) as port:
        yield Live(reported, recordings, port)


@pytest.fixture
def reported(tmp_path: Path) -> Iterator[Telling]:
    with new_instance(tmp_path) as instance:
        yield Telling(instance, tmp_path / "data")


def test_many_listeners_cost_one_reader(reported: Telling, tmp_path: Path) -> None:
    reported.run()
    reported.gates = {"title": threading.Event()}
    run = threading.Thread(target=reported.run)
    run.start()
    assert reported.reached["title"].wait(PATIENCE_S)
    with serving(reported, tmp_path, trial=True) as live:

        async def listen() -> list[list[str]]:
            early = [asyncio.create_task(live.socket(2)) for _ in range(LISTENERS // 2)]
            early += [asyncio.create_task(live.stream(2)) for _ in range(LISTENERS // 2)]
            while live.ends < LISTENERS and not any(task.done() for task in early):
                await asyncio.sleep(0.05)
            reported.gates["title"].set()
            heard = await asyncio.gather(*early)
            return [*heard, await live.socket(2), await live.stream(2)]

        heard = asyncio.run(listen())
        run.join()
        assert len(heard) == LISTENERS + 2
        assert all(ids == live.all() for ids in heard)
        assert live.recordings.readers == 1


def test_a_listener_who_reads_nothing_blocks_nobody_else(reported: Telling, tmp_path: Path) -> None:
    # More than fits between the service and who doesn't read.
    reported.long_summary = "x" * 12_000_000
    reported.run()
    with serving(reported, tmp_path, trial=True) as live, socket.create_connection(("127.0.0.1", live.port)) as slow:
        slow.sendall(f"GET {live.path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
        time.sleep(1)

        async def listen() -> list[list[str]]:
            return list(await asyncio.gather(live.stream(), live.socket(max_size=None), live.stream()))

        heard = asyncio.run(listen())
        assert all(ids == live.all() for ids in heard)


def test_who_comes_back_gets_what_was_missed_and_nothing_twice(reported: Telling, tmp_path: Path) -> None:
    reported.run()
    reported.run("title", "webhook_delivery")
    everything = reported.log().read()
    middle = everything[len(everything) // 3].id
    rest = [event.id for event in everything][len(everything) // 3 + 1 :]
    # Another process of the service knows the same places.
    for _ in range(2):
        with serving(reported, tmp_path, trial=True) as live:
            runs = sum(_is_last(event) for event in everything if event.id in rest)
            assert asyncio.run(live.socket(runs, middle)) == rest
            assert asyncio.run(live.stream(runs, middle)) == rest
            url = f"http://127.0.0.1:{live.port}{live.path}"
            assert [one["id"] for one in httpx.get(url, params={"after": middle}).json()["data"]] == rest


def test_a_caller_who_may_not_read_is_refused_on_every_route(reported: Telling, tmp_path: Path) -> None:
    reported.run()
    with serving(reported, tmp_path) as live:
        url = f"http://127.0.0.1:{live.port}{live.path}"
        for accept in ("application/json", "text/event-stream"):
            assert httpx.get(url, headers={"Accept": accept}).status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(url, headers=bearer).status_code == 200
        assert httpx.get(url.replace(ID, "other"), headers=bearer).status_code == 404
        assert httpx.get(url, headers=bearer, params={"after": "x"}).status_code == 422
        assert asyncio.run(live.socket(additional_headers=bearer))
        # As browsers, which can't set headers, do it.
        assert asyncio.run(live.socket(subprotocols=["bearer", TOKEN]))
        refusals: list[tuple[dict[str, Any], int]] = [({}, 4401), ({"subprotocols": ["bearer", "wrong"]}, 4401)]
        for refused, code in refusals:
            with pytest.raises(ConnectionClosed) as closed:
                asyncio.run(live.socket(**refused))
            assert closed.value.rcvd
            assert closed.value.rcvd.code == code
