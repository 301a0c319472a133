"""Participants' consent to keep audio, and which recordings it is about, in the product's database."""

import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.consent import (
    DAY_S,
    MEETING_PATTERN,
    CopiedAnswer,
    Meeting,
    Statement,
    as_stored,
    could_be_about,
    latest_per_user,
)
from domain.errors import InvalidInput, NotFound
from domain.rooms import UUID_PATTERN, base_name
from resources.database.database import Database, fitting, storable
from resources.database.deletions import Deletions
from resources.database.rooms import Rooms
from resources.database.tables import aliases, consents, deletions, meetings

COLUMNS = [consents.c[name] for name in Statement._fields]
MEETING = [meetings.c[name] for name in Meeting._fields]
named = consents.c.meeting_id
# The condition under which a statement is about a meeting: a name or id of one meeting, or the room if it is asked for.
ABOUT = sa.or_(
    *(column == named for column in (meetings.c.recording_id, meetings.c.mtg_session_id, meetings.c.meeting_name)),
    sa.and_(meetings.c.meeting_name.is_not(None), meetings.c.room_id == named),
    sa.and_(consents.c.whole_room, sa.or_(meetings.c.room == named, meetings.c.room_id == named)),
)
# The same for a statement with another id of a meeting.
ALIASED = sa.and_(
    aliases.c.meeting_id == named,
    sa.or_(aliases.c.target == meetings.c.recording_id, aliases.c.target == meetings.c.meeting_name),
)


