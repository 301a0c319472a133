"""The comparisons with the old system, read from the store."""

import time
from collections.abc import Iterator

import dagster as dg

from domain.comparison import ShadowComparison
from domain.errors import NotFound
from domain.recording import value_key
from reflector_assets.records import made_at
from resources.store.base import Store

ASSET = "shadow_comparison"
PAGE = 500


def comparisons(instance: dg.DagsterInstance, store: Store, since: float | None) -> Iterator[ShadowComparison]:
    """Yield each recording's last comparison, newest first, if made at most `since` seconds ago."""
    for recording_id in newest(instance, ASSET, since):
        try:
            yield ShadowComparison.model_validate_json(store.read(value_key(ASSET, recording_id)))
        except NotFound:
            # The recording was removed meanwhile.
            continue


def newest(instance: dg.DagsterInstance, asset: str, since: float | None) -> Iterator[str]:
    """Yield the recordings for which an asset was made, newest first, if at most `since` seconds ago."""
    seen: set[str] = set()
    oldest = None if since is None else time.time() - since
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), after_timestamp=oldest), limit=PAGE, cursor=cursor
        )
        for record in page.records:
            recording_id = record.partition_key
            if recording_id is None or recording_id in seen or made_at(record) < (oldest or 0.0):
                continue
            seen.add(recording_id)
            yield recording_id
        if not page.has_more:
            return
        cursor = page.cursor
