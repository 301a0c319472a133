"""A deployment over several machines, all of them this one: PostgreSQL, Redis, S3, a daemon and Celery workers."""

import contextlib
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psutil
from celery import Celery
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from dagster._utils.hosted_user_process import recon_job_from_origin
from kombu.entity import Queue

from reflector_assets import tags
from resources.local_folder import LocalFolder
from testing.audio_files import babble, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import ROOT, Deployment
from testing.hosts.gpu_host import GPUHost
from testing.hosts.host import Request
from testing.hosts.llm_host import LLMHost
from testing.parts.postgres import Postgres
from testing.parts.redis import Redis
from testing.parts.s3 import S3Server


class Worker:
    """A Celery worker, started the way docs/deployment.md says; a context manager."""

    def __init__(self, deployment: Deployment, name: str, queues: str, at_once: int) -> None:
        self.deployment, self.name, self.queues, self.at_once = deployment, name, queues, at_once
        self.log = deployment.home / f"{name}.log"

    def __enter__(self) -> Self:
        program = Path(sys.executable).parent / "celery"
        options = ["-Q", self.queues, "-c", str(self.at_once), "-n", f"{self.name}@%h", "-l", "info"]
        options += ["--without-gossip", "--without-mingle"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "-A", "reflector_assets.celery_worker", "worker", *options],
                cwd=ROOT,
                # A disk of its own, as on a machine of its own.
                env={**self.deployment.environment(), "REFLECTOR_DATA_DIR": str(self.deployment.home / self.name)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ready(self) -> bool:
        return f"{self.name}@" in (said := self.log.read_text()) and " ready." in said

    def children(self) -> list[psutil.Process]:
        """The processes that execute steps."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children()
        return []

    def kill(self) -> None:
        """Kill the worker with all its children, as when its machine is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster:
    """The deployment; use as a context manager, then start workers. `env` are further settings."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        self.gpu, self.llm = GPUHost(), LLMHost()
        self.postgres = Postgres()
        self.redis, self.s3 = Redis(home / "redis"), S3Server(home / "s3")
        self.workers: dict[str, Worker] = {}
        self._env = env
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for part in (self.gpu, self.llm, self.postgres, self.redis, self.s3):
                opening.enter_context(part)
            self.store = self.s3.store(self.s3.create_bucket("results"))
            self.deployment = deploy(
                self.home / "deployment",
                DAGSTER_POSTGRES_URL=self.postgres.url,
                REFLECTOR_EXECUTOR="celery",
                REFLECTOR_CELERY_BROKER=self.redis.url,
                TRANSCRIPT_STORAGE_BACKEND="aws",
                TRANSCRIPT_STORAGE_AWS_BUCKET_NAME="results",
                TRANSCRIPT_STORAGE_AWS_REGION=self.s3.region,
                TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL=self.s3.endpoint,
                TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID=self.s3.access_key,
                TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY=self.s3.secret_key,
                **self.gpu.env,
                **self.llm.env,
                REFLECTOR_RETRY_DELAY="0.2",
                **self._env,
            )
            self.instance = opening.enter_context(instance_of(self.deployment))
            self.daemon = opening.enter_context(Daemon(self.deployment))
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.__exit__()
        self._open.close()

    def start(self, name: str, queues: str, at_once: int = 1) -> Worker:
        """Start a worker, or another one of the same name."""
        self.workers[name] = Worker(self.deployment, name, queues, at_once).__enter__()
        return self.workers[name]

    def record(self, name: str, tracks: int = 3) -> str:
        """Import a recording, as `reflector import` does."""
        folder = self.home / "folders" / name
        folder.mkdir(parents=True)
        for n in range(tracks):
            opus_track(folder / f"person-{n}.webm", babble(2.0, seed=zlib.crc32(f"{name} {n}".encode())))
        LocalFolder(store=self.store).import_folder(folder, recording_id=name)
        self.instance.add_dynamic_partitions("recordings", [name])
        return name

    def runs(self, name: str) -> list[dg.DagsterRun]:
        """A recording's runs, oldest first."""
        found = self.instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: name}))
        return [record.dagster_run for record in sorted(found, key=lambda record: record.storage_id)]

    def ended(self, name: str, seconds: float = 90) -> list[dg.DagsterRun]:
        """Wait until a recording's runs ended, and return them."""

        def reached() -> list[dg.DagsterRun]:
            found = self.runs(name)
            return found if found and all(run.is_finished for run in found) else []

        try:
            return until(reached, seconds, f"the runs of {name}")
        except AssertionError:
            self.tell(name)
            raise

    def tell(self, name: str) -> None:
        """Print what a failed test's reader needs."""
        for log in (self.daemon.log, *(worker.log for worker in self.workers.values())):
            lines = [line for line in log.read_text().splitlines() if " - DEBUG - " not in line]
            print(f"--- {log.name}", *lines[-25:], sep="\n")
        for run in self.runs(name):
            print(f"--- {run.run_id} {run.status}")
            for event in self.events(run):
                print(f"{event.timestamp:.1f} {event.step_key} {event.message.strip()[:300]}")

    def send_again(self, run: dg.DagsterRun, step_key: str, queue: str) -> None:
        """Put the first attempt at a step into a queue once more."""
        origin = run.job_code_origin
        assert origin is not None
        step = ExecuteStepArgs(
            job_origin=origin,
            run_id=run.run_id,
            step_keys_to_execute=[step_key],
            instance_ref=self.instance.get_ref(),
            known_state=KnownExecutionState(),
        )
        arguments: dict[str, Any] = {
            "execute_step_args_packed": pack_value(step),
            "executable_dict": recon_job_from_origin(origin).to_dict(),
        }
        app: Any = Celery(broker=self.redis.url)
        app.conf.task_queues = [Queue(queue, routing_key=f"{queue}.#")]
        app.send_task("execute_plan", kwargs=arguments, queue=queue)
        app.close()

    def events(self, run: dg.DagsterRun) -> list[dg.EventLogEntry]:
        """The run's events, in their order."""
        return list(self.instance.all_logs(run.run_id))

    def in_call(self, name: str, calls: int = 1) -> Callable[[], bool]:
        """Whether so many tracks of a recording are being transcribed."""

        def reached() -> bool:
            return sum(f"/{name}/" in call.name and call.status == 0 for call in list(self.gpu.requests)) >= calls

        return reached


def of(name: str) -> Callable[[Request], bool]:
    """Pick the GPU calls of a recording."""
    return lambda call: f"/{name}/" in getattr(call, "name", "")


def deploy(home: Path, **env: str) -> Deployment:
    """Lay out a deployment with the production instance."""
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    return Deployment(home, env)


def instance_of(deployment: Deployment) -> dg.DagsterInstance:
    """Open the deployment's instance from the test's own process, which its settings don't reach."""
    os.environ["DAGSTER_POSTGRES_URL"] = deployment.env["DAGSTER_POSTGRES_URL"]
    return open_instance(deployment)
