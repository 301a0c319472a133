"""Settings of a room, keyed by its base name: language, vocabulary, destinations of results, consent."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from domain.corrections.gathered import Follow
from domain.errors import InvalidInput
from domain.recording import first_problem
from domain.urls import check_url
from domain.vocabulary import MOST_TERMS, Term

ROOM_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
UUID_PATTERN = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_STARTED = re.compile(r"-(?P<time>[0-9]{14})\Z")

RoomName = Annotated[str, StringConstraints(pattern=rf"^{ROOM_PATTERN}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]

OldId = Annotated[str, StringConstraints(pattern=rf"^{UUID_PATTERN}$")]
HttpUrl = Annotated[str, WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"})]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=500, json_schema_extra={"pattern": "^[ -~]+$"})]


class RoomSettings(BaseModel):
    """The settings of a room, all optional; `old_id` is its id in the old system, where it has one.

    `texts_after_names` and `texts_after_words` say when generated texts follow corrections.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    language: Annotated[str, StringConstraints(pattern=r"^(auto|[a-z]{2,3})$")] | None = None
    vocabulary: Annotated[tuple[Term, ...], Field(max_length=MOST_TERMS)] = ()
    webhook_url: HttpUrl | None = None
    webhook_secret: Secret | None = None
    zulip_stream: Text | None = None
    zulip_topic: Text | None = None
    zulip_auto_post: bool = False
    skip_consent: bool = False
    old_id: OldId | None = None
    texts_after_names: Follow = "at_once"
    texts_after_words: Follow = "on_request"

    @field_validator("webhook_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        try:
            return None if value is None else check_url(value).text
        except InvalidInput as error:
            raise ValueError(error.what) from None

    @field_validator("webhook_secret")
    @classmethod
    def _sane(cls, value: SecretStr | None) -> SecretStr | None:
        secret = "" if value is None else value.get_secret_value()
        if not (secret.isascii() and secret.isprintable()):
            raise ValueError("must be printable ASCII characters")
        return value


class Room(RoomSettings):
    """A room with its settings."""

    name: RoomName

    def public(self) -> dict[str, object]:
        """Return all settings except the secret, which is replaced by whether it is set."""
        return {
            **self.model_dump(mode="json", exclude={"webhook_secret"}),
            "has_webhook_secret": self.webhook_secret is not None,
        }

    def with_terms(self, terms: Iterable[str]) -> "Room":
        """Return the room with more terms in its vocabulary; raises InvalidInput for unusable or too many ones."""
        vocabulary = tuple(dict.fromkeys([*self.vocabulary, *terms]))
        try:
            return Room.model_validate({**dict(self), "vocabulary": vocabulary})
        except ValidationError as error:
            raise InvalidInput(f"the room can't learn this: {first_problem(error, 'the vocabulary')}") from None


def base_name(room_name: str) -> str:
    """Return a room's name without the start time that each meeting appends (spec: `{base}-YYYYMMDDHHMMSS`)."""
    return _STARTED.sub("", room_name)


def unset(room_name: str) -> Room:
    """Return a meeting's room without settings; raises InvalidInput if it can't have any."""
    try:
        return Room(name=base_name(room_name))
    except ValidationError as error:
        raise InvalidInput(f"the room can't have settings: {first_problem(error, 'its name')}") from None


def named_time(room_name: str) -> float | None:
    """Return the start time in a room's name, in seconds since the epoch; None if the name has none."""
    timed = _STARTED.search(room_name)
    try:
        return datetime.strptime(timed["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() if timed else None
    except ValueError:
        return None
