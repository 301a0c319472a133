"""The tables of the product's database; changes to them are migrations in migrations/versions/."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows itself only if the key is a plain INTEGER.
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

inbox = sa.Table(
    "inbox",
    metadata,
    # The order of arrival.
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    # Identifies an arrival: the event's id, or the recording's if it was polled.
    sa.Column("key", sa.String(300), nullable=False, unique=True),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("event_type", sa.String(100)),
    sa.Column("recording_id", sa.String(100), index=True),
    # As received, so that it can be judged again.
    sa.Column("body", sa.LargeBinary, nullable=False),
    # Seconds since the epoch, like all times here.
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, server_default="received"),
    sa.Column("reason", sa.Text),
    sa.Column("settled_at", sa.Double),
    # Number of requests to Daily about an unfinished recording, and the time of the next one.
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("ask_at", sa.Double),
    sa.Index("ix_inbox_state_seq", "state", "seq"),
    sqlite_autoincrement=True,
)

# One row: progress of reading Daily's list of recordings; `known_to` is null if no poll is in progress.
sweep = sa.Table(
    "sweep",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("known_to", Number),
    sa.Column("after", sa.String(300)),
    # Daily's Retry-After as a time.
    sa.Column("not_before", sa.Double, nullable=False, server_default="0"),
)

rooms = sa.Table(
    "rooms",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("language", sa.String(10)),
    # Terms separated by commas.
    sa.Column("vocabulary", sa.Text),
    sa.Column("webhook_url", sa.Text),
    sa.Column("webhook_secret", sa.Text),
    sa.Column("zulip_stream", sa.String(200)),
    sa.Column("zulip_topic", sa.String(200)),
    sa.Column("zulip_auto_post", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    sa.Column("skip_consent", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    # Its UUID in the old system.
    sa.Column("old_id", sa.String(36)),
    # When generated texts follow corrections: at_once, on_request or never.
    sa.Column("texts_after_names", sa.String(20), nullable=False, server_default="at_once"),
    sa.Column("texts_after_words", sa.String(20), nullable=False, server_default="on_request"),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    # What the statement names: a recording, a meeting or a room.
    sa.Column("meeting_id", sa.String(128), nullable=False, index=True),
    # A person's latest statement counts; statements without an id count as one person's.
    sa.Column("user_id", sa.String(200), nullable=False),
    sa.Column("given", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("said_at", sa.Double, nullable=False),
    # About all meetings of the room that it names.
    sa.Column("whole_room", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    # Set for a denial that an operator declared to be about no recording here, and for answers that were copied.
    sa.Column("dismissed_at", sa.Double),
    # Identifies an answer that was copied from the old system.
    sa.Column("source", sa.String(200)),
    sqlite_autoincrement=True,
)

sa.Index("ix_consents_source", consents.c.source, unique=True)

# By what statements can name the meeting of each recording; a meeting can have many recordings.
meetings = sa.Table(
    "meetings",
    metadata,
    sa.Column("recording_id", sa.String(100), primary_key=True),
    # The room's base name, and its full name if that has the meeting's time.
    sa.Column("room", sa.Text, index=True),
    sa.Column("meeting_name", sa.Text, index=True),
    sa.Column("started_at", sa.Double, index=True),
    sa.Column("mtg_session_id", sa.String(128), index=True),
    sa.Column("room_id", sa.String(128), index=True),
    # Set while the recording isn't published, because an unmatched denial could be about it.
    sa.Column("held_at", sa.Double, index=True),
    # Grows with every change of an id, so that readers find changed rows.
    sa.Column("revision", Number, nullable=False, index=True),
)

# What other ids in statements mean, such as those of the old system's meetings: a recording, or a meeting's full name.
aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("meeting_id", sa.String(128), primary_key=True),
    sa.Column("target", sa.String(300), primary_key=True, index=True),
)

# Tokens of the HTTP API, besides the one in the settings; revoked ones have no row.
tokens = sa.Table(
    "tokens",
    metadata,
    # SHA-256; the token itself is stored nowhere.
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("scope", sa.String(10), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
)

# Links that let everyone who has them read one transcript; those that were withdrawn have no row.
shares = sa.Table(
    "shares",
    metadata,
    # SHA-256; the link's token is stored nowhere.
    sa.Column("share_hash", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(20), nullable=False, unique=True),
    sa.Column("recording_id", sa.String(100), nullable=False, index=True),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

# Sessions of the pages; those that ended have no row.
sessions = sa.Table(
    "sessions",
    metadata,
    # Keyed with the token in the settings, so that a new one ends all sessions.
    sa.Column("cookie_hash", sa.String(64), primary_key=True),
    # The row in `tokens` that the session ends with; null for the token in the settings.
    sa.Column("token_hash", sa.String(64), index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("scope", sa.String(10), nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

# Who changed what; rows are only added.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("action", sa.String(60), nullable=False),
    # The recording, or else what was changed: a room, a meeting, a token.
    sa.Column("recording_id", sa.String(100), index=True),
    sa.Column("subject", sa.String(300), index=True),
    # Null until the change was made or failed.
    sa.Column("outcome", sa.String(10)),
    sa.Column("details", sa.String(500)),
    sqlite_autoincrement=True,
)

# Recordings whose deletion was requested: nothing of what they contained.
deletions = sa.Table(
    "deletions",
    metadata,
    sa.Column("recording_id", sa.String(100), primary_key=True),
    sa.Column("requested_at", sa.Double, nullable=False, index=True),
    # When the deletion was complete, and when that was last checked.
    sa.Column("completed_at", sa.Double),
    sa.Column("checked_at", sa.Double),
    # What couldn't be deleted, as a JSON list, and why the last attempt failed.
    sa.Column("not_deleted", sa.Text),
    sa.Column("problem", sa.Text),
)

# Only ever added to, except for recordings that are deleted.
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    sa.Column("recording_id", sa.String(100), nullable=False),
    # The number within the recording, from 1.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.String(200)),
    # Given by the client, so that a repeated request adds nothing again.
    sa.Column("request_id", sa.String(100)),
    # JSON (domain/corrections/edits.py).
    sa.Column("edit", sa.Text, nullable=False),
    sa.UniqueConstraint("recording_id", "number"),
    sqlite_autoincrement=True,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    # Identifies what must not be delivered twice: a webhook's event id, or the relayed arrival.
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("recording_id", sa.String(100), index=True),
    sa.Column("state", sa.String(20), nullable=False, server_default="waiting"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.Double),
    # The claim of the delivering process, which expires in case the process is killed.
    sa.Column("claimed_until", sa.Double, nullable=False, server_default="0"),
    sa.Column("status_code", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("settled_at", sa.Double),
    sa.Index("ix_deliveries_state_due_at", "state", "due_at"),
)

messages = sa.Table(
    "messages",
    metadata,
    # The subject of a message: a transcript, or a failed recording.
    sa.Column("key", sa.String(200), primary_key=True),
    # Null while it is unknown whether the first attempt to post succeeded.
    sa.Column("message_id", Number),
    sa.Column("stream", sa.String(200), nullable=False),
    sa.Column("topic", sa.String(200), nullable=False),
    # SHA-256 of the content in Zulip.
    sa.Column("digest", sa.String(64)),
    sa.Column("claimed_until", sa.Double, nullable=False, server_default="0"),
    sa.Column("changed_at", sa.Double, nullable=False),
)

# The following tables are projections of Dagster's log only: they can be emptied and are then rebuilt.
projections = sa.Table(
    "projections",
    metadata,
    # The kind of event, and Dagster's number of the last one read; `page` is a cursor in JSON.
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("storage_id", Number, nullable=False, server_default="0"),
    sa.Column("page", sa.Text),
)

# Its full-text index is catalogue_words, which differs by kind of database (resources/database/catalogue.py).
catalogue = sa.Table(
    "catalogue",
    metadata,
    # The order in which recordings were added.
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    sa.Column("recording_id", sa.String(100), nullable=False, unique=True),
    sa.Column("room", sa.Text),
    sa.Column("title", sa.Text),
    sa.Column("started_at", sa.Double),
    sa.Column("duration", sa.Double),
    sa.Column("text", sa.Text),
    # Data version of the transcript that the text comes from.
    sa.Column("version", sa.String(100)),
    # Number of the last correction in title and text.
    sa.Column("corrected", sa.Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
# Rooms and times are read from it, without the long texts.
sa.Index("ix_catalogue_room_started_at_seq", catalogue.c.room, catalogue.c.started_at, catalogue.c.seq)
# A partial index: few of many recordings have no transcript.
sa.Index(
    "ix_catalogue_without_transcript",
    catalogue.c.recording_id,
    sqlite_where=catalogue.c.version.is_(None),
    postgresql_where=catalogue.c.version.is_(None),
)

ended_runs = sa.Table(
    "ended_runs",
    metadata,
    sa.Column("run_id", sa.String(100), primary_key=True),
    sa.Column("recording_id", sa.String(100), nullable=False),
    sa.Column("ended_at", sa.Double, nullable=False),
    # done if everything that the run was started for was made, however it ended; else failed.
    sa.Column("outcome", sa.String(10), nullable=False),
    sa.Index("ix_ended_runs_recording_id_ended_at", "recording_id", "ended_at"),
)
# A literal: with a parameter, the databases would not use the partial index.
FAILED = ended_runs.c.outcome == sa.literal_column("'failed'")
sa.Index("ix_ended_runs_failed", ended_runs.c.recording_id, sqlite_where=FAILED, postgresql_where=FAILED)

# One step of one ended run, all its attempts together. Times are in whole milliseconds, which sum up exactly.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(100), nullable=False),
    sa.Column("step", sa.String(300), nullable=False),
    sa.Column("recording_id", sa.String(100), nullable=False, index=True),
    sa.Column("asset", sa.String(100), nullable=False),
    sa.Column("track", sa.Integer),
    sa.Column("began_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double, nullable=False, index=True),
    # Of its end, in UTC: 2026-03.
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("outcome", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # Class of the last error.
    sa.Column("kind", sa.String(100)),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in (
            *("wall_ms", "cpu_ms", "gpu_ms", "llm_calls", "prompt_tokens", "completion_tokens"),
            *("bytes_read", "bytes_written"),
        )
    ),
    sa.UniqueConstraint("run_id", "step"),
    sqlite_autoincrement=True,
)