def _exists(*where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that a statement is about a meeting of which this holds."""
    # Two subqueries, as one with both conditions would use no index.
    direct = sa.select(1).select_from(meetings).where(ABOUT, *where)
    aliased = sa.select(1).select_from(sa.join(aliases, meetings, sa.true())).where(ALIASED, *where)
    return sa.or_(sa.exists(direct.correlate(consents)), sa.exists(aliased.correlate(consents)))


_later = consents.alias("later")
# Denials that the same person didn't replace, and those of them that match no recording and weren't dismissed.
DENIED = (
    sa.not_(consents.c.given),
    ~sa.exists().where(
        _later.c.meeting_id == named, _later.c.user_id == consents.c.user_id, _later.c.seq > consents.c.seq
    ),
)
UNMATCHED = (
    *DENIED,
    consents.c.dismissed_at.is_(None),
    ~sa.exists().where(deletions.c.recording_id == named),
    ~_exists(),
)


class Consents(ConfigurableResource[Any]):
    """Consent statements, and the names and ids of each recording's meeting."""

    database: Database

    def record(self, meeting_id: str, user_id: str | None, *, given: bool, whole_room: bool = False) -> Statement:
        """Store a statement; raises InvalidInput for a `whole_room` with the name of a single meeting."""
        if whole_room and base_name(meeting_id) != meeting_id:
            raise InvalidInput(f"{meeting_id} names one meeting, not a room", hint="Leave out the time in its name.")
        values: dict[str, Any] = {
            "meeting_id": as_stored(meeting_id),
            "user_id": user_id or "",
            "given": given,
            "said_at": time.time(),
            "whole_room": whole_room,
        }
        with self.database.begin() as connection:
            self.database.commit_in_order(connection, consents)
            return Statement(*connection.execute(sa.insert(consents).values(values).returning(*COLUMNS)).one())

    def copy_answers(self, answers: Sequence[CopiedAnswer]) -> int:
        """Store answers from another system that aren't stored yet; return how many are new.

        Their meetings' names are Daily's full ones, so they never count as unmatched: many meetings aren't recorded.
        """
        rows: list[dict[str, Any]] = [
            {
                "source": one.source,
                "meeting_id": fitting(one.meeting_name, consents.c.meeting_id),
                "user_id": fitting(one.user_id, consents.c.user_id),
                "given": one.given,
                "said_at": one.said_at,
                "dismissed_at": time.time(),
            }
            for one in answers
        ]
        new = 0
        with self.database.begin() as connection:
            self.database.commit_in_order(connection, consents)
            for row in rows:
                new += connection.execute(self.database.insert(consents).values(row).on_conflict_do_nothing()).rowcount
        return new

    def statements(self, meeting_id: str) -> list[Statement]:
        """Return the latest statement of each person that names this meeting, or is about this recording."""
        return latest_per_user(self.history(meeting_id))

    def of_recording(self, recording_id: str, mtg_session_id: str | None = None) -> list[Statement]:
        """Return the latest statement of each person that is about a recording or its meeting session."""
        return latest_per_user([*self.history(recording_id), *self._naming(mtg_session_id or recording_id)])

    def history(self, recording_id: str) -> list[Statement]:
        """Return all statements that are about a recording or name it, in order."""
        of = _exists(meetings.c.recording_id == recording_id)
        return self._statements(sa.or_(named == as_stored(recording_id), of))

    def denials(self, recording_id: str, mtg_session_id: str | None = None) -> list[Statement]:
        """Return the denials among the latest statements; one is enough to delete the audio."""
        return [one for one in self.of_recording(recording_id, mtg_session_id) if not one.given]

    def after(self, seq: int, limit: int = 200) -> list[Statement]:
        """Return the next statements after a number, in order."""
        return self._statements(consents.c.seq > seq, limit=limit)

    def recordings_of(self, meeting_id: str) -> list[str]:
        """Return the ids of the known recordings that statements which name this meeting are about, sorted."""
        found = sa.select(meetings.c.recording_id).where(named == as_stored(meeting_id))
        direct = found.join_from(consents, meetings, ABOUT)
        aliased = found.where(ALIASED).select_from(consents).join(aliases, sa.true()).join(meetings, sa.true())
        with self.database.begin() as connection:
            return sorted(connection.scalars(sa.union(direct, aliased)))

    def identify(self, meeting: Meeting) -> None:
        """Store by what a recording's meeting can be named; unusable ids are left out, and ids that are known stay.

        Without a time of its start, the meeting counts as begun when it became known.
        """
        meeting = _usable(meeting)
        known = self.meeting(meeting.recording_id)
        if known is not None and known.update(meeting) == known:
            return
        started_at = meeting.started_at or (known and known.started_at) or time.time()
        newest = sa.select(sa.func.coalesce(sa.func.max(meetings.c.revision), 0) + 1).scalar_subquery()
        with self.database.begin() as connection:
            self.database.commit_in_order(connection, meetings)
            insert = self.database.insert(meetings).values(
                {**meeting._asdict(), "started_at": started_at, "revision": newest}
            )
            # Another process may have stored another id meanwhile.
            changed: dict[str, Any] = {
                name: sa.func.coalesce(insert.excluded[name], meetings.c[name]) for name in Meeting._fields
            }
            changed["revision"] = insert.excluded.revision
            connection.execute(insert.on_conflict_do_update(index_elements=["recording_id"], set_=changed))
            if (spelled := as_stored(meeting.recording_id)) != meeting.recording_id:
                self._add_alias(connection, spelled, meeting.recording_id)

    def add_alias(self, meeting_id: str, target: str) -> None:
        """Store what another id of a meeting means: a recording, or a meeting's full name; recordings may follow."""
        about = sa.or_(meetings.c.recording_id == target, meetings.c.meeting_name == target)
        newest = sa.select(sa.func.max(meetings.c.revision) + 1).scalar_subquery()
        with self.database.begin() as connection:
            self.database.commit_in_order(connection, meetings)
            if self._add_alias(connection, as_stored(meeting_id), target):
                connection.execute(sa.update(meetings).where(about).values(revision=newest))

    def _add_alias(self, connection: sa.Connection, meeting_id: str, target: str) -> bool:
        row: dict[str, Any] = {"meeting_id": meeting_id, "target": fitting(target, aliases.c.target)}
        return bool(connection.execute(self.database.insert(aliases).values(row).on_conflict_do_nothing()).rowcount)

    def unknown_ids(self) -> list[Statement]:
        """Return the unmatched denials that name a UUID which isn't known to mean a meeting, oldest first."""
        named_ids = [one for one in self.unmatched() if re.fullmatch(UUID_PATTERN, one.meeting_id)]
        with self.database.begin() as connection:
            known = set(connection.scalars(sa.select(aliases.c.meeting_id)))
        return [one for one in named_ids if one.meeting_id not in known]

    def rooms_near(self, at: float, limit: int) -> list[str]:
        """Return the rooms of recordings that began nearest to a time (seconds since the epoch), nearest first."""
        distance = sa.func.min(sa.func.abs(meetings.c.started_at - at))
        query = sa.select(meetings.c.room).where(meetings.c.room.is_not(None)).group_by(meetings.c.room)
        with self.database.begin() as connection:
            return [room for room in connection.scalars(query.order_by(distance).limit(limit)) if room]

    def meeting(self, recording_id: str) -> Meeting | None:
        """Return by what a recording's meeting can be named; None if the recording isn't known."""
        with self.database.begin() as connection:
            row = connection.execute(sa.select(*MEETING).where(meetings.c.recording_id == recording_id)).one_or_none()
        return Meeting(*row) if row else None

    def identified_after(self, revision: int, limit: int = 200) -> list[tuple[str, int]]:
        """Return the recordings whose ids changed after a revision, with the revisions, in order."""
        query = sa.select(meetings.c.recording_id, meetings.c.revision).where(meetings.c.revision > revision)
        with self.database.begin() as connection:
            return [(row[0], row[1]) for row in connection.execute(query.order_by(meetings.c.revision).limit(limit))]

    def is_matched(self, meeting_id: str) -> bool:
        """Return True if statements that name this meeting are about a known recording, or one that was deleted."""
        return bool(self.recordings_of(meeting_id)) or Deletions(database=self.database).get(meeting_id) is not None

    def unmatched(self) -> list[Statement]:
        """Return the denials that are about no known recording, oldest first."""
        return self._statements(*UNMATCHED)

    def all_denials(self) -> list[Statement]:
        """Return the denials that the same person didn't replace, oldest first."""
        return self._statements(*DENIED)

    def assign(self, meeting_id: str, recording_id: str) -> None:
        """Declare that statements which name this meeting are about a recording; raises NotFound."""
        if self.meeting(recording_id) is None:
            raise NotFound("there is no such recording", recording=recording_id)
        self.add_alias(meeting_id, recording_id)

    def dismiss(self, meeting_id: str) -> int:
        """Declare that the unmatched denials which name this meeting are about no recording; return their number."""
        ids = [one.seq for one in self.unmatched() if one.meeting_id == as_stored(meeting_id)]
        change = sa.update(consents).where(consents.c.seq.in_(ids)).values(dismissed_at=time.time())
        with self.database.begin() as connection:
            return connection.execute(change).rowcount

    def erase(self, recording_id: str) -> int:
        """Delete by what a recording's meeting can be named, and the statements about this recording alone.

        Those about other recordings, too, stay; return their number. Of those that name a meeting of which no other
        recording is known, but which may have one, the denials stay, and so do those that were copied from another
        system, with a random name in place of the person's.
        """
        about = self.history(recording_id)
        whole = {one.meeting_id for one in about if one.whole_room}
        names = {one.meeting_id for one in about} - whole
        shared = (whole | {name for name in names if len(self.recordings_of(name)) > 1}) - {recording_id}
        own = [one for one in about if one.meeting_id not in shared]
        # In order, so that each person's last statement under a name remains.
        last = {(one.meeting_id, one.user_id): one for one in own}.values()
        stay = {one.seq for one in last if not one.given and one.meeting_id != recording_id}
        seqs = [one.seq for one in own]
        with self.database.begin() as connection:
            # What is copied from another system would be copied again.
            copied = sa.select(consents.c.seq).where(consents.c.seq.in_(seqs), consents.c.source.is_not(None))
            stay.update(connection.scalars(copied))
            gone = [seq for seq in seqs if seq not in stay]
            connection.execute(sa.delete(consents).where(consents.c.seq.in_(gone)))
            for seq in stay:
                # Nobody has to look for its recording.
                nameless: dict[str, Any] = {"user_id": secrets.token_hex(8), "dismissed_at": time.time()}
                connection.execute(sa.update(consents).where(consents.c.seq == seq).values(nameless))
            name = sa.select(meetings.c.meeting_name).where(meetings.c.recording_id == recording_id)
            target, meeting_name = aliases.c.target, connection.scalar(name)
            connection.execute(sa.delete(meetings).where(meetings.c.recording_id == recording_id))
            is_used = sa.or_(
                sa.exists().where(meetings.c.meeting_name == target), aliases.c.meeting_id.in_(sa.select(named))
            )
            gone = sa.or_(target == recording_id, sa.and_(target == meeting_name, ~is_used))
            connection.execute(sa.delete(aliases).where(gone))
        return len(about) - len(own)

    def holding(self, recording_id: str) -> list[Statement]:
        """Return the unmatched denials that could be about a recording, which isn't published while there are any.

        None hold a recording whose audio is denied anyway, or whose room needs no consent.
        """
        unmatched = self.unmatched()
        if not unmatched or (meeting := self.meeting(recording_id)) is None:
            return []
        holding = [one for one, full in self._as_named(unmatched) if could_be_about(full, meeting)]
        if not holding or self.denials(recording_id):
            return []
        room = Rooms(database=self.database).of_meeting(meeting.meeting_name or meeting.room or "")
        return [] if room and room.skip_consent else holding

    def candidates(self) -> list[str]:
        """Return the recordings that an unmatched denial could be about, if more of their ids were known."""
        unmatched = self.unmatched()
        if not unmatched:
            return []
        first, last = (pick(one.said_at for one in unmatched) for pick in (min, max))
        near = meetings.c.started_at.between(first - DAY_S, last + DAY_S)
        with self.database.begin() as connection:
            found = [Meeting(*row) for row in connection.execute(sa.select(*MEETING).where(near))]
        ids = [one for one in found if one.mtg_session_id is None or one.room_id is None]
        denials = [full for _, full in self._as_named(unmatched)]
        return [one.recording_id for one in ids if any(could_be_about(denial, one) for denial in denials)]

    def set_held(self, recording_id: str, *, held: bool) -> None:
        """Record whether a recording isn't published because of an unmatched denial."""
        change = sa.update(meetings).where(meetings.c.recording_id == recording_id)
        unset = meetings.c.held_at.is_(None)
        with self.database.begin() as connection:
            if held:
                connection.execute(change.where(unset).values(held_at=time.time()))
            else:
                connection.execute(change.where(~unset).values(held_at=None))

    def held(self) -> dict[str, float]:
        """Return the recordings that aren't published because of an unmatched denial, and since when."""
        query = sa.select(meetings.c.recording_id, meetings.c.held_at).where(meetings.c.held_at.is_not(None))
        with self.database.begin() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _as_named(self, statements: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
        """Return each statement, and the same with the meeting's full name in place of another id, if that is known."""
        ids = [one.meeting_id for one in statements]
        query = sa.select(aliases.c.meeting_id, aliases.c.target).where(aliases.c.meeting_id.in_(ids))
        with self.database.begin() as connection:
            known = {row[0]: row[1] for row in connection.execute(query)}
        return [(one, one._replace(meeting_id=known.get(one.meeting_id, one.meeting_id))) for one in statements]

    def _naming(self, meeting_id: str) -> list[Statement]:
        return self._statements(named == as_stored(meeting_id))

    def _statements(self, *where: sa.ColumnElement[bool], limit: int | None = None) -> list[Statement]:
        query = sa.select(*COLUMNS).where(*where).order_by(consents.c.seq).limit(limit)
        with self.database.begin() as connection:
            return [Statement(*row) for row in connection.execute(query)]


def _usable(meeting: Meeting) -> Meeting:
    """Return the meeting with texts that a database can store, without ids that no statement can name."""
    session, room_id = (
        as_stored(one) if one and MEETING_PATTERN.fullmatch(one) else None
        for one in (meeting.mtg_session_id, meeting.room_id)
    )
    room, name = storable(meeting.room), storable(meeting.meeting_name)
    return meeting._replace(room=room, meeting_name=name, mtg_session_id=session, room_id=room_id)
