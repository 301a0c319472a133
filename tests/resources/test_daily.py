"""Recordings and participants out of Daily's API, against a host that checks its contract."""

# pyright: basic

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.daily import judge_listed
from domain.errors import InvalidInput, NotFound, PermanentError
from resources.daily.api import DailyAPI
from resources.source import KnownParticipant
from testing.hosts.daily_host import DailyHost, odd_recordings
from testing.hosts.daily_oddities import DOMAIN
from testing.hosts.host import Answer, Host, Request
from tests.resources.daily_client import KEY, client, failure


@pytest.fixture
def host():
    with DailyHost(key=KEY, rate=None) as server:
        yield server


def everything(api: DailyAPI, limit: int = 100):
    items: list[Any] = []
    after = None
    while True:
        page = api.recordings(limit, after)
        items += page.items
        if len(page.items) < limit:
            return items, page.total
        after = page.items[-1].id


def test_all_pages_of_a_long_list_come_newest_first(host: DailyHost):
    host.recordings = [{"id": f"recording-{n}", "start_ts": 10_000 - n} for n in range(1234)]
    items, total = everything(client(host))
    assert [item.id for item in items] == [f"recording-{n}" for n in range(1234)]
    assert json.loads(items[1233].body) == {"id": "recording-1233", "start_ts": 10_000 - 1233}
    assert total == 1234
    assert len(host.requests) == 13


def test_a_page_is_as_long_as_asked_for(host: DailyHost):
    host.recordings = [{"id": f"recording-{n}"} for n in range(5)]
    assert [item.id for item in client(host).recordings(2, "recording-1").items] == ["recording-2", "recording-3"]
    failure(lambda: client(host).recordings(101), PermanentError)


def test_no_oddity_loses_the_others_of_its_page(host: DailyHost):
    host.recordings, expected = odd_recordings(250, seed=1)
    items = [item for page in _pages(host) for item in page]
    assert [json.loads(item.body) for item in items] == host.recordings
    arrived = {item.id for item in items if judge_listed(item.body, DOMAIN).outcome == "accepted"}
    assert arrived == expected


def _pages(host: DailyHost):
    """Pages by ids that can be gone on after, as an odd item can be the last of a page."""
    api, after, seen = client(host), None, 0
    while seen < len(host.recordings):
        page = api.recordings(100, after)
        known = max(n for n, item in enumerate(page.items) if item.id is not None and "/" not in item.id)
        yield page.items[: known + 1]
        after, seen = page.items[known].id, seen + known + 1


@pytest.mark.parametrize("odd", [None, 17, "", [], {"a": 1}, "a\x00b", "a\nb", "\ud800", "x" * 5000])
def test_an_id_that_cannot_be_kept_is_none(host: DailyHost, odd: Any):
    host.answer(1, {"total_count": 2, "data": [{"id": odd, "x": 1}, {"id": "fine"}, "text", None, 5]})
    page = client(host).recordings()
    assert [item.id for item in page.items] == [None, "fine", None, None, None]
    assert json.loads(page.items[0].body) == {"id": odd, "x": 1}
    assert page.items[1].body == b'{"id":"fine"}'


def test_a_number_without_end_loses_nothing_but_itself(host: DailyHost):
    host.answer(1, b'{"total_count": 2, "data": [{"id": "a", "duration": %s}, {"id": "b"}]}' % (b"9" * 5000))
    first, second = client(host).recordings().items
    assert (first.id, second.id) == ("a", "b")
    assert judge_listed(first.body, DOMAIN).outcome == "unfinished"


@pytest.mark.parametrize("total", [None, "12", -1, True, 1.5])
def test_a_total_that_makes_no_sense_is_none(host: DailyHost, total: Any):
    host.answer(1, {"total_count": total, "data": []})
    assert client(host).recordings() == ((), None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "'[]'"),
        ({"data": {"a": 1}, "next": 2}, "an object of data, next"),
        ({}, "an object of nothing"),
        ("hello", "hello"),
        (b"<html>welcome</html>", "<html>welcome"),
        (b"", "instead of JSON"),
        (b"[" * 100_000, "instead of JSON"),
        ({KEY: f"{'x' * 90}{KEY}"}, "an object of ***"),
        (b"x" * 80 + KEY.encode(), "***"),
    ],
)
def test_what_is_no_list_of_recordings_is_reported(host: DailyHost, body: Any, said: Any):
    host.answer(1, body)
    error = failure(client(host).recordings, PermanentError)
    assert said in str(error)
    assert KEY[:10] not in str(error)


