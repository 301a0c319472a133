"""Which assets of a recording are stale, and why, by Dagster's definition and from its public event log.

Dagster computes this for whole assets only; for partitions it would have to visit every partition. An asset of a
recording is stale if it was never materialized, if its code version has changed since, if an input has newer content
than it consumed, or if a file of it is gone. An upstream re-run with equal content (the same data version) makes
nothing stale.

Corrections are an input of which each asset reads only parts, and a recording without an event of them has none. A
recording that was taken over from the old system is as that made it: only corrections make parts of it stale.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

import dagster as dg

from domain.corrections.gathered import Corrections, parts_of
from domain.steps import CORRECTIONS, NEED_AUDIO, STEPS, reads_uncorrected
from reflector_assets import tags
from reflector_assets.records import ATTEMPT_BEGINS, plain

# Dagster's tags for versions on materialization events.
CODE_VERSION = "dagster/code_version"
DATA_VERSION = "dagster/data_version"
INPUT_POINTER = "dagster/input_event_pointer/"

CODE_CHANGED = "code changed"
REPORTED = "source changed"
EDITED = "edits changed"
CORRECTED = f"{CORRECTIONS} changed"
GONE = "its file is gone"
# The metadata of a materialization with the keys of its files. That of retired recordings has none.
FILES = ("stored_as", "stored_audio", "stored_captions", "stored_tracks")


class Node(NamedTuple):
    """One asset of the graph: its name, its dependencies, and the code version that is loaded.

    Of the dependencies `reads`, those in `after` only determine the order: their content isn't read.
    """

    name: str
    reads: tuple[str, ...]
    code_version: str | None
    after: frozenset[str] = frozenset()


class AssetState(NamedTuple):
    """One asset of one recording, fresh if `reason` is None; `record` is its last materialization."""

    asset: str
    reason: str | None
    record: dg.EventLogRecord | None


class AssetGraph(tuple[Node, ...]):
    """The partitioned assets in topological order."""

    @classmethod
    def of(cls, assets: Iterable[dg.AssetsDefinition]) -> "AssetGraph":
        """Return the graph of asset definitions."""
        assets = list(assets)
        specs = {spec.key.to_user_string(): spec for definition in assets for spec in definition.specs}
        reads = {
            name: tuple(
                sorted(d.asset_key.to_user_string() for d in spec.deps if d.asset_key.to_user_string() in specs)
            )
            for name, spec in specs.items()
        }
        after = {name: _not_loaded(definition) for definition in assets for name in _names(definition)}
        order = TopologicalSorter(reads).static_order()
        return cls(Node(name, reads[name], specs[name].code_version, after[name]) for name in order)

    def names(self) -> list[str]:
        """Return the asset names in topological order."""
        return [node.name for node in self]

    def digest(self) -> str:
        """Return a string that changes with any asset's code version."""
        return ";".join(f"{node.name}={node.code_version}" for node in self)


def states(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    recording_id: str,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
    files_of: Callable[[str], Collection[str]] | None = None,
    edits: Corrections | None = None,
) -> list[AssetState]:
    """Return the state of each asset of a recording, in topological order.

    `audio_is_gone` is called if an asset that needs audio is stale: when the audio was deleted, such assets count as
    fresh, and so do the assets downstream of one that was never materialized. `files_of` returns the keys of a
    recording's files; without it, none counts as gone. `edits` are the corrections as they stand, if they are to be
    gathered. What they change is stale with all that is downstream of it, since it certainly changes.
    """
    latest = {node.name: latest_of(instance, node.name, recording_id) for node in graph}
    found: list[AssetState] = []
    changing: dict[str, str] = {}
    for node in graph:
        reason = _correction(instance, node, latest, recording_id, edits, changing)
        if reason:
            changing[node.name] = reason
        found.append(AssetState(node.name, reason or _reason(instance, node, latest, recording_id), latest[node.name]))
    if files_of is not None and any(latest.values()):
        there = set(files_of(recording_id))
        found = [one._replace(reason=GONE) if not there.issuperset(_files(one.record)) else one for one in found]
    if any(state.asset in NEED_AUDIO and state.reason for state in found) and audio_is_gone(recording_id):
        impossible = without_audio(graph, found)
        return [state._replace(reason=None) if state.asset in impossible else state for state in found]
    return found


