"""Print a run's step keys, or the results of its asset checks, as JSON; tests run it in a deployment's environment."""

import json
import sys

from dagster import DagsterEventType, DagsterInstance

run_id = sys.argv[1]
with DagsterInstance.get() as instance:
    checks = "--checks" in sys.argv
    kind = DagsterEventType.ASSET_CHECK_EVALUATION if checks else DagsterEventType.STEP_SUCCESS
    records = instance.get_records_for_run(run_id, of_type=kind).records
    events = [event for record in records if (event := record.event_log_entry.dagster_event)]
    if checks:
        results = [event.asset_check_evaluation_data for event in events]
        print(json.dumps({result.check_name: result.passed for result in results}))
    else:
        print(json.dumps([event.step_key for event in events]))
