"""S3's errors translated to ours, without keys, signatures or query strings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import urllib3.exceptions
from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSLError,
)

from domain.errors import NotFound, PermanentError, ReflectorError, TransientError, is_retryable
from resources.http import as_object, host, retry_after

# Failures of the network or the server: the next attempt may succeed.
LOST = (ConnectionError, HTTPClientError, IncompleteReadError, urllib3.exceptions.HTTPError)
# S3's codes of transient errors, with any HTTP status.
PASSING = {"RequestTimeout", "OperationAborted", "SlowDown", "Throttling", "ThrottlingException", "InternalError"}
PASSING |= {"ServiceUnavailable", "TooManyRequests", "RequestLimitExceeded", "ConditionalRequestConflict"}
REGION = {"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidClientTokenId"}


@dataclass(frozen=True)
class BucketLocation:
    """A bucket for messages to operators: `settings` is the prefix of its settings, such as TRANSCRIPT_STORAGE_AWS."""

    bucket: str
    settings: str
    endpoint_url: str | None = None
    role_arn: str | None = None

    @property
    def server(self) -> str:
        """The server's host, without the user and password that a URL can contain."""
        return host(self.endpoint_url) if self.endpoint_url else "AWS"


@contextmanager
def translated_errors(place: BucketLocation, key: str | None = None) -> Iterator[None]:
    """Raise boto3's errors in the block as ours.

    The originals are dropped: their messages can contain URLs and, for an invalid header, the signature.
    """
    try:
        yield
    except ReflectorError:
        raise
    except (ClientError, BotoCoreError, Boto3Error, urllib3.exceptions.HTTPError) as error:
        raise explain(error, place, key) from None
    except ValueError as error:
        # boto3 validates the endpoint's URL when it creates the client.
        if "endpoint" not in str(error).lower():
            raise
        raise PermanentError(
            f"{place.settings}_ENDPOINT_URL is not a valid URL",
            hint="Include the scheme, as in https://s3.example.com",
        ) from None


def explain(error: Exception, place: BucketLocation, key: str | None = None) -> ReflectorError:
    """Return our error for one of boto3's, with the setting to check."""
    if isinstance(error, ClientError):
        return _refusal(error, place, key)
    if isinstance(error, LOST):
        return _unsent(error, place)
    hints: dict[type[Exception], str] = {
        NoCredentialsError: f"Set {place.settings}_ACCESS_KEY_ID and {place.settings}_SECRET_ACCESS_KEY.",
        PartialCredentialsError: f"Set {place.settings}_ACCESS_KEY_ID and {place.settings}_SECRET_ACCESS_KEY, both.",
        NoRegionError: f"Set {place.settings}_REGION.",
        InvalidRegionError: f"Check {place.settings}_REGION.",
    }
    return PermanentError(
        f"the bucket {place.bucket} can't be used ({type(error).__name__})",
        hint=hints.get(type(error), f"Check the settings {place.settings}_*."),
    )


def _unsent(error: Exception, place: BucketLocation) -> ReflectorError:
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return PermanentError(
            f"the certificate of the object store at {place.server} isn't trusted",
            hint="Set AWS_CA_BUNDLE to the file of its authority's certificate.",
        )
    if isinstance(error, HTTPClientError) and isinstance(cast(Any, error).kwargs.get("error"), ValueError):
        # An invalid header; the access key's id is part of one.
        return PermanentError(
            f"a request to the object store at {place.server} can't be sent",
            hint=f"Check {place.settings}_ACCESS_KEY_ID and {place.settings}_ENDPOINT_URL for stray characters.",
        )
    return TransientError(
        f"the connection to the object store at {place.server} failed ({type(error).__name__})",
        hint=f"Check that {place.settings}_ENDPOINT_URL can be reached."
        if place.endpoint_url
        else "Check that this machine reaches AWS.",
    )


def code(error: ClientError) -> str:
    """Return S3's own code, such as NoSuchKey; for an answer without a body, the HTTP status."""
    # Documented as always present, but missing if a proxy or an STS server answered with a different body.
    return str((as_object(_response(error).get("Error")) or {}).get("Code") or status(error))


def status(error: ClientError) -> int:
    """Return the answer's HTTP status; 0 if there is none."""
    return int(_metadata(error).get("HTTPStatusCode") or 0)


def _response(error: ClientError) -> dict[str, Any]:
    return cast(dict[str, Any], error.response)


def _metadata(error: ClientError) -> dict[str, Any]:
    return as_object(_response(error).get("ResponseMetadata")) or {}


def _refusal(error: ClientError, place: BucketLocation, key: str | None) -> ReflectorError:
    name, number = code(error), status(error)
    role = cast(Any, error).operation_name == "AssumeRole"
    if name in PASSING or is_retryable(number):
        headers = as_object(_metadata(error).get("HTTPHeaders")) or {}
        return TransientError(
            f"the object store at {place.server} answered {_both(number, name)}", retry_after=retry_after(headers)
        )
    if name == "NoSuchBucket":
        return PermanentError(
            f"there is no bucket {place.bucket} at {place.server}",
            hint=f"Check {place.settings}_BUCKET_NAME and {place.settings}_REGION.",
        )
    if (number == 404 or name == "NoSuchKey") and key is not None and not role:
        return NotFound(f"there is no {key} in the bucket {place.bucket}")
    if role:
        what = f"the role of {place.settings}_ROLE_ARN can't be assumed"
    elif key is None:
        what = f"access to the bucket {place.bucket} was refused"
    else:
        what = f"access to {key} in the bucket {place.bucket} was refused"
    return PermanentError(f"{what} ({_both(number, name)})", hint=_hint(name, number, place, role=role))


def _hint(name: str, number: int, place: BucketLocation, *, role: bool) -> str:
    prefix = place.settings
    id_, secret = f"{prefix}_ACCESS_KEY_ID", f"{prefix}_SECRET_ACCESS_KEY"
    hints = {
        "InvalidAccessKeyId": f"Check {id_}{f' and {prefix}_ROLE_ARN' if place.role_arn else ''}.",
        "SignatureDoesNotMatch": f"Check {secret}.",
        "RequestTimeTooSkewed": "Set this machine's clock.",
        **dict.fromkeys(EXPIRED, f"Check {id_}: a temporary key has expired."),
        **dict.fromkeys(REGION, f"Check {prefix}_REGION."),
    }
    if name in hints:
        return hints[name]
    if name.startswith("KMS."):
        return "Check the key for server-side encryption."
    if role:
        return f"Check {prefix}_ROLE_ARN, and that the role trusts {id_} with its {secret}."
    if number in {401, 403}:
        who = "the role" if place.role_arn else "the key"
        return (
            f"Check {id_} and {secret}, and that {who} may s3:GetObject, s3:ListBucket and, for results, "
            "s3:PutObject and s3:DeleteObject."
        )
    return f"Check the settings {prefix}_*."


def _both(number: int, name: str) -> str:
    return f"{number} {name}" if name != str(number) else name
