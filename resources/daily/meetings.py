"""The ids of a recording's meeting that Daily gives late, or only on request."""

import logging
from contextlib import suppress

from domain.consent import Meeting
from domain.errors import InvalidInput, NotFound, ReflectorError
from resources.daily.api import DailyAPI
from resources.database.consents import Consents

log = logging.getLogger(__name__)


def learn_ids(api: DailyAPI, consents: Consents, recording_id: str) -> None:
    """Ask Daily for the session and the room's id of a recording where they aren't known, and store them.

    Needs a key; what Daily doesn't answer stays unknown.
    """
    meeting = consents.meeting(recording_id)
    if meeting is None or not api.is_set:
        return
    session, room_id = meeting.mtg_session_id, meeting.room_id
    room = meeting.meeting_name or meeting.room
    try:
        if session is None:
            with suppress(NotFound, InvalidInput):
                session = api.recording(recording_id).mtg_session_id
        if room_id is None and room is not None:
            room_id = api.room_id(room)
    except ReflectorError as error:
        log.warning("the ids of a meeting aren't known: %s", error.at(recording=recording_id))
    consents.identify(Meeting(recording_id, mtg_session_id=session, room_id=room_id))
