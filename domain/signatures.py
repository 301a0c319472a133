"""Signatures of webhooks: Daily's incoming ones and our outgoing ones."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable

from domain.errors import InvalidInput

TIMESTAMP = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")


def secret_bytes(secret: str) -> bytes:
    """Decode a base64 secret from Daily; raise an InvalidInput that doesn't reveal it."""
    try:
        decoded = base64.b64decode(secret.strip(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise InvalidInput("the webhook's secret is not base64", hint="Copy it from Daily's answer to creating it.")
    return decoded


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return Daily's signature: base64 of HMAC-SHA256 over timestamp, dot and raw body (spec: Daily.co, webhook)."""
    return base64.b64encode(hmac.digest(secret, timestamp.encode() + b"." + body, hashlib.sha256)).decode()


def is_signed(secrets: Iterable[bytes], timestamp: str, body: bytes, signature: str) -> bool:
    """Return True if the signature matches any of the secrets; all are compared, each in constant time."""
    given = signature.encode()
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode(), given) for secret in secrets]
    return any(matches)


def is_fresh(timestamp: str, now: float, window: float) -> bool:
    """Return True if a timestamp is within `window` seconds of `now`; raise InvalidInput if it isn't a number.

    Timestamps are Unix seconds or milliseconds, distinguished by their magnitude.
    """
    # int() and float() accept far more, such as "1_000" and "nan".
    if not TIMESTAMP.fullmatch(timestamp):
        raise InvalidInput("X-Webhook-Timestamp is not a Unix timestamp")
    seconds = float(timestamp)
    if seconds > 100_000_000_000:
        seconds /= 1000
    return abs(now - seconds) <= window


def sign_outgoing(secret: str, timestamp: int, body: bytes) -> str:
    """Return our signature: `t=` Unix seconds, `v1=` hex of HMAC-SHA256 over timestamp, dot and body (spec: out)."""
    digest = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hex()}"
