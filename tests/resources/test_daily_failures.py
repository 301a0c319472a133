"""What Daily's failures are to us, and that its key is never seen."""

# pyright: basic

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import pytest

from domain.errors import NotFound, PermanentError, TransientError
from resources.daily.api import DailyAPI
from testing import PATIENCE_S
from testing.hosts.daily_host import DailyHost
from testing.hosts.host import Answer
from tests.resources.daily_client import KEY, client, failure


@pytest.fixture
def host():
    with DailyHost(key=KEY, rate=None) as server:
        yield server


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_a_retry_helps_is_transient(host: DailyHost, status: Any):
    host.fail(1, status, retry_after=7)
    error = failure(client(host).recordings, TransientError)
    assert f"answered {status} to GET /v1/recordings" in str(error)
    assert "told to fail" in str(error)
    assert error.retry_after == 7
    assert len(host.requests) == 1, "nothing is tried again in here"


@pytest.mark.parametrize("status", [302, 400, 402, 404, 405, 413, 422])
def test_what_no_retry_helps_is_permanent(host: DailyHost, status: Any):
    host.fail(1, status)
    error = failure(client(host).recordings, PermanentError)
    assert not isinstance(error, NotFound)
    assert f"answered {status}" in str(error)
    assert "told to fail" in str(error)


@pytest.mark.parametrize(("given", "least"), [("Wed, 21 Oct 2099 07:28:00 GMT", 1e6), ("soon", None), (None, None)])
def test_retry_after_can_be_a_date_or_nonsense(host: DailyHost, given: Any, least: Any):
    host.fail(1, 429, retry_after=given)
    wait = failure(client(host).recordings, TransientError).retry_after
    assert wait is None if least is None else wait is not None and wait > least


def test_a_host_that_is_asked_too_fast_reports_how_long_to_wait(host: DailyHost):
    host.rate, host.burst = 1.0, 1.0
    api, waits = client(host), []
    deadline = time.monotonic() + PATIENCE_S
    while len(waits) < 2 and time.monotonic() < deadline:
        try:
            api.recordings()
        except TransientError as error:
            waits.append(error.retry_after)
            time.sleep(error.retry_after or 0)
            api.recordings()
    assert waits == [1.0, 1.0]


def test_the_interval_keeps_all_threads_of_a_process_below_the_limit(host: DailyHost):
    host.rate, host.burst = 20.0, 8.0
    apis = [client(host, interval=0.06) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: apis[n % 4].recordings(), range(16)))
    assert len(host.requests) == 16
    assert host.throttled == 0


def test_without_the_interval_the_host_would_have_complained(host: DailyHost):
    host.rate, host.burst = 20.0, 3.0
    with pytest.raises(TransientError), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client(host).recordings(), range(16)))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_and_never_shown(host: DailyHost, status: Any):
    host.key = "another" if status == 401 else KEY
    host.fail(status == 403, 403, f"{KEY} may not do this")
    error = failure(client(host).recordings, PermanentError)
    assert "DAILY_API_KEY" in str(error)
    assert "***" in str(error), "the host repeats the key"


def test_a_header_that_daily_cannot_read_is_about_the_key(host: DailyHost):
    host.plan(1, lambda _: Answer(400, {"error": "authorization-header-error"}))
    assert "DAILY_API_KEY" in str(failure(client(host).recordings, PermanentError))


@pytest.mark.parametrize("key", ["", "  ", f"{KEY}\nX: y", f"{KEY} {KEY}", f"{KEY}é", f"{KEY}\x00"])
def test_a_key_that_can_be_none_is_reported_before_anything_is_sent(host: DailyHost, key: Any):
    assert "DAILY_API_KEY" in str(failure(client(host, api_key=key).recordings, PermanentError))
    assert not host.requests
    assert not host.refused


def test_a_key_can_come_from_the_environment_and_is_trimmed(host: DailyHost, monkeypatch: Any):
    monkeypatch.setenv("DAILY_API_KEY", f" {KEY}\n")
    api = client(host, api_key=dg.EnvVar("DAILY_API_KEY"))
    assert api.recordings().total == 0
    assert KEY not in repr(api) + str(api)
    assert KEY not in repr(client(host)) + str(client(host))


def test_the_key_is_not_in_the_log(host: DailyHost, caplog: Any):
    caplog.set_level("DEBUG")
    client(host).recordings()
    assert KEY not in caplog.text
    assert KEY not in host.requests[0].path + str(host.requests[0].query)


@pytest.mark.parametrize("way", ["hang", "drip", "reset"])
def test_a_host_that_does_not_answer_is_transient(host: DailyHost, way: Any):
    getattr(host, way)()
    error = failure(client(host, timeout=PATIENCE_S if way == "reset" else 0.5).recordings, TransientError)
    assert ("failed" if way == "reset" else "didn't answer in 0.5 s") in str(error)


def test_a_host_that_is_away_is_transient():
    with DailyHost() as gone:
        pass
    failure(client(gone).recordings, TransientError)


@pytest.mark.parametrize("url", ["api.daily.co/v1", "ftp://api.daily.co", "http://[::1", ""])
def test_an_address_that_is_none_is_permanent(url: Any):
    error = failure(DailyAPI(base_url=url, api_key=KEY, interval=0).recordings, PermanentError)
    assert "DAILY_API_URL" in str(error)
