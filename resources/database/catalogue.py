"""The catalogue: all recordings in the order of their addition, and full-text search over title, room and text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR

from domain.text.search import by_first_letter, excerpt, first_letters, words_of
from resources.database.database import Database, storable
from resources.database.deletions import without_deleted
from resources.database.positions import advance_position
from resources.database.tables import catalogue, projections

PARTITIONS, RECORDING, TRANSCRIPT, WORDS = "partitions", "recording", "transcript", "words"
CORRECTED = "corrections"
# PostgreSQL's planner doesn't count what reading a long row of words costs, and would rather read them all.
BY_WORDS = sa.select(*(sa.func.set_config(f"enable_{kind}", "off", True) for kind in ("seqscan", "indexscan")))
# An ordinary table in PostgreSQL, an FTS5 table in SQLite; rows have the catalogue's numbers.
_words = sa.table("catalogue_words", sa.column("seq"), sa.column("words", TSVECTOR))
_fts = sa.table("catalogue_words", sa.column("rowid"), sa.column("words"))


class RecordingInfo(NamedTuple):
    """A recording before it has a transcript: `started_at` in epoch seconds, `duration` in seconds."""

    recording_id: str
    room: str | None
    started_at: float | None
    duration: float | None


class Indexed(NamedTuple):
    """What a row of the catalogue has: a transcript's data version, and the number of the last correction."""

    version: str | None = None
    corrected: int = 0


class IndexedTranscript(NamedTuple):
    """A transcript for the search index. Times as in `RecordingInfo`.

    `version` is its data version, None if that isn't known; `corrected` is the number of the last correction in it.
    """

    recording_id: str
    version: str | None
    room: str
    title: str
    started_at: float | None
    duration: float
    text: str
    corrected: int = 0


class CatalogueRow(NamedTuple):
    """A recording as the catalogue describes it: all but the id is None until it is known.

    Times as in `RecordingInfo`; `version` is the transcript's data version, `excerpt` the text around the first match
    of a search, and `marks` the ranges of it that match.
    """

    recording_id: str
    room: str | None = None
    title: str | None = None
    started_at: float | None = None
    duration: float | None = None
    version: str | None = None
    excerpt: str | None = None
    marks: tuple[tuple[int, int], ...] = ()


class SearchPage(NamedTuple):
    """One page of recordings, newest first, and the `total` number on all pages."""

    total: int
    items: list[CatalogueRow]


