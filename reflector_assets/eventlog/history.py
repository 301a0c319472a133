"""One recording's whole history in the order of time, from all that keeps a part of it; nothing is kept for it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

import dagster as dg

from domain.errors import NotFound
from domain.redaction import redact_urls
from domain.run_progress import StepEvent
from reflector_assets import tags
from reflector_assets.eventlog.steps import step_events
from reflector_assets.staleness import DATA_VERSION
from resources.database.consents import Consents
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox
from resources.outgoing.zulip_messages import Messages
from resources.store.base import Store
from resources.store.erasure import deletion_of

What = Literal["arrival", "run", "step", "check", "made", "told", "consent", "delivery", "message", "audio"]
# They say who wanted a run, and why.
SHOWN_TAGS = ("dagster/", "reflector/", "user")
ENDS = ("done", "failed", "retrying", "skipped")
MOST_RUNS = 1000


class Happened(NamedTuple):
    """Something that happened to a recording, at a time in epoch seconds; `run_id` is the run that it was part of."""

    at: float
    what: What
    text: str
    run_id: str | None = None
    details: Mapping[str, Any] = {}


class Trace(NamedTuple):
    """What keeps a part of a recording's history."""

    instance: dg.DagsterInstance
    store: Store
    inbox: Inbox
    consents: Consents
    deliveries: Deliveries
    messages: Messages

    def of(self, recording_id: str) -> list[Happened]:
        """All that happened, oldest first; raises NotFound where nothing did."""
        sources: list[Callable[[str], Iterator[Happened]]] = [
            *(self._arrivals, self._told, self._runs, self._statements, self._audio, self._deliveries, self._messages),
        ]
        found = [_clean(one) for source in sources for one in source(recording_id)]
        if not found:
            raise NotFound(
                "nothing is known of it", recording=recording_id, hint="`reflector list --all` shows what there is."
            )
        # What happened in the same moment stays in the order of its source.
        return sorted(found, key=lambda one: one.at)

    def _arrivals(self, recording_id: str) -> Iterator[Happened]:
        for item in self.inbox.of_recording(recording_id):
            about = {"item": item.seq, "source": item.source, "event_type": item.event_type, "state": item.state}
            what = item.event_type or "an entry of Daily's list"
            yield Happened(item.received_at, "arrival", f"{item.source} brought {what} (item {item.seq})", None, about)
            why = f": {item.reason}" if item.reason else ""
            if item.settled_at is not None:
                yield Happened(item.settled_at, "arrival", f"item {item.seq} was {item.state}{why}", None, about)
            elif item.ask_at is not None:
                yield Happened(item.ask_at, "arrival", f"Daily is asked about item {item.seq} again{why}", None, about)

    def _told(self, recording_id: str) -> Iterator[Happened]:
        """What was reported of it outside of runs: imports in its place, and wishes to bring it up to date."""
        of = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id])
        for fetch in (self.instance.fetch_materializations, self.instance.fetch_observations):
            for record in fetch(of, limit=MOST_RUNS).records:
                event = record.asset_materialization or record.asset_observation
                if not record.run_id and event is not None:
                    yield Happened(record.timestamp, "told", event.description or "reported by hand")

    def _runs(self, recording_id: str) -> Iterator[Happened]:
        of = dg.RunsFilter(tags={tags.PARTITION: recording_id})
        for record in self.instance.get_run_records(of, limit=MOST_RUNS):
            run = record.dagster_run
            shown = {name: value for name, value in run.tags.items() if name.startswith(SHOWN_TAGS)}
            assets = sorted(key.to_user_string() for key in run.asset_selection or ())
            details = {"tags": shown, "assets": assets, "status": run.status.value}
            asked = f"{wanted_by(run)} requested a run of {', '.join(assets) or 'all assets'}"
            # SQLite keeps the time of creation in whole seconds, and a run can't begin before it.
            created = min(record.create_timestamp.timestamp(), record.start_time or float("inf"))
            yield Happened(created, "run", asked, run.run_id, details)
            if record.start_time is not None:
                yield Happened(record.start_time, "run", "the run began", run.run_id)
            yield from self._log(run)
            if record.end_time is not None:
                resumed = ", and is resumed" if run.tags.get(tags.WILL_RETRY) == "true" else ""
                text = f"the run ended: {run.status.value.lower()}{resumed}"
                yield Happened(record.end_time, "run", text, run.run_id)

    def _log(self, run: dg.DagsterRun) -> Iterator[Happened]:
        """What a run's steps did."""
        begun: dict[str, float] = {}
        attempts: dict[str, int] = {}
        for record in self.instance.get_records_for_run(run.run_id).records:
            for step in step_events([record]):
                if step.status == "started":
                    begun[step.step_key] = step.timestamp
                    attempts[step.step_key] = attempts.get(step.step_key, 0) + 1
                elif step.status in ENDS:
                    yield _attempt(step, run.run_id, begun.get(step.step_key), attempts.get(step.step_key, 0))
            entry = record.event_log_entry
            event = entry.dagster_event
            if event is None:
                continue
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                if not check.passed:
                    name = f"{check.asset_key.to_user_string()}: {check.check_name}"
                    problems = {key: str(value.value) for key, value in check.metadata.items()}
                    text = " ".join([f"the check {name} failed", *problems.values()])
                    yield Happened(entry.timestamp, "check", text, run.run_id, {"severity": check.severity.value})
            elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
                made = event.step_materialization_data.materialization
                version = (made.tags or {}).get(DATA_VERSION, "")
                stored = made.metadata.get("stored_as")
                details = {"version": version, "stored_as": stored.value if stored else None}
                yield Happened(
                    entry.timestamp, "made", f"{event.asset_key.to_user_string()} was made", run.run_id, details
                )

    def _statements(self, recording_id: str) -> Iterator[Happened]:
        for said in self.consents.history(recording_id):
            who, what = said.user_id or "somebody", "agreed to keep" if said.given else "denied keeping"
            text = f"{who} {what} the audio of {said.meeting_id}"
            yield Happened(said.said_at, "consent", text, None, {"given": said.given, "user_id": said.user_id or None})

    def _audio(self, recording_id: str) -> Iterator[Happened]:
        if deletion := deletion_of(self.store, recording_id):
            yield Happened(_time(deletion.at), "audio", f"the audio was given up: {deletion.reason}")
            if deletion.proven_at:
                yield Happened(_time(deletion.proven_at), "audio", "the audio is gone: none of it is listed any more")

    def _deliveries(self, recording_id: str) -> Iterator[Happened]:
        for one in self.deliveries.of(recording_id):
            about = {"key": one.key, "kind": one.kind, "state": one.state, "attempts": one.attempts}
            yield Happened(one.created_at, "delivery", f"a {one.kind} is to be delivered", None, about)
            if one.settled_at is not None:
                status = f" with HTTP {one.status_code}" if one.status_code else ""
                why = f": {one.reason}" if one.reason else ""
                text = f"the {one.kind} is {one.state} after {one.attempts} attempts{status}{why}"
                yield Happened(one.settled_at, "delivery", text, None, about | {"status_code": one.status_code})

    def _messages(self, recording_id: str) -> Iterator[Happened]:
        for about in ("transcript", "failure"):
            if (standing := self.messages.record(f"{about}:{recording_id}")) is not None:
                number = "being posted" if standing.message_id is None else f"message {standing.message_id}"
                text = f"the {about} stands in Zulip, {standing.stream} > {standing.topic}: {number}"
                yield Happened(standing.changed_at, "message", text, None, {"message_id": standing.message_id})


