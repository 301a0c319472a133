"""Signatures of Daily's webhooks, against ones that were made independently."""

import base64
import hashlib
import hmac
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.signatures import is_fresh, is_signed, secret_bytes, sign

SECRET, BODY, AT = b"0123456789abcdef0123456789abcdef", b'{"type":"recording.started"}', "1774253050"
NOW = 1774253050.0
SECRETS = st.binary(min_size=1, max_size=64)


def test_it_is_what_another_program_computes():
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{SECRET.hex()}", "-binary"],
        input=AT.encode() + b"." + BODY,
        capture_output=True,
        check=True,
    )
    assert sign(SECRET, AT, BODY) == base64.b64encode(done.stdout).decode()


@given(SECRETS, st.text(), st.binary())
def test_it_is_hmac_sha256_over_timestamp_dot_and_body(secret, timestamp, body):
    made = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).digest()
    assert base64.b64decode(sign(secret, timestamp, body), validate=True) == made
    assert is_signed([secret], timestamp, body, base64.b64encode(made).decode())


@given(st.lists(SECRETS, min_size=1, max_size=4), st.data())
def test_any_of_several_secrets_will_do(secrets, data):
    chosen = data.draw(st.sampled_from(secrets))
    assert is_signed(secrets, AT, BODY, sign(chosen, AT, BODY))


def test_a_generator_of_secrets_will_do():
    assert is_signed((s for s in (b"other", SECRET)), AT, BODY, sign(SECRET, AT, BODY))


@given(st.binary(max_size=100), st.integers(0, 10**6), st.integers(0, 7))
def test_one_changed_bit_of_the_body_is_noticed(body, at, bit):
    body = body or b"x"
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    assert not is_signed([SECRET], AT, bytes(changed), sign(SECRET, AT, body))


@given(st.integers(0, 43), st.sampled_from("AZaz09+/="))
def test_one_changed_character_of_the_signature_is_noticed(at, character):
    made = sign(SECRET, AT, BODY)
    changed = made[:at] + character + made[at + 1 :]
    assert is_signed([SECRET], AT, BODY, changed) == (changed == made)


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_signature(text):
    assert not is_signed([SECRET], AT, BODY, text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("change", [str.lower, str.strip, lambda s: s[:-1], lambda s: s + " ", lambda s: s + "\n"])
def test_a_signature_is_taken_letter_by_letter(change):
    made = sign(SECRET, AT, BODY)
    assert is_signed([SECRET], AT, BODY, change(made)) == (change(made) == made)


def test_the_timestamp_is_signed_too():
    assert not is_signed([SECRET], "1774253051", BODY, sign(SECRET, AT, BODY))
    assert not is_signed([SECRET], f"{AT}.", BODY, sign(SECRET, AT, BODY))
    assert not is_signed([b"other"], AT, BODY, sign(SECRET, AT, BODY))


def test_without_secrets_nothing_is_signed():
    assert not is_signed([], AT, BODY, sign(b"", AT, BODY))


@given(SECRETS)
def test_a_secret_is_read_as_daily_gives_it(secret):
    text = base64.b64encode(secret).decode()
    assert secret_bytes(text) == secret_bytes(f" {text}\n") == secret


@pytest.mark.parametrize("given_", ["", "   ", "====", "abc", "not base64!", "ü", "YWJj-_", "YWJj\nYWJj!", "A"])
def test_what_is_no_base64_is_no_secret_and_is_not_shown(given_):
    with pytest.raises(InvalidInput) as told:
        secret_bytes(given_)
    assert not given_.strip() or given_ not in str(told.value)
    assert "base64" in str(told.value)


@given(st.floats(-10_000, 10_000), st.floats(0.1, 9_999))
def test_a_timestamp_is_fresh_within_the_window_both_ways(off, window):
    if abs(abs(off) - window) < 0.01:
        return
    for stamp in (f"{NOW + off:.3f}", f"{(NOW + off) * 1000:.0f}"):
        assert is_fresh(stamp, NOW, window) == (abs(off) <= window)


@pytest.mark.parametrize("stamp", [AT, f"{AT}.25", f"{AT}250"])
def test_a_timestamp_is_in_seconds_or_milliseconds(stamp):
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
def test_what_is_no_unix_time_is_refused(stamp):
    with pytest.raises(InvalidInput, match="X-Webhook-Timestamp"):
        is_fresh(stamp, NOW, 300)


@given(st.text(max_size=20))
def test_any_timestamp_is_fresh_or_stale_or_refused(stamp):
    try:
        fresh = is_fresh(stamp, NOW, 300)
    except InvalidInput:
        return
    assert stamp.isascii()
    assert fresh == (abs(float(stamp) - NOW) <= 300 or abs(float(stamp) / 1000 - NOW) <= 300)
