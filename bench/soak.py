"""An hour of traffic with failures and killed processes: is every recording accounted for?

Run `python -m bench.soak --minutes 60`, or `make soak`. Every recording gets a fate: it is announced once, several
times, or never (polling finds it); the GPU host refuses or hangs, the LLM returns nonsense, tracks arrive late, consent
is denied. Meanwhile a step, a run, the receiver or the daemon is killed about once a minute. Then traffic stops, what
failed is retried as an operator would, and every recording must be in the state that its fate demands.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from bench.machine import Machine
from bench.page import Report
from bench.process_tree import ProcessTree
from bench.results import Cell, Result, Size, Table, Target, markdown
from bench.soak_kills import Killer
from bench.world import API_TOKEN, World, world
from reflector_assets.records import IN_PROGRESS
from testing.hosts.gpu_host import Call

TRACKS = 2
# Per hundred recordings; the rest are plain.
FATES = {
    "announced three times": 10,
    "never announced": 10,
    "the GPU host is busy twice": 8,
    "the GPU host hangs once": 5,
    "the GPU host refuses every call": 6,
    "the LLM returns nonsense": 8,
    "the LLM is busy": 6,
    "tracks arrive late": 6,
    "consent is denied at once": 6,
    "consent is denied later": 8,
}
PLAIN = "plain"
DENIED = ("consent is denied at once", "consent is denied later")
# These fail until they are retried, and then finish like all others.
RETRIED = ("the GPU host refuses every call", "tracks arrive late")
SETTLE_S = 900
SETTINGS = {
    "REFLECTOR_POLL_INTERVAL": "60",
    "REFLECTOR_RETRY_DELAY": "1",
    "REFLECTOR_STEP_TIMEOUTS": '{"transcribe_track": 20}',
}


@dataclass
class Traffic:
    """The recordings, and what happened to each."""

    here: World
    chance: random.Random
    fates: dict[str, str] = field(default_factory=dict[str, str])
    answers: Counter[int] = field(default_factory=Counter[int])
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list[tuple[float, Callable[[], object]]])
    denied: set[str] = field(default_factory=set[str])
    gpu_works: bool = False

    def arrive(self) -> None:
        """Make one recording with a fate."""
        fate = self.chance.choices([*FATES, PLAIN], [*FATES.values(), 100 - sum(FATES.values())])[0]
        recording = self.here.record(TRACKS, stored=fate != "tracks arrive late")
        self.fates[recording["id"]] = fate
        self._prepare(fate, recording)
        for _ in range({"never announced": 0, "announced three times": 3}.get(fate, 1)):
            self.answers[self.here.post(recording)] += 1

    def run_due(self) -> None:
        """Run the deferred actions that are due."""
        now = time.monotonic()
        deferred, self.later = self.later, []
        for at, act in deferred:
            if at <= now:
                act()
            else:
                self.later.append((at, act))

    def _prepare(self, fate: str, recording: dict[str, Any]) -> None:
        rid, gpu, llm = recording["id"], self.here.gpu, self.here.llm

        def mine(call: Call) -> bool:
            # A call contains the track's path, below the recording's folder.
            return rid in call.name

        if fate == "the GPU host is busy twice":
            gpu.fail(2, 503, retry_after=1, when=mine)
        elif fate == "the GPU host hangs once":
            gpu.hang(1, when=mine)
        elif fate == "the GPU host refuses every call":
            gpu.fail(10**6, 422, when=lambda call: mine(call) and not self.gpu_works)
        elif fate == "the LLM returns nonsense":
            llm.misbehave(self.chance.choice(["fenced", "html", "length", "refusal"]), 1)
        elif fate == "the LLM is busy":
            llm.fail(2, 429, retry_after=1)
        elif fate == "tracks arrive late":
            self.later.append((time.monotonic() + self.chance.uniform(60, 120), lambda: self.here.upload(recording)))
        elif fate in DENIED:
            wait = 0 if fate == "consent is denied at once" else self.chance.uniform(5, 90)
            self.later.append((time.monotonic() + wait, lambda: self._deny(rid)))

    def _deny(self, rid: str) -> None:
        """Deny consent as the meeting's web page does; repeat until it is accepted."""
        try:
            self._request("POST", f"/v1/meetings/{rid}/consent", {"consent_given": False, "user_id": None})
            self.denied.add(rid)
        except httpx.HTTPError:
            self.later.append((time.monotonic() + 3, lambda: self._deny(rid)))

    def retry(self, rid: str) -> None:
        """Press "Try again"."""
        self._request("POST", f"/v1/transcripts/{rid}/retry")

    def states(self) -> dict[str, str]:
        """Return the state of each recording, as its page shows it."""
        return {rid: self._state(rid) for rid in self.fates}

    def _state(self, rid: str) -> str:
        answer = self._request("GET", f"/v1/transcripts/{rid}", missing_ok=True)
        return "unknown" if answer.status_code == 404 else str(answer.json()["state"])

    def _request(self, method: str, path: str, body: object = None, *, missing_ok: bool = False) -> httpx.Response:
        answer = httpx.request(
            method,
            f"{self.here.receiver.url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            timeout=60,
            trust_env=False,
        )
        return answer if missing_ok and answer.status_code == 404 else answer.raise_for_status()


