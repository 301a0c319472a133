"""Run a failed run again from where it failed, by Dagster's own means: `reexecute RUN_ID RECORDING_ID`."""

import sys

import dagster as dg

from reflector_assets.definitions import defs
from reflector_assets.runtime.instance import open_instance


def process() -> dg.JobDefinition:
    """The job, for the processes of its steps."""
    return defs.resolve_job_def("process")


def main(run_id: str, recording_id: str) -> None:
    """Re-execute; Dagster leaves out the tag of the partition."""
    with open_instance() as instance:
        dg.execute_job(
            dg.reconstructable(process),
            instance,
            tags={"dagster/partition": recording_id},
            reexecution_options=dg.ReexecutionOptions.from_failure(run_id, instance),
            raise_on_error=True,
        )


if __name__ == "__main__":
    from tests.scenarios.reexecute import process

    main(*sys.argv[1:])
