"""What the polling sensor says and does when Daily doesn't answer as it should."""

# pyright: basic

import random
from typing import Any

import dagster as dg
import pytest

from reflector_assets.settings.main import Settings
from resources.daily.api import DailyAPI
from resources.database.inbox import Inbox
from sensors import poll
from testing.deployment import Deployment
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import plain_recording
from tests.discovery.world import everything, inbox_of

RNG = random.Random(1)
MANY = [plain_recording(RNG, number) for number in range(250)]


@pytest.fixture
def inbox(deployment: Deployment) -> Inbox:
    return inbox_of(deployment)


def look(host: DailyHost, inbox: Inbox, key: str | None = None) -> str:
    """Evaluate the sensor once, and return what its tick says."""
    api = DailyAPI(base_url=host.api_url, api_key=key or host.key, interval=0, timeout=2)
    sensor = poll.build(Settings(DAILY_API_KEY="set"))  # pyright: ignore[reportCallIssue]
    with dg.build_sensor_context(resources={"daily_api": api, "inbox": inbox}) as context:
        tick = sensor(context)
    assert isinstance(tick, dg.SkipReason)
    return tick.skip_message or ""


def test_a_quiet_look_is_one_request(inbox: Inbox) -> None:
    with DailyHost(recordings=list(MANY), rate=None) as host:
        assert look(host, inbox) == "250 new in 3 pages, 0 asked about again"
        assert look(host, inbox) == "0 new in 1 pages, 0 asked about again"
        assert len(host.requests) == 4


def test_a_refused_key_is_one_clear_message(inbox: Inbox) -> None:
    with DailyHost(recordings=list(MANY), rate=None) as host:
        said = look(host, inbox, key="wrong-key")
        assert "401" in said
        assert "DAILY_API_KEY" in said
        assert "wrong-key" not in said
        assert len(host.refused) == 1, "one request a look"
        assert look(host, inbox).startswith("250 new")


def test_retry_after_is_honoured_by_later_looks(inbox: Inbox) -> None:
    with DailyHost(recordings=list(MANY), rate=None) as host:
        host.fail(1, 429, retry_after=3600)
        assert "429" in look(host, inbox)
        said = look(host, inbox)
        assert "asked not to be called" in said
        assert len(host.requests) == 1, "no request before its time"


@pytest.mark.parametrize("trouble", ["hang", "reset", "drip", "503", "prose"])
def test_what_was_read_before_trouble_stays_and_the_sweep_goes_on_from_there(inbox: Inbox, trouble: str) -> None:
    with DailyHost(recordings=list(MANY), rate=None) as host:
        second: dict[str, Any] = {"when": lambda call: "starting_after" in call.query}
        if trouble == "503":
            host.fail(1, 503, **second)
        elif trouble == "prose":
            host.answer(1, b"<html>maintenance</html>", **second)
        else:
            getattr(host, trouble)(1, **second)
        look(host, inbox)
        look(host, inbox)
        assert len(everything(inbox)) == 250
        assert len({item.key for item in everything(inbox)}) == 250


def test_a_sweep_survives_that_the_recording_it_stopped_at_is_deleted(inbox: Inbox) -> None:
    with DailyHost(recordings=list(MANY), rate=None) as host:
        host.fail(1, 503, when=lambda call: "starting_after" in call.query)
        look(host, inbox)
        del host.recordings[99]
        look(host, inbox)
        assert len(everything(inbox)) == 250


@pytest.mark.parametrize(("status", "hang"), [(400, False), (500, False), (None, True)])
def test_one_that_daily_cant_describe_stops_neither_the_list_nor_the_others(
    inbox: Inbox, status: int | None, *, hang: bool
) -> None:
    unfinished = [{**one, "status": "in-progress", "tracks": None} for one in MANY[:2]]
    with DailyHost(recordings=list(unfinished), rate=None) as host:
        look(host, inbox)
        first, second = (item.seq for item in everything(inbox))
        # As the sensor `discovery` postpones them.
        inbox.ask_later(first, 1.0, "it isn't finished")
        inbox.ask_later(second, 2.0, "it isn't finished")
        bad: dict[str, Any] = {"when": lambda call: call.path.endswith(str(inbox.item(first).recording_id))}
        host.hang(9, **bad) if hang else host.fail(9, status or 0, **bad)
        host.recordings[:] = [MANY[2], *MANY[:2]]
        said = look(host, inbox)
        assert said.startswith("1 new in 1 pages, 1 asked about again; one is tried again later: recording ")
        assert str(inbox.item(first).recording_id) in said
        assert look(host, inbox) == "0 new in 1 pages, 1 asked about again"
    assert b"in-progress" not in inbox.item(second).body
    waiting = inbox.item(first)
    assert waiting.state == "received"
    assert waiting.ask_at
    assert waiting.reason != "it isn't finished"


def test_new_ones_on_top_of_an_interrupted_sweep(inbox: Inbox) -> None:
    """After an outage: what came meanwhile and what wasn't reached yet both arrive."""
    with DailyHost(recordings=list(MANY[50:]), rate=None) as host:
        host.fail(1, 503, when=lambda call: "starting_after" in call.query)
        look(host, inbox)
        host.recordings[:] = list(MANY)
        look(host, inbox)
        look(host, inbox)
        assert len(everything(inbox)) == 250


def test_odd_entries_on_the_first_page_dont_make_every_look_a_whole_sweep(inbox: Inbox) -> None:
    odd = [{"id": "../..", "status": "finished"}, {"no": "id"}, {"id": 7}]
    with DailyHost(recordings=[*odd, *MANY], rate=None) as host:
        look(host, inbox)
        before = len(host.requests)
        look(host, inbox)
        assert len(host.requests) == before + 1
