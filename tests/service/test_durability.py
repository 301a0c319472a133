"""What was answered 200 is in the inbox, whatever happens then; what can't be stored is answered 503."""

import itertools
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from resources.database.database import Database
from resources.database.inbox import Inbox
from testing import PATIENCE_S
from testing.deployment import deploy
from testing.parts.postgres import Postgres
from testing.parts.proxy import Proxy
from testing.parts.receiver import SECRET, Receiver, signed
from tests.service.in_process import serving

pytest_plugins = ["tests.service.databases"]
pytestmark = pytest.mark.slow(20)


def event(event_id: str) -> bytes:
    return json.dumps({"type": "any", "id": event_id, "payload": {"padding": "x" * 500}}).encode()


def receiver_of(home: Path, **env: str) -> Receiver:
    return Receiver(deploy(home, DAILY_WEBHOOK_SECRET=SECRET, **env))


def stored(url: str) -> list[str]:
    """The ids of all events in a database, read by a connection of its own."""
    items = Inbox(database=Database(url=url)).items(limit=1_000_000)
    return [item.key.removeprefix("event:") for item in items]


def sqlite_url(receiver: Receiver) -> str:
    return f"sqlite:///{receiver.deployment.data / 'reflector.db'}"


@contextmanager
def posting(receiver: Receiver, name: str) -> Iterator[list[str]]:
    """Post event after event over 8 connections until they break; gives the ids of those that were answered 200."""
    answered: list[str] = []

    def post(connection: int) -> None:
        with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE_S) as client:
            for number in itertools.count():
                event_id = f"{name}-{connection}-{number}"
                body = event(event_id)
                try:
                    answer = client.post(receiver.webhook, content=body, headers=signed(body))
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                answered.append(event_id)

    with ThreadPoolExecutor(8) as threads:
        connections = [threads.submit(post, connection) for connection in range(8)]
        yield answered
    for connection in connections:
        connection.result()


def wait_for(answered: list[str], count: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while len(answered) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_receiver_killed_directly_after_its_answer_has_lost_nothing(tmp_path: Path) -> None:
    with receiver_of(tmp_path) as receiver:
        assert receiver.post(event("alone")).status_code == 200
        receiver.stop(signal.SIGKILL)
        assert stored(sqlite_url(receiver)) == ["alone"]


def test_a_receiver_killed_at_any_moment_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    with receiver_of(tmp_path) as receiver:
        kept: list[str] = []
        for number in range(2):
            if number:
                receiver.start()
            with posting(receiver, str(number)) as answered:
                wait_for(answered, 100)
                receiver.stop(signal.SIGKILL)
            kept += answered
            found = stored(sqlite_url(receiver))
            assert set(kept) <= set(found)
            assert len(set(found)) == len(found)


def test_a_receiver_that_is_ended_answers_what_it_has_begun(tmp_path: Path) -> None:
    with receiver_of(tmp_path) as receiver, posting(receiver, "event") as answered:
        wait_for(answered, 100)
        receiver.stop()
    assert set(answered) == set(stored(sqlite_url(receiver)))
    assert "Traceback" not in receiver.log.read_text()


def test_while_sqlite_is_locked_webhooks_are_refused_for_now(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    with serving(url, write_timeout=1.5) as service:
        assert service.post(event("before")).status_code == 200
        other = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        refused = service.post(event("meanwhile"))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert [item.key for item in service.items()] == ["event:before"]
        other.execute("ROLLBACK")
        other.close()
        assert service.post(event("meanwhile")).status_code == 200
        assert service.post(event("after")).status_code == 200
        assert [item.key for item in service.items()] == ["event:before", "event:meanwhile", "event:after"]


def test_while_postgresql_is_locked_webhooks_are_refused_for_now(postgres: Postgres, postgres_url: str) -> None:
    with serving(postgres_url, write_timeout=1.5) as service:
        assert service.post(event("before")).status_code == 200
        other = postgres.connect(postgres_url.rsplit("/", 1)[1])
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        assert service.post(event("meanwhile")).status_code == 503
        other.rollback()
        other.close()
        assert service.post(event("meanwhile")).status_code == 200
        assert [item.key for item in service.items()] == ["event:before", "event:meanwhile"]


def test_a_database_that_hangs_holds_up_neither_webhooks_nor_the_end(postgres: Postgres, postgres_url: str) -> None:
    with Proxy(postgres.port) as proxy:
        url = postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/")
        with serving(url, write_timeout=1.5) as service:
            assert service.post(event("before")).status_code == 200
            proxy.hang(times=10)
            assert service.post(event("meanwhile")).status_code == 503
        # The service has ended, though the database still hangs.


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that may be stopped."""
    with Postgres() as server:
        yield server


def test_while_postgresql_is_away_webhooks_are_refused_and_nothing_answered_is_lost(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    own_postgres.stop()
    with receiver_of(tmp_path, DATABASE_URL=own_postgres.url) as receiver:
        # It starts without the database, and says so.
        assert receiver.post(event("early")).status_code == 503
        assert "doesn't answer" in receiver.log.read_text()
        answered, over = list[str](), threading.Event()

        def post(connection: int) -> None:
            with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE_S) as client:
                number = 0
                while not over.is_set():
                    body = event(f"{connection}-{number}")
                    answer = client.post(receiver.webhook, content=body, headers=signed(body))
                    assert answer.status_code in {200, 503}
                    if answer.status_code == 200:
                        answered.append(f"{connection}-{number}")
                        number += 1

        with ThreadPoolExecutor(4) as threads:
            connections = [threads.submit(post, connection) for connection in range(4)]
            for _ in range(2):
                own_postgres.start()
                wait_for(answered, len(answered) + 20)
                own_postgres.stop()
            over.set()
        for connection in connections:
            connection.result()
        assert receiver.post(event("late")).status_code == 503
        own_postgres.start()
        assert receiver.post(event("late")).status_code == 200
        found = stored(own_postgres.url)
        assert len(set(found)) == len(found)
        assert {*answered, "late"} <= set(found)


def test_a_connection_that_breaks_at_any_byte_loses_and_doubles_nothing(postgres: Postgres, postgres_url: str) -> None:
    with Proxy(postgres.port) as proxy:
        url = postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/")
        with serving(url) as service:
            assert service.post(event("first")).status_code == 200
            before = proxy.answered
            proxy.cut()
            assert service.post(event("second")).status_code == 200
            # What the server says for one webhook over a new connection.
            whole = proxy.answered - before
            refusals, answered = 0, ["first", "second"]
            for after in range(0, whole + 1, max(1, whole // 60)):
                proxy.reset(after)
                if service.post(event(f"at-{after}")).status_code == 200:
                    answered.append(f"at-{after}")
                    continue
                refusals += 1
                proxy.cut()
                assert service.post(event(f"at-{after}")).status_code == 200
                answered.append(f"at-{after}")
            assert refusals > 5
            assert [item.key.removeprefix("event:") for item in service.items()] == answered