def without_audio(graph: AssetGraph, found: Sequence[AssetState]) -> set[str]:
    """Return the assets that need audio that is gone, and those downstream of one of them that was never materialized.

    Of a recording that was taken over, the others can be made.
    """
    if is_taken_over(state.record for state in found):
        return set(NEED_AUDIO.intersection(graph.names()))
    never_made = {state.asset for state in found if state.asset in NEED_AUDIO and state.record is None}
    for node in graph:
        if never_made.intersection(node.reads):
            never_made.add(node.name)
    return never_made | NEED_AUDIO.intersection(graph.names())


def runnable(graph: AssetGraph, found: Sequence[AssetState]) -> list[str]:
    """Return the stale assets that one run can bring up to date now, in topological order.

    A stale asset downstream of a fresh one with a stale ancestor waits: the ancestor's new content may make the fresh
    one stale, and the waiting asset would be computed twice.
    """
    stale = {state.asset for state in found if state.reason}
    # Through some inputs, what corrections change reaches no further.
    corrected = {state.asset for state in found if state.reason in {EDITED, CORRECTED}}
    undecided: set[str] = set()
    ready: list[str] = []
    for node in graph:
        waits = any(parent in undecided for parent in node.reads)
        if node.name in stale and not waits:
            ready.append(node.name)
        elif waits or any(
            parent in stale and parent not in node.after and not (parent in corrected and _is_untouched(node, parent))
            for parent in node.reads
        ):
            undecided.add(node.name)
    return ready


def with_lost_inputs(graph: AssetGraph, found: Sequence[AssetState], assets: Collection[str]) -> set[str]:
    """Return the assets, and the inputs whose files are gone, without which they can't be made."""
    gone = {state.asset for state in found if state.reason == GONE}
    needed = set(assets)
    for node in reversed(graph):
        if node.name in needed:
            needed |= gone.intersection(node.reads) - node.after
    return needed


def is_taken_over(made: Iterable[dg.EventLogRecord | None]) -> bool:
    """Return True if any last materialization of a recording's assets was taken over: what it lacks is never made."""
    return any(tags.TAKEN_OVER in _tags(record) for record in made if record)


def fingerprint(graph: AssetGraph, found: Sequence[AssetState]) -> str:
    """Return all that determines staleness as one string: code versions, and storage ids of last materializations."""
    made = ",".join(str(state.record.storage_id if state.record else 0) for state in found)
    return f"{graph.digest()}|{made}"


def latest_of(
    instance: dg.DagsterInstance, asset: str, recording_id: str, up_to: int | None = None
) -> dg.EventLogRecord | None:
    """Return a recording's last materialization of an asset, or the last one up to a storage id.

    A graph asset's input pointer is the newest event of the input over all recordings. What the asset consumed is this
    recording's last event up to the pointer, not the event at the pointer.
    """
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey(asset),
            asset_partitions=[recording_id],
            before_storage_id=None if up_to is None else up_to + 1,
        ),
        limit=1,
    )
    return found.records[0] if found.records else None


def _is_untouched(node: Node, parent: str) -> bool:
    """Return True if corrections don't change a fresh asset through this input."""
    return parent == CORRECTIONS or reads_uncorrected(node.name, parent)


def _correction(
    instance: dg.DagsterInstance,
    node: Node,
    latest: Mapping[str, dg.EventLogRecord | None],
    recording_id: str,
    edits: Corrections | None,
    changing: Mapping[str, str],
) -> str | None:
    """Return why corrections make an asset stale, directly or through an asset in `changing`; None if they don't."""
    record = latest[node.name]
    gathered = latest.get(CORRECTIONS)
    version = _version(gathered) if edits is None else edits.version()
    if node.name == CORRECTIONS:
        return EDITED if parts_of(version) != parts_of(_version(record)) else None
    if record is None or CORRECTIONS not in latest:
        return None
    if parts := STEPS[node.name].corrected_by if node.name in STEPS else ():
        consumed = _consumed(instance, recording_id, record, CORRECTIONS, gathered) if gathered else None
        before, now = parts_of(_version(consumed)), parts_of(version)
        if any(before.get(part) != now.get(part) for part in parts):
            return CORRECTED
    through = (
        parent
        for parent in node.reads
        if parent in changing and parent not in node.after and not _is_untouched(node, parent)
    )
    return next((f"{parent} changed" for parent in through), None)


