"""What Dagster has of a partition beside its runs goes; what it has of others stays."""

from pathlib import Path

import dagster as dg

from reflector_assets.runtime.dagster_internals.erasure import empty_logs, erase_partition
from testing.deployment import new_instance

KEY = dg.AssetKey("title")
GONE, STAYS = "gone_%", "stays"


def test_a_partition_is_erased(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        for partition, text in ((STAYS, "unimportant"), (GONE, "wombatological")):
            made = dg.AssetMaterialization(KEY, partition=partition, metadata={"text": text}, tags={"text": text})
            instance.report_runless_asset_event(made)
            instance.report_runless_asset_event(dg.AssetObservation(KEY, partition=partition, description=text))
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(KEY, "check", passed=False, metadata={"text": text}, partition=partition)
            )
        assert places(tmp_path, "wombatological")

        erase_partition(instance, GONE, [])
        assert empty_logs(instance)
        assert places(tmp_path, "wombatological") == set()
        assert places(tmp_path, "unimportant")
        assert instance.get_materialized_partitions(KEY) == {STAYS}
        [record] = instance.get_asset_records([KEY])
        last = record.asset_entry.last_materialization_record
        assert last is not None
        assert last.partition_key == STAYS

        erase_partition(instance, STAYS, [])
        assert empty_logs(instance)
        assert places(tmp_path, "unimportant") == set()
        assert instance.get_latest_materialization_event(KEY) is None


def places(folder: Path, word: str) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()}
