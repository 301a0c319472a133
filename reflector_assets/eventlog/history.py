"""A recording's history in chronological order, composed of Dagster's log, the databases and the store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

import dagster as dg

from domain.errors import NotFound
from domain.redaction import redact_urls
from domain.run_progress import StepEvent
from reflector_assets import tags
from reflector_assets.eventlog import archive
from reflector_assets.eventlog.steps import step_events
from reflector_assets.records import plain
from reflector_assets.staleness import DATA_VERSION
from resources.database.consents import Consents
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox
from resources.outgoing.zulip_messages import Messages
from resources.store.base import Store
from resources.store.erasure import deletion_of

What = Literal["arrival", "run", "step", "check", "made", "told", "consent", "delivery", "message", "audio"]
# Prefixes of the tags that explain a run's origin.
ORIGIN_TAGS = ("dagster/", "reflector/", "user")
ENDS = ("done", "failed", "retrying", "skipped")
MOST_RUNS = 1000
Details = dict[str, Any]


class HistoryEntry(NamedTuple):
    """An event in a recording's history, `at` a time in epoch seconds; `run_id` is the run that it belongs to."""

    at: float
    what: What
    text: str
    run_id: str | None = None
    details: Mapping[str, Any] = {}


class History(NamedTuple):
    """The sources of recordings' histories."""

    instance: dg.DagsterInstance
    store: Store
    inbox: Inbox
    consents: Consents
    deliveries: Deliveries
    messages: Messages

    def of(self, recording_id: str) -> list[HistoryEntry]:
        """Return a recording's entries, oldest first; raise NotFound if there are none."""
        sources: list[Callable[[str], Iterator[HistoryEntry]]] = [
            *(self._arrivals, self._reports, self._runs, self._consents, self._audio, self._deliveries, self._messages),
        ]
        entries = [_redact(entry) for source in sources for entry in source(recording_id)]
        if not entries:
            raise NotFound(
                "nothing is known of it", recording=recording_id, hint="`reflector list --all` lists all recordings."
            )
        # The sort is stable: simultaneous entries of a source keep their order.
        return sorted(entries, key=lambda entry: entry.at)

    def _arrivals(self, recording_id: str) -> Iterator[HistoryEntry]:
        for item in self.inbox.of_recording(recording_id):
            details: Details = {"item": item.seq, "source": item.source, "event_type": item.event_type}
            details["state"] = item.state
            what = item.event_type or "an entry of Daily's list"
            text = f"{item.source} brought {what} (item {item.seq})"
            yield HistoryEntry(item.received_at, "arrival", text, None, details)
            reason = f": {item.reason}" if item.reason else ""
            if item.settled_at is not None:
                text = f"item {item.seq} was {item.state}{reason}"
                yield HistoryEntry(item.settled_at, "arrival", text, None, details)
            elif item.ask_at is not None:
                text = f"Daily is asked about item {item.seq} again{reason}"
                yield HistoryEntry(item.ask_at, "arrival", text, None, details)

    def _reports(self, recording_id: str) -> Iterator[HistoryEntry]:
        """Yield events reported outside of runs: imports that replaced the recording, and requests to refresh it."""
        of = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id])
        for fetch in (self.instance.fetch_materializations, self.instance.fetch_observations):
            for record in fetch(of, limit=MOST_RUNS).records:
                event = record.asset_materialization or record.asset_observation
                if not record.run_id and event is not None and tags.MADE_AT not in (event.tags or {}):
                    yield HistoryEntry(record.timestamp, "told", event.description or "reported by hand")

    def _runs(self, recording_id: str) -> Iterator[HistoryEntry]:
        for record, events in archive.all_runs(self.instance, self.store, recording_id):
            run = record.dagster_run
            origin = {name: value for name, value in run.tags.items() if name.startswith(ORIGIN_TAGS)}
            assets = sorted(key.to_user_string() for key in run.asset_selection or ())
            details: Details = {"tags": origin, "assets": assets, "status": run.status.value}
            text = f"{requested_by(run)} requested a run of {', '.join(assets) or 'all assets'}"
            # SQLite stores the time of creation in whole seconds, and a run can't start before it.
            created = min(record.create_timestamp.timestamp(), record.start_time or float("inf"))
            yield HistoryEntry(created, "run", text, run.run_id, details)
            if record.start_time is not None:
                yield HistoryEntry(record.start_time, "run", "the run began", run.run_id)
            yield from _log(run, events)
            if record.end_time is not None:
                resumed = ", and is resumed" if run.tags.get(tags.WILL_RETRY) == "true" else ""
                text = f"the run ended: {run.status.value.lower()}{resumed}"
                yield HistoryEntry(record.end_time, "run", text, run.run_id)

    def _consents(self, recording_id: str) -> Iterator[HistoryEntry]:
        for statement in self.consents.history(recording_id):
            user, given = statement.user_id or "a participant", statement.given
            text = f"{user} {'agreed to keep' if given else 'denied keeping'} the audio of {statement.meeting_id}"
            details: Details = {"given": given, "user_id": statement.user_id or None}
            yield HistoryEntry(statement.said_at, "consent", text, None, details)

    def _audio(self, recording_id: str) -> Iterator[HistoryEntry]:
        if deletion := deletion_of(self.store, recording_id):
            yield HistoryEntry(_time(deletion.at), "audio", f"deletion of the audio began: {deletion.reason}")
            if deletion.proven_at:
                text = "the audio is deleted: none of it is listed any more"
                yield HistoryEntry(_time(deletion.proven_at), "audio", text)

    def _deliveries(self, recording_id: str) -> Iterator[HistoryEntry]:
        for one in self.deliveries.of(recording_id):
            details: Details = {"key": one.key, "kind": one.kind, "state": one.state, "attempts": one.attempts}
            yield HistoryEntry(one.created_at, "delivery", f"a {one.kind} is to be delivered", None, details)
            if one.settled_at is not None:
                status = f" with HTTP {one.status_code}" if one.status_code else ""
                reason = f": {one.reason}" if one.reason else ""
                text = f"the {one.kind} is {one.state} after {one.attempts} attempts{status}{reason}"
                details = {**details, "status_code": one.status_code}
                yield HistoryEntry(one.settled_at, "delivery", text, None, details)

    def _messages(self, recording_id: str) -> Iterator[HistoryEntry]:
        for subject in ("transcript", "failure"):
            if (message := self.messages.record(f"{subject}:{recording_id}")) is not None:
                number = "being posted" if message.message_id is None else f"message {message.message_id}"
                text = f"the {subject} is in Zulip, {message.stream} > {message.topic}: {number}"
                yield HistoryEntry(message.changed_at, "message", text, None, {"message_id": message.message_id})