def wanted_by(run: dg.DagsterRun) -> str:
    """Who wanted a run."""
    told = run.tags
    if parent := told.get("dagster/parent_run_id"):
        number = told.get("dagster/retry_number")
        if number:
            return f"Dagster, resuming run {parent[:8]} for the {number}. time,"
        return f"a retry of run {parent[:8]}"
    for tag, who in (
        ("dagster/sensor_name", "the sensor"),
        ("dagster/schedule_name", "the schedule"),
        ("dagster/backfill", "the backfill"),
        ("user", "the user"),
    ):
        if name := told.get(tag):
            return f"{who} {name}"
    return "somebody, by hand,"


def _attempt(step: StepEvent, run_id: str, begun: float | None, attempt: int) -> Happened:
    took = None if begun is None else round(step.timestamp - begun, 3)
    name = step.asset + (f", {step.op}" if step.op else "")
    name += "" if step.track is None else f" of track {step.track}"
    outcome = {"done": "done", "failed": "failed", "retrying": "failed, to be tried again", "skipped": "skipped"}
    text = f"{name}: attempt {attempt} {outcome[step.status]}" if attempt else f"{name}: {outcome[step.status]}"
    text += "" if took is None else f" after {took:.1f} s"
    text += f": {step.reason}" if step.reason else ""
    details = {"asset": step.asset, "track": step.track, "attempt": attempt, "status": step.status, "seconds": took}
    return Happened(step.timestamp, "step", text, run_id, details)


def _clean(one: Happened) -> Happened:
    """Without signatures and passwords, whoever wrote them there."""
    return one._replace(text=redact_urls(one.text), details=_cleaned(one.details))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return redact_urls(value)
    return {name: _cleaned(part) for name, part in value.items()} if isinstance(value, Mapping) else value


def _time(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
