"""Recordings whose runs tell events: the real log and store, under assets that a test makes slow, broken, or other."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from domain.recording import Recording
from domain.results import Summary, Title, Topic, Topics
from domain.run_progress import StepEvent
from domain.text import words
from reflector_assets.assets.asset import data_version
from reflector_assets.eventlog.reader import RecordingLog
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.partitions import recordings
from resources.store.base import LocalStore
from testing import PATIENCE_S

ID = "told"
# In the order in which they are reported; each comes after the one before.
STEPS = ["recording", "merged_words", "topics", "title", "summary", "transcript", "webhook_delivery"]
WORDS = words.table([words.Word("Hello", 0.0, 0.4, 0, 1.0), words.Word("world.", 0.5, 0.9, 0, 1.0)])

__all__ = ["ID", "STEPS", "StepEvent", "Telling"]


class Telling:
    """`title` and `long_summary` are what those say next.

    `broken` says of an asset how often it fails, `gates` hold one until they are set.
    """

    def __init__(self, instance: dg.DagsterInstance, folder: Path, read_delay: float = 0.0) -> None:
        self.instance, self.store = instance, LocalStore(root=str(folder))
        self.read_delay = read_delay
        self.title, self.long_summary = "Weekly planning", "# Recap"
        self.broken: dict[str, int] = defaultdict(int)
        self.gates: dict[str, threading.Event] = {}
        self.reached: dict[str, threading.Event] = defaultdict(threading.Event)
        instance.add_dynamic_partitions("recordings", [ID])

    def log(self) -> RecordingLog:
        """A reader that has read nothing."""
        return RecordingLog(self.instance, self.store, ID, read_delay=self.read_delay)

    def run(self, *names: str, gates: bool = True, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """Run assets, all without names."""
        assets = [self._asset(name, gates) for name in names or STEPS]
        return dg.materialize(
            assets,
            instance=self.instance,
            partition_key=ID,
            resources={"io_manager": StoreIOManager(store=self.store)},
            raise_on_error=False,
            tags=tags,
        )

    def _value(self, name: str) -> Any:
        content: dict[str, Any] = {
            "title": "Plans",
            "summary": "What is next.",
            "timestamp": 0,
            "duration": 1,
            "words_from": 0,
            "words_to": 2,
        }
        topic = Topic.model_validate({"id": "topic-1", **content})
        values: dict[str, Any] = {
            "recording": Recording(id=ID, room_name="room"),
            "merged_words": WORDS,
            "topics": Topics((topic, topic.model_copy(update={"id": "topic-2"}))),
            "title": Title(title=self.title, method="extractive"),
            "summary": Summary(long_summary=self.long_summary, short_summary="Recap", method="extractive"),
        }
        return values.get(name, Title(title=name, method="none"))

    def _asset(self, name: str, gated: bool) -> dg.AssetsDefinition:
        def compute(context: dg.AssetExecutionContext) -> Any:
            if gated and name in self.gates:
                self.reached[name].set()
                assert self.gates[name].wait(PATIENCE_S)
            if self.broken[name] > 0:
                self.broken[name] -= 1
                raise dg.Failure(f"{name} is broken")
            value = self._value(name)
            return dg.MaterializeResult(value=value, data_version=data_version(value))

        before = STEPS[: STEPS.index(name)][-1:]
        kinds: dict[str, Any] = {"merged_words": pd.DataFrame}
        compute.__annotations__["return"] = dg.MaterializeResult[kinds.get(name, type(self._value(name)))]
        return dg.asset(name=name, partitions_def=recordings, deps=before, retry_policy=dg.RetryPolicy(max_retries=1))(
            compute
        )
