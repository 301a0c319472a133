"""What S3 keeps of deleted objects: old versions and markers, which must go too where something must be gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from domain.errors import PermanentError
from resources.store.s3_errors import BucketLocation, code, translated_errors

PERMISSIONS = "s3:ListBucketVersions, s3:DeleteObject and, on a bucket with versions, s3:DeleteObjectVersion"


def versions(client: Any, bucket: str, begins: str) -> Iterator[tuple[str, str | None]]:
    """Yield name and version of all whose name begins so: objects, old versions, markers; raises boto3's errors.

    A store that knows no versions gives None for them.
    """
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=begins):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield item["Key"], item["VersionId"]
    except ClientError as error:
        if code(error) != "NotImplemented":
            raise
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=begins):
            for item in page.get("Contents", []):
                yield item["Key"], None


def erase(client: Any, bucket: str, name: str) -> None:
    """Remove an object with all that was kept of it; raises boto3's errors."""
    # First, so that nobody reads it any more; where the bucket keeps versions this adds a marker.
    client.delete_object(Bucket=bucket, Key=name)
    for found, version in list(versions(client, bucket, name)):
        if found == name and version:
            client.delete_object(Bucket=bucket, Key=name, VersionId=version)


@contextmanager
def translated_erase_errors(place: BucketLocation, key: str | None = None) -> Iterator[None]:
    """Raise what boto3 raises in the block as our errors; a refusal says what to allow."""
    try:
        with translated_errors(place, key):
            yield
    except PermanentError as error:
        if "AccessDenied" in error.what or "403" in error.what:
            error.hint = f"Allow the key of {place.settings}_* {PERMISSIONS}; docs/consent.md has the policy."
        raise
