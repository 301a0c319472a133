"""Tags of runs and materializations: those of Dagster that we read, and our own."""

from collections.abc import Mapping

PARTITION = "dagster/partition"
PRIORITY = "dagster/priority"
# Values of PRIORITY: one that a person corrects, a new recording, a changed one, one of a bulk request.
CORRECTION, NEW, REFRESH, BACKFILL = "20", "10", "0", "-10"
WILL_RETRY = "dagster/will_retry"
RETRY_STRATEGY = "dagster/retry_strategy"
# Its value for all runs. Dagster's resumption by step leaves out mapped steps that had not begun: whole tracks.
BY_ASSET = "FROM_ASSET_FAILURE"
ROOT_RUN = "dagster/root_run_id"

# Dagster's tag with the address of the code server that started the run, as JSON.
GRPC_INFO = ".dagster/grpc_info"
# Tags with this prefix aren't shown on Dagster's pages.
_HIDDEN = ".dagster/reflector_"
# The process that executes the run (runtime/process_identity.py).
PROCESS = f"{_HIDDEN}process"
# Of a materialization of names or words with corrections: the data version without them.
UNCORRECTED = "reflector/uncorrected"
# What a run is about.
ROOM, TITLE = "reflector/room", "reflector/title"
# The code version of each asset that a run was requested with, so that a failure isn't repeated with the same code, and
# a short hash of them.
CODE = f"{_HIDDEN}code"
CODE_HASH = "reflector/code"
# The names of PROCESS and CODE in version 0.2.
EARLIER = {PROCESS: "reflector/process", CODE: "reflector/code"}
# The assets that a run was requested for because their files were gone.
RESTORED = "reflector/restored"
# The run ignores cached GPU and LLM calls; can also be set in Dagster's launchpad.
FORCE = "reflector/force"
# Of a materialization that was taken over from the old system: the transcript's id there.
TAKEN_OVER = "reflector/taken_over"
# Of a materialization that was reported again when its recording was retired: when it was made, in epoch seconds.
MADE_AT = "reflector/made_at"


def value(tags: Mapping[str, str], tag: str) -> str:
    """Return a tag's value under its present name or that of version 0.2; empty if neither is there."""
    return tags.get(tag) or tags.get(EARLIER.get(tag, tag), "")
