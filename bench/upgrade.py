"""What an upgrade makes of finished recordings: `python -m bench.upgrade`.

A recording that an older version finished, before corrections existed, is copied to any number, and the present code's
sensor examines all of them, as it does after an upgrade.
"""

import json
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.growth import run_module
from bench.measure import ROOT
from bench.results import Cell, Result, Size, Table, Target, cli
from testing.deployment import deploy
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost

ARCHIVE = ROOT / "tests" / "data" / "deployment-cfbc997.tar.xz"
# Finished in four runs, of which two failed.
FINISHED = "249fbacd-c71c-4384-9669-55d1ec947df5"
SIZES = {Size.LEAST: 20, Size.SHORT: 500, Size.FULL: 10_000}
HOW = (
    "A deployment of commit cfbc997, which had no asset `corrections`, is upgraded with copies of one of its finished "
    "recordings (`tests/test_upgrade.py`, `bench/growth_history.py`): all "
    "recordings are within `REFLECTOR_REACH`. The sensor `keep_up_to_date` runs tick after tick until nothing "
    "is left to examine, on SQLite and files. Then one recording is corrected."
)


def bench(size: Size) -> Result:
    """Upgrade a deployment with this many finished recordings."""
    count = SIZES[size]
    with TemporaryDirectory() as folder, GPUHost() as gpu, LLMHost(model="test-model") as llm:
        home = Path(folder)
        deployment = deploy(home, **gpu.env, **llm.env, REFLECTOR_REACH="36500", REFLECTOR_CORRECTIONS_QUIET="0")
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(home, filter="data")
        began = time.perf_counter()
        run_module(deployment, "bench.growth_history", str(home), str(count), FINISHED)
        made = time.perf_counter() - began
        found = json.loads(run_module(deployment, "bench.upgrade_ticks").splitlines()[-1])
        calls = len(gpu.requests) + len(llm.requests)
    row: list[Cell] = [found[name] for name in ("examined", "ticks", "wall", "cpu", "longest", "peak")]
    return Result(
        name="upgrade",
        title="An upgrade of finished recordings",
        how=HOW,
        tables=[
            Table(
                title="Examined after the upgrade",
                columns=["recordings", "ticks", "wall s", "CPU s", "longest tick s", "peak memory MiB"],
                rows=[row],
                note=f"Adding the recordings took {made:.0f} s.",
            )
        ],
        targets=[
            Target(
                what="finished recordings that the sensor examined", found=found["examined"], limit=count, at_most=False
            ),
            Target(what="runs that the upgrade requested", found=found["requests"], limit=0),
            Target(what="calls to services", found=calls, limit=0),
            Target(what="runs for one recording that was corrected", found=found["corrected"], limit=1, at_most=False),
        ],
    )


if __name__ == "__main__":
    cli("upgrade", __doc__, bench)
