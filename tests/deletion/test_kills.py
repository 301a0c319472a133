"""A deletion that is killed, at every point where it changes something: the next attempt finishes it."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from resources.database.tables import messages
from tests.deletion.meeting import WORDS, SecretMeeting, secret_meeting

pytestmark = pytest.mark.slow(15)
# What changes files, of the events that Python reports to audit hooks.
CHANGES = {"os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}
# More changes than a deletion makes.
MOST = 2000


def killed(meeting: SecretMeeting, at: int) -> bool:
    """Delete in a process that is killed at a change of a file or a database; return False if it ended before."""
    meeting.inbox.database.engine.dispose()
    if not (pid := os.fork()):
        status = 1
        try:
            kill_at(at)
            meeting.delete()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, -signal.SIGKILL}
    with meeting.inbox.database.begin() as connection:
        # Time passes: the claim of a process that was killed ends.
        connection.execute(update(messages).values(claimed_until=0.0))
    return status != 0


def kill_at(change: int) -> None:
    """Kill this process before it makes this change, counted from 1."""
    made = 0

    def count(*_: Any) -> None:
        nonlocal made
        made += 1
        if made == change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(lambda name, _: count() if name in CHANGES else None)
    event.listen(Engine, "commit", count)  # pyright: ignore[reportUnknownMemberType] - any arguments


def test_a_killed_deletion_is_finished_by_the_next_attempt(tmp_path: Path) -> None:
    with secret_meeting(tmp_path) as meeting:
        meeting.arrive()
        meeting.publish()
        assert meeting.run().success
        meeting.list()
        kills = 0
        for at in range(1, MOST):
            if not killed(meeting, at):
                break
            kills += 1
        assert kills > 20
        assert meeting.places() == {word: set() for word in WORDS}
        assert "deleted on request" in meeting.zulip.says()[0]
        assert meeting.instance.get_runs() == []
        deletion = meeting.eraser.deletions.get(meeting.id)
        assert deletion is not None
        assert deletion.completed_at is not None
