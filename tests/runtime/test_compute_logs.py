"""Compute logs: Dagster's files, and no process beside the step's."""

# pyright: basic

from pathlib import Path
from typing import Any

import dagster as dg
import psutil

LOGS = "{module: reflector_assets.runtime.compute_logs, class: FileComputeLogs, config: {base_dir: %s}}"


@dg.asset
def talkative() -> dg.MaterializeResult[Any]:
    """Print to both streams, and count the processes that were started meanwhile."""
    print("on stdout", flush=True)
    children = psutil.Process().children()
    return dg.MaterializeResult(metadata={"children": len(children)})


def test_what_a_step_prints_is_read_by_dagsters_own_interface(tmp_path: Path) -> None:
    # Not their descendants: those of a server come and go.
    before = len(psutil.Process().children())
    config = f"telemetry: {{enabled: false}}\ncompute_logs: {LOGS % (tmp_path / 'logs')}\n"
    (tmp_path / "dagster.yaml").write_text(config)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        result = dg.materialize([talkative], instance=instance)
        [made] = result.asset_materializations_for_node("talkative")
        assert made.metadata["children"].value == before
        logs = instance.compute_log_manager
        [captured] = instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED).records
        event = captured.event_log_entry.dagster_event
        assert event is not None
        key = [result.run_id, "compute_logs", event.logs_captured_data.file_key]
        assert (logs.get_log_data(key).stdout or b"").decode() == "on stdout\n"
        assert "STEP_SUCCESS" in (logs.get_log_data(key).stderr or b"").decode()
        assert logs.is_capture_complete(key)
