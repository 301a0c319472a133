"""Polling: new recordings from Daily's list are put into the inbox, newest first, down to the known ones."""

import time
from typing import NamedTuple

from domain import backoff
from domain.errors import InvalidInput, NotFound, ReflectorError, TransientError
from resources.daily.api import DailyAPI
from resources.database.inbox import Inbox, Item, of_poll

PAGE = 100
# Unfinished recordings that one poll updates, each with a request of its own.
MOST_UPDATES = 20
# Waits between queries to Daily about an unfinished recording, doubling from the first to the longest, and the time
# after its arrival when it fails.
FIRST_WAIT_S, LONGEST_WAIT_S, GIVE_UP_AFTER_S = 15.0, 600.0, 3 * 86400.0


class PollResult(NamedTuple):
    """What one poll did: pages read, recordings found and updated; the next poll continues an incomplete one.

    `problem` is why a recording couldn't be updated, which is tried again later.
    """

    pages: int
    found: int
    updated: int
    complete: bool
    problem: ReflectorError | None = None


def poll(api: DailyAPI, inbox: Inbox, seconds: float) -> PollResult:
    """Update unfinished recordings, then read the list, for at most `seconds`.

    Raises TransientError when Daily doesn't answer or sends Retry-After, which is stored and respected by the next
    poll; PermanentError when Daily refuses. Everything read before the error stays in the inbox.
    """
    end = time.monotonic() + seconds
    if (wait := inbox.not_before() - time.time()) > 0:
        raise TransientError(f"Daily asked not to be called for another {wait:.0f} s", retry_after=wait)
    try:
        updated, problem = _update_unfinished(api, inbox, end)
        pages, found, complete = _read_list(api, inbox, end)
    except TransientError as error:
        if error.retry_after is not None:
            inbox.set_not_before(time.time() + error.retry_after)
        raise
    return PollResult(pages, found, updated, complete, problem)


def _update_unfinished(api: DailyAPI, inbox: Inbox, end: float) -> tuple[int, ReflectorError | None]:
    """Return the number of updates, and why the last one failed: the others and the list don't wait for it."""
    updated = 0
    for item in inbox.unfinished(time.time(), MOST_UPDATES):
        if time.monotonic() >= end:
            break
        updated += 1
        if item.recording_id is None:
            inbox.settle([item.seq], "failed", "it has no recording id to request from Daily")
            continue
        try:
            inbox.update_body(item.seq, api.recording_json(item.recording_id))
        except NotFound:
            inbox.settle([item.seq], "failed", "Daily no longer has this recording")
        except ReflectorError as error:
            if isinstance(error, TransientError) and error.retry_after is not None:
                raise
            _postpone(inbox, item, error)
            return updated, error.at(recording=item.recording_id)
    return updated, None


def _postpone(inbox: Inbox, item: Item, error: ReflectorError) -> None:
    if time.time() - item.received_at > GIVE_UP_AFTER_S:
        inbox.settle([item.seq], "failed", error.what)
    else:
        ask_later(inbox, item, error.what)


def ask_later(inbox: Inbox, item: Item, reason: str | None) -> None:
    """Have a poll query Daily about an unfinished recording again, after a wait that grows with each query."""
    wait = backoff.delay(item.attempts + 1, FIRST_WAIT_S, LONGEST_WAIT_S)
    inbox.ask_later(item.seq, time.time() + wait, reason)


def _read_list(api: DailyAPI, inbox: Inbox, end: float) -> tuple[int, int, bool]:
    known_to, after = inbox.begin_poll()
    pages = found = 0
    while time.monotonic() < end:
        try:
            page = api.recordings(PAGE, after)
        except InvalidInput:
            if after is None:
                raise
            # The recording that the last page ended with may have been deleted: restart from the top.
            after = None
            inbox.save_poll(after)
            continue
        pages += 1
        arrivals = [of_poll(item.id, item.body) for item in page.items]
        known = inbox.known([arrival.key for arrival in arrivals], known_to)
        new = [arrival for arrival in arrivals if arrival.key not in known]
        found += inbox.put(new)
        ids = [item.id for item in page.items if item.id is not None]
        # Recordings are listed as soon as they start, so everything after a page without a new one is known.
        if not new or len(page.items) < PAGE or not ids:
            inbox.end_poll()
            return pages, found, True
        after = ids[-1]
        inbox.save_poll(after)
    return pages, found, False
