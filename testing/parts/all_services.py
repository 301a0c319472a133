"""A server for each external service, and the output of `reflector doctor` for a deployment on them."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from testing.deployment import ROOT, Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost
from testing.hosts.old_host import OldHost
from testing.hosts.zulip_host import ZulipHost
from testing.parts.postgres import PASSWORD, Postgres
from testing.parts.proxy import Proxy
from testing.parts.redis import PASSWORD as REDIS_PASSWORD
from testing.parts.redis import Redis
from testing.parts.s3 import S3Server

WEBHOOK_SECRET = "dGhlIHNlY3JldCBvZiB0aGUgd2ViaG9vaw=="
RESULTS, TRACKS, DOMAIN = "results", "tracks", "example-domain"


class Parts:
    """A server for each external service, with proxies in front of those that can't misbehave themselves."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres, self.s3, self.redis = Postgres(), S3Server(home / "s3"), Redis(home / "redis")
        self.daily, self.gpu, self.llm = DailyHost(rate=None), GPUHost(), LLMHost()
        self.zulip, self.old = ZulipHost(), OldHost()
        self.number = 0

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for part in (self.postgres, self.s3, self.redis, self.daily, self.gpu, self.llm, self.zulip, self.old):
                opening.enter_context(part)
            self.proxies = {
                name: opening.enter_context(Proxy(port))
                for name, port in (("database", self.postgres.port), ("s3", self.s3.port), ("redis", self.redis.port))
            }
            self.s3.create_bucket(RESULTS)
            self.s3.create_bucket(TRACKS)
            self.s3.client().put_object(Bucket=TRACKS, Key=f"{DOMAIN}/room/a-track", Body=b"track")
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def secrets(self) -> list[str]:
        keys = [self.s3.secret_key, self.s3.access_key, self.s3.reader_secret_key, self.s3.reader_access_key]
        hosts = [self.daily.key, self.gpu.key, self.llm.key, self.zulip.key, self.old.api_key]
        return [*keys, *hosts, PASSWORD, REDIS_PASSWORD, WEBHOOK_SECRET]

    def deployment(self, **other: str) -> Deployment:
        """Create a deployment that uses all servers, with some settings replaced by `other`."""
        self.number += 1
        deployment = deploy(self.home / f"deployment-{self.number}")
        (deployment.home / "dagster" / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
        s3, port = self.s3, self.postgres.port
        deployment.env |= {
            "DAGSTER_POSTGRES_URL": self.postgres.url,
            "DATABASE_URL": self.postgres.url,
            "TRANSCRIPT_STORAGE_BACKEND": "aws",
            "TRANSCRIPT_STORAGE_AWS_BUCKET_NAME": RESULTS,
            "TRANSCRIPT_STORAGE_AWS_REGION": s3.region,
            "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL": s3.endpoint,
            "TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID": s3.access_key,
            "TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY": s3.secret_key,
            "DAILYCO_STORAGE_AWS_BUCKET_NAME": TRACKS,
            "DAILYCO_STORAGE_AWS_REGION": s3.region,
            "DAILYCO_STORAGE_AWS_ACCESS_KEY_ID": s3.reader_access_key,
            "DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY": s3.reader_secret_key,
            "REFLECTOR_DAILY_ENDPOINT_URL": s3.endpoint,
            "DAILY_SUBDOMAIN": DOMAIN,
            **self.daily.env,
            "DAILY_WEBHOOK_SECRET": WEBHOOK_SECRET,
            **self.gpu.env,
            **self.llm.env,
            **self.zulip.env,
            **self.old.env,
            "REFLECTOR_EXECUTOR": "celery",
            "REFLECTOR_CELERY_BROKER": self.redis.url,
            **{name: value.replace("DATABASE_PORT", str(port)) for name, value in other.items()},
        }
        return deployment

    def doctor(self, timeout: float = 60, code: int = 0, **other: str) -> dict[str, dict[str, Any]]:
        """Run the command and return its rows by service."""
        return doctor_rows(self.deployment(**other), timeout, code, self.secrets)


def doctor_rows(deployment: Deployment, timeout: float, code: int, secrets: list[str]) -> dict[str, dict[str, Any]]:
    done = deployment.reflector("doctor", "--json", "--timeout", str(timeout))
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    assert not [secret for secret in secrets if secret in done.stdout]
    assert "X-Amz" not in done.stdout
    document = json.loads(done.stdout)
    rows = {row["door"]: row for row in document["doors"]}
    assert document["ok"] == (code == 0)
    assert all(0 <= row["milliseconds"] <= timeout * 1000 for row in rows.values())
    return rows


def states(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {service: row["state"] for service, row in rows.items()}