def requested_by(run: dg.DagsterRun) -> str:
    """Return the origin of a run, as the subject of a sentence."""
    if parent := run.tags.get("dagster/parent_run_id"):
        number = run.tags.get("dagster/retry_number")
        return f"Dagster's retry {number} of run {parent[:8]}" if number else f"a retry of run {parent[:8]}"
    for tag, kind in (
        ("dagster/sensor_name", "the sensor"),
        ("dagster/schedule_name", "the schedule"),
        ("dagster/backfill", "the backfill"),
        ("user", "the user"),
    ):
        if name := run.tags.get(tag):
            return f"{kind} {name}"
    return "a user"


def _log(run: dg.DagsterRun, events: Sequence[dg.EventLogRecord]) -> Iterator[HistoryEntry]:
    """Yield the attempts, failed checks and materializations of a run."""
    started: dict[str, float] = {}
    attempts: dict[str, int] = {}
    for record in events:
        for step in step_events([record]):
            if step.status == "started":
                started[step.step_key] = step.timestamp
                attempts[step.step_key] = attempts.get(step.step_key, 0) + 1
            elif step.status in ENDS:
                yield _attempt(step, run.run_id, started.get(step.step_key), attempts.get(step.step_key, 0))
        entry = record.event_log_entry
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                name = f"{check.asset_key.to_user_string()}: {check.check_name}"
                problems = plain(check.metadata).get("problems", "")
                text = f"the check {name} failed {problems}".strip()
                yield HistoryEntry(entry.timestamp, "check", text, run.run_id, {"severity": check.severity.value})
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            made = event.step_materialization_data.materialization
            version = (made.tags or {}).get(DATA_VERSION, "")
            stored = made.metadata.get("stored_as")
            details: Details = {"version": version, "stored_as": stored.value if stored else None}
            text = f"{event.asset_key.to_user_string()} was made"
            yield HistoryEntry(entry.timestamp, "made", text, run.run_id, details)


def _attempt(step: StepEvent, run_id: str, started: float | None, attempt: int) -> HistoryEntry:
    seconds = None if started is None else round(step.timestamp - started, 3)
    name = step.asset + (f", {step.op}" if step.op else "")
    name += "" if step.track is None else f" of track {step.track}"
    outcome = {"done": "done", "failed": "failed", "retrying": "failed, will be retried", "skipped": "skipped"}
    text = f"{name}: attempt {attempt} {outcome[step.status]}" if attempt else f"{name}: {outcome[step.status]}"
    text += "" if seconds is None else f" after {seconds:.1f} s"
    text += f": {step.reason}" if step.reason else ""
    details: Details = {"asset": step.asset, "track": step.track, "attempt": attempt, "status": step.status}
    details["seconds"] = seconds
    return HistoryEntry(step.timestamp, "step", text, run_id, details)


def _redact(entry: HistoryEntry) -> HistoryEntry:
    """Remove signatures and passwords."""
    return entry._replace(text=redact_urls(entry.text), details=_redact_values(entry.details))


def _redact_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    redacted: dict[str, Any] = dict(values)
    for name, value in values.items():
        if isinstance(value, str):
            redacted[name] = redact_urls(value)
        elif isinstance(value, dict):
            redacted[name] = _redact_values(cast(dict[str, Any], value))
    return redacted


def _time(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
