"""Daily.co's REST API: recordings, participants, and webhooks (spec: Daily.co)."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from dagster import ConfigurableResource
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from domain.daily import DailyRecording
from domain.errors import InvalidInput, NotFound, PermanentError
from domain.redaction import redact_secrets
from domain.signatures import secret_bytes
from resources.daily.wire import StatusError, path_segment, request
from resources.http import as_list, as_object, one_line
from resources.secrets import secret_value
from resources.source import KnownParticipant

PAGE = 100
# A longer list is taken as an endless one.
MOST_PARTICIPANTS = 10_000
LONGEST_ID = 200
STATES = {0: "FAILED", 1: "ACTIVE", 2: "STOPPED"}


class ListedRecording(NamedTuple):
    """One item of Daily's list, not yet validated: its JSON, and its id if that can be stored and requested."""

    id: str | None
    body: bytes


class RecordingPage(NamedTuple):
    """A page of recordings, newest first; `total` is the number on all pages, if Daily gives it."""

    items: tuple[ListedRecording, ...]
    total: int | None


def _state(value: object) -> str:
    """Return a webhook state's name; older pages of Daily's documentation use numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return STATES.get(value, str(value))
    return value.upper() if isinstance(value, str) and value else "UNKNOWN"


def _strings(value: object) -> list[str]:
    return [item for item in as_list(value) or [] if isinstance(item, str)]


class Webhook(BaseModel):
    """A webhook as Daily describes it; in state FAILED, after three failures, Daily sends nothing more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    uuid: str
    url: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""
    state: Annotated[str, BeforeValidator(_state)] = "UNKNOWN"
    failed_count: Annotated[int, BeforeValidator(lambda value: value if isinstance(value, int) else 0)] = Field(
        0, validation_alias=AliasChoices("failedCount", "failed_count")
    )
    event_types: Annotated[tuple[str, ...], BeforeValidator(_strings)] = Field(
        (), validation_alias=AliasChoices("eventTypes", "event_types")
    )
    hmac: Annotated[
        SecretStr | None, BeforeValidator(lambda value: value if isinstance(value, str) and value else None)
    ] = None


