"""Tags of runs and materializations: those of Dagster that we read, and our own."""

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
# The process that executes the run (runtime/process_identity.py).
PROCESS = "reflector/process"
# Of a materialization of names or words with corrections: the data version without them.
UNCORRECTED = "reflector/uncorrected"
# What a run is about.
ROOM, TITLE = "reflector/room", "reflector/title"
# The code version of each asset that a run was requested with, so that a failure isn't repeated with the same code.
CODE = "reflector/code"
# The assets that a run was requested for because their files were gone.
RESTORED = "reflector/restored"
# The run ignores cached GPU and LLM calls; can also be set in Dagster's launchpad.
FORCE = "reflector/force"
# Of a materialization that was reported again when its recording was retired: when it was made, in epoch seconds.
MADE_AT = "reflector/made_at"
