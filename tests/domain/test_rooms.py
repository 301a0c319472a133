"""Room settings: validation, base names, and secrecy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.rooms import Room, RoomSettings, base_name

SECRET = "hush-nobody-knows"


@pytest.mark.parametrize(
    ("room", "base"),
    [
        ("weekly-20260323080000", "weekly"),
        ("weekly", "weekly"),
        ("a-b-20260323080000", "a-b"),
        ("weekly-2026032308000", "weekly-2026032308000"),
        ("weekly-202603230800000", "weekly-202603230800000"),
        ("weekly-20260323080000-20260323090000", "weekly-20260323080000"),
        ("weekly-٢٠٢٦٠٣٢٣٠٨٠٠٠٠", "weekly-٢٠٢٦٠٣٢٣٠٨٠٠٠٠"),
        ("", ""),
    ],
)
def test_base_name_removes_the_start_time(room: str, base: str) -> None:
    assert base_name(room) == base


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}", fullmatch=True), st.integers(0, 10**14 - 1))
def test_all_meetings_of_a_room_have_the_same_base_name(base: str, at: int) -> None:
    assert base_name(f"{base}-{at:014}") == base


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "../other"),
        ("name", "a/b"),
        ("name", "a\n"),
        ("name", "-a"),
        ("name", "a" * 129),
        ("language", "english"),
        ("language", "EN"),
        ("language", "en\n"),
        ("webhook_url", "ftp://host/"),
        ("webhook_url", "javascript:alert(1)"),
        ("webhook_url", "no url"),
        ("webhook_url", "/path"),
        ("webhook_secret", ""),
        ("webhook_secret", "s" * 501),
        ("webhook_secret", f"{SECRET}\x00"),
        ("webhook_secret", f"{SECRET}\n"),
        ("webhook_secret", f"{SECRET}ü"),
        ("zulip_stream", ""),
        ("zulip_stream", "a\x00"),
        ("zulip_stream", "a\n"),
        ("zulip_topic", "\ud800"),
        ("zulip_topic", "t" * 201),
        ("zulip_auto_post", None),
        ("skip_consent", "maybe"),
        ("old_id", "weekly"),
        ("unknown", 1),
    ],
)
def test_invalid_values_are_rejected_without_revealing_them(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as raised:
        Room.model_validate({"name": "room", "webhook_secret": SECRET, field: value})
    assert [error["loc"] for error in raised.value.errors()] == [(field,)]
    assert SECRET not in str(raised.value)


def test_settings_are_optional() -> None:
    room = Room(name="room")
    assert room.public() == {
        "name": "room",
        "language": None,
        "vocabulary": [],
        "webhook_url": None,
        "has_webhook_secret": False,
        "zulip_stream": None,
        "zulip_topic": None,
        "zulip_auto_post": False,
        "skip_consent": False,
        "old_id": None,
        "texts_after_names": "at_once",
        "texts_after_words": "on_request",
    }


def test_the_secret_is_never_revealed() -> None:
    room = Room.model_validate({"name": "room", "webhook_secret": SECRET})
    for shown in (repr(room), str(room), room.model_dump_json(), json.dumps(room.public()), repr(room.model_dump())):
        assert SECRET not in shown
    assert room.public()["has_webhook_secret"] is True
    assert "webhook_secret" not in room.public()
    assert room.webhook_secret is not None
    assert room.webhook_secret.get_secret_value() == SECRET


@given(st.text() | st.integers() | st.none() | st.binary())
def test_any_secret_is_accepted_unchanged_or_rejected(value: object) -> None:
    try:
        settings = RoomSettings.model_validate({"webhook_secret": value})
    except ValidationError:
        return
    if settings.webhook_secret is not None:
        secret = settings.webhook_secret.get_secret_value()
        assert secret in {value, value.decode() if isinstance(value, bytes) else value}
        assert "\0" not in secret
