"""Daily.co's REST API: recordings, who was there, and the webhooks that tell of them (spec: Daily.co)."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from dagster import ConfigurableResource
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from domain.daily import DailyRecording
from domain.errors import InvalidInput, NotFound, PermanentError
from domain.redaction import redact_secrets
from domain.signatures import secret_bytes
from resources.daily.wire import Meaning, path_segment, request
from resources.http import one_line
from resources.secrets import secret_value
from resources.source import KnownParticipant

PAGE = 100
# More is a list without end.
MOST_PARTICIPANTS = 10_000
LONGEST_ID = 200
STATES = {0: "FAILED", 1: "ACTIVE", 2: "STOPPED"}


class ListedRecording(NamedTuple):
    """One item of a list, unjudged: its JSON, and its id where it has one that can be kept and asked for."""

    id: str | None
    body: bytes


class RecordingPage(NamedTuple):
    """A page of recordings, newest first; `total` is how many there are on all pages, if Daily says so."""

    items: tuple[ListedRecording, ...]
    total: int | None


def _state(value: object) -> str:
    """Daily's pages know names, its older ones numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return STATES.get(value, str(value))
    return value.upper() if isinstance(value, str) and value else "UNKNOWN"


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


class Webhook(BaseModel):
    """A webhook as Daily describes it; FAILED is one to which Daily sends nothing more, after three failures."""

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


