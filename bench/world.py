"""A deployment and its surroundings on 127.0.0.1: Daily, a GPU host, an LLM, the receiver, and the real daemon."""

import contextlib
import math
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psutil

from reflector_assets import tags
from resources.store.base import LocalStore
from testing.audio_files import babble, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import ROOT, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN, plain_recording, ready_event, track
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost
from testing.parts.postgres import Postgres
from testing.parts.receiver import SECRET, Receiver

API_TOKEN = "token-of-the-bench-world"


@dataclass
class World:
    """A deployment and its surroundings; the folder `bucket` stands in for Daily's bucket."""

    deployment: Deployment
    instance: dg.DagsterInstance
    daily: DailyHost
    gpu: GPUHost
    llm: LLMHost
    receiver: Receiver
    daemon: Daemon
    bucket: Path
    postgres: Postgres | None = None
    seed: int = 1
    made: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def store(self) -> LocalStore:
        return LocalStore(root=str(self.deployment.data))

    def record(self, tracks: int, seconds: float = 2.0, *, stored: bool = True) -> dict[str, Any]:
        """Make a recording with sound of its own that Daily lists; unless `stored`, its tracks can't be read yet."""
        number = len(self.made)
        chance = random.Random(self.seed * 1_000_000 + number)
        recording = plain_recording(chance, number)
        # The mix is at least as long as the duration from Daily.
        recording |= {"max_participants": tracks, "duration": math.ceil(seconds)}
        recording["tracks"] = [track(chance, recording, offset=100 * n) for n in range(tracks)]
        self.made.append(recording)
        if stored:
            self.upload(recording, seconds)
        # Daily lists the newest first.
        self.daily.recordings.insert(0, recording)
        self.daily.participants[recording["mtgSessionId"]] = []
        return recording

    def upload(self, recording: dict[str, Any], seconds: float = 2.0) -> None:
        """Write a recording's tracks to Daily's bucket."""
        number = self.made.index(recording)
        for n, one in enumerate(recording["tracks"]):
            path = self.bucket / one["s3Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            opus_track(path.with_suffix(".webm"), babble(seconds, seed=number * 100 + n))
            path.with_suffix(".webm").rename(path)
            one["size"] = path.stat().st_size

    def post(self, recording: dict[str, Any]) -> int:
        """Post Daily's webhook; return the status of the answer, 0 if there was none."""
        return self.daily.send(self.receiver.webhook, ready_event(recording), SECRET)

    def announce(self, recording: dict[str, Any]) -> None:
        """Post Daily's webhook; raise RuntimeError unless it is accepted."""
        if (status := self.post(recording)) != 200:
            raise RuntimeError(f"the webhook of {recording['id']} was answered with status {status}")

    def processes(self) -> list[psutil.Process]:
        """Return the live processes of the product."""
        found = self.daemon.family()
        # Read once: the soak's killer may clear it at any moment.
        if (receiver := self.receiver.process) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(receiver.pid))
        return found

    def database(self) -> list[psutil.Process]:
        """Return PostgreSQL's main process and those of its connections; an empty list with SQLite."""
        server = self.postgres.process if self.postgres else None
        main = psutil.Process(server.pid) if server else None
        return [main, *main.children()] if main else []

    def wait_for_end(self, recording_id: str) -> None:
        """Wait until a recording's runs have ended."""

        def ended() -> bool:
            runs = self.runs(recording_id)
            return bool(runs) and all(run.dagster_run.is_finished for run in runs)

        until(ended, 300, recording_id)

    def runs(self, recording_id: str) -> list[dg.RunRecord]:
        """Return a recording's runs, newest first."""
        return list(self.instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id})))


@contextmanager
def world(
    home: Path, *, postgres: bool = False, gpu_s: float, llm_s: float, seed: int = 1, settings: Mapping[str, str]
) -> Iterator[World]:
    """Start everything but the daemon; `gpu_s` and `llm_s` are the seconds of a call."""
    with ExitStack() as stack:
        gpu = stack.enter_context(GPUHost(latency=gpu_s))
        llm = stack.enter_context(LLMHost(latency=llm_s))
        daily = stack.enter_context(DailyHost(rate=None))
        bucket = home / "daily"
        bucket.mkdir(parents=True)
        env = {
            **daily.env,
            "DAILY_WEBHOOK_SECRET": SECRET,
            "DAILY_SUBDOMAIN": DOMAIN,
            "REFLECTOR_DAILY_FOLDER": str(bucket),
            "REFLECTOR_API_TOKEN": API_TOKEN,
            **gpu.env,
            **llm.env,
            **settings,
        }
        deployment = deploy(home / "deployment", **env)
        server = stack.enter_context(Postgres()) if postgres else None
        if server:
            _use_postgres(deployment, server)
        # Opened before the other processes start: only one may create the tables.
        instance = stack.enter_context(open_instance(deployment))
        done = deployment.reflector("pools")
        if done.returncode:
            raise RuntimeError(done.stderr)
        receiver = stack.enter_context(Receiver(deployment, from_scratch=True))
        yield World(deployment, instance, daily, gpu, llm, receiver, Daemon(deployment), bucket, server, seed)


def _use_postgres(deployment: Deployment, postgres: Postgres) -> None:
    """Give Dagster and the product a database each, and use the production instance's configuration."""
    url = postgres.create_database("dagster")
    deployment.env |= {"DATABASE_URL": postgres.create_database("product"), "DAGSTER_POSTGRES_URL": url}
    # The bench's own process reads it, too.
    os.environ["DAGSTER_POSTGRES_URL"] = url
    (deployment.home / "dagster" / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
