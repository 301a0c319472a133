"""Signatures of webhooks, compared with independent implementations."""

import base64
import hashlib
import hmac
import re
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.signatures import is_fresh, is_signed, secret_bytes, sign, sign_outgoing
from testing.deployment import ROOT
from testing.hosts import webhook_host

SECRET, BODY, AT = b"0123456789abcdef0123456789abcdef", b'{"type":"recording.started"}', "1774253050"
NOW = 1774253050.0
SECRETS = st.binary(min_size=1, max_size=64)


def test_sign_matches_openssl():
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{SECRET.hex()}", "-binary"],
        input=AT.encode() + b"." + BODY,
        capture_output=True,
        check=True,
    )
    assert sign(SECRET, AT, BODY) == base64.b64encode(done.stdout).decode()


@given(SECRETS, st.text(), st.binary())
def test_sign_is_hmac_sha256_over_timestamp_dot_and_body(secret: bytes, timestamp: str, body: bytes):
    made = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).digest()
    assert base64.b64decode(sign(secret, timestamp, body), validate=True) == made
    assert is_signed([secret], timestamp, body, base64.b64encode(made).decode())


@given(st.lists(SECRETS, min_size=1, max_size=4), st.data())
def test_any_of_several_secrets_is_accepted(secrets: list[bytes], data: st.DataObject):
    chosen = data.draw(st.sampled_from(secrets))
    assert is_signed(secrets, AT, BODY, sign(chosen, AT, BODY))


def test_secrets_can_be_a_generator():
    assert is_signed((s for s in (b"other", SECRET)), AT, BODY, sign(SECRET, AT, BODY))


@given(st.binary(max_size=100), st.integers(0, 10**6), st.integers(0, 7))
def test_a_changed_bit_of_the_body_is_detected(body: bytes, at: int, bit: int):
    body = body or b"x"
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    assert not is_signed([SECRET], AT, bytes(changed), sign(SECRET, AT, body))


@given(st.integers(0, 43), st.sampled_from("AZaz09+/="))
def test_a_changed_character_of_the_signature_is_detected(at: int, character: str):
    made = sign(SECRET, AT, BODY)
    changed = made[:at] + character + made[at + 1 :]
    assert is_signed([SECRET], AT, BODY, changed) == (changed == made)


@given(st.text(max_size=60))
def test_other_texts_are_not_signatures(text: str):
    assert not is_signed([SECRET], AT, BODY, text.encode("utf-8", "replace").decode())


def drop_last(text: str) -> str:
    return text[:-1]


@pytest.mark.parametrize("change", [str.lower, str.strip, drop_last, "{} ".format, "{}\n".format])
def test_signatures_are_compared_exactly(change: Callable[[str], str]):
    made = sign(SECRET, AT, BODY)
    assert is_signed([SECRET], AT, BODY, change(made)) == (change(made) == made)


def test_the_timestamp_is_signed_too():
    assert not is_signed([SECRET], "1774253051", BODY, sign(SECRET, AT, BODY))
    assert not is_signed([SECRET], f"{AT}.", BODY, sign(SECRET, AT, BODY))
    assert not is_signed([b"other"], AT, BODY, sign(SECRET, AT, BODY))


def test_without_secrets_nothing_is_signed():
    assert not is_signed([], AT, BODY, sign(b"", AT, BODY))


@given(SECRETS)
def test_secrets_are_base64(secret: bytes):
    text = base64.b64encode(secret).decode()
    assert secret_bytes(text) == secret_bytes(f" {text}\n") == secret


@pytest.mark.parametrize("encoded", ["", "   ", "====", "abc", "not base64!", "ü", "YWJj-_", "YWJj\nYWJj!", "A"])
def test_invalid_base64_is_rejected_without_revealing_it(encoded: str):
    with pytest.raises(InvalidInput) as error:
        secret_bytes(encoded)
    assert not encoded.strip() or encoded not in str(error.value)
    assert "base64" in str(error.value)


@given(st.floats(-10_000, 10_000), st.floats(0.1, 9_999))
def test_a_timestamp_is_fresh_within_the_window_both_ways(off: float, window: float):
    if abs(abs(off) - window) < 0.01:
        return
    for stamp in (f"{NOW + off:.3f}", f"{(NOW + off) * 1000:.0f}"):
        assert is_fresh(stamp, NOW, window) == (abs(off) <= window)


@pytest.mark.parametrize("stamp", [AT, f"{AT}.25", f"{AT}250"])
def test_a_timestamp_is_in_seconds_or_milliseconds(stamp: str):
    assert is_fresh(stamp, NOW, 1)
    assert not is_fresh(stamp, NOW + 10, 1)
    assert not is_fresh(stamp, NOW - 10, 1)


@pytest.mark.parametrize(
    "stamp",
    [
        *("", " ", "nan", "inf", "-1", "+1", "1e9", "1_774_253_050", "0x10", "1.", ".5", "1.2.3", "soon", "١٢٣"),
        *(f"{AT}\n", f" {AT}", "9" * 17, "1." + "1" * 10, "2026-03-23T08:00:00Z"),
    ],
)
def test_other_timestamps_are_rejected(stamp: str):
    with pytest.raises(InvalidInput, match="X-Webhook-Timestamp"):
        is_fresh(stamp, NOW, 300)


@given(st.text(max_size=20))
def test_any_timestamp_is_fresh_stale_or_rejected(stamp: str):
    try:
        fresh = is_fresh(stamp, NOW, 300)
    except InvalidInput:
        return
    assert stamp.isascii()
    assert fresh == (abs(float(stamp) - NOW) <= 300 or abs(float(stamp) / 1000 - NOW) <= 300)


# Outgoing webhooks.


@given(st.text(min_size=1, max_size=40), st.integers(0, 2**33), st.binary(max_size=60))
def test_outgoing_signatures_depend_on_body_time_and_secret(secret: str, at: int, content: bytes) -> None:
    header = sign_outgoing(secret, at, content)
    assert re.fullmatch(r"t=\d+,v1=[0-9a-f]{64}", header)
    assert header != sign_outgoing(secret + "x", at, content)
    assert header != sign_outgoing(secret, at + 1, content)
    assert header != sign_outgoing(secret, at, content + b"x")


def test_outgoing_signatures_are_verified_by_the_documented_code() -> None:
    [lines] = re.findall("```python\n(.*?)```", (ROOT / "docs" / "results-out.md").read_text(), re.S)
    names: dict[str, Any] = {"hashlib": hashlib, "hmac": hmac, "time": time}
    exec(lines, names)
    now = int(time.time())
    for verify in (names["is_signed"], webhook_host.is_signed):
        assert verify(sign_outgoing("s", now, b"{}"), b"{}", "s")
        assert not verify(sign_outgoing("s", now, b"{}"), b"{ }", "s")
        assert not verify(sign_outgoing("s", now, b"{}"), b"{}", "t")
        assert not verify(sign_outgoing("s", now - 4000, b"{}"), b"{}", "s")