def test_a_cursor_that_is_gone_is_distinguished(host: DailyHost):
    error = failure(lambda: client(host).recordings(100, "deleted"), InvalidInput)
    assert "deleted" in str(error)


def test_one_recording(host: DailyHost):
    host.recordings, expected = odd_recordings(100, seed=2)
    chosen = next(iter(expected))
    described = next(r for r in host.recordings if r.get("id") == chosen)
    assert json.loads(client(host).recording_json(chosen)) == described
    assert client(host).recording(chosen).id == chosen


@pytest.mark.parametrize("asked", ["unknown", "a b/c?d#e%2F", "../webhooks", "é✓"])
def test_an_unknown_recording_is_not_found_whatever_its_id(host: DailyHost, asked: Any):
    failure(lambda: client(host).recording(asked), NotFound)
    assert [request.path.count("/") for request in host.requests] == [3], "the id must not become another path"


@pytest.mark.parametrize("asked", ["", ".", ".."])
def test_an_id_that_would_be_another_path_is_refused(host: DailyHost, asked: Any):
    failure(lambda: client(host).recording_json(asked), InvalidInput)
    assert not host.requests
    assert not host.refused


def test_a_recording_that_is_not_as_daily_describes_them(host: DailyHost):
    host.answer(1, {"id": "a", "tracks": 7})
    failure(lambda: client(host).recording("a"), InvalidInput)
    host.answer(1, ["a"])
    failure(lambda: client(host).recording("a"), PermanentError)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 400])
def test_everybody_is_found_in_either_order(host: DailyHost, newest_first: Any, count: Any):
    people = [{"participant_id": f"p{n}", "user_id": None, "user_name": f"N{n}"} for n in range(count)]
    host.participants["session"] = people
    host.newest_first = newest_first
    found = client(host).participants("session")
    assert sorted(found) == sorted(KnownParticipant(f"p{n}", None, f"N{n}") for n in range(count))
    assert len(host.requests) <= count / 100 + 4


def test_odd_participants(host: DailyHost):
    host.participants["session"] = [
        {"participant_id": "a", "user_name": "Ada", "user_id": "u1", "duration": None},
        {"participant_id": "b", "user_name": 7, "user_id": {"x": 1}},
        {"participant_id": None, "user_name": "nobody"},
        {"user_name": "nobody"},
        {"participant_id": ["c"], "user_name": "nobody"},
        "text",
        None,
        {"participant_id": "d", "user_name": "  "},
        {"participant_id": "d", "user_name": "Dora"},
        {"participant_id": "a", "user_name": "another"},
    ]
    assert client(host).participants("session") == [("a", "u1", "Ada"), ("b", None, None), ("d", None, "Dora")]


def test_an_unknown_session_has_nobody(host: DailyHost):
    assert client(host).participants("never/held") == []
    host.fail(1, 403)
    failure(lambda: client(host).participants("never"), PermanentError)


def test_participants_without_end_end():
    class Endless(Host[Request]):
        def read(self, request: Any):
            return request

        def reply(self, call: Any):
            again = "joined_before" in call.query
            first = 0 if again else len(self.requests) * 100
            return Answer(body={"data": [{"participant_id": f"p{first + n}"} for n in range(100)]})

    with Endless() as endless:
        api = DailyAPI(base_url=endless.url, api_key=KEY, interval=0)
        assert "more than 10000 participants" in str(failure(lambda: api.participants("s"), PermanentError))
        assert len(endless.requests) <= 101


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(),
            st.dictionaries(st.text(), st.text()),
            st.fixed_dictionaries(
                {
                    "participant_id": st.one_of(st.none(), st.sampled_from("abc")),
                    "user_name": st.one_of(st.none(), st.text()),
                }
            ),
        )
    )
)
@settings(max_examples=25, deadline=None)
def test_any_participants_are_read(items: Any):
    with DailyHost(key=KEY, rate=None) as host:
        host.answer(1, {"data": items})
        found = client(host).participants("s")
    assert {p.participant_id for p in found} <= set("abc")
    assert len({p.participant_id for p in found}) == len(found)


def test_calls_from_threads_do_not_disturb_each_other(host: DailyHost):
    host.recordings = [{"id": f"r{n}"} for n in range(20)]
    api, barrier = client(host), threading.Barrier(8)

    def ask(n: int) -> bytes:
        barrier.wait()
        return api.recording_json(f"r{n}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [f'{{"id":"r{n}"}}'.encode() for n in range(8)]
