"""A run's own process starts the server of its steps at once, and nobody else does."""

import multiprocessing
import subprocess
import sys
from multiprocessing.queues import Queue

import psutil
import pytest

from testing import PATIENCE_S

pytestmark = pytest.mark.slow(8)


def children(found: "Queue[list[list[str]]]") -> None:
    """Import what a run imports first, and tell which processes that started."""
    import reflector_assets.runtime.startup  # noqa: F401

    found.put([child.cmdline() for child in psutil.Process().children()])


@pytest.mark.parametrize(
    ("argv", "executor", "early"),
    [
        (["dagster", "api", "grpc", "--socket", "x"], "processes", True),
        (["dagster", "api", "grpc", "--socket", "x"], "in_process", False),
        (["pytest"], "processes", False),
    ],
)
def test_the_server_of_steps_starts_with_a_run_of_a_code_server_only(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], executor: str, early: bool
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setenv("REFLECTOR_EXECUTOR", executor)
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    run = context.Process(target=children, args=(found,))
    run.start()
    commands = [" ".join(command) for command in found.get(timeout=60)]
    run.join(PATIENCE_S)
    assert any("forkserver" in command for command in commands) is early, commands


def test_garbage_is_looked_for_again_once_all_is_imported() -> None:
    code = "import gc, reflector_assets.definitions; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
