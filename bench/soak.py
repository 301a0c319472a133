"""An hour of everything that happens to recordings, with processes killed all the while: is each accounted for?

Run `python -m bench.soak --minutes 60`, or `make soak`. Every recording gets a fate: it is announced once, several
times, or never (polling finds it); the GPU host refuses or hangs, the LLM answers nonsense, tracks come late, consent
is denied. Meanwhile a step, a run, the receiver or the daemon is killed every minute or so. In the end traffic stops,
what failed is tried again as an operator would, and every recording must be where its fate wants it.
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

from bench.family import Family
from bench.killing import Killer
from bench.machine import Machine
from bench.page import Report
from bench.results import Cell, Result, Size, Table, Target, markdown
from bench.world import API_TOKEN, World, world
from reflector_assets.operations.runs import IN_PROGRESS
from testing.hosts.gpu_host import Call

TRACKS = 2
# Of a hundred recordings; the rest have a plain life.
FATES = {
    "announced three times": 10,
    "never announced": 10,
    "the GPU host is busy twice": 8,
    "the GPU host hangs once": 5,
    "the GPU host refuses for good": 6,
    "the LLM answers nonsense": 8,
    "the LLM is busy": 6,
    "tracks come late": 6,
    "consent is denied at once": 6,
    "consent is denied later": 8,
}
PLAIN = "plain"
DENIED = ("consent is denied at once", "consent is denied later")
# These end in error until somebody tries again, after which they are finished like all others.
RETRIED = ("the GPU host refuses for good", "tracks come late")
SETTLE_S = 900
SETTINGS = {
    "REFLECTOR_POLL_INTERVAL": "60",
    "REFLECTOR_RETRY_DELAY": "1",
    "REFLECTOR_STEP_TIMEOUTS": '{"transcribe_track": 20}',
}


@dataclass
class Traffic:
    """Recordings as they come, and what was done to each."""

    here: World
    chance: random.Random
    fates: dict[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    healed: bool = False

    def arrive(self) -> None:
        """Let one recording come in, with a fate."""
        fate = self.chance.choices([*FATES, PLAIN], [*FATES.values(), 100 - sum(FATES.values())])[0]
        recording = self.here.record(TRACKS, stored=fate != "tracks come late")
        self.fates[recording["id"]] = fate
        self._prepare(fate, recording)
        for _ in range({"never announced": 0, "announced three times": 3}.get(fate, 1)):
            self.answers[self.here.post(recording)] += 1

    def due(self) -> None:
        """Do what was put off until now."""
        now = time.monotonic()
        put_off, self.later = self.later, []
        for at, act in put_off:
            if at <= now:
                act()
            else:
                self.later.append((at, act))

    def _prepare(self, fate: str, recording: dict[str, Any]) -> None:
        rid, gpu, llm = recording["id"], self.here.gpu, self.here.llm

        def mine(call: Call) -> bool:
            # Calls name a track by its place below the recording's folder.
            return rid in call.name

        if fate == "the GPU host is busy twice":
            gpu.fail(2, 503, retry_after=1, when=mine)
        elif fate == "the GPU host hangs once":
            gpu.hang(1, when=mine)
        elif fate == "the GPU host refuses for good":
            gpu.fail(10**6, 422, when=lambda call: mine(call) and not self.healed)
        elif fate == "the LLM answers nonsense":
            llm.misbehave(self.chance.choice(["fenced", "html", "length", "refusal"]), 1)
        elif fate == "the LLM is busy":
            llm.fail(2, 429, retry_after=1)
        elif fate == "tracks come late":
            self.later.append((time.monotonic() + self.chance.uniform(60, 120), lambda: self.here.keep(recording)))
        elif fate in DENIED:
            wait = 0 if fate == "consent is denied at once" else self.chance.uniform(5, 90)
            self.later.append((time.monotonic() + wait, lambda: self._deny(rid)))

    def _deny(self, rid: str) -> None:
        """Say no as the meeting's web page does: again and again until it is heard."""
        try:
            answer = self._ask("POST", f"/v1/meetings/{rid}/consent", {"consent_given": False, "user_id": None})
            answer.raise_for_status()
            self.denied.add(rid)
        except httpx.HTTPError:
            self.later.append((time.monotonic() + 3, lambda: self._deny(rid)))

    def retry(self, rid: str) -> None:
        """Press "Try again"."""
        self._ask("POST", f"/v1/transcripts/{rid}/retry").raise_for_status()

    def state(self, rid: str) -> str:
        """Where a recording is, as its page says."""
        answer = self._ask("GET", f"/v1/transcripts/{rid}")
        return "unknown" if answer.status_code == 404 else str(answer.raise_for_status().json()["state"])

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.here.receiver.url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            timeout=60,
            trust_env=False,
        )


