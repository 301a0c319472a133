"""A denial that matches no recording yet holds back what it could be about, and is fulfilled when its id is known."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.consent import Meeting
from domain.rooms import Room
from reflector_assets.settings.main import Settings
from resources.daily.api import DailyAPI
from resources.outgoing.http import Outgoing
from resources.outgoing.webhook import Webhook
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from sensors import unmatched
from testing.hosts.daily_host import DailyHost
from testing.hosts.webhook_host import WebhookHost
from testing.hosts.zulip_host import ZulipHost
from tests.consent.test_sensor import Follower
from tests.consent.world import World, world

pytestmark = pytest.mark.slow(10)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A recording of today whose session Daily doesn't tell."""
    with world(tmp_path) as made:
        made.said |= {"mtgSessionId": None, "start_ts": int(time.time()) - 600}
        made.inbox.update_body(1, json.dumps(made.said).encode())
        yield made


def test_it_is_published_once_the_denial_is_known_to_be_about_another(here: World) -> None:
    follower = Follower(here)
    with WebhookHost() as receiver:
        here.rooms.put(Room(name=here.room.rsplit("-", 1)[0], webhook_url=receiver.hook))
        webhook = Webhook(outgoing=Outgoing(allow_http=True, allowed_networks="127.0.0.0/8"))
        here.deny(here.session, "ann")
        assert here.run(webhook=webhook).success
        assert "could be about this one" in here.cleanup()["reason"]
        assert receiver.requests == []
        assert follower.tick(webhook=webhook) == []
        here.consents.identify(Meeting("another", mtg_session_id=here.session))
        assert follower.tick(webhook=webhook) == [here.id]
        assert len(receiver.requests) == 1
        assert follower.tick(webhook=webhook) == []
    assert here.consents.held() == {}
    assert here.cleanup()["value"] == {"audio_deleted": False, "reason": None}


def test_its_session_arrives_late_and_the_audio_goes(here: World) -> None:
    follower = Follower(here)
    here.deny(here.session, "ann")
    assert here.run().success
    assert here.cleanup()["value"]["audio_deleted"] is False
    assert follower.tick() == []
    here.consents.identify(Meeting(here.id, mtg_session_id=here.session))
    assert follower.tick() == [here.id]
    assert here.cleanup()["value"] == {"audio_deleted": True, "reason": "consent was denied"}
    assert here.sound() == []
    assert follower.tick() == []


def test_an_older_denial_that_matches_late_is_not_taken_for_fulfilled(here: World) -> None:
    follower = Follower(here)
    here.deny(here.session, "ann")
    here.consents.record(here.id, "ben", given=True)
    assert here.run().success
    assert here.cleanup()["last_statement"] == 2
    here.consents.identify(Meeting(here.id, mtg_session_id=here.session))
    assert follower.tick() == [here.id]
    assert here.sound() == []


def test_daily_is_asked_for_the_ids(here: World) -> None:
    room_id = "5" * 8 + here.session[8:]
    with DailyHost(rate=None, recordings=[here.said], rooms={here.room: room_id}) as daily:
        here.daily_api = DailyAPI(base_url=daily.api_url, api_key=daily.key, interval=0)
        here.deny(room_id, "ann")
        assert here.run(["recording", "consent_cleanup"]).success
    assert here.cleanup()["value"]["audio_deleted"] is True
    assert here.sound() == []


def test_the_sensor_asks_daily_for_ids_that_it_gave_nobody_before(here: World) -> None:
    assert here.run(["recording", "consent_cleanup"]).success
    here.deny(here.session, "ann")
    with DailyHost(rate=None, recordings=[{**here.said, "mtgSessionId": here.session}]) as daily:
        here.daily_api = DailyAPI(base_url=daily.api_url, api_key=daily.key, interval=0)
        assert Follower(here).tick() == [here.id]
    assert here.sound() == []


def test_operators_are_notified_once(here: World) -> None:
    here.deny("nowhere", "ann")
    with ZulipHost() as zulip:
        posting = Zulip(realm=zulip.url, email=zulip.email, api_key=zulip.key)
        settings = Settings.model_validate({"ZULIP_DAG_STREAM": zulip.streams[0], **zulip.env})
        resources: dict[str, Any] = {
            "consents": here.consents,
            "messages": Messages(database=here.consents.database, zulip=posting),
        }

        def tick(after: float) -> str:
            with dg.build_sensor_context(here.instance, resources=resources) as context:
                result = unmatched.build(settings, after)(context)
            assert isinstance(result, dg.SkipReason)
            return result.skip_message or ""

        assert "is new" in tick(unmatched.TELL_AFTER_S)
        assert "1 denials match no recording" in tick(0)
        assert "1 denials match no recording" in tick(0)
        [message] = zulip.messages.values()
        assert "nowhere" in message.content
        assert "ann" not in message.content
        # Zulip refuses a message: the others go on.
        zulip.fail(1, 400, "no", when=lambda call: call.method == "POST")
        for name in ("refused", "elsewhere"):
            here.deny(name, "ann")
        tick(0)
        assert ["elsewhere" in one.content for one in zulip.messages.values()] == [False, True]
