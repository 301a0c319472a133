"""Permanent deletion in S3: a versioned bucket keeps old versions and delete markers, which must be deleted too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from domain.errors import PermanentError
from resources.store.s3_errors import BucketLocation, code, translated_errors

PERMISSIONS = "s3:ListBucketVersions, s3:DeleteObject and, on a bucket with versions, s3:DeleteObjectVersion"


def versions(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str | None]]:
    """Yield names and versions below a prefix: objects, old versions, delete markers; raises boto3's errors.

    The version is None in a store without versioning.
    """
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield item["Key"], item["VersionId"]
    except ClientError as error:
        if code(error) != "NotImplemented":
            raise
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"], None


def erase(client: Any, bucket: str, name: str) -> None:
    """Delete an object with all its versions; raises boto3's errors."""
    # A plain delete first hides the object from readers; in a versioned bucket it adds a marker.
    client.delete_object(Bucket=bucket, Key=name)
    for found, version in list(versions(client, bucket, name)):
        if found == name and version:
            client.delete_object(Bucket=bucket, Key=name, VersionId=version)


@contextmanager
def translated_erase_errors(place: BucketLocation, key: str | None = None) -> Iterator[None]:
    """Raise boto3's errors in the block as ours; if access is denied, name the required permissions."""
    try:
        with translated_errors(place, key):
            yield
    except PermanentError as error:
        if "AccessDenied" in error.what or "403" in error.what:
            error.hint = f"Allow the key of {place.settings}_* {PERMISSIONS}; docs/consent.md has the policy."
        raise
