"""The Dagster definitions: assets, jobs, sensors, schedules, executor and resources."""

from reflector_assets.runtime import startup  # isort: skip - before all other imports
import dagster as dg

import reflector_assets.assets
from reflector_assets import old_wiring, policies, tags, wiring
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.runtime.executor import build as build_executor
from reflector_assets.settings.main import get_settings
from reflector_assets.staleness import AssetGraph
from sensors import (
    consents,
    deletions,
    deliveries,
    discovery,
    failures,
    fallback,
    keep_up_to_date,
    old_consents,
    orphaned_runs,
    poll,
    pools,
    retention,
    unmatched,
)

# The types of these Dagster functions are incomplete.
loaded = dg.load_assets_from_package_module(reflector_assets.assets)  # pyright: ignore[reportUnknownMemberType]
by_name = {item.key.to_user_string(): item for item in loaded if isinstance(item, dg.AssetsDefinition)}
assets = [by_name[name] for name in policies.assets()]

graph = AssetGraph.of(assets)

# Markdown, for the page of the job: Dagster shows the descriptions of sensors as plain text, without links.
KEPT_UP_TO_DATE = """\
**Why a sensor requests its runs, and no [automation condition](https://docs.dagster.io/guides/automate/declarative-automation)**

* Conditions are evaluated over all partitions of all assets: at 50,000 recordings that takes a core for good, with \
nothing to do. The sensor `keep_up_to_date` examines only recordings for which something happened.
* They are true when something changes, so a run that fails loses the change; and `missing()` requests what failed at \
every tick.
* `eager()` sees no change of code, and makes again what comes after an asset that was made again with equal content.
* `stale_assets_only` of a run request has no effect on partitioned assets.

The measurements are in the project's `docs/decisions.md`, section "Staleness"."""

process = dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType]
    "process",
    selection=dg.AssetSelection.assets(*assets),
    description="Processes one recording, from its raw tracks to the finished and published transcript.\n\n"
    + KEPT_UP_TO_DATE,
    tags={tags.RETRY_STRATEGY: tags.BY_ASSET},
)

defs = dg.Definitions(
    assets=assets,
    jobs=[process, retention.job],
    sensors=[
        discovery.build(process.name, graph, get_settings()),
        poll.build(get_settings()),
        keep_up_to_date.build(
            process.name,
            graph,
            get_settings(),
            wiring.audio_is_gone,
            wiring.files_of,
            wiring.correction_history(),
        ),
        orphaned_runs.end_orphaned_runs,
        consents.build(process.name, graph, get_settings()),
        deliveries.build(process.name, graph, get_settings()),
        deletions.delete_recordings,
        failures.build(get_settings()),
        fallback.build(get_settings()),
        pools.build(get_settings()),
        unmatched.build(get_settings()),
        old_consents.build(get_settings()),
    ],
    schedules=[retention.build(get_settings())],
    executor=build_executor(get_settings()),
    resources={
        "io_manager": StoreIOManager(store=wiring.store()),
        "store": wiring.store(),
        "source": wiring.source(),
        "daily_bucket": wiring.daily_bucket(),
        "daily_api": wiring.daily_api(),
        "inbox": wiring.inbox(),
        "rooms": wiring.rooms(),
        "consents": wiring.consents(),
        "correction_history": wiring.correction_history(),
        "call_cache": wiring.call_cache(),
        "transcriber": wiring.transcriber(),
        "understanding": old_wiring.understanding(),
        "leaving": wiring.leaving(),
        "messages": wiring.messages(),
        "deliveries": wiring.deliveries(),
        "webhook": wiring.webhook(),
        "old_database": old_wiring.old_database(),
        "old_meetings": old_wiring.old_meetings(),
        "old_transcripts": old_wiring.old_transcripts(),
        "relays": old_wiring.relays(),
    },
)

startup.resume_gc()
