"""Recordings as Daily's webhooks and REST API describe them, and which of them to process (spec: Daily.co)."""

import math
from typing import Annotated, Any, Literal, NamedTuple, Self, cast

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from domain.errors import InvalidInput
from domain.recording import Recording, Track, TrackName, check_recording_id, first_problem

READY = "recording.ready-to-download"
NOTED = {
    "recording.started": "the recording has only started; Daily sends another event when it is ready",
    "participant.joined": "participants are read from Daily's API",
    "participant.left": "participants are read from Daily's API",
}
# What our webhook subscribes to.
EVENTS = (READY, "recording.error", *NOTED)
CLOUD = {"cloud", "cloud-audio-only"}
RAW = "raw-tracks"

Outcome = Literal["accepted", "ignored", "failed", "unfinished"]


class Verdict(NamedTuple):
    """The decision about a received recording or event, and its reason; check `unfinished` ones again later."""

    outcome: Outcome
    reason: str | None = None
    recording: "DailyRecording | None" = None


def finite(value: object) -> float | None:
    """Return a finite number, or None for anything else, as Daily sends integers, floats and null."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


Number = Annotated[float | None, BeforeValidator(finite)]


class _Tolerant(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DailyTrack(_Tolerant):
    """One file of a raw-tracks recording: its key in the bucket and its size in bytes."""

    type: str = "audio"
    key: str = Field(validation_alias=AliasChoices("s3Key", "s3_key"))
    size: Annotated[int | None, BeforeValidator(lambda v: v if isinstance(v, int) and v >= 0 else None)] = None


class DailyRecording(_Tolerant):
    """A recording from the API's list or from the payload of ready-to-download; times in seconds.

    `type` is null in lists, `duration` is null while Daily processes the recording, `mtg_session_id` often.
    """

    id: str = Field(validation_alias=AliasChoices("recording_id", "id"))
    room_name: str = ""
    type: str | None = None
    start_ts: Number = None
    status: str | None = None
    duration: Number = None
    mtg_session_id: str | None = Field(None, validation_alias=AliasChoices("mtgSessionId", "mtg_session_id"))
    s3_key: str | None = Field(None, validation_alias=AliasChoices("s3_key", "s3key"))
    tracks: tuple[DailyTrack, ...] | None = None

    @classmethod
    def read(cls, described: object) -> Self:
        """Validate Daily's JSON object; raise an InvalidInput that names the invalid field."""
        if isinstance(described, dict):
            known = cast(dict[str, Any], described)
            described = {**known, "room_name": known.get("room_name") or known.get("room") or ""}
        try:
            return cls.model_validate(described)
        except ValidationError as error:
            raise InvalidInput(f"invalid recording from Daily: {first_problem(error, 'the recording')}") from None

    @property
    def kind(self) -> str | None:
        """`raw-tracks` or `cloud`; None if Daily has neither tracks nor a file, as for a failed recording."""
        if self.type in CLOUD:
            return "cloud"
        if self.type == RAW or self.tracks is not None:
            return RAW
        return "cloud" if self.s3_key else None

    def audio_tracks(self) -> tuple[DailyTrack, ...]:
        """Return the tracks to transcribe: microphones only, neither video nor the audio of a shared screen."""
        named = [(track, TrackName.parse(track.key)) for track in self.tracks or ()]
        return tuple(t for t, name in named if t.type == "audio" and name is not None and name.kind == "cam-audio")

    def to_recording(self) -> Recording:
        """Convert to the recording that the assets process."""
        tracks: list[Track] = []
        for index, track in enumerate(self.audio_tracks()):
            name = TrackName.parse(track.key)
            assert name is not None
            tracks.append(
                Track(
                    index=index,
                    key=track.key,
                    participant_id=name.participant_id,
                    size=track.size,
                    offset_s=name.offset_s,
                )
            )
        return Recording(
            id=self.id,
            room_name=self.room_name,
            start_ts=self.start_ts,
            duration=self.duration,
            mtg_session_id=self.mtg_session_id,
            tracks=tuple(tracks),
        )


