"""What grows with the number of finished recordings: `python -m bench.growth`.

One recording is really processed, in a folder of its own; then its rows and files are copied, since thousands of real
runs would take days. Everything is on one machine: SQLite, files, and stand-ins for outside services.
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

from bench import growth_history, growth_pages, measure
from bench.growth_pages import answers
from bench.results import Cell, Chart, Result, Size, Table, cli
from testing.audio_files import babble, opus_track
from testing.deployment import ROOT, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN, plain_recording
from testing.hosts.gpu_host import GPUHost
from testing.hosts.old_host import OldHost
from testing.hosts.zulip_host import ZulipHost
from testing.parts.dagster_pages import DagsterPages
from testing.parts.receiver import SECRET, Receiver

SIZES = {Size.LEAST: [2, 20], Size.SHORT: [100, 1_000], Size.FULL: [100, 1_000, 10_000, 50_000]}
# Of the largest number of recordings, those that stay when the others are retired.
KEPT = {Size.LEAST: 0, Size.SHORT: 100, Size.FULL: 1_000}
COMMANDS = {
    "`reflector list`": "list",
    "`reflector list --json`": "list --json",
    "`reflector show`": "show {last}",
    "`reflector costs`": "costs",
}
SETTLED_S = 2.1
# Seconds for which /metrics caches its answer.
METRICS_CACHED_S = 10.5
HOW = (
    "Finished recordings of two seconds and two tracks, whose rows in Dagster's and the product's SQLite databases and "
    "whose files are copies of one (`bench/growth_history.py`); texts have 3,200 words each. A command is a whole "
    "process, imports included. A sensor's tick is a median of several in one process. A page is a mean, of the web "
    "server and the code server together. Peak is the process's maximum resident memory."
)
UNITS = ("cpu", "wall", "peak")
CHARTED = 8
Figures = dict[str, dict[str, float]]


def bench(size: Size) -> Result:
    """Measure at each number of recordings; `least` starts neither servers nor processes of steps."""
    found: dict[str, Figures] = {}
    made: list[list[Cell]] = []
    servers, repeat = size is not Size.LEAST, 1 if size is Size.LEAST else 7
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        deployment, daily = stack.enter_context(_deployment(home, "processes" if servers else "in_process"))
        _make_first(deployment)
        for count in SIZES[size]:
            began = time.perf_counter()
            run_module(deployment, "bench.growth_history", str(home), str(count))
            daily.recordings = _listed(count)
            made.append([count, time.perf_counter() - began, *_bytes(home, count)])
            found[f"{count:,}"] = _measure(deployment, count, repeat, servers=servers)
            print(f"{count} recordings: {time.perf_counter() - began:.0f} s", file=sys.stderr)
        if kept := KEPT[size]:
            growth_history.retire(home, kept)
            count = SIZES[size][-1]
            found[f"{count:,}, all but {kept:,} retired"] = _measure(deployment, count, repeat, servers=True)
    return _result(SIZES[size], found, made)


@contextmanager
def _deployment(home: Path, executor: str) -> Iterator[tuple[Deployment, DailyHost]]:
    """Yield a deployment in which every sensor has something to read: stand-ins for Daily, Zulip, the old system."""
    with GPUHost() as gpu, DailyHost(rate=None) as daily, ZulipHost() as zulip, OldHost() as old:
        deployment = deploy(
            home,
            REFLECTOR_EXECUTOR=executor,
            **gpu.env,
            **daily.env,
            DAILY_SUBDOMAIN=DOMAIN,
            DAILY_WEBHOOK_SECRET=SECRET,
            **zulip.env,
            # An idle tick would mostly sleep.
            REFLECTOR_INBOX_WAIT="0",
            ZULIP_DAG_STREAM="operations",
            REFLECTOR_FALLBACK="true",
            **old.env,
            PUBLIC_DATA_RETENTION_DAYS="90",
            REFLECTOR_RETIRE_DAYS="365",
        )
        yield deployment, daily


def _make_first(deployment: Deployment) -> None:
    """Import and process one recording of two seconds, as a user does."""
    source = deployment.home / "source"
    source.mkdir()
    for track in range(2):
        opus_track(source / f"person-{track}.webm", babble(2.0, seed=track))
    for command in (["import", str(source), "--id", growth_history.FIRST], ["run", growth_history.FIRST]):
        _reflector(deployment, *command)
    # The catalogue omits records that are not settled yet.
    time.sleep(SETTLED_S)
    _reflector(deployment, "costs")


def _reflector(deployment: Deployment, *arguments: str) -> None:
    done = deployment.reflector(*arguments)
    if done.returncode:
        raise RuntimeError(f"reflector {arguments[0]}: {done.stderr[-2000:]}")


def run_module(deployment: Deployment, module: str, *arguments: str) -> str:
    """Run a module of the bench in its own process, so that this one stays small; return its output."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=deployment.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
    return done.stdout


def _listed(count: int) -> list[dict[str, Any]]:
    """Return the newest recordings as Daily lists them; the product knows all of them."""
    numbers = range(count - 1, max(1, count - 200) - 1, -1)
    listed = [plain_recording(random.Random(number), count - number) for number in numbers]
    return [one | {"id": growth_history.recording_id(number)} for number, one in zip(numbers, listed, strict=True)]


