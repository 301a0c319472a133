"""Texts without secrets: no query, no user and no password of a URL stays."""

import pytest

from domain.redaction import redact_secrets, redact_urls


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("GET https://ada:pw@host:1/a?sig=1&x=2 failed", "GET https://host:1/a?... failed"),
        ("'postgresql+psycopg2://ada:p%40w@host/db'", "'postgresql+psycopg2://host/db'"),
        ("read('s3://bucket/key?versionId=3')", "read('s3://bucket/key?...')"),
        ("/bucket/key?X-Amz-Signature=deadbeef was refused", "/bucket/key?... was refused"),
        ("Really? Write to ada@example.com", "Really? Write to ada@example.com"),
    ],
)
def test_urls_lose_query_and_login(text: str, redacted: str) -> None:
    assert redact_urls(text) == redacted
    assert redact_urls(redacted) == redacted


def test_secrets_are_replaced_in_the_given_order() -> None:
    assert redact_secrets(["sesame-open", "sesame"], "sesame-open and sesame") == "*** and ***"