class DailyAPI(ConfigurableResource[Any]):
    """Daily's API at `base_url`; `timeout` in seconds per call, `interval` in seconds between calls of a process.

    Daily allows 2 requests a second and 50 in 30 s, hence the interval. There are no retries here. All methods raise
    TransientError, with Daily's Retry-After, if another attempt may succeed, otherwise PermanentError.
    """

    base_url: str = "https://api.daily.co/v1"
    api_key: str = Field("", repr=False)
    timeout: float = 30
    interval: float = 0.6

    @property
    def is_set(self) -> bool:
        """True if there is a key to call Daily with."""
        return bool(secret_value(self.api_key).strip())

    def recordings(self, limit: int = PAGE, starting_after: str | None = None) -> RecordingPage:
        """List at most 100 recordings, newest first, from the one after the id `starting_after` on.

        Raises InvalidInput when Daily rejects that id, as it does after the recording was deleted.
        """
        query, errors = {"limit": str(limit)}, dict[int, StatusError]()
        if starting_after is not None:
            query["starting_after"] = starting_after
            errors[400] = InvalidInput, f"Daily doesn't list recordings after {starting_after}"
        answer = self._json("GET", "recordings", query=query, errors=errors)
        items = self._items(answer, "recordings")
        total = answer.get("total_count")
        return RecordingPage(
            tuple(ListedRecording(_id(item), _compact(item)) for item in items),
            total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None,
        )

    def recording(self, recording_id: str) -> DailyRecording:
        """Return a recording's description; raises NotFound, and InvalidInput when it isn't a valid recording."""
        return DailyRecording.read(json.loads(self.recording_json(recording_id)))

    def recording_json(self, recording_id: str) -> bytes:
        """Return a recording's description as Daily's JSON object, not validated; raises NotFound."""
        errors = {404: (NotFound, f"Daily has no recording {recording_id}")}
        answer = self._json("GET", "recordings", recording_id, errors=errors)
        return self._unexpected(answer, "a recording") if as_object(answer) is None else _compact(answer)

    def participants(self, meeting_session_id: str) -> list[KnownParticipant]:
        """Return the participants of a meeting from all pages, each once; empty if Daily doesn't know the session."""
        known: dict[str, KnownParticipant] = {}
        try:
            full, last = self._participants(known, meeting_session_id, {})
        except NotFound:
            return []
        # By the documentation pages are newest first; the parameters leave both orders possible, so try both.
        for way in ("joined_after", "joined_before") if full else ():
            cursor, had = last, 0
            while cursor is not None and len(known) > had:
                if len(known) >= MOST_PARTICIPANTS:
                    raise PermanentError(f"Daily lists more than {MOST_PARTICIPANTS} participants of one meeting")
                had = len(known)
                _, cursor = self._participants(known, meeting_session_id, {way: cursor})
        return list(known.values())

    def _participants(
        self, known: dict[str, KnownParticipant], session: str, cursor: Mapping[str, str]
    ) -> tuple[bool, str | None]:
        """Add a page's participants to `known`; return whether it was full, and its last participant's id."""
        query, errors = {"limit": str(PAGE), **cursor}, {404: (NotFound, f"Daily has no meeting session {session}")}
        answer = self._json("GET", "meetings", session, "participants", query=query, errors=errors)
        items, last = self._items(answer, "participants"), None
        for item in filter(None, map(as_object, items)):
            if participant_id := _text(item.get("participant_id")):
                last, user_id, name = participant_id, _text(item.get("user_id")), _text(item.get("user_name"))
                had = known.get(last)
                # Of several entries for a participant, some may lack the name.
                known[last] = KnownParticipant(last, (had and had.user_id) or user_id, (had and had.name) or name)
        return len(items) >= PAGE, last

    def room_id(self, name: str) -> str | None:
        """Return the id of a room; None if Daily has no such room, as after it expired."""
        try:
            answer = self._json("GET", "rooms", name, errors={404: (NotFound, f"Daily has no room {name}")})
        except NotFound:
            return None
        return _text((as_object(answer) or {}).get("id"))

    def webhooks(self) -> list[Webhook]:
        """List the webhooks of our Daily domain."""
        answer = self._json("GET", "webhooks")
        listed = as_list(answer)
        items = map(as_object, self._items(answer, "webhooks") if listed is None else listed)
        return [Webhook.model_validate(item) for item in items if item and _text(item.get("uuid"))]

    def create_webhook(self, url: str, event_types: Iterable[str], secret_base64: str | None = None) -> Webhook:
        """Create a webhook to `url`, which Daily calls immediately and which must answer 200.

        Without our secret, Daily generates one that only this answer contains. Raises InvalidInput for a bad secret.
        """
        return self._put_webhook(["webhooks"], url, event_types, secret_base64)

    def update_webhook(
        self, uuid: str, url: str, event_types: Iterable[str] | None = None, secret_base64: str | None = None
    ) -> Webhook:
        """Change a webhook, which also reactivates a FAILED one (pass its own `url`); raises NotFound."""
        return self._put_webhook(["webhooks", uuid], url, event_types, secret_base64)

    def _put_webhook(
        self, path: Iterable[str], url: str, event_types: Iterable[str] | None, secret_base64: str | None
    ) -> Webhook:
        body: dict[str, Any] = {"url": url}
        if event_types is not None:
            body["eventTypes"] = list(event_types)
        if secret_base64 is not None:
            secret_bytes(secret_base64)
            body["hmac"] = secret_base64.strip()
        refused = "Daily rejects this URL: it must be reachable for Daily and answer its test with 200"
        errors: dict[int, StatusError] = {
            400: (PermanentError, refused),
            404: (NotFound, "Daily has no such webhook"),
        }
        answer = self._json("POST", *path, body=body, errors=errors)
        has_uuid = _text((as_object(answer) or {}).get("uuid"))
        return Webhook.model_validate(answer) if has_uuid else self._unexpected(answer, "a webhook with a uuid")

    def delete_webhook(self, uuid: str) -> None:
        """Delete a webhook; raises NotFound."""
        self._request("DELETE", "webhooks", uuid, errors={404: (NotFound, f"Daily has no webhook {uuid}")})

    def _items(self, answer: Any, what: str) -> list[Any]:
        items = as_list((as_object(answer) or {}).get("data"))
        return self._unexpected(answer, f"a list of {what}") if items is None else items

    def _unexpected(self, answer: Any, expected: str) -> Any:
        fields = as_object(answer)
        found = json.dumps(answer) if fields is None else f"an object of {', '.join(fields) or 'nothing'}"
        raise self._invalid_answer(found, expected)

    def _json(self, method: str, *path: str, **more: Any) -> Any:
        content = self._request(method, *path, **more)
        try:
            return json.loads(content, parse_int=_int)
        except (ValueError, RecursionError):
            raise self._invalid_answer(content[:4096].decode("utf-8", "replace"), "JSON") from None

    def _invalid_answer(self, found: str, expected: str) -> PermanentError:
        excerpt = one_line(redact_secrets([self._key()], found))[:100]
        return PermanentError(f"Daily answered {excerpt!r} instead of {expected}", hint="Check DAILY_API_URL.")

    def _key(self) -> str:
        key = secret_value(self.api_key).strip()
        if not key:
            raise PermanentError("DAILY_API_KEY is not set", hint="Daily's dashboard shows the key under Developers.")
        # The HTTP library's error about such a header would contain the key.
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise PermanentError("DAILY_API_KEY contains invalid characters", hint="Copy the key again from Daily.")
        return key

    def _request(self, method: str, *path: str, **more: Any) -> bytes:
        url = "/".join([self.base_url.rstrip("/"), *map(path_segment, path)])
        return request(method, url, key=self._key(), timeout=self.timeout, interval=self.interval, **more)


def _id(item: object) -> str | None:
    """Return an item's id if a database and a URL can hold it; printable excludes control characters and surrogates."""
    value = (as_object(item) or {}).get("id")
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable() else None


def _int(digits: str) -> int | float:
    """Parse an integer; Python's int() rejects thousands of digits, which would fail the whole page."""
    return int(digits) if len(digits) < 1000 else float(digits)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _compact(item: object) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()
