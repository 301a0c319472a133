"""What grows with the number of finished recordings: run `python -m bench.growth`.

One recording is really made, in a folder of its own; its rows and files are then repeated, as thousands of real runs
would take days. Everything is on one machine: SQLite, files, and nothing from outside.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bench import history, measure, results
from bench.dagster_pages import DagsterPages
from testing.audio_files import babble, opus_track
from testing.deployment import ROOT, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN, plain_recording
from testing.hosts.gpu_host import GPUHost
from testing.hosts.old_host import OldHost
from testing.hosts.zulip_host import ZulipHost
from testing.parts.receiver import SECRET, Receiver

SIZES = {
    results.Size.LEAST: (2, 20),
    results.Size.SHORT: (100, 1_000),
    results.Size.FULL: (100, 1_000, 10_000, 50_000),
}
# Of the most recordings, so many are left when the others are retired.
KEPT = {results.Size.LEAST: 0, results.Size.SHORT: 100, results.Size.FULL: 1_000}
REPEAT = {results.Size.LEAST: 1, results.Size.SHORT: 7, results.Size.FULL: 7}
COMMANDS = {
    "`reflector list`": "list",
    "`reflector list --json`": "list --json",
    "`reflector show`": "show {last}",
    "`reflector costs`": "costs",
}
SETTLED_S = 2.1
# An answer of /metrics is given again for so many seconds.
METRICS_KEPT_S = 10.5
HOW = (
    "Finished recordings of two seconds and two tracks, whose rows in Dagster's SQLite and in the product's, and whose "
    "files, are repeated (`bench/history.py`); texts have 3,200 words each. A command is a process of its own with all "
    "that it imports, a sensor's tick is a median of several in one process, a page's answer a mean, of the web server "
    "and the code server together. Peak is the process's largest resident memory."
)
UNITS = ("cpu", "wall", "peak")
CHARTED = 8
Figures = dict[str, dict[str, float]]


def bench(size: results.Size) -> results.Result:
    """Measure at each number of recordings; `least` leaves out what starts servers."""
    found: dict[str, Figures] = {}
    made: list[list[results.Cell]] = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        deployment, daily = stack.enter_context(_deployment(home))
        _make_first(deployment)
        for many in SIZES[size]:
            began = time.perf_counter()
            _run(deployment, "bench.history", str(home), str(many))
            daily.recordings = _listed(many)
            made.append([many, time.perf_counter() - began, *_bytes(home, many)])
            found[f"{many:,}"] = _measure(deployment, many, REPEAT[size], servers=size is not results.Size.LEAST)
            print(f"{many} recordings: {time.perf_counter() - began:.0f} s", file=sys.stderr)
        if kept := KEPT[size]:
            history.retire(home, kept)
            many = SIZES[size][-1]
            found[f"{many:,}, all but {kept:,} retired"] = _measure(deployment, many, REPEAT[size], servers=True)
    return _result(SIZES[size], found, made)


@contextmanager
def _deployment(home: Path) -> Iterator[tuple[Deployment, DailyHost]]:
    """A deployment in which every sensor has something to look at: stand-ins for Daily, Zulip and the old system."""
    with GPUHost() as gpu, DailyHost(rate=None) as daily, ZulipHost() as zulip, OldHost() as old:
        deployment = deploy(
            home,
            **gpu.env,
            **daily.env,
            DAILY_SUBDOMAIN=DOMAIN,
            DAILY_WEBHOOK_SECRET=SECRET,
            **zulip.env,
            ZULIP_DAG_STREAM="operations",
            REFLECTOR_FALLBACK="true",
            REFLECTOR_OLD_URL=old.url,
            PUBLIC_DATA_RETENTION_DAYS="90",
            REFLECTOR_RETIRE_DAYS="365",
        )
        yield deployment, daily


def _make_first(deployment: Deployment) -> None:
    """Import and run one recording of two seconds, as a user does."""
    source = deployment.home / "source"
    source.mkdir()
    for track in range(2):
        opus_track(source / f"person-{track}.webm", babble(2.0, seed=track))
    for command in (["import", str(source), "--id", history.FIRST], ["run", history.FIRST]):
        _reflector(deployment, *command)
    # What was made a moment ago isn't settled, and would not be in the catalogue.
    time.sleep(SETTLED_S)
    _reflector(deployment, "costs")


def _reflector(deployment: Deployment, *arguments: str) -> None:
    done = deployment.reflector(*arguments)
    if done.returncode:
        raise RuntimeError(f"reflector {arguments[0]}: {done.stderr[-2000:]}")


def _run(deployment: Deployment, module: str, *arguments: str) -> str:
    """Run a module of ours in a process of its own, so that this one stays small; returns what it printed."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=deployment.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
    return done.stdout


def _listed(many: int) -> list[dict[str, Any]]:
    """The newest recordings as Daily lists them; all of them are known."""
    listed = [plain_recording(random.Random(number), many - number) for number in range(max(1, many - 200), many)]
    for number, one in enumerate(listed, max(1, many - 200)):
        one["id"] = history.recording_id(number)
    return listed[::-1]