def _reason(
    instance: dg.DagsterInstance, node: Node, latest: Mapping[str, dg.EventLogRecord | None], recording_id: str
) -> str | None:
    record = latest[node.name]
    if record is None:
        # Without corrections, this one is never made.
        return None if node.name == CORRECTIONS or is_taken_over(latest.values()) else "missing"
    made = _tags(record)
    # What was taken over is as the old system made it, whatever the code.
    if tags.TAKEN_OVER not in made:
        if CODE_VERSION not in made:
            # Reported by an import that replaced the recording, not materialized by a run.
            return REPORTED
        if made[CODE_VERSION] != node.code_version:
            return CODE_CHANGED
    for parent in node.reads:
        newest = None if parent in node.after or parent == CORRECTIONS else latest[parent]
        if newest and (reason := input_reason(instance, recording_id, node.name, record, parent, newest)):
            return reason
    return None


def input_reason(
    instance: dg.DagsterInstance,
    recording_id: str,
    asset: str,
    record: dg.EventLogRecord,
    parent: str,
    newest: dg.EventLogRecord,
) -> str | None:
    """Return why an asset's materialization is stale by its input `parent`, whose newest one is given, or None."""
    if _pointer(record, parent) is None:
        return f"{parent} is new"
    consumed = _consumed(instance, recording_id, record, parent, newest)
    changed = consumed is None or _content(asset, parent, consumed) != _content(asset, parent, newest)
    return f"{parent} changed" if changed else None


def _consumed(
    instance: dg.DagsterInstance,
    recording_id: str,
    record: dg.EventLogRecord,
    parent: str,
    newest: dg.EventLogRecord,
) -> dg.EventLogRecord | None:
    """Return what a materialization read of an input, whose newest materialization is given; None if it read none."""
    pointer = _pointer(record, parent) or 0
    if newest.storage_id <= pointer:
        return newest
    return latest_of(instance, parent, recording_id, up_to=max(pointer, _began(instance, record)))


def _content(asset: str, parent: str, made: dg.EventLogRecord) -> object:
    """Return what an asset reads of an input: of the corrections, only its parts."""
    if parent == CORRECTIONS:
        found = parts_of(_version(made))
        return {part: found.get(part) for part in (STEPS[asset].corrected_by if asset in STEPS else ())}
    return _version(made, reads_uncorrected(asset, parent))


def _pointer(record: dg.EventLogRecord, parent: str) -> int | None:
    """Return the storage id of the newest event of an input that a materialization has read; None if it read none."""
    pointer = _tags(record).get(f"{INPUT_POINTER}{parent}", "")
    return int(pointer) if pointer.isdigit() else None


def _version(record: dg.EventLogRecord | None, uncorrected: bool = False) -> str | None:
    """Return a materialization's data version, or the one that it would have without corrections."""
    if record is None:
        return None
    found = _tags(record)
    return (found.get(tags.UNCORRECTED) if uncorrected else None) or found.get(DATA_VERSION)


def _began(instance: dg.DagsterInstance, record: dg.EventLogRecord) -> int:
    """Return the storage id of the start of the attempt that made a materialization; 0 if no step made it.

    The attempt has read the newest content of its recording up to there. Its input pointers can be older: Dagster
    updates an asset's newest event after storing it, so on PostgreSQL the slower of two processes can set an older one.
    """
    if not record.run_id:
        return 0
    step = record.event_log_entry.step_key
    starts = instance.get_records_for_run(record.run_id, of_type=set(ATTEMPT_BEGINS)).records
    own = (one.storage_id for one in starts if one.event_log_entry.step_key == step)
    return max((number for number in own if number < record.storage_id), default=0)


def _files(record: dg.EventLogRecord | None) -> set[str]:
    """Return the keys of the files of a materialization."""
    made = record.asset_materialization if record else None
    values = plain(made.metadata) if made else {}
    found = (values[name] for name in FILES if name in values)
    return {key for one in found for key in ([one] if isinstance(one, str) else one)}


def _tags(record: dg.EventLogRecord) -> Mapping[str, str]:
    materialization = record.asset_materialization
    return (materialization.tags or {}) if materialization else {}


def _names(definition: dg.AssetsDefinition) -> list[str]:
    return [spec.key.to_user_string() for spec in definition.specs]


def _not_loaded(definition: dg.AssetsDefinition) -> frozenset[str]:
    """Return the dependencies whose values an asset doesn't read."""
    ins = definition.node_def.input_dict
    keys = definition.keys_by_input_name
    return frozenset(key.to_user_string() for name, key in keys.items() if ins[name].dagster_type.is_nothing)