class Catalogue(ConfigurableResource[Any]):
    """The catalogue in the product's database; every call is one transaction."""

    database: Database

    def partitions_cursor(self) -> str | None:
        """Return the cursor of the list of partitions as passed to `add`; None before the first call."""
        with self.database.begin() as connection:
            return connection.scalar(sa.select(projections.c.page).where(projections.c.name == PARTITIONS))

    def add(self, recording_ids: Sequence[str], page: str) -> None:
        """Append recordings in this order, except those already in the catalogue, and store the cursor `page`."""
        at = self.database.insert(projections).values(name=PARTITIONS, page=page)
        with self.database.begin() as connection:
            connection.execute(at.on_conflict_do_update(index_elements=["name"], set_={"page": page}))
            recording_ids = without_deleted(connection, recording_ids)
            if recording_ids:
                rows = [{"recording_id": one} for one in recording_ids]
                connection.execute(self.database.insert(catalogue).on_conflict_do_nothing(), rows)

    def describe(self, described: Sequence[RecordingInfo], storage_id: int) -> None:
        """Store descriptions of recordings, and that Dagster's events were read up to `storage_id`."""
        with self.database.begin() as connection:
            advance_position(self.database, connection, RECORDING, storage_id)
            # Of several descriptions of a recording, the last one wins.
            known: dict[str, dict[str, Any]] = {
                one.recording_id: {**one._asdict(), "room": storable(one.room)} for one in described
            }
            known = {one: known[one] for one in without_deleted(connection, list(known))}
            if known:
                row = self.database.insert(catalogue)
                changed = {name: row.excluded[name] for name in RecordingInfo._fields}
                put = row.on_conflict_do_update(index_elements=["recording_id"], set_=changed)
                connection.execute(put, list(known.values()))

    def indexed(self, recording_id: str) -> Indexed:
        """Return which transcript of a recording is indexed, and with which corrections."""
        query = sa.select(catalogue.c.version, catalogue.c.corrected)
        with self.database.begin() as connection:
            found = connection.execute(query.where(catalogue.c.recording_id == recording_id)).first()
        return Indexed(*found) if found else Indexed()

    def index(self, new: IndexedTranscript, before: Indexed | None = None) -> bool:
        """Replace a recording's indexed transcript, only if that is still the one `before`, if given.

        Otherwise another process indexed newer files or corrections meanwhile, and this returns False.
        """
        words = words_of(new.title, new.room, new.text)
        with self.database.begin() as connection:
            # First, so that `erase` knows when updates that read the requests before it are over.
            advance_position(self.database, connection, TRANSCRIPT, 0)
            if not without_deleted(connection, [new.recording_id]):
                return True
            known: dict[str, Any] = {
                **new._asdict(),
                **{name: storable(getattr(new, name)) for name in ("room", "title", "text")},
            }
            row = self.database.insert(catalogue).values(known)
            changed = {name: value for name, value in known.items() if value is not None or name != "version"}
            put = row.on_conflict_do_update(index_elements=["recording_id"], set_=changed, where=_same(before))
            seq = connection.scalar(put.returning(catalogue.c.seq))
            if seq is not None:
                self._put_words(connection, seq, words)
            return seq is not None

    def advance(self, name: str, position: int) -> None:
        """Store that the events of a kind were read up to a position."""
        with self.database.begin() as connection:
            advance_position(self.database, connection, name, position)

    def erase(self, recording_id: str) -> None:
        """Delete a recording whose deletion was requested; a concurrent update doesn't add it again."""
        with self.database.begin() as connection:
            for name in (RECORDING, TRANSCRIPT):
                # Updates that read the requests before this one are over.
                advance_position(self.database, connection, name, 0)
            seq = connection.scalar(sa.select(catalogue.c.seq).where(catalogue.c.recording_id == recording_id))
            if seq is None:
                return
            self._delete_words(connection, seq)
            connection.execute(sa.delete(catalogue).where(catalogue.c.seq == seq))
            if not self._is_postgresql:
                # FTS5 marks words as deleted, and removes them when it merges the parts of the index.
                connection.execute(sa.text("INSERT INTO catalogue_words(catalogue_words) VALUES ('optimize')"))

    def search(self, query: str, page: int = 1, size: int = 20) -> SearchPage:
        """Return a page, counted from 1, of recordings with all words of the query, or words that begin with them.

        A query without words matches all recordings.
        """
        return self.filtered(query, (page - 1) * size, size)

    def filtered(
        self,
        query: str,
        offset: int,
        limit: int,
        *,
        room: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> SearchPage:
        """Return up to `limit` recordings from `offset` on as `search` does, and their total number.

        Only those of a room, by its base name, and started within these times, in seconds since the epoch.
        """
        wanted, at = words_of(query, query=True), catalogue.c.started_at
        where: list[sa.ColumnElement[bool]] = []
        if room is not None:
            of_meeting = catalogue.c.room.like(f"{room.replace('_', '!_').replace('%', '!%')}-{'_' * 14}", escape="!")
            where.append(sa.or_(catalogue.c.room == room, sa.and_(of_meeting, self._is_timed())))
        where += [at >= since] if since is not None else []
        where += [at <= until] if until is not None else []
        matching = sa.select(catalogue.c.seq).where(*where)
        if wanted:
            # Without the catalogue's rows, counting all that match a common word takes a hundredth of the time.
            spoken = self._with_words(wanted)
            number = spoken.selected_columns[0]
            # "+ 0": SQLite would look up the words of each row by its number.
            matching = spoken.where((number + 0).in_(matching)) if where else spoken
        columns = [catalogue.c[name] for name in CatalogueRow._fields[:-2]]
        rows = sa.select(*columns, catalogue.c.text if wanted else sa.null()).order_by(catalogue.c.seq.desc())
        with self.database.begin() as connection:
            if wanted and self._is_postgresql:
                connection.execute(BY_WORDS)
            numbered = connection.execute(self._page(matching, offset, limit)).all()
            total = numbered[0].total
            numbers = [one.number for one in numbered if one.number is not None]
            found = connection.execute(rows.where(catalogue.c.seq.in_(numbers))).all()
        items: list[CatalogueRow] = []
        for *values, text in found:
            found_at = excerpt(text or "", wanted)
            row = CatalogueRow(*values)
            items.append(row._replace(excerpt=found_at.text, marks=found_at.marks) if found_at else row)
        return SearchPage(total, items)

    def _page(self, matching: sa.Select[Any], offset: int, limit: int) -> sa.Select[Any, Any]:
        """Select the number of all matching rows beside the highest of their numbers."""
        # PostgreSQL reads them once; SQLite counts without a copy, and stops reading at the last of the page.
        all_ = matching.cte("matching") if self._is_postgresql else matching.subquery()
        number = all_.columns[0]
        shown = sa.select(number.label("number")).order_by(number.desc()).limit(limit).offset(offset).subquery()
        counted = sa.select(sa.func.count().label("total")).select_from(all_).subquery()
        return sa.select(counted.c.total, shown.c.number).select_from(counted.outerjoin(shown, sa.true()))

    def reindex(self, limit: int) -> bool:
        """Index the words of at most `limit` stored texts, newest first, after an upgrade; return True if none is left.

        The migration that changes the words' form stores where this begins: behind the newest recording.
        """
        place = projections.c.name == WORDS
        with self.database.begin() as connection:
            if connection.scalar(sa.select(projections.c.storage_id).where(place)) is None:
                return True
            # A write first: no other transaction changes texts or words until the end of this piece.
            claim = sa.update(projections).values(storage_id=projections.c.storage_id).where(place)
            before = connection.scalar(claim.returning(projections.c.storage_id))
            texts = sa.select(catalogue.c.seq, catalogue.c.title, catalogue.c.room, catalogue.c.text).with_for_update()
            texts = texts.where(catalogue.c.seq < before, catalogue.c.version.is_not(None))
            rows = connection.execute(texts.order_by(catalogue.c.seq.desc()).limit(limit)).all()
            for seq, *parts in rows:
                self._put_words(connection, seq, words_of(*(part or "" for part in parts)))
            done = sa.update(projections).values(storage_id=rows[-1].seq) if rows else sa.delete(projections)
            connection.execute(done.where(place))
            return not rows

    def rooms(self) -> list[str]:
        """Return the base names of all meetings' rooms."""
        room = catalogue.c.room
        base = sa.case((self._is_timed(), sa.func.substr(room, 1, sa.func.length(room) - 15)), else_=room)
        with self.database.begin() as connection:
            return list(connection.scalars(sa.select(base).distinct().where(room.is_not(None))))

    def count(self) -> int:
        """Return the number of recordings, including retired ones."""
        with self.database.begin() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(catalogue)) or 0

    def without_transcript(self) -> set[str]:
        """Return the recordings without a transcript; there are few, so this stays fast."""
        query = sa.select(catalogue.c.recording_id).where(catalogue.c.version.is_(None))
        with self.database.begin() as connection:
            return set(connection.scalars(query))

    def clear(self) -> None:
        """Delete all rows and read positions; the next update rebuilds the catalogue from the beginning."""
        with self.database.begin() as connection:
            names = (PARTITIONS, RECORDING, TRANSCRIPT, WORDS, CORRECTED)
            connection.execute(sa.delete(projections).where(projections.c.name.in_(names)))
            connection.execute(sa.delete(_words))
            connection.execute(sa.delete(catalogue))

    @property
    def _is_postgresql(self) -> bool:
        return self.database.engine.dialect.name == "postgresql"

    def _is_timed(self) -> sa.ColumnElement[bool]:
        """Match rooms of meetings, whose names end with the 14 digits of a time."""
        if self._is_postgresql:
            return catalogue.c.room.op("~")("-[0-9]{14}$")
        return catalogue.c.room.op("GLOB")("*-" + "[0-9]" * 14)

    def _delete_words(self, connection: sa.Connection, seq: int) -> None:
        table, number = (_words, _words.c.seq) if self._is_postgresql else (_fts, _fts.c.rowid)
        connection.execute(sa.delete(table).where(number == seq))

    def _put_words(self, connection: sa.Connection, seq: int, words: Sequence[str]) -> None:
        self._delete_words(connection, seq)
        if self._is_postgresql:
            # Not to_tsvector, whose parser treats numbers, addresses and paths specially.
            lexemes = sa.func.array_to_tsvector(sa.cast([*words, *first_letters(words)], ARRAY(sa.Text)))
            connection.execute(sa.insert(_words).values(seq=seq, words=lexemes))
        else:
            connection.execute(sa.insert(_fts).values(rowid=seq, words=" ".join(words)))

    def _with_words(self, wanted: Sequence[str]) -> sa.Select[Any]:
        """Select the numbers of rows with all wanted words, which have no quotes to escape."""
        if self._is_postgresql:
            # Merging the rows of all words that begin with a letter takes long; SQLite's index has them.
            query = sa.cast(" & ".join(f"'{by_first_letter(word)}':*" for word in wanted), TSQUERY)
            return sa.select(_words.c.seq).where(_words.c.words.op("@@")(query))
        query = " AND ".join(f'"{word}"*' for word in wanted)
        return sa.select(_fts.c.rowid).where(sa.literal_column("catalogue_words").op("MATCH")(query))


def _same(before: Indexed | None) -> sa.ColumnElement[bool]:
    if before is None:
        return sa.true()
    return sa.and_(catalogue.c.version.is_not_distinct_from(before.version), catalogue.c.corrected == before.corrected)
