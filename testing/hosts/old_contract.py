"""The old system's contract: a part of its OpenAPI document (old_contract.json), and what its webhook accepts.

The document is derived from Reflector 0.45, under the license in old_contract.LICENSE.txt.
"""

# pyright: basic

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parent / "old_contract.json").read_text())


@cache
def _validator(path: str, method: str) -> Draft202012Validator:
    answer = DOCUMENT["paths"][path][method.lower()]["responses"]["200"]
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    # References are resolved in the schema itself.
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]}, format_checker=FormatChecker())


def check_answer(path: str, method: str, body: object) -> None:
    """Validate the body of a successful answer to a path of the document; raises jsonschema's ValidationError."""
    _validator(path, method).validate(body)


# Values as pydantic's default mode takes them: 2.0 is an integer, 2.5 and null aren't. Times lose their fraction.
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=False)]
Time = Annotated[int, BeforeValidator(lambda value: int(value) if isinstance(value, float) else value)]


class _Track(BaseModel):
    type: Literal["audio", "video"]
    s3Key: Text
    size: int


class _Ready(BaseModel):
    type: Literal["cloud", "cloud-audio-only", "raw-tracks"]
    recording_id: Text
    room_name: Text
    start_ts: Time
    status: Literal["finished"]
    max_participants: int | None = None
    duration: int
    s3_key: Text
    share_token: Text | None = None
    tracks: list[_Track] | None = None


class _Started(BaseModel):
    room_name: Text | None = None
    recording_id: Text
    start_ts: Time | None = None


class _Failed(BaseModel):
    action: Literal["clourd-recording-err", "cloud-recording-error"]
    error_msg: Text
    instance_id: Text
    room_name: Text
    timestamp: Time


class _Participant(BaseModel):
    session_id: Text
    user_id: Text
    user_name: Text | None = None
    joined_at: Time


class _Envelope(BaseModel):
    version: Text
    id: Text
    event_ts: Time


class _ReadyEvent(_Envelope):
    type: Literal["recording.ready-to-download"]
    payload: _Ready


class _StartedEvent(_Envelope):
    type: Literal["recording.started"]
    payload: _Started


class _FailedEvent(_Envelope):
    type: Literal["recording.error"]
    payload: _Failed


class _ParticipantEvent(_Envelope):
    type: Literal["participant.joined", "participant.left"]
    payload: _Participant


EVENT: TypeAdapter[Any] = TypeAdapter(
    Annotated[
        _ReadyEvent | _StartedEvent | _FailedEvent | _ParticipantEvent,
        Field(discriminator="type"),
    ]
)


def event_problem(body: bytes) -> str | None:
    """Return why the old system answers a webhook's body with 422; None if it takes it."""
    try:
        EVENT.validate_python(json.loads(body))
    except ValidationError as error:
        return str(error)
    except ValueError:
        return "no JSON"
    return None
