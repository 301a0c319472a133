"""The process that runs and steps are forked from."""

import subprocess
import sys

HEAVY = {"alembic", "av", "dagster", "httpx", "lameenc", "numpy", "pandas", "pyarrow.parquet", "sqlalchemy"}
NAMED_BY_DAGSTER_YAML = {"reflector_assets.runtime.compute_logs", "reflector_assets.runtime.embedded_storage"}


def test_what_steps_import_late_is_there_before_the_first_fork() -> None:
    code = "import sys; import reflector_assets.preload; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) >= HEAVY | NAMED_BY_DAGSTER_YAML