def _measure(deployment: Deployment, many: int, repeat: int, *, servers: bool) -> Figures:
    found: Figures = json.loads(_run(deployment, "bench.ticks", str(repeat)).splitlines()[-1])
    if not servers:
        return found | _commands(deployment, {"`reflector list`": ["list"]}, 1)
    # Not one of an earlier round.
    new = f"new-by-hand-{many}-{time.monotonic_ns()}"
    _reflector(deployment, "import", str(deployment.home / "source"), "--id", new)
    found |= _commands(deployment, {"`reflector run` of a new one": ["run", new]}, 1)
    found |= _commands(
        deployment,
        {name: command.format(last=history.recording_id(many - 1)).split() for name, command in COMMANDS.items()},
        3,
    )
    with Receiver(deployment, "--trial") as service:
        found |= _service(service, repeat)
    with DagsterPages(deployment) as pages:
        return found | pages.figures(3)


def _commands(deployment: Deployment, commands: Mapping[str, list[str]], repeat: int) -> Figures:
    program = Path(sys.executable).parent / "reflector"
    found: Figures = {}
    for name, arguments in commands.items():
        costs = [measure.run([program, *arguments], env=deployment.environment()) for _ in range(repeat)]
        middle = sorted(costs, key=lambda cost: cost.cpu)[len(costs) // 2]
        found[name] = {"cpu": middle.cpu * 1000, "wall": middle.wall * 1000, "peak": middle.rss}
    return found


def _service(service: Receiver, repeat: int) -> Figures:
    process = psutil.Process(service.pid)

    def cost(path: str, times: int) -> dict[str, float]:
        began, used = time.perf_counter(), sum(process.cpu_times()[:2])
        for _ in range(times):
            service.client.get(f"{service.url}{path}").raise_for_status()
        wall, cpu = time.perf_counter() - began, sum(process.cpu_times()[:2]) - used
        return {"cpu": cpu * 1000 / times, "wall": wall * 1000 / times, "peak": process.memory_info().rss / 2**20}

    # After a start, each reads up to 100,000 rows of the ledger.
    found = {"`GET /metrics`, first after a start": cost("/metrics", 1)}
    time.sleep(METRICS_KEPT_S)
    found["`GET /metrics`, the next"] = cost("/metrics", 1)
    for name, path in {
        "`GET /v1/transcripts`": "/v1/transcripts",
        "`GET /v1/transcripts?q=`, one that few have": "/v1/transcripts?q=meeting%2017",
        "`GET /v1/transcripts?q=`, one that all have": "/v1/transcripts?q=meeting",
    }.items():
        cost(path, 1)
        found[name] = cost(path, 4 * repeat)
    return found


def _bytes(home: Path, many: int) -> list[float]:
    """MiB in Dagster's two databases and in the product's, and KiB per recording of its files and its run's log."""
    logs = home / "dagster" / "history" / "runs"
    a_log = next(path for path in logs.glob("*.db") if path.name != "index.db")
    databases = [logs / "index.db", logs.parent / "runs.db", home / "data" / "reflector.db"]
    ours = history.size_of(home / "data" / "recordings" / history.recording_id(many - 1))
    return [*(path.stat().st_size / 2**20 for path in databases), ours / 1024, a_log.stat().st_size / 1024]


def _result(sizes: Sequence[int], found: dict[str, Figures], made: list[list[results.Cell]]) -> results.Result:
    columns, (less, most) = list(found), [f"{many:,}" for many in sizes[-2:]]
    names = list(found[most])

    def table(title: str, unit: str, note: str = "") -> results.Table:
        rows: list[list[results.Cell]] = [
            [name, *(round(found[at][name][unit], 1) for at in columns)] for name in names
        ]
        return results.Table(title=title, columns=["what", *columns], rows=rows, note=note)

    thousands = (sizes[-1] - sizes[-2]) / 1000
    most_growing = sorted(names, key=lambda name: found[less][name]["cpu"] - found[most][name]["cpu"])[:CHARTED]
    grows: list[list[results.Cell]] = [
        [name, *(round((found[most][name][unit] - found[less][name][unit]) / thousands, 3) for unit in UNITS)]
        for name in names
    ]
    files = ["recordings", "s to add them", "Dagster's events MiB", "Dagster's runs MiB", "product's MiB"]
    return results.Result(
        name="growth",
        title="What grows with finished recordings",
        how=HOW,
        tables=[
            table("CPU ms", "cpu"),
            table("wall ms", "wall"),
            table(
                "peak memory MiB",
                "peak",
                "Of a server: what it holds after the answers, with its code server. Sensors share one process.",
            ),
            results.Table(
                title=f"For 1,000 recordings more, between {less} and {most}",
                columns=["what", "CPU ms", "wall ms", "MiB"],
                rows=grows,
            ),
            results.Table(
                title="On the disk",
                columns=[*files, "files per recording KiB", "a run's own log KiB"],
                rows=made,
            ),
        ],
        charts=[
            results.Chart(
                name="growth",
                title="CPU by finished recordings, of what grows most",
                x_label="finished recordings",
                y_label="CPU ms",
                x=list(sizes),
                values={name: [found[f"{many:,}"][name]["cpu"] for many in sizes] for name in most_growing},
                log=True,
            )
        ],
    )


if __name__ == "__main__":
    results.cli("growth", __doc__, bench)
