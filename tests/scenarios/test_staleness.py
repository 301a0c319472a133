"""What is stale, by Dagster's own event log: two recordings interleaved, code and contents that come and go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets.staleness import INPUT_POINTER
from tests.scenarios.small import ALL, Small

A, B = "first", "second"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        graph = Small(instance, tmp_path / "values")
        graph.add(A, B)
        yield graph


def test_a_new_recording_is_stale_as_a_whole_and_fresh_once_made(small: Small) -> None:
    assert small.stale(A) == dict.fromkeys(ALL, "missing")
    assert small.run(A).success
    assert small.stale(A) == {}
    assert small.stale(B) == dict.fromkeys(ALL, "missing")


def test_only_an_asset_whose_code_changed_is_stale_and_a_revert_makes_it_fresh(small: Small) -> None:
    small.run(A)
    small.code["topics"] = "2"
    assert small.stale(A) == {"topics": "code changed"}
    small.code["topics"] = "1"
    assert small.stale(A) == {}


def test_equal_content_of_an_input_changes_nothing_and_new_content_reaches_the_next_asset_only(small: Small) -> None:
    small.run(A)
    small.run(A, ["topics"])
    assert small.stale(A) == {}
    small.content["topics"] = "another cut"
    small.run(A, ["topics"])
    assert small.stale(A) == {"title": "topics changed"}


def test_content_that_came_back_to_what_was_consumed_is_fresh(small: Small) -> None:
    small.run(A)
    for content in ("another cut", f"topics of {A}"):
        small.content["topics"] = content
        small.run(A, ["topics"])
    assert small.stale(A) == {}


def test_another_import_makes_the_source_stale(small: Small) -> None:
    small.run(A)
    small.run(B)
    small.instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=A))
    # Nobody knows yet whether it is another one: its readers wait for that.
    assert small.stale(A)["recording"] == "source changed"
    assert small.stale(B) == {}


def last(small: Small, asset: str, recording_id: str) -> dg.EventLogRecord:
    """The last materialization."""
    one = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[recording_id])
    return small.instance.fetch_materializations(one, limit=1).records[0]


def pointer(small: Small, recording_id: str, asset: str = "words", reads: str = "tracks") -> str:
    """Of which recording the event is that an asset says it consumed."""
    made = last(small, asset, recording_id).asset_materialization
    assert made
    at = int((made.tags or {})[f"{INPUT_POINTER}{reads}"])
    events = small.instance.fetch_materializations(dg.AssetKey(reads), limit=100).records
    return str(next(event.partition_key for event in events if event.storage_id == at))


@pytest.fixture
def interleaved(small: Small) -> Small:
    """`words` of A was made when the newest event of `tracks` was B's: its pointer names that one."""
    small.run(A, ["recording", "tracks"])
    small.run(B, ["recording", "tracks"])
    small.run(A, ["words"])
    small.run(B, ["words"])
    assert pointer(small, A) == B, "Dagster points at the recording's own event now: the trap is gone"
    return small


def test_a_pointer_at_another_recording_is_read_as_this_recordings_last_event_until_then(interleaved: Small) -> None:
    assert "words" not in interleaved.stale(A)
    assert "words" not in interleaved.stale(B)
    interleaved.run(A, ["tracks"])
    assert "words" not in interleaved.stale(A), "equal content, though it differs from what the pointer names"
    interleaved.content["tracks", A] = "other tracks"
    interleaved.run(A, ["tracks"])
    assert interleaved.stale(A)["words"] == "tracks changed"
    assert "words" not in interleaved.stale(B)


def test_new_content_that_equals_the_other_recordings_is_new_nonetheless(interleaved: Small) -> None:
    interleaved.content["tracks", A] = f"tracks of {B}"
    interleaved.run(A, ["tracks"])
    assert interleaved.stale(A)["words"] == "tracks changed", "it equals what the pointer names, not what was consumed"


def test_content_changed_before_the_pointer_of_a_later_run_is_consumed_by_it(interleaved: Small) -> None:
    interleaved.content["tracks", A] = "other tracks"
    interleaved.run(A, ["tracks"])
    interleaved.run(B, ["tracks"])
    interleaved.run(A, ["words"])
    interleaved.run(B, ["tracks"])
    assert "words" not in interleaved.stale(A)
    assert "words" not in interleaved.stale(B)


@pytest.mark.parametrize(("asset", "reader"), [("tracks", "words"), ("words", "topics")])
def test_a_slower_process_that_notes_an_older_event_late_makes_nothing_stale(
    small: Small, asset: str, reader: str
) -> None:
    """On PostgreSQL: the event of A is stored after that of B, and noted as the asset's newest before it."""
    before = ALL[: ALL.index(reader)]
    small.run(B, before)
    small.run(A, before)
    late = last(small, asset, B)
    storage: Any = small.instance.event_log_storage
    storage.store_asset_event(late.event_log_entry, late.storage_id)
    small.run(A, [reader])
    assert pointer(small, A, reader, asset) == B, "the pointer isn't behind what was consumed: the trap is gone"
    assert reader not in small.stale(A)
    small.content[asset, A] = "another"
    small.run(A, [asset])
    assert small.stale(A)[reader] == f"{asset} changed"