def soak(minutes: float, seed: int, pause: float) -> Result:
    """Let it happen, then account for everything."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), gpu_s=1.0, llm_s=0.2, seed=seed, settings=SETTINGS) as here,
    ):
        traffic, killer = Traffic(here, chance), Killer(here, chance)
        with here.daemon, Family(here.processes, every=2.0) as family:
            _run(traffic, killer, minutes * 60, pause, chance)
            killer.rest()
            memory = family.most
            tried_again = _settle(traffic)
            states = {rid: traffic.state(rid) for rid in traffic.fates}
        return _account(traffic, killer, states, tried_again, minutes, memory)


def _run(traffic: Traffic, killer: Killer, seconds: float, pause: float, chance: random.Random) -> None:
    end = time.monotonic() + seconds
    next_one = next_kill = time.monotonic()
    while time.monotonic() < end:
        traffic.due()
        if time.monotonic() >= next_one:
            traffic.arrive()
            next_one = time.monotonic() + chance.uniform(0.5, 1.5) * pause
        if time.monotonic() >= next_kill:
            told = killer.strike()
            if told:
                print(f"{end - time.monotonic():6.0f} s left, {len(traffic.fates)} recordings: {told}", flush=True)
            next_kill = time.monotonic() + chance.uniform(30, 90)
        killer.restart()
        time.sleep(0.5)


def _settle(traffic: Traffic) -> set[str]:
    """Wait until nothing is at work, trying again what failed, each recording twice at most; returns those."""
    traffic.healed, tried = True, Counter[str]()
    instance, quiet, end = traffic.here.instance, 0, time.monotonic() + SETTLE_S
    while quiet < 8 and time.monotonic() < end:
        time.sleep(5)
        traffic.due()
        at_work = instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)) or traffic.later
        states = {rid: traffic.state(rid) for rid in traffic.fates}
        failed = [rid for rid, state in states.items() if state == "error" and tried[rid] < 2]
        if not at_work:
            for rid in failed:
                traffic.retry(rid)
                tried[rid] += 1
        heard = not any(_sound(traffic.here, rid) for rid in traffic.denied)
        still = not at_work and not failed and heard and set(states.values()) <= {"ended", "error"}
        quiet = quiet + 1 if still else 0
    return set(tried)


def _account(
    traffic: Traffic, killer: Killer, states: dict[str, str], tried: set[str], minutes: float, memory: float
) -> Result:
    here = traffic.here
    whole = {rid for rid in traffic.fates if here.store.exists(f"recordings/{rid}/transcript.json")}
    silent = {rid for rid in traffic.denied if not _sound(here, rid)}
    unaccounted = [rid for rid in traffic.fates if states[rid] != "ended" or rid not in whole]
    tracks = Counter(call.name for call in here.gpu.requests if call.status == 200)
    again = sum(count - 1 for count in tracks.values())
    rows: list[list[Cell]] = []
    for fate in [PLAIN, *FATES]:
        mine = [rid for rid, one in traffic.fates.items() if one == fate]
        rows.append(
            [
                fate,
                len(mine),
                sum(states[r] == "ended" for r in mine),
                sum(r in tried for r in mine),
                sum(len(here.runs(r)) for r in mine),
            ]
        )
    surprised = {rid for rid in tried if traffic.fates[rid] not in RETRIED}
    events = [
        ["recordings", len(traffic.fates)],
        ["webhooks answered 200", traffic.answers[200]],
        ["webhooks that nobody answered", traffic.answers[0]],
        *[[f"killed: {kind}", count] for kind, count in sorted(killer.kills.items())],
        ["consent denied", len(traffic.denied)],
        ["tracks transcribed", len(tracks)],
        ["tracks transcribed again, their answer lost to a kill", again],
        ["tried again though their fate didn't need it", len(surprised)],
        ["most memory of all processes, MiB", round(memory)],
    ]
    for rid in unaccounted:
        print(f"NOT ACCOUNTED FOR: {rid} {traffic.fates[rid]}: {states[rid]}", file=sys.stderr)
    return Result(
        name="soak",
        title=f"Soak: {minutes:g} minutes",
        how="Recordings of two tracks with a fate each, while steps, runs, the receiver and the daemon are killed. "
        "Then traffic stops, and what failed is tried again by its page's button, twice at most.",
        tables=[
            Table(
                title="What became of them",
                columns=["fate", "recordings", "finished", "tried again", "runs"],
                rows=rows,
            ),
            Table(title="What happened", columns=["what", "how often"], rows=events),
        ],
        targets=[
            Target(what="recordings not accounted for", found=len(unaccounted), limit=0),
            Target(what="denied recordings whose audio is still there", found=len(traffic.denied - silent), limit=0),
            Target(
                what="tracks transcribed again beyond the kills", found=max(0, again - killer.kills.total()), limit=0
            ),
        ],
    )


def _sound(here: World, rid: str) -> list[Path]:
    """The recording's audio that is still there, at Daily or with us."""
    recording = next(one for one in here.made if one["id"] == rid)
    daily = [here.bucket / one["s3Key"] for one in recording["tracks"]]
    ours = here.deployment.folder(rid)
    return [path for path in [*daily, ours / "audio.mp3", *(ours / "tracks").glob("*.webm")] if path.exists()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="of traffic")
    parser.add_argument("--pause", type=float, default=40, help="seconds between two recordings, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--json", type=Path, help="write the figures to this file, too; bench/figures/soak.json is on the page"
    )
    options = parser.parse_args()
    machine = Machine.here()
    result = soak(options.minutes, options.seed, options.pause)
    print(markdown(result))
    if options.json:
        Report(size=Size.FULL, machine=machine, result=result).write(options.json)
    sys.exit(0 if all(target.met for target in result.targets) else 1)


if __name__ == "__main__":
    main()
