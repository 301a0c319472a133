"""Polling: Daily's list of recordings goes into the inbox, newest first, down to what is known."""

import time
from typing import NamedTuple

from domain.errors import InvalidInput, NotFound, TransientError
from resources.daily.api import DailyAPI
from resources.database.inbox import Inbox, of_poll

PAGE = 100
# Unfinished recordings that one look asks about, each with a request of its own.
ASKED = 20


class PollResult(NamedTuple):
    """What one look at Daily did; a sweep that isn't complete goes on with the next one."""

    pages: int
    found: int
    asked: int
    complete: bool


def poll(api: DailyAPI, inbox: Inbox, seconds: float) -> PollResult:
    """Ask about unfinished recordings, then read the list for at most so many seconds.

    Raises TransientError when Daily doesn't answer or asks for a wait, which is kept and honoured by the next look;
    PermanentError when it refuses. Whatever was read before stays in the inbox.
    """
    end = time.monotonic() + seconds
    if (wait := inbox.not_before() - time.time()) > 0:
        raise TransientError(f"Daily asked not to be called for {wait:.0f} s more", retry_after=wait)
    try:
        asked = _ask(api, inbox, end)
        pages, found, complete = _sweep(api, inbox, end)
    except TransientError as error:
        if error.retry_after is not None:
            inbox.set_not_before(time.time() + error.retry_after)
        raise
    return PollResult(pages, found, asked, complete)


def _ask(api: DailyAPI, inbox: Inbox, end: float) -> int:
    asked = 0
    for item in inbox.unfinished(time.time(), ASKED):
        if time.monotonic() >= end:
            break
        asked += 1
        if item.recording_id is None:
            inbox.settle([item.seq], "failed", "it has no id to ask Daily about")
            continue
        try:
            inbox.update_body(item.seq, api.recording_json(item.recording_id))
        except NotFound:
            inbox.settle([item.seq], "failed", "Daily doesn't have it any more")
    return asked


def _sweep(api: DailyAPI, inbox: Inbox, end: float) -> tuple[int, int, bool]:
    known_to, after = inbox.begin_poll()
    pages = found = 0
    while time.monotonic() < end:
        try:
            page = api.recordings(PAGE, after)
        except InvalidInput:
            if after is None:
                raise
            # The recording that the last page ended with may be gone: from the top again, down to the same depth.
            after = None
            inbox.save_poll(after)
            continue
        pages += 1
        arrivals = [of_poll(item.id, item.body) for item in page.items]
        known = inbox.known([arrival.key for arrival in arrivals], known_to)
        new = [arrival for arrival in arrivals if arrival.key not in known]
        found += inbox.put(new)
        ids = [item.id for item in page.items if item.id is not None]
        # A recording is listed from its beginning, so a page that brings nothing new is the end.
        if not new or len(page.items) < PAGE or not ids:
            inbox.end_poll()
            return pages, found, True
        after = ids[-1]
        inbox.save_poll(after)
    return pages, found, False
