"""Of a run that succeeded the ledger reads a part of the log: it finds there all that the whole log holds."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets.eventlog import projections
from reflector_assets.eventlog.usage import account
from resources.database.database import Database
from resources.database.ledger import Ledger
from tests.consent.world import world

UPSTREAM = ["recording", "participants", "padded_tracks", "track_transcripts"]


@pytest.mark.parametrize("failures", [0, 1])
def test_nothing_is_missed(tmp_path: Path, failures: int) -> None:
    with world(tmp_path) as here:
        if failures:
            here.gpu.fail(failures, 503, retry_after=0)
        assert here.run(UPSTREAM).success
        ledger = Ledger(database=Database(url=f"sqlite:///{tmp_path / 'ledger.db'}"))
        assert projections.follow_runs(here.instance, ledger, settled_after=0)
        [run] = here.instance.get_runs()
        log: Sequence[dg.EventLogRecord] = here.instance.get_records_for_run(run.run_id).records
        whole = account(run, log, log[-1].timestamp)
    assert whole is not None
    found = [entry for _, entry in ledger.entries()]
    assert sorted(found) == sorted(whole[1])
    assert sum(entry.attempts - 1 for entry in found) == failures
    assert all(entry.wall_ms for entry in found if entry.asset != "participants")