class DailyEvent(_Tolerant):
    """A webhook's envelope; `payload` depends on the type."""

    type: str
    id: str | None = None
    payload: dict[str, Any] = {}

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse a webhook's body; raise InvalidInput if it isn't valid."""
        try:
            return cls.model_validate(from_json(body, allow_inf_nan=True))
        except ValidationError as error:
            raise InvalidInput(f"invalid event: {first_problem(error, 'the event')}") from None
        except ValueError as error:
            raise InvalidInput(f"the body is not valid JSON: {error}") from None


def judge_event(body: bytes, domain: str | None) -> Verdict:
    """Decide about a webhook's body: unknown events are ignored, invalid ones fail."""
    try:
        event = DailyEvent.read(body)
        if event.type == READY:
            return judge(DailyRecording.read(event.payload), domain, ready=True)
    except InvalidInput as error:
        return Verdict("failed", str(error))
    if event.type == "recording.error":
        return Verdict("ignored", f"Daily could not record: {_excerpt(event.payload.get('error_msg'))}")
    return Verdict("ignored", NOTED.get(event.type) or f"events of type {_excerpt(event.type)} are not processed")


def judge_listed(described: bytes, domain: str | None, *, patience_over: bool = False) -> Verdict:
    """Decide about a recording from the API's list; `patience_over` accepts it although its duration is null."""
    try:
        listed = DailyRecording.read(from_json(described, allow_inf_nan=True))
        return judge(listed, domain, ready=patience_over)
    except (InvalidInput, ValueError) as error:
        return Verdict("failed", str(error))


def judge(recording: DailyRecording, domain: str | None, *, ready: bool) -> Verdict:
    """Decide about a recording; `ready` means that it is known to be finished. Raise InvalidInput if it isn't valid.

    `domain` is our domain at Daily, the first part of every key; without it, all keys must have the same first part.
    """
    check_recording_id(recording.id)
    if recording.type not in CLOUD and (reason := _unfinished(recording, ready=ready)):
        return Verdict("unfinished", reason, recording)
    if recording.kind == "cloud":
        return Verdict("ignored", "a cloud recording is one mixed file; only raw tracks are transcribed", recording)
    if recording.kind is None:
        return Verdict("failed", "Daily has neither tracks nor a file of it: the recording failed at Daily", recording)
    own = domain or next((key.split("/")[0] for key in (recording.s3_key, *_keys(recording)) if key), None)
    for track in recording.tracks or ():
        check_track_key(track.key, own)
        if track.type == "audio" and TrackName.parse(track.key) is None:
            raise InvalidInput(f"{_excerpt(track.key)} isn't a Daily track name, so its participant is unknown")
    return Verdict("accepted", None, recording)


def _unfinished(recording: DailyRecording, *, ready: bool) -> str | None:
    if recording.status == "in-progress":
        return "the recording is still in progress"
    if not ready and (recording.status != "finished" or recording.duration is None):
        return f"Daily is still processing it (status {_excerpt(recording.status)})"
    return "Daily doesn't list its tracks yet" if recording.type == RAW and recording.tracks is None else None


def _keys(recording: DailyRecording) -> list[str]:
    return [track.key for track in recording.tracks or ()]


def check_track_key(key: str, domain: str | None) -> str:
    """Return the key if it is a valid track key in our domain; else raise InvalidInput."""
    parts = key.split("/")
    if len(key) > 1024 or not key.isprintable() or "\\" in key or any(part in {"", ".", ".."} for part in parts):
        raise InvalidInput(f"{_excerpt(key)} is not a valid track key")
    if domain is not None and (len(parts) < 2 or parts[0] != domain):
        raise InvalidInput(
            f"the track key {_excerpt(key)} is outside of {_excerpt(domain)}/",
            hint="It belongs to another Daily domain; DAILY_SUBDOMAIN names ours.",
        )
    return key


def _excerpt(value: object) -> str:
    """Format any value as a short printable text."""
    text = "none" if value is None else ascii(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
