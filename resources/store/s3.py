"""Results, and Daily's recordings, in S3 or a compatible store."""

import hashlib
import mimetypes
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from pydantic import Field

from domain.errors import NotFound, ReflectorError, TransientError
from resources import usage
from resources.secrets import secret_value
from resources.store.base import WRITING, Store, StoredObject, check_key, remove_stale_files
from resources.store.s3_client import Clients
from resources.store.s3_errors import LOST, BucketLocation, explain, status, translated_errors
from resources.store.s3_versions import erase, translated_erase_errors, versions

SHA256 = "sha256"
PIECE = 65536
# Consecutive resumptions of a download without progress, and restarts because the object changed.
MOST_RESUMES, MOST_RESTARTS = 3, 3
# The maximum that S3 accepts.
MOST_URL_SECONDS = 7 * 86400
UPLOADING_THREADS = 4

_clients = Clients()


class S3Store(Store):
    """A bucket, or the objects below `prefix` in it.

    Without a key, boto3 uses its credential chain (environment, profile, the machine's role). `role_arn` is assumed
    with that key, at `sts_endpoint_url`, else at `endpoint_url`, else at AWS. Browsers reach the store at
    `public_endpoint_url`, by default at `endpoint_url`. `settings_prefix` is the common prefix of the settings' names
    in messages. Temporary files are in `folder`, by default the system's. `connect_timeout` and `read_timeout` are
    seconds without an answer, not of a whole transfer.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint_url: str | None = None
    access_key_id: str = Field("", repr=False)
    secret_access_key: str = Field("", repr=False)
    role_arn: str | None = None
    sts_endpoint_url: str | None = None
    public_endpoint_url: str | None = None
    encryption: Literal["none", "AES256", "aws:kms"] = "none"
    kms_key_id: str | None = None
    settings_prefix: str = "TRANSCRIPT_STORAGE_AWS"
    folder: str | None = None
    multipart_bytes: int = 16 * 2**20
    max_connections: int = 16
    max_attempts: int = 2
    connect_timeout: float = 10
    read_timeout: float = 60

    @contextmanager
    def new_file(self, key: str) -> Iterator[Path]:
        name = self._name(key)
        with self._temporary(key) as path:
            try:
                yield path
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise self._disk(key, error) from error
            with translated_errors(self._place, key), path.open("rb") as file:
                self._client().upload_fileobj(
                    file,
                    self.bucket,
                    name,
                    ExtraArgs={**self._encryption(), "Metadata": {SHA256: digest}, **_content_type(key)},
                    Config=self._transfer(),
                )
            usage.count("bytes_written", path.stat().st_size)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with self._temporary(key) as path:
            try:
                with translated_errors(self._place, key), path.open("wb") as file:
                    self._download(key, file)
                    usage.count("bytes_read", file.tell())
            except OSError as error:
                raise self._disk(key, error) from error
            yield path

    def url(self, key: str, expires: float = 3600) -> str:
        """Return a URL presigned for `expires` seconds, at most 7 days; with `role_arn` 40 minutes are guaranteed."""
        return self._presigned(key, expires, self.endpoint_url)

    def public_url(self, key: str, expires: float = 3600) -> str:
        """Return the same for a browser; its endpoint may differ, and the signature covers the host."""
        return self._presigned(key, expires, self.public_endpoint_url or self.endpoint_url)

    def _presigned(self, key: str, expires: float, endpoint_url: str | None) -> str:
        seconds = max(1, min(int(expires), MOST_URL_SECONDS))
        params = {"Bucket": self.bucket, "Key": self._name(key)}
        with translated_errors(self._place, key):
            return self._client(endpoint_url).generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def origins(self) -> tuple[str, ...]:
        """Return any HTTPS origin, or the configured HTTP endpoint; the bucket can be part of the host name."""
        parts = urlsplit(self.public_endpoint_url or self.endpoint_url or "")
        return (f"http://{parts.netloc}", f"http://*.{parts.netloc}") if parts.scheme == "http" else ("https:",)

    def exists(self, key: str) -> bool:
        try:
            self._head(key)
        except NotFound:
            return False
        return True

    def stat(self, key: str) -> StoredObject:
        """Return an object's SHA-256 and size by one request; read the object only if it has no stored hash."""
        head = self._head(key)
        digest = head.get("Metadata", {}).get(SHA256, "")
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            return super().stat(key)
        return StoredObject(key, digest, head["ContentLength"])

    def list_keys(self, prefix: str) -> Iterator[str]:
        below = self._name(prefix) + "/"
        own = len(below) - len(check_key(prefix)) - 1
        with translated_errors(self._place):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below)
            for page in pages:
                for item in page.get("Contents", []):
                    # An object with a name like a folder's is a marker created by consoles.
                    if not item["Key"].endswith("/"):
                        yield item["Key"][own:]

    def delete(self, key: str) -> None:
        with translated_errors(self._place, key):
            self._client().delete_object(Bucket=self.bucket, Key=self._name(key))

    def list_remnants(self, prefix: str) -> Iterator[str]:
        name = self._name(prefix)
        own = len(name) - len(check_key(prefix))
        with translated_erase_errors(self._place):
            found = {found for found, _ in versions(self._client(), self.bucket, name)}
        for one in sorted(found):
            if (one == name or one.startswith(f"{name}/")) and not one.endswith("/"):
                yield one[own:]

    def location(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{self._name(prefix)}"

    def erase(self, key: str) -> None:
        if self.folder:
            for left in Path(self.folder).glob(f"{_writing(key)}*"):
                left.unlink(missing_ok=True)
        with translated_erase_errors(self._place, key):
            erase(self._client(), self.bucket, self._name(key))

    def _head(self, key: str) -> dict[str, Any]:
        client, name = self._client(), self._name(key)
        with translated_errors(self._place, key):
            try:
                return client.head_object(Bucket=self.bucket, Key=name)
            except ClientError as error:
                # The answer to a HEAD request has no body with a reason.
                if status(error) in {403, 404}:
                    self._raise_reason(name, missing=status(error) == 404)
                raise

    def _raise_reason(self, name: str, *, missing: bool) -> None:
        """Raise the error of an equivalent request whose answer has a body with the reason, if it fails too."""
        try:
            self._client().list_objects_v2(Bucket=self.bucket, Prefix=name, MaxKeys=1)
        except ClientError as error:
            if not missing or status(error) != 403:
                raise

    def _download(self, key: str, file: BinaryIO) -> None:
        """Read the object into an empty file; resume after a broken connection at the position reached."""
        client, name = self._client(), self._name(key)
        etag, size, expected, hashed = "", None, "", hashlib.sha256()
        stalls = restarts = 0
        while size is None or file.tell() < size:
            at = file.tell()
            rest: dict[str, str] = {"Range": f"bytes={at}-", "IfMatch": etag} if at else {}
            try:
                answer = client.get_object(Bucket=self.bucket, Key=name, **rest)
                with closing(answer["Body"]) as body:
                    if not at:
                        etag, size = answer["ETag"], answer["ContentLength"]
                        expected = answer["Metadata"].get(SHA256, "")
                    changed = bool(at) and not answer.get("ContentRange", "").startswith(f"bytes {at}-")
                    while not changed and (piece := body.read(PIECE)):
                        file.write(piece)
                        hashed.update(piece)
            except (ClientError, *LOST) as error:
                changed = bool(at) and isinstance(error, ClientError) and status(error) in {412, 416}
                failure = explain(error, self._place, key)
                if not changed:
                    stalls = 0 if file.tell() - at >= PIECE else stalls + 1
                    if size is None or stalls > MOST_RESUMES or not isinstance(failure, TransientError):
                        raise failure from None
                    time.sleep(0.1 * 2**stalls)
            if changed:
                restarts += 1
                if restarts > MOST_RESTARTS:
                    raise TransientError(f"{key} in the bucket {self.bucket} changed repeatedly while it was read")
                file.seek(0)
                file.truncate()
                size, hashed = None, hashlib.sha256()
        if expected not in {"", hashed.hexdigest()}:
            raise TransientError(f"{key} in the bucket {self.bucket} arrived damaged: its SHA-256 doesn't match")

    @contextmanager
    def _temporary(self, key: str) -> Iterator[Path]:
        """Provide an empty temporary file with the key's suffix within the block."""
        try:
            if self.folder:
                Path(self.folder).mkdir(parents=True, exist_ok=True)
                remove_stale_files(Path(self.folder))
            handle, name = tempfile.mkstemp(prefix=_writing(key), suffix=PurePosixPath(key).suffix, dir=self.folder)
        except OSError as error:
            raise self._disk(key, error) from error
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _disk(self, key: str, error: OSError) -> ReflectorError:
        return TransientError(
            f"{key} could not be written to this machine's disk: {error.strerror or error}",
            hint=f"Check the free space and the permissions of {self.folder or tempfile.gettempdir()}.",
        )

    def _name(self, key: str) -> str:
        """Return an object's name in the bucket; raises InvalidInput."""
        prefix = self.prefix.strip("/")
        return f"{check_key(prefix)}/{check_key(key)}" if prefix else check_key(key)

    def _encryption(self) -> dict[str, str]:
        if self.encryption == "none":
            return {}
        key = {"SSEKMSKeyId": self.kms_key_id} if self.encryption == "aws:kms" and self.kms_key_id else {}
        return {"ServerSideEncryption": self.encryption, **key}

    def _transfer(self) -> TransferConfig:
        return TransferConfig(
            multipart_threshold=self.multipart_bytes,
            multipart_chunksize=self.multipart_bytes,
            max_concurrency=UPLOADING_THREADS,
            preferred_transfer_client="classic",
        )

    @property
    def _place(self) -> BucketLocation:
        return BucketLocation(self.bucket, self.settings_prefix, self.endpoint_url, self.role_arn)

    def _client(self, endpoint_url: str | None = None) -> Any:
        with translated_errors(self._place):
            return _clients.get(
                region_name=self.region,
                endpoint_url=endpoint_url or self.endpoint_url,
                aws_access_key_id=secret_value(self.access_key_id).strip() or None,
                aws_secret_access_key=secret_value(self.secret_access_key).strip() or None,
                role_arn=self.role_arn,
                sts_endpoint_url=self.sts_endpoint_url,
                max_attempts=self.max_attempts,
                max_connections=self.max_connections,
                connect_timeout=self.connect_timeout,
                read_timeout=self.read_timeout,
            )


def _writing(key: str) -> str:
    """Return the prefix of this object's temporary files, by which leftovers of killed processes are found."""
    return f"{WRITING}{hashlib.sha256(check_key(key).encode()).hexdigest()[:16]}-"


def _content_type(key: str) -> dict[str, str]:
    """Return the content type, which a browser needs to play the object."""
    kind, _ = mimetypes.guess_type(key)
    return {"ContentType": kind} if kind else {}
