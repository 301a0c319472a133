"""What a process starts when it imports the definitions: a code server the warm process, others nothing."""

import multiprocessing
import subprocess
import sys
from multiprocessing.queues import Queue

import psutil
import pytest

from testing import PATIENCE_S

pytestmark = pytest.mark.slow(12)
CODE_SERVER = ["dagster", "api", "grpc", "--socket", "x"]


def children() -> list[str]:
    """Return the command lines of this process's children after it has imported what comes first, and end them."""
    import reflector_assets.runtime.startup  # noqa: F401

    found = {child: " ".join(child.cmdline()) for child in psutil.Process().children()}
    for child, command in found.items():
        # Otherwise it would import everything before it notices that nobody needs it.
        if "preload" in command or "forkserver" in command:
            child.kill()
    return list(found.values())


def report(found: "Queue[list[str]]") -> None:
    """Report the children as a run of a code server."""
    found.put(children())


@pytest.mark.parametrize(
    ("argv", "executor", "expected"),
    [
        (CODE_SERVER, "processes", "reflector_assets.preload"),
        (CODE_SERVER, "in_process", "reflector_assets.preload"),
        (CODE_SERVER, "multiprocess", None),
        (["pytest"], "processes", None),
    ],
)
def test_a_code_server_starts_the_warm_process(argv: list[str], executor: str, expected: str | None) -> None:
    code = (
        f"import os, sys; sys.argv = {argv!r}; os.environ['REFLECTOR_EXECUTOR'] = {executor!r}\n"
        "from multiprocessing import spawn; from tests.runtime.test_startup import children\n"
        "print(*children(), spawn.get_executable() == sys.executable.encode(), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *commands, is_plain = done.stdout.splitlines()
    assert len(commands) == (expected is not None)
    assert all(str(expected) in command for command in commands)
    assert is_plain == str(expected is None)


@pytest.mark.parametrize(("executor", "early"), [("multiprocess", True), ("processes", False), ("in_process", False)])
def test_a_run_starts_the_server_of_dagsters_executor(
    monkeypatch: pytest.MonkeyPatch, executor: str, early: bool
) -> None:
    monkeypatch.setattr(sys, "argv", CODE_SERVER)
    monkeypatch.setenv("REFLECTOR_EXECUTOR", executor)
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    run = context.Process(target=report, args=(found,))
    run.start()
    commands = found.get(timeout=PATIENCE_S)
    run.join(PATIENCE_S)
    assert any("forkserver" in command for command in commands) is early, commands


def test_garbage_is_looked_for_again_once_all_is_imported() -> None:
    code = "import gc, reflector_assets.definitions; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
