"""Print a run's step keys, or its asset checks' answers, as JSON; run by tests in a deployment's environment."""

import json
import sys

from dagster import DagsterEventType, DagsterInstance

run_id = sys.argv[1]
with DagsterInstance.get() as instance:
    if "--checks" in sys.argv:
        records = instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION).records
        answers = [r.event_log_entry.dagster_event.event_specific_data for r in records]
        print(json.dumps({a.check_name: a.passed for a in answers}))
    else:
        records = instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_SUCCESS).records
        print(json.dumps([r.event_log_entry.dagster_event.step_key for r in records]))
