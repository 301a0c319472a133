"""The inbox: nothing that arrives is lost, taken twice or out of order, and people can see and replay it."""

# pyright: basic

import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFound
from resources.database.database import Database
from resources.database.inbox import Arrival, Inbox, of_poll, of_webhook
from testing import PATIENCE_S
from testing.deployment import Deployment

pytest_plugins = ["tests.service.databases"]


@pytest.fixture
def inbox(database_url: str) -> Inbox:
    return Inbox(database=Database(url=database_url))


def event(number: int, **fields: object) -> Arrival:
    payload = {"recording_id": f"recording-{number}"}
    return of_webhook(json.dumps({"type": "any", "id": str(number), "payload": payload, **fields}).encode())


def test_what_arrives_is_kept_as_it_came_and_in_order(inbox: Inbox) -> None:
    bodies = [event(number).body for number in (3, 1, 2)] + [b"\x00\xff no JSON \x1b[31m"]
    for body in bodies[:2]:
        assert inbox.put([of_webhook(body)]) == 1
    assert inbox.put([of_webhook(body) for body in bodies[2:]]) == 2
    items = inbox.waiting(10)
    assert [item.body for item in items] == bodies
    assert [item.seq for item in items] == sorted(item.seq for item in items)
    assert {(item.state, item.reason, item.settled_at) for item in items} == {("received", None, None)}
    assert [item.recording_id for item in items] == ["recording-3", "recording-1", "recording-2", None]


def test_many_at_once_keep_their_order(inbox: Inbox) -> None:
    assert inbox.put([event(number) for number in range(2500)]) == 2500
    assert [item.recording_id for item in inbox.waiting(5000)] == [f"recording-{number}" for number in range(2500)]


def test_of_two_with_the_same_key_the_first_is_kept(inbox: Inbox) -> None:
    assert inbox.put([event(1), event(2), event(1, type="other")]) == 2
    assert inbox.put([event(2, type="other"), event(3)]) == 1
    assert [(item.key, item.event_type) for item in inbox.waiting(10)] == [
        ("event:1", "any"),
        ("event:2", "any"),
        ("event:3", "any"),
    ]


def test_an_event_and_a_polled_recording_are_two_arrivals(inbox: Inbox) -> None:
    assert inbox.put([event(1), of_poll("recording-1", b"{}"), of_poll("recording-1", b"{ }")]) == 2
    assert [item.source for item in inbox.of_recording("recording-1")] == ["webhook", "poll"]