def soak(minutes: float, seed: int, pause: float) -> Result:
    """Run the traffic, then account for every recording."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), gpu_s=1.0, llm_s=0.2, seed=seed, settings=SETTINGS) as here,
    ):
        traffic, killer = Traffic(here, chance), Killer(here, chance)
        with here.daemon, ProcessTree(here.processes, every=2.0) as processes:
            _run(traffic, killer, minutes * 60, pause, chance)
            killer.restart(now=True)
            memory = processes.peak
            retried = _settle(traffic)
            states = traffic.states()
        return _account(traffic, killer, states, retried, minutes, memory)


def _run(traffic: Traffic, killer: Killer, seconds: float, pause: float, chance: random.Random) -> None:
    end = time.monotonic() + seconds
    next_one = next_kill = time.monotonic()
    while time.monotonic() < end:
        traffic.run_due()
        if time.monotonic() >= next_one:
            traffic.arrive()
            next_one = time.monotonic() + chance.uniform(0.5, 1.5) * pause
        if time.monotonic() >= next_kill:
            if kind := killer.strike():
                left, count = end - time.monotonic(), len(traffic.fates)
                print(f"{left:6.0f} s left, {count} recordings: killed a process ({kind})", flush=True)
            next_kill = time.monotonic() + chance.uniform(30, 90)
        killer.restart()
        time.sleep(0.5)


def _settle(traffic: Traffic) -> set[str]:
    """Wait until nothing is in progress; retry what failed, at most twice each, and return the retried recordings."""
    traffic.gpu_works, retries = True, Counter[str]()
    instance, quiet, end = traffic.here.instance, 0, time.monotonic() + SETTLE_S
    while quiet < 8 and time.monotonic() < end:
        time.sleep(5)
        traffic.run_due()
        busy = instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)) or traffic.later
        states = traffic.states()
        failed = [rid for rid, state in states.items() if state == "error" and retries[rid] < 2]
        if not busy:
            for rid in failed:
                traffic.retry(rid)
                retries[rid] += 1
        deleted = not any(_audio(traffic.here, rid) for rid in traffic.denied)
        settled = not busy and not failed and deleted and set(states.values()) <= {"ended", "error"}
        quiet = quiet + 1 if settled else 0
    return set(retries)


def _account(
    traffic: Traffic, killer: Killer, states: dict[str, str], retried: set[str], minutes: float, memory: float
) -> Result:
    here = traffic.here
    finished = {rid for rid in traffic.fates if here.store.exists(f"recordings/{rid}/transcript.json")}
    with_audio = {rid for rid in traffic.denied if _audio(here, rid)}
    unaccounted = [rid for rid in traffic.fates if states[rid] != "ended" or rid not in finished]
    tracks = Counter(call.name for call in here.gpu.requests if call.status == 200)
    again = sum(count - 1 for count in tracks.values())
    rows: list[list[Cell]] = []
    for fate in [PLAIN, *FATES]:
        mine = [rid for rid, one in traffic.fates.items() if one == fate]
        ended, runs = sum(states[rid] == "ended" for rid in mine), sum(len(here.runs(rid)) for rid in mine)
        rows.append([fate, len(mine), ended, sum(rid in retried for rid in mine), runs])
    unexpected = [rid for rid in retried if traffic.fates[rid] not in RETRIED]
    events: list[list[Cell]] = [
        ["recordings", len(traffic.fates)],
        ["webhooks answered with 200", traffic.answers[200]],
        ["webhooks without an answer", traffic.answers[0]],
        *[[f"killed: {kind}", count] for kind, count in sorted(killer.kills.items())],
        ["consent denied", len(traffic.denied)],
        ["tracks transcribed", len(tracks)],
        ["tracks transcribed again after a kill lost the answer", again],
        ["retried although their fate didn't require it", len(unexpected)],
        ["peak memory of all processes, MiB", round(memory)],
    ]
    for rid in unaccounted:
        print(f"NOT ACCOUNTED FOR: {rid} {traffic.fates[rid]}: {states[rid]}", file=sys.stderr)
    limits = {
        "recordings not accounted for": len(unaccounted),
        "denied recordings whose audio still exists": len(with_audio),
        "tracks transcribed again beyond the kills": max(0, again - killer.kills.total()),
    }
    return Result(
        name="soak",
        title=f"Soak: {minutes:g} minutes",
        how="Recordings of two tracks with a fate each, while steps, runs, the receiver and the daemon are killed. "
        "Then traffic stops, and what failed is retried by the button of its page, at most twice.",
        tables=[
            Table(title="Recordings", columns=["fate", "recordings", "finished", "retried", "runs"], rows=rows),
            Table(title="Events", columns=["what", "count"], rows=events),
        ],
        targets=[Target(what=what, found=found, limit=0) for what, found in limits.items()],
    )


def _audio(here: World, rid: str) -> list[Path]:
    """Return the recording's audio files that still exist, in Daily's bucket or the store."""
    recording = next(one for one in here.made if one["id"] == rid)
    daily = [here.bucket / str(one["s3Key"]) for one in recording["tracks"]]
    ours = here.deployment.folder(rid)
    return [path for path in [*daily, ours / "audio.mp3", *(ours / "tracks").glob("*.webm")] if path.exists()]


def main() -> None:
    """Run the soak; exit with status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="of traffic")
    parser.add_argument("--pause", type=float, default=40, help="seconds between two recordings, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--json", type=Path, help="also write the figures to this file; bench/figures/soak.json is on the page"
    )
    options = parser.parse_args()
    machine = Machine.current()
    result = soak(options.minutes, options.seed, options.pause)
    print(markdown(result))
    if options.json:
        Report(size=Size.FULL, machine=machine, result=result).write(options.json)
    sys.exit(0 if all(target.met for target in result.targets) else 1)


if __name__ == "__main__":
    main()
