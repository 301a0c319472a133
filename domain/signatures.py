"""Signatures of webhooks: Daily's, that come in, and ours, that go out."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable

from domain.errors import InvalidInput

TIMESTAMP = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")


def secret_bytes(secret: str) -> bytes:
    """Decode a secret as Daily gives it, base64; raises InvalidInput without showing it."""
    try:
        decoded = base64.b64decode(secret.strip(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise InvalidInput("the webhook's secret is not base64", hint="Copy it as Daily gave it when it was created.")
    return decoded


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Daily's signature: base64 of HMAC-SHA256 over timestamp, a dot and the raw body (spec: Daily.co, webhook)."""
    return base64.b64encode(hmac.digest(secret, timestamp.encode() + b"." + body, hashlib.sha256)).decode()


def is_signed(secrets: Iterable[bytes], timestamp: str, body: bytes, signature: str) -> bool:
    """Say whether any of the secrets made the signature; every one is tried, each in constant time."""
    given = signature.encode()
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode(), given) for secret in secrets]
    return any(matches)


def is_fresh(timestamp: str, now: float, window: float) -> bool:
    """Say whether a timestamp lies within `window` seconds of `now`, both ways; raises InvalidInput for no number.

    Unix seconds, or Unix milliseconds, which are told by their size.
    """
    # int() and float() take far more, such as "1_000" and "nan".
    if not TIMESTAMP.fullmatch(timestamp):
        raise InvalidInput("X-Webhook-Timestamp is no Unix time")
    seconds = float(timestamp)
    if seconds > 100_000_000_000:
        seconds /= 1000
    return abs(now - seconds) <= window


def sign_outgoing(secret: str, timestamp: int, body: bytes) -> str:
    """Our signature: `t=` Unix seconds, `v1=` hex of HMAC-SHA256 over timestamp, a dot and the body (spec: out)."""
    digest = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hex()}"
