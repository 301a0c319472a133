"""What the deletion of a recording can't reach."""

# Named where they apply.
WEBHOOKS_SENT = "{count} webhooks that were sent: their receivers have the transcript"
ROOM_STATEMENTS = "{count} statements of consent that are about other recordings, too"
TRACKS_UNKNOWN = "audio at Daily, if there is any: Daily doesn't describe this recording"
MADE_ELSEWHERE = "the audio at Daily: outside of REFLECTOR_MODE=live it belongs to the old system"
LOGS_NOT_EMPTY = "deleted rows in SQLite's write-ahead log, until its next checkpoint"

# What can exist of any recording.
BEYOND_REACH = (
    "webhooks that were sent, and what their receivers made of them",
    "earlier text in the edit history of Zulip's message, if the organization keeps edit histories",
    "messages that Zulip doesn't let the bot edit any more, and messages to operators about denials of consent",
    "outside of REFLECTOR_MODE=live: messages in Zulip, and the audio at Daily",
    "the entry in Daily's list of recordings, and the names in its list of participants",
    "backups, replicas and snapshots; in PostgreSQL, deleted rows until the next VACUUM, and in its write-ahead log",
    "what services for transcription and language models have stored of the calls",
    "the audit log: who changed what, by the names of the recording and its meeting, without words of it",
    "the recording's id: in ticks of sensors for up to a month, and in the ledger, which has no text or names",
)