class DailyAPI(ConfigurableResource):
    """Daily's API at `base_url`; `timeout` seconds for a whole call, `interval` seconds between any two of a process.

    Daily takes 2 requests a second and 50 in 30 s, hence the interval. Nothing is tried again in here. All methods
    raise TransientError where another attempt may do, with Daily's Retry-After, and PermanentError where not.
    """

    base_url: str = "https://api.daily.co/v1"
    api_key: str = Field("", repr=False)
    timeout: float = 30
    interval: float = 0.6

    def recordings(self, limit: int = PAGE, starting_after: str | None = None) -> RecordingPage:
        """List recordings, newest first, at most 100; those after `starting_after`, an id, in that order.

        Raises InvalidInput when Daily doesn't take that id, as of a recording that was deleted meanwhile.
        """
        query, means = {"limit": str(limit)}, dict[int, Meaning]()
        if starting_after is not None:
            query["starting_after"] = starting_after
            means[400] = InvalidInput, f"Daily doesn't list recordings after {starting_after}"
        answer = self._json("GET", "recordings", query=query, means=means)
        items = self._items(answer, "recordings")
        total = answer.get("total_count")
        return RecordingPage(
            tuple(ListedRecording(_id(item), _compact(item)) for item in items),
            total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None,
        )

    def recording(self, recording_id: str) -> DailyRecording:
        """Describe one recording; raises NotFound, and InvalidInput when it isn't as Daily's recordings are."""
        return DailyRecording.read(json.loads(self.recording_json(recording_id)))

    def recording_json(self, recording_id: str) -> bytes:
        """Describe one recording as Daily's own JSON object, unjudged; raises NotFound."""
        means = {404: (NotFound, f"Daily has no recording {recording_id}")}
        answer = self._json("GET", "recordings", recording_id, means=means)
        return _compact(answer) if isinstance(answer, dict) else self._odd(answer, "a recording")

    def participants(self, meeting_session_id: str) -> list[KnownParticipant]:
        """Tell who was in a meeting, all pages of it, each once; empty when Daily doesn't know the session."""
        known: dict[str, KnownParticipant] = {}
        try:
            full, last = self._participants(known, meeting_session_id, {})
        except NotFound:
            return []
        # By its documentation pages are newest first, by its parameters they could be either: what one way
        # doesn't bring, the other does.
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
        """Add a page to those known; returns whether it was full, and its last participant's id."""
        query, means = {"limit": str(PAGE), **cursor}, {404: (NotFound, f"Daily has no meeting session {session}")}
        answer = self._json("GET", "meetings", session, "participants", query=query, means=means)
        items, last = self._items(answer, "participants"), None
        for item in items:
            if isinstance(item, dict) and (who := _text(item.get("participant_id"))):
                last, user_id, name = who, _text(item.get("user_id")), _text(item.get("user_name"))
                had = known.get(who)
                # Who is listed twice may be named only once.
                known[who] = KnownParticipant(who, (had and had.user_id) or user_id, (had and had.name) or name)
        return len(items) >= PAGE, last

    def webhooks(self) -> list[Webhook]:
        """List the webhooks of our domain at Daily."""
        answer = self._json("GET", "webhooks")
        items = answer if isinstance(answer, list) else self._items(answer, "webhooks")
        return [Webhook.model_validate(item) for item in items if isinstance(item, dict) and _text(item.get("uuid"))]

    def create_webhook(self, url: str, event_types: Iterable[str], secret_base64: str | None = None) -> Webhook:
        """Have events sent to `url`, which Daily calls at once and which must answer 200.

        Daily signs with our secret, or makes one that only the answer holds. Raises InvalidInput for a bad secret.
        """
        return self._put_webhook(["webhooks"], url, event_types, secret_base64)

    def update_webhook(
        self, uuid: str, url: str, event_types: Iterable[str] | None = None, secret_base64: str | None = None
    ) -> Webhook:
        """Change a webhook; with its own `url` this also reactivates one that has FAILED. Raises NotFound."""
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
        refused = "Daily doesn't send to this URL: it must be reachable for Daily and answer its test with 200"
        means = {400: (PermanentError, refused), 404: (NotFound, "Daily has no such webhook")}
        answer = self._json("POST", *path, body=body, means=means)
        has_uuid = isinstance(answer, dict) and _text(answer.get("uuid"))
        return Webhook.model_validate(answer) if has_uuid else self._odd(answer, "a webhook with a uuid")

    def delete_webhook(self, uuid: str) -> None:
        """Have no more events sent; raises NotFound."""
        self._ask("DELETE", "webhooks", uuid, means={404: (NotFound, f"Daily has no webhook {uuid}")})

    def _items(self, answer: Any, what: str) -> list[Any]:
        items = answer.get("data") if isinstance(answer, dict) else None
        return items if isinstance(items, list) else self._odd(answer, f"a list of {what}")

    def _odd(self, answer: object, wanted: str) -> Any:
        came = f"an object of {', '.join(answer) or 'nothing'}" if isinstance(answer, dict) else json.dumps(answer)
        raise self._unusable(came, wanted)

    def _json(self, method: str, *path: str, **more: Any) -> Any:
        content = self._ask(method, *path, **more)
        try:
            return json.loads(content, parse_int=_int)
        except (ValueError, RecursionError):
            raise self._unusable(content[:4096].decode("utf-8", "replace"), "JSON") from None

    def _unusable(self, came: str, wanted: str) -> PermanentError:
        shown = one_line(redact_secrets([self._key()], came))[:100]
        return PermanentError(f"{shown!r} came from Daily in place of {wanted}", hint="Check DAILY_API_URL.")

    def _key(self) -> str:
        key = secret_value(self.api_key).strip()
        if not key:
            raise PermanentError("DAILY_API_KEY is not set", hint="Daily's dashboard shows the key under Developers.")
        # A library's complaint about such a header would show it.
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise PermanentError("DAILY_API_KEY holds characters that no key has", hint="Copy it again from Daily.")
        return key

    def _ask(self, method: str, *path: str, **more: Any) -> bytes:
        url = "/".join([self.base_url.rstrip("/"), *map(path_segment, path)])
        return request(method, url, key=self._key(), timeout=self.timeout, interval=self.interval, **more)


def _id(item: object) -> str | None:
    """An id that a database can hold and a URL can carry; printable leaves out control characters and surrogates."""
    value = item.get("id") if isinstance(item, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable() else None


def _int(digits: str) -> int | float:
    """Python refuses to read thousands of digits, and with them the whole page."""
    return int(digits) if len(digits) < 1000 else float(digits)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _compact(item: object) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()
