"""Redaction of secrets in texts that are logged, shown or stored."""

import re
from collections.abc import Iterable

# A query can hold a signature, also in a path without scheme and host; what precedes an @ can hold a password.
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#'\"<>]*|(?=\?\S*X-Amz-))\?[^\s'\"<>]*", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"<>]*@", re.IGNORECASE)


def redact_urls(text: str) -> str:
    """Remove query strings, users and passwords from all URLs in a text."""
    return _USER.sub(r"\1", _QUERY.sub(r"\1?...", text))


def redact_secrets(secrets: Iterable[str], text: str) -> str:
    """Replace each secret in a text; of secrets that contain each other, pass the longest first."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
