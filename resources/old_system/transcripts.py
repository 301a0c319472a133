"""The old system's transcript of a recording: found by its database or by its API, and read by its API."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from dagster import ConfigurableResource

from domain.comparison import ShadowComparison, compare, missing
from domain.errors import DEFECTS, NotFound, PermanentError, ReflectorError, TransientError, reason
from domain.old_transcripts import (
    OldListed,
    OldPage,
    OldRoom,
    OldTopic,
    OldTranscript,
    choose,
    could_be_of,
    created_before,
    read_list,
)
from domain.results import Transcript
from domain.rooms import base_name
from resources.http import as_object
from resources.old_system.client import PAGE, OldSystem, meeting, pages, transcript_path
from resources.old_system.database import OldDatabase

CHECKED = 10
# For all requests of one search; a step has more.
SECONDS = 45.0


class Found(NamedTuple):
    """The old system's transcript of a recording, its topics, and its page."""

    transcript: OldTranscript
    topics: list[OldTopic]
    url: str


class Compared(NamedTuple):
    """A comparison, which can be a note why there is none, and the old system's Retry-After in seconds."""

    comparison: ShadowComparison
    retry_after: float = 0.0


class OldTranscripts(ConfigurableResource[Any]):
    """Transcripts of the old system; a `database` without a URL isn't used."""

    system: OldSystem
    database: OldDatabase

    def compare(self, ours: Transcript) -> Compared:
        """Compare our transcript with the old system's; whatever is wrong with that is the comparison's note."""
        try:
            return Compared(compare(ours, *self.find(ours)))
        except TransientError as error:
            return Compared(missing(ours, reason(error)), error.retry_after or 0.0)
        except (ReflectorError, *DEFECTS) as error:
            return Compared(missing(ours, reason(error)))

    def find(self, ours: Transcript, seconds: float = SECONDS) -> Found:
        """Return the old system's transcript of our recording, which need not be finished.

        Raises NotFound if there is none, TransientError if it can't be distinguished from others yet or the old system
        doesn't answer within `seconds`, PermanentError if it refuses.
        """
        calls = _Calls(self.system, time.monotonic() + seconds)
        found = self.database.transcript_of(ours.id) if self.database.is_set else self._search(calls, ours)
        return Found(*self._content(calls, found), self.system.page(found))

    def check(self) -> str:
        """Read what a comparison needs, with its credentials; raises the errors of `find`."""
        calls = _Calls(self.system, time.monotonic() + self.system.timeout)
        page = OldPage.read(calls.get("/v1/transcripts", source_kind="room", page=1, size=CHECKED))
        if self._reader(calls) is None:
            raise PermanentError("the old system takes these requests for anonymous ones", hint=calls.system.hint(401))
        seen = "it shows no room's transcript to this key yet"
        for number, listed in enumerate(page.items, 1):
            try:
                self._content(calls, listed.id)
            except PermanentError:
                # Its owner may have made one of them private.
                if number == len(page.items):
                    raise
                continue
            seen = "rooms' transcripts can be read"
            break
        return f"{seen}; {self.database.check()}" if self.database.is_set else seen

    def created_since(self, at: float) -> int:
        """Return how many rooms' transcripts (at most a page) were created since `at`, in seconds since the epoch."""
        calls = _Calls(self.system, time.monotonic() + self.system.timeout)
        page = OldPage.read(calls.get("/v1/transcripts", source_kind="room", page=1, size=PAGE))
        return sum(one.created_at.timestamp() >= at for one in page.items)

    @staticmethod
    def _content(calls: "_Calls", found: str) -> tuple[OldTranscript, list[OldTopic]]:
        path = transcript_path(found)
        transcript = OldTranscript.read(calls.get(path, transcript_format="webvtt-named"))
        return transcript, read_list(calls.get(f"{path}/topics"), OldTopic)

    def _search(self, calls: "_Calls", ours: Transcript) -> str:
        """Return the id of the transcript of our recording by its room, its meeting and its duration."""
        base = base_name(ours.room_name)
        if not base:
            raise NotFound("the recording has no room, by which the old system's API finds transcripts")
        try:
            room = OldRoom.read(calls.get(f"/v1/rooms/name/{quote(base, safe='')}"))
        except NotFound:
            raise NotFound(f"the old system has no room {base}") from None
        meetings: dict[str, str | None] = {}
        candidates: list[OldListed] = []
        for listed in self._listed(calls, room, ours):
            meeting_id = listed.meeting_id or ""
            if meeting_id not in meetings:
                found = meeting(calls.get, base, meeting_id)
                meetings[meeting_id] = found.room_name if found else None
            if meetings[meeting_id] == ours.room_name:
                candidates.append(listed)
        if not candidates and not room.is_shared and self._reader(calls) != room.user_id:
            raise PermanentError(
                f"the old system shows the transcripts of the room {base} to its owner only",
                hint="Use a key of the room's owner, share the room there, or set REFLECTOR_OLD_DATABASE_URL.",
            )
        return choose(ours, candidates).id

    def _listed(self, calls: "_Calls", room: OldRoom, ours: Transcript) -> Iterator[OldListed]:
        """Yield the room's transcripts that could be of our recording, newest first, down to when it ended."""
        seen = set[str]()
        for page in pages(calls.get, OldPage, "/v1/transcripts", room_id=room.id):
            for listed in page.items:
                # A transcript that was added meanwhile moves others to the next page.
                if listed.id not in seen and could_be_of(ours, listed):
                    yield listed
                seen.add(listed.id)
            if page.items and created_before(ours, page.items[-1]):
                return

    @staticmethod
    def _reader(calls: "_Calls") -> str | None:
        """Return the user id of the credentials' owner; None if the old system doesn't know them."""
        me = as_object(calls.get("/v1/me"))
        return str(me["sub"]) if me and me.get("sub") else None


class _Calls(NamedTuple):
    """Requests to the old system that all end by `end` (monotonic clock)."""

    system: OldSystem
    end: float

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON that a path answers; raises the errors of `OldSystem.get`."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TransientError("the old system answers too slowly")
        return self.system.get(path, left, **query)
