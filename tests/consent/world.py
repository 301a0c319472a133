"""One recording at Daily and all services around it, in the test's own process: real assets over real stores."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from reflector_assets import definitions
from reflector_assets.io_manager import StoreIOManager
from resources.call_cache import CallCache
from resources.daily.api import DailyAPI
from resources.daily.source import AnnouncedSource, Sources
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox, of_poll
from resources.database.rooms import Rooms
from resources.llm.understanding import Extractive
from resources.local_folder import LocalFolder
from resources.old_system.client import OldSystem
from resources.old_system.database import OldDatabase
from resources.old_system.meetings import OldMeetings
from resources.outgoing.http import Outgoing
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.webhook import Webhook
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from resources.store.base import LocalStore, Store
from resources.transcription.gpu import GPUService
from testing.audio_files import babble, opus_track
from testing.databases import migrated
from testing.hosts.daily_oddities import DOMAIN, plain_recording, track
from testing.hosts.gpu_host import GPUHost

TEXT = {".json", ".parquet", ".vtt", ".md", ".gz"}
ALL = definitions.graph.names()


class World:
    """The services; `said` is what Daily says of the recording, whose room also holds another meeting's track."""

    def __init__(
        self,
        home: Path,
        gpu: GPUHost,
        store: Store | None = None,
        bucket: Store | None = None,
        instance: dg.DagsterInstance | None = None,
    ) -> None:
        self.home = home
        self.store = store or LocalStore(root=str(home / "data"))
        self.bucket = bucket or LocalStore(root=str(home / "daily"))
        database = Database(url=migrated(home / "reflector.db"))
        self.inbox, self.rooms = Inbox(database=database), Rooms(database=database)
        self.consents = Consents(database=database)
        self.daily_api = DailyAPI(api_key="")
        self.old_meetings = OldMeetings(system=OldSystem(), database=OldDatabase())
        self.gpu = gpu
        self.instance = instance or dg.DagsterInstance.ephemeral()  # pyright: ignore[reportUnknownMemberType]
        rng = random.Random(1)
        self.said: dict[str, Any] = plain_recording(rng, 0) | {"duration": 2}
        self.id, self.session, self.room = (self.said[name] for name in ("id", "mtgSessionId", "room_name"))
        self.keys = [one["s3Key"] for one in self.said["tracks"]]
        for number, key in enumerate(self.keys):
            with self.bucket.new_file(key) as path:
                opus_track(path, babble(2.0, seed=number))
        beside = [track(rng, self.said, kind=kind)["s3Key"] for kind in ("screen-audio", "cam-video")]
        self.other = track(rng, {**self.said, "start_ts": self.said["start_ts"] + 600})["s3Key"]
        for key in (*beside, self.other):
            self.bucket.write(key, b"more of it")
        self.inbox.put([of_poll(self.id, json.dumps(self.said).encode())])
        self.instance.add_dynamic_partitions("recordings", [self.id])

    def more(self, count: int) -> list[str]:
        """Add recordings of the same tracks, and return their ids."""
        ids = [f"{self.id[:-1]}-{number}" for number in range(count)]
        self.inbox.put([of_poll(one, json.dumps({**self.said, "id": one}).encode()) for one in ids])
        self.instance.add_dynamic_partitions("recordings", ids)
        return ids

    def resources(self, **others: Any) -> dict[str, Any]:
        daily = AnnouncedSource(inbox=self.inbox, bucket=self.bucket, daily_domain=DOMAIN)
        return {
            "io_manager": StoreIOManager(store=self.store),
            "store": self.store,
            "daily_bucket": self.bucket,
            "source": Sources(imported=LocalFolder(store=self.store), daily=daily),
            "rooms": self.rooms,
            "consents": self.consents,
            "correction_history": CorrectionHistory(database=self.consents.database),
            "inbox": self.inbox,
            "daily_api": self.daily_api,
            "old_meetings": self.old_meetings,
            "call_cache": CallCache(folder=str(self.home / "calls"), max_bytes=2**20),
            "transcriber": GPUService(url=self.gpu.url, api_key=self.gpu.key, model="", timeout=60, language="en"),
            "understanding": Extractive(),
            # Results go nowhere: no room wants them.
            "leaving": OutgoingMode(page_url="http://127.0.0.1"),
            "messages": Messages(database=self.consents.database, zulip=Zulip(realm="", email="", api_key="")),
            "deliveries": Deliveries(database=self.consents.database),
            "webhook": Webhook(outgoing=Outgoing()),
            **others,
        }

    def run(
        self, only: Sequence[str] = ALL, tags: Mapping[str, str] | None = None, **others: Any
    ) -> dg.ExecuteInProcessResult:
        """Run assets; `others` replace the usual resources."""
        defs = dg.Definitions(
            assets=definitions.assets,
            jobs=[definitions.process],
            executor=dg.in_process_executor,
            resources=self.resources(**others),
        )
        return defs.resolve_job_def("process").execute_in_process(
            instance=self.instance,
            partition_key=self.id,
            asset_selection=[dg.AssetKey(name) for name in only],
            tags=dict(tags or {}),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def deny(self, meeting_id: str | None = None, user: str | None = None) -> None:
        self.consents.record(meeting_id or self.session, user, given=False)

    def key(self, name: str) -> str:
        return f"recordings/{self.id}/{name}"

    def sound(self) -> list[str]:
        """What is left that isn't text, in both stores, whatever kept it."""
        here = [key for key in self.store.list_remnants(self.key("")) if Path(key).suffix not in TEXT]
        return here + [key for key in self.bucket.list_remnants(self.room_folder) if key != self.other]

    @property
    def room_folder(self) -> str:
        return f"{DOMAIN}/{self.room}"

    def texts(self) -> dict[str, bytes]:
        """The results without sound, as bytes."""
        names = ("transcript.json", "transcript.vtt", "words.parquet", "waveform.json", "topics.json")
        return {name: self.store.read(self.key(name)) for name in names}

    def cleanup(self) -> dict[str, Any]:
        """The value of consent_cleanup, and its metadata."""
        made = self.instance.get_latest_materialization_event(dg.AssetKey("consent_cleanup"))
        assert made is not None
        assert made.asset_materialization is not None
        metadata = {name: value.value for name, value in made.asset_materialization.metadata.items()}
        return {**metadata, "value": json.loads(self.store.read(self.key("consent_cleanup.json")))}


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step said."""
    return {
        str(event.step_key): event.step_failure_data.user_failure_data.description or ""
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    }


@contextmanager
def world(home: Path, **others: Any) -> Iterator[World]:
    with GPUHost() as gpu:
        made = World(home, gpu, **others)
        with made.instance:
            yield made
