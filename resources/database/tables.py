"""The tables of the product's database; changes of them are migrations in migrations/versions/."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only where the key is a plain INTEGER.
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

inbox = sa.Table(
    "inbox",
    metadata,
    # The order of arrival.
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    # One arrival each: the event's id, or the recording's where it was polled.
    sa.Column("key", sa.String(300), nullable=False, unique=True),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("event_type", sa.String(100)),
    sa.Column("recording_id", sa.String(100), index=True),
    # As it came, so that it can be judged again.
    sa.Column("body", sa.LargeBinary, nullable=False),
    # Seconds since the epoch, like all times here.
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, server_default="received"),
    sa.Column("reason", sa.Text),
    sa.Column("settled_at", sa.Double),
    # How often Daily was asked about an unfinished one, and when it is next.
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("ask_at", sa.Double),
    sa.Index("ix_inbox_state_seq", "state", "seq"),
    sqlite_autoincrement=True,
)

# One row: how far a sweep through Daily's list of recordings has come; no `known_to`: none is under way.
sweep = sa.Table(
    "sweep",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("known_to", Number),
    sa.Column("after", sa.String(300)),
    # Daily asked not to be called before.
    sa.Column("not_before", sa.Double, nullable=False, server_default="0"),
)

rooms = sa.Table(
    "rooms",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("language", sa.String(10)),
    sa.Column("webhook_url", sa.Text),
    sa.Column("webhook_secret", sa.Text),
    sa.Column("zulip_stream", sa.String(200)),
    sa.Column("zulip_topic", sa.String(200)),
    sa.Column("zulip_auto_post", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    sa.Column("skip_consent", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("seq", Number, primary_key=True, autoincrement=True),
    # A recording's id or that of Daily's meeting session.
    sa.Column("meeting_id", sa.String(100), nullable=False, index=True),
    # Of two of the same person the later one counts; without an id all are one person.
    sa.Column("user_id", sa.String(200), nullable=False),
    sa.Column("given", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("said_at", sa.Double, nullable=False),
    sqlite_autoincrement=True,
)

# One meeting can give many recordings.
meetings = sa.Table(
    "meetings",
    metadata,
    sa.Column("recording_id", sa.String(100), primary_key=True),
    sa.Column("mtg_session_id", sa.String(100), nullable=False, index=True),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    # What must not be delivered twice: a webhook's event id, or the arrival that is relayed.
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("recording_id", sa.String(100), index=True),
    sa.Column("state", sa.String(20), nullable=False, server_default="waiting"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.Double),
    # Who delivers just now has it until then; a killed one doesn't keep it for ever.
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
    # What a message is about: a transcript, or a recording that failed.
    sa.Column("key", sa.String(200), primary_key=True),
    # Null while it is not known whether the first attempt to post it came through.
    sa.Column("message_id", Number),
    sa.Column("stream", sa.String(200), nullable=False),
    sa.Column("topic", sa.String(200), nullable=False),
    # SHA-256 of the content as it stands there.
    sa.Column("digest", sa.String(64)),
    sa.Column("claimed_until", sa.Double, nullable=False, server_default="0"),
    sa.Column("changed_at", sa.Double, nullable=False),
)

# What follows is projected from Dagster's log, nothing else is its source: it can be emptied, and fills again.
projections = sa.Table(
    "projections",
    metadata,
    # What is followed, and the last of it that was read, as Dagster numbers it; `page` is its own cursor, in JSON.
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("storage_id", Number, nullable=False, server_default="0"),
    sa.Column("page", sa.Text),
)

# Beside it lies catalogue_words, which each kind of database has its own way for (resources/database/catalogue.py).
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
    # Data version of the transcript that the text is of.
    sa.Column("version", sa.String(100)),
    sqlite_autoincrement=True,
)
# Few of many: what is asked about them doesn't look at the others.
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
    # done when all was made that the run was for, however it ended; else failed.
    sa.Column("outcome", sa.String(10), nullable=False),
    sa.Index("ix_ended_runs_recording_id_ended_at", "recording_id", "ended_at"),
)
# Written out: with a parameter, the databases would not see that the index fits.
FAILED = ended_runs.c.outcome == sa.literal_column("'failed'")
sa.Index("ix_ended_runs_failed", ended_runs.c.recording_id, sqlite_where=FAILED, postgresql_where=FAILED)

# One step of one ended run, all its attempts together. Times are summed up: whole milliseconds do so exactly.
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
