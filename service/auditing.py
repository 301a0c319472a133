"""Appends each change that a route makes to the audit log, by the rule of the route."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from resources.database.audit import DONE, FAILED, Audit
from service.callers import caller_of
from service.rules import rule_of


@asynccontextmanager
async def record_change(connection: HTTPConnection, audit: Audit) -> AsyncGenerator[None]:
    """Append an entry before an authorized change is made, and add how it ended; raises TransientError.

    The entry names the recording of the path, or else the path's other parameters.
    """
    action, who = rule_of(connection).action, caller_of(connection).name
    if action is None or who is None:
        yield
        return
    parameters = dict(connection.path_params)
    is_of_recording = "/v1/transcripts/" in connection.scope["route"].path_format
    recording_id = parameters.pop("id", None) if is_of_recording else None
    subject = " ".join(parameters.values()) or None
    seq = await run_in_threadpool(audit.begin, who, action, recording_id, subject)
    outcome = FAILED
    try:
        yield
        outcome = DONE
    finally:
        await run_in_threadpool(audit.end, seq, outcome, getattr(connection.state, "audit_details", None))


def add_details(connection: HTTPConnection, details: str) -> None:
    """Say in the change's entry what was changed; no secrets, and no text of a transcript."""
    connection.state.audit_details = details