def test_writers_at_once_store_each_event_once(inbox: Inbox) -> None:
    begin, stored = threading.Barrier(8), list[int]()

    def write(first: int) -> None:
        begin.wait()
        # Each begins elsewhere, so that they meet.
        stored.extend(inbox.put([event((first + number) % 50)]) for number in range(50))

    threads = [threading.Thread(target=write, args=(6 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(stored), sum(stored)) == (400, 50)
    assert len({item.key for item in inbox.waiting(1000)}) == len(inbox.waiting(1000)) == 50


def test_a_wait_ends_with_the_first_arrival_that_can_be_judged(inbox: Inbox) -> None:
    inbox.put([event(1)])
    inbox.ask_later(1, at=0.0, reason="unfinished")
    arrivals = iter([event(1), event(2), event(3)])

    def pause(_: float) -> bool:
        inbox.put([next(arrivals)])
        return True

    assert inbox.wait(PATIENCE_S, pause)
    assert [item.recording_id for item in inbox.waiting(10)] == ["recording-2"]
    assert inbox.wait(PATIENCE_S, lambda _: pytest.fail("an item waits already"))


def test_a_wait_ends_when_its_time_is_over_or_the_process_ends(inbox: Inbox) -> None:
    assert not inbox.wait(PATIENCE_S, lambda _: False)
    assert not inbox.wait(0, lambda _: pytest.fail("there is no time to wait"))
    assert not inbox.wait(0.01, lambda seconds: time.sleep(seconds) is None)


def test_items_pass_through_their_states_with_reasons(inbox: Inbox) -> None:
    inbox.put([event(number) for number in range(4)])
    first, second, third, fourth = (item.seq for item in inbox.waiting(10))
    inbox.settle([first], "accepted")
    inbox.settle([second], "ignored", "nothing follows from it")
    inbox.settle([third], "failed", "half of a pair \ud800, and a NUL \0")
    states = [(item.state, item.reason, item.settled_at is None) for item in inbox.items()]
    assert states == [
        ("accepted", None, False),
        ("ignored", "nothing follows from it", False),
        ("failed", "half of a pair \\ud800, and a NUL ", False),
        ("received", None, True),
    ]
    assert [item.seq for item in inbox.waiting(10)] == [fourth]
    assert [item.seq for item in inbox.items("failed")] == [third]
    assert [item.seq for item in inbox.items(limit=2)] == [third, fourth]


def test_replayed_items_are_as_if_they_had_just_arrived(inbox: Inbox) -> None:
    inbox.put([of_webhook(b"no JSON"), event(1)])
    unreadable, readable = inbox.waiting(10)
    inbox.ask_later(readable.seq, 5.0, "unfinished")
    inbox.settle([unreadable.seq], "failed", "why")
    inbox.replay([unreadable.seq])
    (again,) = inbox.waiting(10)
    assert (again.body, again.seq, again.settled_at, again.attempts) == (b"no JSON", unreadable.seq, None, 0)
    inbox.replay([readable.seq])
    assert [(item.seq, item.attempts) for item in inbox.waiting(10)] == [(unreadable.seq, 0), (readable.seq, 0)]


def test_unfinished_items_wait_until_they_are_due(inbox: Inbox) -> None:
    inbox.put([event(1), event(2), event(3)])
    first, second, _ = inbox.waiting(10)
    inbox.ask_later(first.seq, 200.0, "unfinished")
    inbox.ask_later(second.seq, 100.0, "unfinished")
    assert [item.recording_id for item in inbox.waiting(10)] == ["recording-3"]
    assert inbox.unfinished(99.0, 10) == []
    assert [item.recording_id for item in inbox.unfinished(200.0, 10)] == ["recording-2", "recording-1"]
    assert not inbox.is_pending("recording-1")
    inbox.update_body(first.seq, b"{}")
    assert inbox.is_pending("recording-1")
    answered = inbox.item(first.seq)
    assert (answered.source, answered.body, answered.attempts) == ("poll", b"{}", 1)


def test_a_sweep_goes_on_where_it_was_broken_off(inbox: Inbox) -> None:
    inbox.put([of_poll(f"known-{number}", b"{}") for number in range(3)])
    begun = inbox.begin_poll()
    inbox.put([of_poll("came-meanwhile", b"{}")])
    inbox.save_poll("page-1")
    again = inbox.begin_poll()
    assert (again.known_to, again.after) == (begun.known_to, "page-1")
    keys = ["recording:known-1", "recording:came-meanwhile", "recording:never"]
    assert inbox.known(keys, again.known_to) == {"recording:known-1"}
    inbox.end_poll()
    assert inbox.begin_poll().known_to > begun.known_to
    inbox.set_not_before(12.5)
    assert inbox.not_before() == 12.5
    assert inbox.begin_poll().after is None


@given(st.binary(max_size=300) | st.builds(lambda e: json.dumps(e).encode(), st.dictionaries(st.text(), st.text())))
def test_any_body_has_a_key_of_its_own_that_every_database_can_hold(body: bytes) -> None:
    check(of_webhook(body), body)
    check(of_poll(None, body), body)


@given(st.text(), st.text(), st.text())
def test_any_id_and_type_can_be_held_by_every_database(event_id: str, kind: str, recording_id: str) -> None:
    event = {"id": event_id, "type": kind, "payload": {"recording_id": recording_id}}
    body = json.dumps(event).encode()
    check(of_webhook(body), body)
    check(of_poll(recording_id, body), body)


def check(arrival: Arrival, body: bytes) -> None:
    assert arrival.body == body
    for text, longest in ((arrival.key, 300), (arrival.event_type, 100), (arrival.recording_id, 100)):
        assert text is None or (len(text.encode()) <= 4 * longest and len(text) <= longest and text.isprintable())


# Through the command line.


def test_people_list_show_and_replay_items(deployment: Deployment) -> None:
    inbox = Inbox(database=Database(url=f"sqlite:///{deployment.data / 'reflector.db'}"))
    inbox.put([event(1, type="[/red] type"), of_webhook(b"no JSON \xff"), event(2)])
    first, second, third = (item.seq for item in inbox.waiting(10))
    inbox.settle([first], "accepted")
    inbox.settle([second], "failed", "[/] the body is no JSON")
    items = deployment.json("inbox", "list")
    assert [(item["item"], item["state"], item["reason"]) for item in items] == [
        (first, "accepted", None),
        (second, "failed", "[/] the body is no JSON"),
        (third, "received", None),
    ]
    listed = deployment.reflector("inbox", "list", "--state", "accepted")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "[/red]" in listed.stdout
    assert deployment.json("inbox", "show", str(second)) == {**items[1], "body": "no JSON \\xff"}
    assert deployment.json("inbox", "replay", str(first), "--failed") == {"replayed": [first, second]}
    assert [item.seq for item in inbox.waiting(10)] == [first, second, third]


def test_the_command_line_uses_the_database_of_the_settings(deployment: Deployment, postgres_url: str) -> None:
    inbox = Inbox(database=Database(url=postgres_url))
    inbox.put([of_webhook(b"no JSON")])
    inbox.settle([inbox.waiting(1)[0].seq], "failed", "no JSON")
    deployment.env["DATABASE_URL"] = postgres_url.replace("+psycopg2", "+asyncpg")
    (deployment.data / "reflector.db").unlink()
    assert deployment.json("inbox", "replay", "--failed") == {"replayed": [inbox.items()[0].seq]}
    assert [item.state for item in inbox.items()] == ["received"]
    assert not (deployment.data / "reflector.db").exists()


@pytest.mark.parametrize(("item", "code"), [("1", 1), (str(2**63), 2)])
def test_an_item_that_isnt_there_is_reported_in_one_line(item: str, code: int, deployment: Deployment) -> None:
    done = deployment.reflector("inbox", "replay", item)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_an_item_that_isnt_there_is_not_found(inbox: Inbox) -> None:
    with pytest.raises(NotFound, match="no item 1"):
        inbox.item(1)
