"""What is stale in one recording, and why: by Dagster's own notions, from its public event log.

Dagster itself answers this only for whole assets; for partitions its badges need a walk over every partition.
An asset of a recording is stale when it was never materialized, when its code version differs from the one
that made it, or when an input has newer content than the one it consumed. An upstream re-run with equal
content (same data version) changes nothing downstream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

import dagster as dg

from domain.steps import NEED_AUDIO
from reflector_assets.records import ATTEMPT_BEGINS

# The tags under which Dagster publishes versions on materialization events.
CODE_VERSION = "dagster/code_version"
DATA_VERSION = "dagster/data_version"
INPUT_POINTER = "dagster/input_event_pointer/"

CODE_CHANGED = "code changed"
REPORTED = "source changed"


class Node(NamedTuple):
    """One asset of the graph: its name, the assets it depends on, and the version of its code as loaded now.

    Of `reads`, it only comes `after` some: their content is nothing to it.
    """

    name: str
    reads: tuple[str, ...]
    code_version: str | None
    after: frozenset[str] = frozenset()


class AssetState(NamedTuple):
    """One asset of one recording: fresh when `reason` is None; `record` is its last materialization."""

    asset: str
    reason: str | None
    record: dg.EventLogRecord | None


class AssetGraph(tuple[Node, ...]):
    """The partitioned assets in topological order."""

    @classmethod
    def of(cls, assets: Iterable[dg.AssetsDefinition]) -> "AssetGraph":
        """Read names, dependencies and code versions off asset definitions."""
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
        """Asset names in topological order."""
        return [node.name for node in self]

    def digest(self) -> str:
        """One line that changes whenever any asset's code version does."""
        return ";".join(f"{node.name}={node.code_version}" for node in self)


def states(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    recording_id: str,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
) -> list[AssetState]:
    """Each asset of a recording with the reason why it is stale, in topological order.

    `audio_is_gone` is asked when something of audio is stale: without audio that is left as it is, and so is what
    needs something that was never made.
    """
    latest = {node.name: _latest(instance, node.name, recording_id) for node in graph}
    found = [AssetState(node.name, _reason(instance, node, latest, recording_id), latest[node.name]) for node in graph]
    if any(state.asset in NEED_AUDIO and state.reason for state in found) and audio_is_gone(recording_id):
        settled = without_audio(graph, found)
        return [state._replace(reason=None) if state.asset in settled else state for state in found]
    return found


def without_audio(graph: AssetGraph, found: Sequence[AssetState]) -> set[str]:
    """The assets that can't be made any more: those of audio, and what is behind one of them that never was."""
    never = {state.asset for state in found if state.asset in NEED_AUDIO and state.record is None}
    for node in graph:
        if never.intersection(node.reads):
            never.add(node.name)
    return never | NEED_AUDIO.intersection(graph.names())


def runnable(graph: AssetGraph, found: Sequence[AssetState]) -> list[str]:
    """The stale assets that one run can settle now, in topological order.

    A stale asset behind a fresh one that has a stale ancestor waits: the ancestor's new content may make the
    fresh one stale, and the waiting one would be computed twice.
    """
    stale = {state.asset for state in found if state.reason}
    unsettled: set[str] = set()
    ready: list[str] = []
    for node in graph:
        waits = any(parent in unsettled for parent in node.reads)
        if node.name in stale and not waits:
            ready.append(node.name)
        elif waits or any(parent in stale for parent in node.reads):
            unsettled.add(node.name)
    return ready


def fingerprint(graph: AssetGraph, found: Sequence[AssetState]) -> str:
    """What decides staleness, as one string: code versions now, and the storage id of every last materialization."""
    made = ",".join(str(state.record.storage_id if state.record else 0) for state in found)
    return f"{graph.digest()}|{made}"


def _latest(
    instance: dg.DagsterInstance, asset: str, recording_id: str, up_to: int | None = None
) -> dg.EventLogRecord | None:
    """The last materialization, or the last one up to a storage id.

    A graph asset's pointer names the newest event of its input over all recordings, so that what it consumed
    is this recording's last event up to there, not the event at the pointer itself.
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


def _reason(
    instance: dg.DagsterInstance, node: Node, latest: Mapping[str, dg.EventLogRecord | None], recording_id: str
) -> str | None:
    record = latest[node.name]
    if record is None:
        return "missing"
    made = _tags(record)
    if CODE_VERSION not in made:
        # Not made by a run: an import reports so that it put another recording in the place of this one.
        return REPORTED
    if made[CODE_VERSION] != node.code_version:
        return CODE_CHANGED
    for parent in node.reads:
        if parent in node.after:
            continue
        newest = latest[parent]
        if newest is None:
            continue
        pointer = made.get(f"{INPUT_POINTER}{parent}", "")
        if not pointer.isdigit():
            return f"{parent} is new"
        if newest.storage_id <= int(pointer):
            continue
        seen = max(int(pointer), _began(instance, record))
        consumed = _latest(instance, parent, recording_id, up_to=seen)
        if consumed is None or _tags(consumed).get(DATA_VERSION) != _tags(newest).get(DATA_VERSION):
            return f"{parent} changed"
    return None


def _began(instance: dg.DagsterInstance, record: dg.EventLogRecord) -> int:
    """The number of the event with which the attempt began that made this; 0 when no step made it.

    The attempt has seen all of its recording up to there. Its pointers can be older: Dagster notes an asset's newest
    event after it stored it, so that of two processes on PostgreSQL the slower one can note the older event.
    """
    step = record.event_log_entry.step_key
    begins = instance.get_records_for_run(record.run_id, of_type=set(ATTEMPT_BEGINS)).records
    mine = (one.storage_id for one in begins if one.event_log_entry.step_key == step)
    return max((number for number in mine if number < record.storage_id), default=0)


def _tags(record: dg.EventLogRecord) -> Mapping[str, str]:
    materialization = record.asset_materialization
    return (materialization.tags or {}) if materialization else {}


def _names(definition: dg.AssetsDefinition) -> list[str]:
    return [spec.key.to_user_string() for spec in definition.specs]


def _not_loaded(definition: dg.AssetsDefinition) -> frozenset[str]:
    """The assets that one comes after without reading their values."""
    ins = definition.node_def.input_dict
    keys = definition.keys_by_input_name
    return frozenset(key.to_user_string() for name, key in keys.items() if ins[name].dagster_type.is_nothing)
