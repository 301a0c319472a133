"""The tags that runs carry: Dagster's that we read, and ours."""

PARTITION = "dagster/partition"
PRIORITY = "dagster/priority"
# Values of PRIORITY: a new recording, one that changed, one that a person requested in bulk.
NEW, REFRESH, BACKFILL = "10", "0", "-10"
WILL_RETRY = "dagster/will_retry"
RETRY_STRATEGY = "dagster/retry_strategy"
ROOT_RUN = "dagster/root_run_id"

# Which code version of each asset a run was made for, so that a failure isn't repeated with the same code.
CODE = "reflector/code"
# GPU and LLM calls of the run are made anew; can be given in Dagster's launchpad too.
FORCE = "reflector/force"
