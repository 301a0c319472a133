"""What Daily says of recordings, by webhook and by its REST API, and what we make of it (spec: Daily.co)."""

import math
from typing import Annotated, Any, Literal, NamedTuple, Self, cast

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from domain.recording import Recording, Track, TrackName, check_recording_id

READY = "recording.ready-to-download"
NOTED = {
    "recording.started": "the recording has only begun; Daily tells when it is ready",
    "participant.joined": "who was there is read from Daily's API",
    "participant.left": "who was there is read from Daily's API",
}
CLOUD = {"cloud", "cloud-audio-only"}
RAW = "raw-tracks"

Outcome = Literal["accepted", "ignored", "failed", "unfinished"]


class Verdict(NamedTuple):
    """What becomes of something that arrived, and why; `unfinished` is to be asked about again later."""

    outcome: Outcome
    reason: str | None = None
    recording: "DailyRecording | None" = None


def _number(value: object) -> object:
    """Daily's times are integers, floats, or null; what is no finite number is as good as null."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


Number = Annotated[float | None, BeforeValidator(_number)]


class _Tolerant(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DailyTrack(_Tolerant):
    """One file of a raw-tracks recording: its key in the bucket and its size in bytes."""

    type: str = "audio"
    key: str = Field(validation_alias=AliasChoices("s3Key", "s3_key"))
    size: Annotated[int | None, BeforeValidator(lambda v: v if isinstance(v, int) and v >= 0 else None)] = None


class DailyRecording(_Tolerant):
    """One recording as the API lists it or as the payload of ready-to-download; times in seconds.

    `type` is null in lists, `duration` while Daily processes it, `mtg_session_id` often.
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
        """Read Daily's JSON object; raises InvalidInput that names the field."""
        if isinstance(described, dict):
            known = cast(dict[str, Any], described)
            described = {**known, "room_name": known.get("room_name") or known.get("room") or ""}
        try:
            return cls.model_validate(described)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the recording"
            raise InvalidInput(f"Daily's description can't be used: {place}: {first['msg']}") from None

    @property
    def kind(self) -> str | None:
        """`raw-tracks` or `cloud`; None when Daily has neither tracks nor a file, as of a recording that failed."""
        if self.type in CLOUD:
            return "cloud"
        if self.type == RAW or self.tracks is not None:
            return RAW
        return "cloud" if self.s3_key else None

    def audio_tracks(self) -> tuple[DailyTrack, ...]:
        """The tracks to transcribe: microphones only, neither video nor the sound of a shared screen."""
        named = [(track, TrackName.parse(track.key)) for track in self.tracks or ()]
        return tuple(t for t, name in named if t.type == "audio" and name is not None and name.kind == "cam-audio")

    def to_recording(self) -> Recording:
        """The recording as our assets know it."""
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
        """Read a webhook's body; raises InvalidInput."""
        try:
            return cls.model_validate(from_json(body, allow_inf_nan=True))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the event"
            raise InvalidInput(f"the event can't be used: {place}: {first['msg']}") from None
        except ValueError as error:
            raise InvalidInput(f"the body is no JSON: {error}") from None


def event_of_listed(described: bytes) -> bytes:
    """Make the webhook that would have announced a recording that Daily's API lists; raises InvalidInput."""
    try:
        listed = DailyRecording.read(from_json(described, allow_inf_nan=True))
    except ValueError as error:
        raise InvalidInput(f"the recording is no JSON: {error}") from None
    payload: dict[str, object] = {
        "type": listed.kind,
        "recording_id": listed.id,
        "room_name": listed.room_name,
        "start_ts": listed.start_ts,
        "status": listed.status,
        "duration": listed.duration,
        "s3_key": listed.s3_key or next((track.key.rsplit("/", 1)[0] for track in listed.tracks or ()), ""),
        "tracks": [{"type": track.type, "s3Key": track.key, "size": track.size} for track in listed.tracks or ()],
    }
    event = {"version": "1.0.0", "type": READY, "id": f"{READY}-{listed.id}", "payload": payload}
    return to_json({**event, "event_ts": (listed.start_ts or 0.0) + (listed.duration or 0.0)})


def judge_event(body: bytes, domain: str | None) -> Verdict:
    """Say what becomes of a webhook's body; events that we don't know are ignored, what can't be read has failed."""
    try:
        event = DailyEvent.read(body)
        if event.type == READY:
            return judge(DailyRecording.read(event.payload), domain, ready=True)
    except InvalidInput as error:
        return Verdict("failed", str(error))
    if event.type == "recording.error":
        return Verdict("ignored", f"Daily could not record: {_shown(event.payload.get('error_msg'))}")
    return Verdict("ignored", NOTED.get(event.type) or f"nothing follows from events of type {_shown(event.type)}")


def judge_listed(described: bytes, domain: str | None, *, patience_over: bool = False) -> Verdict:
    """Say what becomes of a recording that Daily's API lists; `patience_over` accepts one whose duration stays null."""
    try:
        listed = DailyRecording.read(from_json(described, allow_inf_nan=True))
        return judge(listed, domain, ready=patience_over)
    except (InvalidInput, ValueError) as error:
        return Verdict("failed", str(error))


def judge(recording: DailyRecording, domain: str | None, *, ready: bool) -> Verdict:
    """Say what becomes of a recording; `ready` when it is known to be finished. Raises InvalidInput.

    `domain` is our domain at Daily, the first part of every key; without it the parts must agree with each other.
    """
    check_recording_id(recording.id)
    if recording.type not in CLOUD and (reason := _unfinished(recording, ready=ready)):
        return Verdict("unfinished", reason, recording)
    if recording.kind == "cloud":
        return Verdict("ignored", "a cloud recording has one mixed file: only raw tracks are transcribed", recording)
    if recording.kind is None:
        return Verdict("failed", "Daily has neither tracks nor a file of it: the recording failed there", recording)
    own = domain or next((key.split("/")[0] for key in (recording.s3_key, *_keys(recording)) if key), None)
    for track in recording.tracks or ():
        check_track_key(track.key, own)
        if track.type == "audio" and TrackName.parse(track.key) is None:
            raise InvalidInput(f"{_shown(track.key)} isn't named as Daily names tracks: nobody knows whose it is")
    return Verdict("accepted", None, recording)


def _unfinished(recording: DailyRecording, *, ready: bool) -> str | None:
    if recording.status == "in-progress":
        return "the recording goes on"
    if not ready and (recording.status != "finished" or recording.duration is None):
        return f"Daily still processes it (status {_shown(recording.status)})"
    return "Daily doesn't list its tracks yet" if recording.type == RAW and recording.tracks is None else None


def _keys(recording: DailyRecording) -> list[str]:
    return [track.key for track in recording.tracks or ()]


def check_track_key(key: str, domain: str | None) -> str:
    """Return a track's key when it can be Daily's and is our own; raises InvalidInput."""
    parts = key.split("/")
    if len(key) > 1024 or not key.isprintable() or "\\" in key or any(part in {"", ".", ".."} for part in parts):
        raise InvalidInput(f"{_shown(key)} is not a track's key")
    if domain is not None and (len(parts) < 2 or parts[0] != domain):
        raise InvalidInput(
            f"the track's key {_shown(key)} lies outside {_shown(domain)}/",
            hint="It belongs to another domain of Daily's; DAILY_SUBDOMAIN names ours.",
        )
    return key


def _shown(value: object) -> str:
    """Any value of theirs as one short printable text."""
    text = "none" if value is None else ascii(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
