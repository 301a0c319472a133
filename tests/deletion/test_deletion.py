"""After the deletion of a recording, nothing that is left anywhere has a word or a name of the meeting."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.errors import ReflectorError
from reflector_assets import definitions
from reflector_assets.operations.archiving import retire
from reflector_assets.partitions import RECORDINGS, RETIRED
from reflector_assets.settings.main import Settings
from resources.database.inbox import of_poll, of_webhook
from resources.database.shares import Shares
from sensors import deletions as sensor
from sensors import discovery
from testing.hosts.daily_oddities import ready_event
from testing.hosts.zulip_host import TOO_LATE
from tests.deletion.meeting import NAMES, WORDS, SecretMeeting, secret_meeting

pytestmark = pytest.mark.slow(15)
NOWHERE: dict[str, set[str]] = {word: set() for word in WORDS}


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[SecretMeeting]:
    with secret_meeting(tmp_path) as made:
        yield made


def test_nothing_of_it_is_left_and_it_does_not_come_back(meeting: SecretMeeting) -> None:
    meeting.arrive()
    meeting.publish()
    assert meeting.run().success
    meeting.list()
    before = meeting.places()
    assert {"data", "instance", "calls", "reflector.db-wal"} <= {name.split("/")[0] for name in before["quokkaberry"]}
    assert all(before.values()), "the search finds everything where it is"
    assert NAMES[0] in meeting.zulip.says()[0]
    meeting.consents.record(meeting.session, NAMES[1], given=False)

    left = meeting.delete()
    assert meeting.places() == NOWHERE
    assert left == ["1 webhooks that were sent: their receivers have the transcript"]
    assert meeting.zulip.says() == [f"The transcript of this meeting was deleted on request (recording {meeting.id})."]
    assert (meeting.sound(), meeting.bucket.exists(meeting.other)) == ([], True)
    assert list(meeting.store.list_remnants(meeting.key(""))) == []
    assert meeting.instance.get_runs() == []
    assert [meeting.instance.get_dynamic_partitions(name) for name in (RECORDINGS, RETIRED)] == [[], []]
    assert meeting.catalogue.search("").total == 0
    assert Shares(database=meeting.inbox.database).all() == []
    [denial] = meeting.consents.statements(meeting.session)
    assert (denial.given, meeting.consents.unmatched()) == (False, []), "it applies to the meeting's other recordings"
    assert meeting.delete() == left, "it can be repeated"

    # Daily sends its webhook again, and lists the recording.
    meeting.inbox.put([of_webhook(json.dumps({**ready_event(meeting.said), "id": "again"}).encode())])
    meeting.inbox.put([of_poll(meeting.id, json.dumps(meeting.said).encode())])
    meeting.inbox.replay([1])
    asked = tick(meeting, discovery.build("process", definitions.graph, Settings.model_validate({})))
    assert (asked.run_requests, asked.dynamic_partitions_requests) == ([], [])
    assert {(item.state, item.body) for item in meeting.inbox.items()} == {("ignored", b"")}


def test_of_a_retired_one_whose_message_zulip_keeps(meeting: SecretMeeting) -> None:
    meeting.arrive()
    meeting.publish()
    assert meeting.run().success
    meeting.list()
    retire(meeting.instance, meeting.store, meeting.ledger, meeting.id)
    assert any("events.json.gz" in key for key in meeting.store.list_keys("recordings"))
    assert any(name.startswith("instance") for name in meeting.places()[WORDS[-1]]), "what was reported again"
    meeting.zulip.fail(1, 400, TOO_LATE, when=lambda call: call.method == "PATCH")
    [message] = meeting.zulip.messages
    stays, _ = meeting.delete()
    assert stays.startswith(f"message {message} stays as it was")
    assert meeting.places() == NOWHERE
    assert meeting.instance.get_dynamic_partitions(RETIRED) == []
    assert list(meeting.store.list_remnants(meeting.key(""))) == []


def test_of_one_that_failed(meeting: SecretMeeting) -> None:
    """The transcriber quotes the meeting in its refusal of the second track."""
    meeting.arrive()
    meeting.gpu.fail(
        1, 400, f"language of {' '.join(WORDS)} isn't known", when=lambda call: call.name.endswith("1.webm")
    )
    assert not meeting.run().success
    assert any(name.startswith("instance") for name in meeting.places()["wombatological"])
    assert meeting.delete() == []
    assert meeting.places() == NOWHERE


INDEX, RUNS, PRODUCT = "instance/dagster/history/runs/index.db", "instance/dagster/history/runs.db", "reflector.db"
# The statement that a file refuses, in the order of the deletion: what comes before it is done.
OBSTACLES = (
    (INDEX, "BEFORE DELETE ON dynamic_partitions"),
    (INDEX, "BEFORE DELETE ON asset_check_executions"),
    (INDEX, "BEFORE DELETE ON event_logs"),
    (INDEX, "BEFORE UPDATE ON asset_keys"),
    (RUNS, "BEFORE DELETE ON runs"),
    (PRODUCT, "BEFORE DELETE ON catalogue"),
    (PRODUCT, "BEFORE DELETE ON deliveries"),
    (PRODUCT, "BEFORE UPDATE ON inbox"),
    (PRODUCT, "BEFORE DELETE ON meetings"),
    (PRODUCT, "BEFORE UPDATE ON deletions"),
)


def test_whatever_stops_it_the_next_attempt_finishes_it(meeting: SecretMeeting) -> None:
    meeting.arrive()
    meeting.publish()
    assert meeting.run().success
    meeting.list()
    in_the_way = meeting.home / "daily" / meeting.keys[0]
    in_the_way.unlink()
    in_the_way.mkdir()
    meeting.zulip.fail(len(OBSTACLES), 500, "down")
    for file, event in OBSTACLES:
        with closing(sqlite3.connect(meeting.home / file)) as database:
            database.execute(f"CREATE TRIGGER refuse {event} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
        assert attempt(meeting), event
        with closing(sqlite3.connect(meeting.home / file)) as database:
            database.execute("DROP TRIGGER refuse")
    # Zulip and a file at Daily stop nothing else.
    assert "500" in (attempt(meeting) or "")
    assert [Path(key).name for key in meeting.store.list_remnants(meeting.key(""))] == ["recording.json"]
    assert meeting.catalogue.search("").total == 0
    known = meeting.eraser.deletions.get(meeting.id)
    assert known is not None
    assert "500" in str(known.problem)
    in_the_way.rmdir()
    found = tick(meeting, sensor.delete_recordings)
    assert "1 due" in str(found.skip_reason)
    assert "deleted on request" in meeting.zulip.says()[0]
    assert meeting.places() == NOWHERE
    deletion = meeting.eraser.deletions.get(meeting.id)
    assert deletion is not None
    assert (deletion.completed_at is not None, deletion.problem) == (True, None)
    assert deletion.left == ("1 webhooks that were sent: their receivers have the transcript",), "by the first attempt"


def attempt(meeting: SecretMeeting) -> str | None:
    """Try to delete it; return why that failed."""
    try:
        meeting.delete()
    except (ReflectorError, dg.DagsterError, sqlite3.Error) as error:
        return str(error)
    except Exception as error:  # of the database
        return type(error).__name__
    return None


def tick(meeting: SecretMeeting, of: Any) -> Any:
    names = {"inbox", "consents", "store", "daily_bucket", "source", "messages", "call_cache", "leaving"}
    resources = {name: one for name, one in meeting.resources().items() if name in of.required_resource_keys & names}
    with dg.build_sensor_context(instance=meeting.instance, resources=resources) as context:
        return of(context)
