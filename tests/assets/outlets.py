"""The two assets that let results leave, over a real instance, database and store, beside a Zulip and a receiver."""

from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from pydantic import BaseModel

from domain.recording import value_key
from domain.results import Transcript, WebhookDelivery, ZulipMessage
from domain.rooms import Room
from reflector_assets.assets.webhook import webhook_delivery
from reflector_assets.assets.zulip import zulip_message
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.partitions import RECORDINGS, recordings
from resources.database.consents import Consents
from resources.database.database import Database
from resources.database.deliveries import Deliveries
from resources.database.rooms import Rooms
from resources.outgoing.http import Outgoing
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.webhook import Webhook
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from resources.store.base import LocalStore
from testing.databases import migrated
from testing.hosts.webhook_host import WebhookHost
from testing.hosts.zulip_host import ZulipHost
from tests.domain.finished import finished

PAGE = "https://reflector.example.com"
LEAVING = ("zulip_message", "webhook_delivery")
M = TypeVar("M", bound=BaseModel)


class Outlets:
    """One recording's transcript, and where it goes."""

    def __init__(self, folder: Path, zulip: ZulipHost, receiver: WebhookHost, mode: str = "live") -> None:
        self.instance = dg.DagsterInstance.ephemeral()  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        self.zulip, self.receiver = zulip, receiver
        self.url = migrated(folder / "reflector.db")
        database = Database(url=self.url)
        self.store, self.rooms = LocalStore(root=str(folder)), Rooms(database=database)
        self.deliveries = Deliveries(database=database)
        client = Zulip(realm=zulip.url, email=zulip.email, api_key=zulip.key, timeout=2)
        self.messages = Messages(database=database, zulip=client)
        self.webhook = Webhook(outgoing=Outgoing(allow_http=True, allowed_networks="127.0.0.0/8", timeout=2))
        self.leaving = OutgoingMode.model_validate({"mode": mode, "page_url": PAGE})
        self.transcribed(finished())

    def set_room(self, **settings: Any) -> None:
        self.rooms.put(Room.model_validate({"name": "weekly", **settings}))

    def set_all(self) -> None:
        secret = {"webhook_secret": self.receiver.secret} if self.receiver.secret else {}
        zulip: dict[str, Any] = {"zulip_stream": "general", "zulip_topic": "notes", "zulip_auto_post": True}
        self.set_room(webhook_url=self.receiver.hook, **secret, **zulip)

    def transcribed(self, transcript: Transcript) -> None:
        """Have a transcript of it finished, as the asset before does."""
        self.transcript = transcript
        self.instance.add_dynamic_partitions(RECORDINGS, [transcript.id])
        self.store.write(value_key("transcript", transcript.id), transcript.model_dump_json().encode())

    def run(self, *names: str) -> dg.ExecuteInProcessResult:
        """Run the two, or one of them."""
        return dg.materialize(
            [dg.AssetSpec("transcript", partitions_def=recordings), zulip_message, webhook_delivery],
            selection=dg.AssetSelection.assets(*(names or LEAVING)),
            partition_key=self.transcript.id,
            instance=self.instance,
            raise_on_error=False,
            resources={
                "io_manager": StoreIOManager(store=self.store),
                "rooms": self.rooms,
                "messages": self.messages,
                "deliveries": self.deliveries,
                "webhook": self.webhook,
                "leaving": self.leaving,
                "consents": Consents(database=self.rooms.database),
            },
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def zulip_message(self) -> ZulipMessage:
        return self._value("zulip_message", ZulipMessage)

    def webhook_delivery(self) -> WebhookDelivery:
        return self._value("webhook_delivery", WebhookDelivery)

    def _value(self, name: str, model: type[M]) -> M:
        return model.model_validate_json(self.store.read(value_key(name, self.transcript.id)))


def checks(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each check says: passed, WARN or ERROR."""
    found = result.get_asset_check_evaluations()
    return {one.check_name: "passed" if one.passed else one.severity.value for one in found}