def _measure(deployment: Deployment, count: int, repeat: int, *, servers: bool) -> Figures:
    found: Figures = json.loads(run_module(deployment, "bench.growth_ticks", str(repeat)).splitlines()[-1])
    if not servers:
        return found | _commands(deployment, {"`reflector list`": ["list"]}, 1)
    # A second round must not find the first one's recording.
    new = f"new-by-hand-{count}-{time.monotonic_ns()}"
    _reflector(deployment, "import", str(deployment.home / "source"), "--id", new)
    found |= _commands(deployment, {"`reflector run` of a new one": ["run", new]}, 1)
    last = growth_history.recording_id(count - 1)
    found |= _commands(deployment, {name: line.format(last=last).split() for name, line in COMMANDS.items()}, 3)
    with Receiver(deployment, "--trial", from_scratch=True) as service:
        found |= _service(service, repeat)
    with DagsterPages(deployment) as pages:
        return found | growth_pages.figures(pages, 3)


def _commands(deployment: Deployment, commands: Mapping[str, list[str]], repeat: int) -> Figures:
    program = Path(sys.executable).parent / "reflector"
    found: Figures = {}
    for name, arguments in commands.items():
        costs = [measure.run([program, *arguments], env=deployment.environment()) for _ in range(repeat)]
        middle = sorted(costs, key=lambda cost: cost.cpu)[len(costs) // 2]
        found[name] = {"cpu": middle.cpu * 1000, "wall": middle.wall * 1000, "peak": middle.rss}
    return found


def _service(service: Receiver, repeat: int) -> Figures:
    def cost(path: str, times: int) -> dict[str, float]:
        return answers([process], lambda: service.client.get(f"{service.url}{path}").raise_for_status(), times)

    process = psutil.Process(service.pid)
    # After a start, each reads up to 100,000 rows of the ledger.
    found = {"`GET /metrics`, first after a start": cost("/metrics", 1)}
    time.sleep(METRICS_CACHED_S)
    found["`GET /metrics`, the next"] = cost("/metrics", 1)
    for name, path in {
        "`GET /v1/transcripts`": "/v1/transcripts",
        "`GET /v1/transcripts?q=`, few matches": "/v1/transcripts?q=meeting%2017",
        "`GET /v1/transcripts?q=`, all match": "/v1/transcripts?q=meeting",
    }.items():
        cost(path, 1)
        found[name] = cost(path, 4 * repeat)
    return found


def _bytes(home: Path, count: int) -> list[float]:
    """Return MiB of Dagster's two databases and the product's, and KiB of a recording's files and a run's own log."""
    logs = home / "dagster" / "history" / "runs"
    a_log = next(path for path in logs.glob("*.db") if path.name != "index.db")
    databases = [logs / "index.db", logs.parent / "runs.db", home / "data" / "reflector.db"]
    ours = growth_history.size_of(home / "data" / "recordings" / growth_history.recording_id(count - 1))
    return [*(path.stat().st_size / 2**20 for path in databases), ours / 1024, a_log.stat().st_size / 1024]


def _result(sizes: Sequence[int], found: dict[str, Figures], made: list[list[Cell]]) -> Result:
    columns, (less, most) = list(found), [f"{count:,}" for count in sizes[-2:]]
    names = list(found[most])

    def table(title: str, unit: str, note: str = "") -> Table:
        rows: list[list[Cell]] = [
            [name, *(round(found[at][name][unit], 1) if name in found[at] else "" for at in columns)] for name in names
        ]
        return Table(title=title, columns=["what", *columns], rows=rows, note=note)

    thousands = (sizes[-1] - sizes[-2]) / 1000
    growing = sorted(names, key=lambda name: found[less][name]["cpu"] - found[most][name]["cpu"])[:CHARTED]
    slopes: list[list[Cell]] = [
        [name, *(round((found[most][name][unit] - found[less][name][unit]) / thousands, 3) for unit in UNITS)]
        for name in names
    ]
    databases = ["recordings", "s to add them", "Dagster's events MiB", "Dagster's runs MiB", "product's MiB"]
    return Result(
        name="growth",
        title="What grows with finished recordings",
        how=HOW,
        tables=[
            table("CPU ms", "cpu"),
            table("wall ms", "wall"),
            table(
                "peak memory MiB",
                "peak",
                "Of a server: its memory after the answers, with its code server. Sensors share one process.",
            ),
            Table(
                title=f"Per 1,000 more recordings, between {less} and {most}",
                columns=["what", "CPU ms", "wall ms", "MiB"],
                rows=slopes,
            ),
            Table(
                title="On disk",
                columns=[*databases, "files per recording KiB", "a run's own log KiB"],
                rows=made,
            ),
        ],
        charts=[
            Chart(
                name="growth",
                title="CPU by finished recordings, of what grows most",
                x_label="finished recordings",
                y_label="CPU ms",
                x=list(sizes),
                values={name: [found[f"{count:,}"][name]["cpu"] for count in sizes] for name in growing},
                log=True,
            )
        ],
    )


if __name__ == "__main__":
    cli("growth", __doc__, bench)
