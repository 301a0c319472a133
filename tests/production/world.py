"""The production deployment with its real parts: S3, PostgreSQL, Redis, the receiver; stand-ins for Daily, GPU, LLM."""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import dagster as dg
import pandas

from testing.daemon import Daemon, open_instance
from testing.deployment import ROOT, SAMPLE, Deployment
from testing.hosts.daily_host import DailyHost
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost
from testing.parts.postgres import Postgres
from testing.parts.receiver import SECRET, Receiver
from testing.parts.s3 import S3Server
from testing.parts.transcriber import Transcriber, transcribing

TRACKS, RESULTS = "daily-tracks", "reflector-results"
TOKEN = "token-of-the-api-for-tests"


class Production:
    """The deployment; use as a context manager. `env` are further settings."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home, self._env, self._open = home, env, ExitStack()
        self.s3, self.postgres = S3Server(home / "s3"), Postgres()
        self.described = json.loads((SAMPLE / "recording.json").read_text())
        people = json.loads((SAMPLE / "participants.json").read_text())["data"]
        session = self.described["mtgSessionId"]
        self.daily = DailyHost(recordings=[self.described], participants={session: people})
        # The stand-in fails on request; what it answers otherwise, the real service heard.
        self.transcriber = Transcriber(transcribing(home / "transcriber"))
        self.gpu, self.llm = GPUHost(words=self.transcriber.words), LLMHost()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for part in (self.s3, self.postgres, self.daily, self.transcriber, self.gpu, self.llm):
                opening.enter_context(part)
            for bucket in (TRACKS, RESULTS):
                self.s3.create_bucket(bucket)
            for track in self.described["tracks"]:
                name = track["s3Key"].rsplit("/", 1)[-1]
                self.s3.client().upload_file(str(SAMPLE / "tracks" / f"{name}.webm"), TRACKS, track["s3Key"])
            self.deployment = self._lay_out()
            os.environ["DAGSTER_POSTGRES_URL"] = self.deployment.env["DAGSTER_POSTGRES_URL"]
            self.instance: dg.DagsterInstance = opening.enter_context(open_instance(self.deployment))
            self.receiver = opening.enter_context(Receiver(self.deployment))
            self.daemon = Daemon(self.deployment)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _lay_out(self) -> Deployment:
        folder = self.home / "deployment" / "dagster"
        folder.mkdir(parents=True)
        (folder / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
        env = {
            "DAGSTER_POSTGRES_URL": self.postgres.create_database("dagster"),
            # As operators write it: which driver is ours to choose.
            "DATABASE_URL": self.postgres.create_database("product").replace("+psycopg2", ""),
            **self.daily.env,
            "DAILY_WEBHOOK_SECRET": SECRET,
            "DAILY_SUBDOMAIN": "example",
            "REFLECTOR_API_TOKEN": TOKEN,
            "DAILYCO_STORAGE_AWS_BUCKET_NAME": TRACKS,
            "DAILYCO_STORAGE_AWS_REGION": self.s3.region,
            "DAILYCO_STORAGE_AWS_ACCESS_KEY_ID": self.s3.reader_access_key,
            "DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY": self.s3.reader_secret_key,
            "REFLECTOR_DAILY_ENDPOINT_URL": self.s3.endpoint,
            "TRANSCRIPT_STORAGE_BACKEND": "aws",
            "TRANSCRIPT_STORAGE_AWS_BUCKET_NAME": RESULTS,
            "TRANSCRIPT_STORAGE_AWS_REGION": self.s3.region,
            "TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID": self.s3.access_key,
            "TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY": self.s3.secret_key,
            "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL": self.s3.endpoint,
            "REFLECTOR_STORAGE_PREFIX": "transcripts",
            **self.gpu.env,
            **self.llm.env,
            "REFLECTOR_RETRY_DELAY": "0.2",
            **self._env,
        }
        return Deployment(self.home / "deployment", env)

    def found(self, word: str) -> list[str]:
        """The recordings that the service finds by a word."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = self.receiver.client.get(f"{self.receiver.url}/v1/transcripts", params={"q": word}, headers=headers)
        return [row["id"] for row in answer.raise_for_status().json()["items"]]

    def secrets(self) -> dict[str, str]:
        """All that must stay inside, by what it is."""
        kinds = ("_KEY", "_KEY_ID", "_SECRET", "_TOKEN")
        found = {name: value for name, value in self.deployment.env.items() if name.endswith(kinds)}
        for name, value in self.deployment.env.items():
            if name.endswith(("_URL", "_BROKER")) and (password := urlsplit(value).password):
                found[name] = password
        return {**found, "a signature": "X-Amz-Signature", "an old signature": "Signature="}

    def left(self) -> Iterator[tuple[str, bytes]]:
        """All that the deployment has written, uncompressed: logs, files, both databases, the bucket of results."""
        for path in self.home.rglob("*"):
            if path.is_file() and self.home / "s3" not in path.parents and self.home / "models" not in path.parents:
                yield str(path.relative_to(self.home)), readable(path.name, path.read_bytes())
        for name in ("dagster", "product"):
            yield f"database {name}", self._dump(name)
        client = self.s3.client()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=RESULTS):
            for item in page.get("Contents", []):
                content = client.get_object(Bucket=RESULTS, Key=item["Key"])["Body"].read()
                yield f"bucket {item['Key']}", readable(item["Key"], content)

    def _dump(self, database: str) -> bytes:
        """All rows of a database; binary columns as they are, not as hexadecimal digits."""
        with self.postgres.connect(database) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            parts: list[bytes] = []
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT * FROM "{table}"')
                values = (value for row in cursor.fetchall() for value in row)
                parts += [one.tobytes() if isinstance(one, memoryview) else str(one).encode() for one in values]
        return b"\n".join(parts)

    def leaks(self) -> list[str]:
        """Where a secret or a signature can be read."""
        found: list[str] = []
        for place, content in self.left():
            found += [f"{what} in {place}" for what, secret in self.secrets().items() if secret.encode() in content]
        return found


def readable(name: str, content: bytes) -> bytes:
    """Return a file's content uncompressed."""
    if name.endswith(".gz"):
        return gzip.decompress(content)
    if name.endswith(".parquet"):
        return pandas.read_parquet(BytesIO(content)).to_csv().encode()
    return content
