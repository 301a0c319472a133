"""A small graph over real Dagster storage, whose code and contents a test decides: runs take a blink."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from reflector_assets import staleness
from reflector_assets.operations.runs import code_tags
from reflector_assets.partitions import recordings
from reflector_assets.settings.main import Settings
from resources.database.database import Database
from resources.database.inbox import Inbox
from sensors import keep_up_to_date
from testing.databases import migrated

READS: dict[str, tuple[str, ...]] = {
    "recording": (),
    "tracks": ("recording",),
    "words": ("tracks",),
    "topics": ("words",),
    "title": ("topics",),
    "summary": ("words",),
    "document": ("words", "title", "summary"),
}
ALL = list(READS)


class Small:
    """The assets as loaded now, and what happened to them; `words` is made of two steps, as fan-outs are.

    `code` holds versions by asset, `content` what an asset (or (asset, recording)) yields, `broken` who fails, with an
    error of the class `kind`.
    """

    def __init__(self, instance: dg.DagsterInstance, folder: Path, reach: str = "all") -> None:
        self.instance, self.settings = instance, Settings.model_validate({"REFLECTOR_REACH": reach})
        self.code = dict.fromkeys(ALL, "1")
        self.content: dict[str | tuple[str, str], str] = {}
        self.broken: set[str] = set()
        self.kind = "PermanentError"
        self.made: list[tuple[str, str]] = []
        self.tried: list[tuple[str, str]] = []
        self.cursor: str | None = None
        self.keys: set[str | None] = set()
        self._loaded: dict[tuple[str, ...], tuple[staleness.AssetGraph, dg.JobDefinition]] = {}
        self._folder = folder
        self._values = dg.FilesystemIOManager(base_dir=str(folder))
        # Nothing has arrived from Daily.
        self._inbox = Inbox(database=Database(url=migrated(folder / "reflector.db")))

    def copy(self, instance: dg.DagsterInstance, folder: Path) -> "Small":
        """Return a copy on a copy of the instance, with the values copied to a new folder."""
        shutil.copytree(self._folder, folder)
        new = Small(instance, folder)
        new.made, new.tried, new.cursor, new.keys = [*self.made], [*self.tried], self.cursor, {*self.keys}
        return new

    def graph(self) -> staleness.AssetGraph:
        """The graph of the assets as loaded now."""
        return self._load()[0]

    def add(self, *recording_ids: str) -> None:
        self.instance.add_dynamic_partitions("recordings", list(recording_ids))

    def run(
        self,
        recording_id: str,
        assets: Sequence[str] = ALL,
        *,
        tagged: bool = True,
        more: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run assets as a person would who picks them in Dagster, or as a sensor does (`tagged`)."""
        code = code_tags(self.graph(), assets) if tagged else {}
        result = self.job().execute_in_process(
            instance=self.instance,
            partition_key=recording_id,
            asset_selection=[dg.AssetKey(name) for name in assets],
            raise_on_error=False,
            tags={**code, **(more or {})},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert result.success or self.broken
        return result

    def stale(self, recording_id: str) -> dict[str, str]:
        """What is stale, and why."""
        found = staleness.states(self.instance, self.graph(), recording_id)
        return {state.asset: state.reason for state in found if state.reason}

    def tick(self) -> list[tuple[str, set[str]]]:
        """Evaluate the sensor once, do what it requests, and say what that was."""
        # Dagster skips a request whose key was run once.
        requests = [request for request in self.requests() if request.run_key not in self.keys]
        for request in requests:
            self.keys.add(request.run_key)
            assets = [key.to_user_string() for key in request.asset_selection or ()]
            self.run(str(request.partition_key), assets, tagged=False, more=request.tags)
        return [
            (str(request.partition_key), {key.to_user_string() for key in request.asset_selection or ()})
            for request in requests
        ]

    def requests(self) -> list[dg.RunRequest]:
        """Evaluate the sensor once."""
        sensor = keep_up_to_date.build("process", self.graph(), self.settings)
        resources = {"inbox": self._inbox}
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources=resources) as context:
            result: Any = sensor(context)
        self.cursor = result.cursor
        return list(result.run_requests)

    def settle(self, most: int = 10) -> list[tuple[str, set[str]]]:
        """Tick until nothing is requested; all requests in their order."""
        done: list[tuple[str, set[str]]] = []
        for _ in range(most):
            if not (requested := self.tick()):
                return done
            done += requested
        raise AssertionError(f"it doesn't come to rest: {done}")

    def job(self) -> dg.JobDefinition:
        """The job over the assets as loaded now."""
        return self._load()[1]

    def _load(self) -> tuple[staleness.AssetGraph, dg.JobDefinition]:
        code = tuple(self.code.values())
        if code not in self._loaded:
            assets = self._assets()
            job = dg.define_asset_job("process")  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
            defs = dg.Definitions(
                assets=assets, jobs=[job], executor=dg.in_process_executor, resources={"io_manager": self._values}
            )
            self._loaded[code] = staleness.AssetGraph.of(assets), defs.resolve_job_def("process")
        return self._loaded[code]

    def _assets(self) -> list[dg.AssetsDefinition]:
        return [self._graph_asset(name) if name == "words" else self._asset(name) for name in ALL]

    def _asset(self, name: str) -> dg.AssetsDefinition:
        @dg.asset(
            name=name,
            ins={parent: dg.AssetIn(parent) for parent in READS[name]},
            partitions_def=recordings,
            code_version=self.code[name],
        )
        def compute(context: dg.AssetExecutionContext, **_: str) -> dg.Output[str]:
            return self._yield(name, context.partition_key)

        return compute

    def _graph_asset(self, name: str) -> dg.AssetsDefinition:
        @dg.op
        def hear(tracks: str) -> str:
            return tracks

        @dg.op
        def join(context: dg.OpExecutionContext, heard: str) -> dg.Output[str]:
            return self._yield(name, context.partition_key)

        @dg.graph_asset(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
            name=name, partitions_def=recordings, code_version=self.code[name]
        )
        def words(tracks: str) -> str:
            return join(hear(tracks))

        return words

    def _yield(self, asset: str, recording_id: str) -> dg.Output[str]:
        self.tried.append((recording_id, asset))
        if asset in self.broken:
            raise dg.Failure(f"{asset} is broken", metadata={"kind": self.kind}, allow_retries=False)
        self.made.append((recording_id, asset))
        value = self.content.get((asset, recording_id), self.content.get(asset, f"{asset} of {recording_id}"))
        return dg.Output(value, data_version=dg.DataVersion(value))
