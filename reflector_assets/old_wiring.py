"""Builds what connects to the old system from the settings, for the time in which both run."""

from functools import cache

from reflector_assets import wiring
from reflector_assets.env_secrets import pass_secret
from reflector_assets.settings.main import get_settings
from resources.llm.taken_over_texts import TakenOverTexts
from resources.llm.understanding import Understanding
from resources.old_system.client import OldSystem
from resources.old_system.contents import OldContents
from resources.old_system.database import OldDatabase
from resources.old_system.meetings import OldMeetings
from resources.old_system.relays import Relays
from resources.old_system.rooms import OldRooms
from resources.old_system.transcripts import OldTranscripts


@cache
def old_system() -> OldSystem:
    """Return the client of the old system, for the time in which both run."""
    settings = get_settings()
    return OldSystem(
        url=settings.old_url or "",
        api_key=pass_secret("REFLECTOR_OLD_API_KEY", settings.old_api_key),
        token=pass_secret("REFLECTOR_OLD_TOKEN", settings.old_token),
        secret=pass_secret("DAILY_WEBHOOK_SECRET", settings.daily_webhook_secret),
        pages_url=settings.old_pages_url or "",
    )


@cache
def old_database() -> OldDatabase:
    """Return the old system's database, which is read only."""
    return OldDatabase(url=pass_secret("REFLECTOR_OLD_DATABASE_URL", get_settings().old_database_url))


@cache
def old_transcripts() -> OldTranscripts:
    """Return the old system's transcripts, to compare with."""
    return OldTranscripts(system=old_system(), database=old_database())


@cache
def old_meetings() -> OldMeetings:
    """Return the old system's meetings, of which statements of consent have ids."""
    return OldMeetings(system=old_system(), database=old_database())


@cache
def old_rooms() -> OldRooms:
    """Return the old system's rooms, to take over."""
    return OldRooms(system=old_system())


@cache
def old_contents() -> OldContents:
    """Return the old system's transcripts, to take over."""
    return OldContents(system=old_system(), database=old_database())


@cache
def understanding() -> Understanding:
    """Return the generator of texts, which leaves those of the old system as they are."""
    return TakenOverTexts(inner=wiring.understanding(), store=wiring.store())


@cache
def relays() -> Relays:
    """Return the relay of Daily's webhooks to the old system."""
    return Relays(inbox=wiring.inbox(), deliveries=wiring.deliveries(), old=old_system())
