"""The old system's rooms, and the settings of ours that they become."""

from typing import Literal, NamedTuple

from pydantic import ValidationError

from domain.errors import InvalidInput
from domain.old_transcripts import Answered, OldRoom
from domain.recording import first_problem
from domain.rooms import Room, RoomSettings

Outcome = Literal["new", "changed", "same", "refused"]


class OldRoomDetails(OldRoom):
    """A room with the settings that this system also has; texts are empty where they aren't set."""

    platform: str = "daily"
    webhook_url: str | None = None
    webhook_secret: str | None = None
    zulip_stream: str | None = None
    zulip_topic: str | None = None
    zulip_auto_post: bool = False
    skip_consent: bool = False

    def settings(self) -> RoomSettings:
        """Return these settings; raise InvalidInput for a room of another platform and for invalid values."""
        if self.platform != "daily":
            raise InvalidInput(f"its meetings are at {self.platform}, not at Daily")
        values = {
            "webhook_url": self.webhook_url or None,
            "webhook_secret": self.webhook_secret or None,
            "zulip_stream": self.zulip_stream or None,
            "zulip_topic": self.zulip_topic or None,
            "zulip_auto_post": self.zulip_auto_post,
            "skip_consent": self.skip_consent,
            "old_id": self.id,
        }
        try:
            Room.model_validate({"name": self.name, **values})
            return RoomSettings.model_validate(values)
        except ValidationError as error:
            raise InvalidInput(first_problem(error, "the room")) from None


class OldRoomPage(Answered):
    """One page of the list of rooms, newest first."""

    items: tuple[OldRoomDetails, ...]
    pages: int


class Change(NamedTuple):
    """What becomes of one room: `settings` are to be set, `fields` differ from what is set now."""

    name: str
    outcome: Outcome
    fields: tuple[str, ...] = ()
    settings: RoomSettings | None = None
    reason: str | None = None


def plan(old: OldRoomDetails, known: Room | None) -> Change:
    """Return what taking over a room changes; other settings of ours, such as its language, stay."""
    try:
        settings = old.settings()
    except InvalidInput as error:
        return Change(old.name, "refused", reason=error.what)
    now = known or RoomSettings()
    fields = tuple(name for name in sorted(settings.model_fields_set) if getattr(now, name) != getattr(settings, name))
    outcome: Outcome = "new" if known is None else "changed" if fields else "same"
    return Change(old.name, outcome, fields, settings)
