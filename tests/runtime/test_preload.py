"""The process that runs and steps are forked from."""

import subprocess
import sys

HEAVY = {"alembic", "av", "dagster", "httpx", "lameenc", "numpy", "pandas", "pyarrow.parquet", "sqlalchemy"}
NAMED_BY_DAGSTER_YAML = {"reflector_assets.runtime.compute_logs", "reflector_assets.runtime.embedded_storage"}


def test_what_steps_import_late_is_there_before_the_first_fork() -> None:
    code = "import sys; import reflector_assets.preload; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) >= HEAVY | NAMED_BY_DAGSTER_YAML


def test_the_first_fork_finds_compiled_statements_but_no_thread_or_open_database() -> None:
    code = (
        "import os, threading, reflector_assets.preload\n"
        "from reflector_assets.runtime.embedded_storage import COMPILED\n"
        "compiled = ' '.join(str(one) for one in COMPILED.values())\n"
        "for text in ('INSERT INTO event_logs', 'asset_event_tags', 'dynamic_partitions'):\n"
        "    assert text in compiled, text\n"
        "assert threading.active_count() == 1\n"
        "files = [os.path.realpath(f'/proc/self/fd/{name}') for name in os.listdir('/proc/self/fd')]\n"
        "assert not [file for file in files if '.db' in file]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
