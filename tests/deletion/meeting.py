"""A meeting whose words and names occur nowhere else, processed, published and listed; and a search for them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from domain.consent import Meeting
from domain.corrections.edits import SetTitle
from domain.daily import judge_listed
from domain.rooms import Room, base_name
from reflector_assets.eventlog import projections
from reflector_assets.operations.deletion import Eraser
from resources.daily.api import DailyAPI
from resources.daily.source import DailySource, Sources
from resources.database.catalogue import Catalogue
from resources.database.corrections import CorrectionHistory
from resources.database.deliveries import Deliveries
from resources.database.inbox import of_webhook
from resources.database.ledger import Ledger
from resources.database.shares import Shares
from resources.database.tables import inbox
from resources.local_folder import LocalFolder
from resources.outgoing.http import Outgoing
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.webhook import Webhook
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from testing.deployment import new_instance
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN, ready_event
from testing.hosts.gpu_host import Call, GPUHost
from testing.hosts.webhook_host import WebhookHost
from testing.hosts.zulip_host import ZulipHost
from tests.consent.world import World

SPOKEN = "Zanzibarite shipments need quokkaberry labels before friday because wombatological audits begin."
NAMES = ("Wilhelmina", "Quastenflosser")
WORDS = ("zanzibarite", "quokkaberry", "wombatological", *(name.lower() for name in NAMES), "room-0-20260323080000")


def spoken(_: Call) -> list[dict[str, Any]]:
    return [{"word": f" {word}", "start": 0.1 * n, "end": 0.1 * n + 0.09} for n, word in enumerate(SPOKEN.split())]


class SecretMeeting(World):
    """The meeting, beside another one of the same room, which stays."""

    def __init__(self, home: Path, gpu: GPUHost, daily: DailyHost, zulip: ZulipHost, receiver: WebhookHost) -> None:
        super().__init__(home, gpu, instance=new_instance(home / "instance"))
        self.zulip, self.receiver = zulip, receiver
        people = [one["s3Key"].rsplit("/", 1)[-1][14:50] for one in self.said["tracks"]]
        daily.recordings = [self.said]
        daily.participants = {
            self.session: [
                {
                    "participant_id": one,
                    "user_id": f"user-{number}",
                    "user_name": f"{name} Person",
                    "join_time": 0,
                    "duration": 60,
                }
                for number, (one, name) in enumerate(zip(people, NAMES, strict=True))
            ]
        }
        self.daily_api = DailyAPI(base_url=daily.api_url, api_key=daily.key, interval=0)
        database = self.inbox.database
        client = Zulip(realm=zulip.url, email=zulip.email, api_key=zulip.key, timeout=2)
        self.messages, self.deliveries = Messages(database=database, zulip=client), Deliveries(database=database)
        self.catalogue, self.ledger = Catalogue(database=database), Ledger(database=database)
        self.leaving = OutgoingMode(page_url="https://reflector.example.com")

    def resources(self, **others: Any) -> dict[str, Any]:
        found = super().resources(
            source=Sources(
                imported=LocalFolder(store=self.store),
                daily=DailySource(api=self.daily_api, bucket=self.bucket, daily_domain=DOMAIN),
            ),
            messages=self.messages,
            deliveries=self.deliveries,
            leaving=self.leaving,
            webhook=Webhook(outgoing=Outgoing(allow_http=True, allowed_networks="127.0.0.0/8", timeout=2)),
        )
        return {**found, **others}

    @property
    def eraser(self) -> Eraser:
        resources = self.resources()
        names = ("source", "inbox", "messages", "call_cache", "leaving")
        return Eraser(self.instance, self.store, self.bucket, *(resources[name] for name in names))

    def arrive(self) -> None:
        """Have Daily's webhooks arrive, and people's statements."""
        joined: dict[str, Any] = {
            "room": self.room,
            "user_name": f"{NAMES[0]} Person",
            "session_id": "1",
            "joined_at": 1,
        }
        events: list[dict[str, Any]] = [
            ready_event(self.said),
            {"version": "1", "type": "participant.joined", "id": "joined", "payload": joined, "event_ts": 1},
        ]
        self.inbox.put([of_webhook(json.dumps(event).encode()) for event in events])
        self.inbox.settle([1, 2, 3], "accepted", "as it should")
        with self.inbox.database.begin() as connection:
            # They arrived while the meeting went on.
            connection.execute(sa.update(inbox).values(received_at=float(self.said["start_ts"])))
        described = judge_listed(json.dumps(self.said).encode(), DOMAIN, patience_over=True).recording
        assert described is not None
        self.consents.identify(Meeting.of(described))
        self.consents.record(self.id, NAMES[0], given=True)
        history = CorrectionHistory(database=self.inbox.database)
        history.add(self.id, [SetTitle(title=WORDS[0])], who=NAMES[1])
        self.consents.record(self.session, NAMES[1], given=True)
        Shares(database=self.inbox.database).create(self.id, 86400, f"account of {NAMES[0]}")

    def publish(self) -> None:
        """Publish to Zulip and to a webhook."""
        self.rooms.put(
            Room.model_validate(
                {
                    "name": base_name(self.room),
                    "zulip_stream": "general",
                    "zulip_auto_post": True,
                    "webhook_url": self.receiver.hook,
                }
            )
        )

    def list(self) -> None:
        """Bring catalogue and ledger up to date."""
        while not projections.catch_up(self.instance, self.store, self.catalogue, self.ledger, settled_after=0):
            pass

    def delete(self) -> Sequence[str]:
        self.eraser.deletions.request(self.id)
        return self.eraser.delete(self.id, 5)

    def places(self, words: Sequence[str] = WORDS) -> dict[str, set[str]]:
        """Search everything that is left of all parts for words; return where each was found."""
        found: dict[str, set[str]] = {word: set() for word in words}
        for path in self.home.rglob("*"):
            if path.is_file():
                content = path.read_bytes().lower()
                for word in words:
                    if word.encode() in content or word in path.name.lower():
                        found[word].add(str(path.relative_to(self.home)))
        return found


@contextmanager
def secret_meeting(home: Path) -> Iterator[SecretMeeting]:
    with ExitStack() as opened:
        gpu = opened.enter_context(GPUHost(words=spoken))
        daily = opened.enter_context(DailyHost(rate=None))
        zulip, receiver = opened.enter_context(ZulipHost()), opened.enter_context(WebhookHost())
        made = SecretMeeting(home, gpu, daily, zulip, receiver)
        opened.enter_context(made.instance)
        yield made
