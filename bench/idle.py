"""What a deployment costs without work: share of a core and memory, by process: `python -m bench.idle`."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.process_tree import ProcessTree
from bench.results import Result, Size, Table, Target, cli
from bench.world import world

# Seconds to wait after a recording, and to measure.
SIZES = {Size.LEAST: (0.0, 2.0), Size.SHORT: (30.0, 60.0), Size.FULL: (60.0, 600.0)}
# What is measured, with its settings; the time until the warm process ends is shortened to that of the bench.
IDLE, WARM, DAGSTERS = "idle", "warm process kept", "Dagster's own executor"
VARIANTS = {
    IDLE: {"REFLECTOR_WARM_IDLE": "5"},
    WARM: {"REFLECTOR_WARM_IDLE": "0"},
    DAGSTERS: {"REFLECTOR_EXECUTOR": "multiprocess"},
}
CORE, PSS_MIB = 0.05, 450.0
ALL = "all"


def measure(settings: Mapping[str, str], size: Size) -> tuple[dict[str, float], dict[str, float]]:
    """Return shares of a core and proportional MiB by kind of process, some time after a recording was processed."""
    settle, seconds = SIZES[size]
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), gpu_s=0.1, llm_s=0.1, settings=settings) as here,
        here.daemon,
    ):
        # All that stays is there after a recording.
        recording = here.record(1)
        here.announce(recording)
        here.wait_for_end(recording["id"])
        time.sleep(settle)
        with ProcessTree(here.processes, every=seconds / 10) as processes:
            begin = time.monotonic()
            time.sleep(seconds)
        # The last sample is at the end of the block.
        lasted = time.monotonic() - begin
        shares = {kind: used / lasted for kind, used in processes.seconds().items()}
        memory = {kind: statistics.median(seen) for kind, seen in processes.memory.items()}
        return _with_sum(shares), _with_sum(memory)


def _with_sum(figures: dict[str, float]) -> dict[str, float]:
    return {**figures, ALL: sum(figures.values())}


def bench(size: Size) -> Result:
    """Measure with and without the warm process, and with Dagster's own executor."""
    found = {name: measure(settings, size) for name, settings in VARIANTS.items()}
    settle, seconds = SIZES[size]
    shares, memory = found[IDLE]
    return Result(
        name="idle",
        title="Idle",
        how=f"The receiver, the daemon and its code server, on SQLite, with Daily's API polled as by default and "
        f"nothing to do: {seconds:g} s, which begin {settle:g} s after the end of a recording. Memory is proportional "
        "(PSS), a median of ten samples. The warm process, from which runs are forked, ends after 10 minutes without a "
        "run (REFLECTOR_WARM_IDLE; here sooner).",
        tables=[
            Table(
                title="By process",
                columns=["state", "process", "share of a core", "PSS MiB"],
                rows=[
                    [name, kind, used[kind], held[kind]]
                    for name, (used, held) in found.items()
                    for kind in sorted(held)
                ],
            )
        ],
        targets=[
            Target(what="idle: share of a core, all processes", found=shares[ALL], limit=CORE),
            Target(what="idle: memory of all processes, PSS MiB", found=memory[ALL], limit=PSS_MIB),
        ],
    )


if __name__ == "__main__":
    cli("idle", __doc__, bench)
