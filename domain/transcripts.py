"""The finished document of a recording, from its parts."""

from datetime import UTC, datetime

from domain.recording import Participants, Recording
from domain.results import ActionItems, MixedAudio, PaddedTracks, Summary, Title, Topics, Transcript
from domain.text import words
from domain.text.table import Table

# In a part's error, between its name and the reason.
MISSING = " could not be made"


def finish(
    recording: Recording,
    participants: Participants,
    padded_tracks: PaddedTracks,
    mixed_audio: MixedAudio,
    merged_words: Table,
    topics: Topics,
    title: Title,
    summary: Summary,
    action_items: ActionItems,
) -> Transcript:
    """Return the document, without what only corrections say."""
    spoken = words.sentences(words.by_person(merged_words, participants.numbers()))
    return Transcript(
        id=recording.id,
        room_name=recording.room_name,
        created_at=datetime.fromtimestamp(recording.start_ts, UTC).isoformat() if recording.start_ts else None,
        duration=padded_tracks.duration,
        title=title.title,
        short_summary=summary.short_summary,
        long_summary=summary.long_summary,
        summary_evidence=summary.evidence,
        topics=topics.root,
        action_items=action_items,
        participants=participants.root,
        segments=words.segments(spoken, participants.names()),
        method=summary.method,
        words=len(merged_words),
        audio_key=mixed_audio.key,
        errors=missing_parts(topics, title, summary),
        taken_over=recording.taken_over.url if recording.taken_over else None,
    )


def missing_parts(topics: Topics, title: Title, summary: Summary) -> tuple[str, ...]:
    """Return which parts could not be made, and why; the action items have a field for it."""
    parts = [("title", title.error), ("summary", summary.error)]
    parts += [(f"summary of {topic.title}", topic.error) for topic in topics.root]
    return tuple(f"The {part}{MISSING}: {error}" for part, error in parts if error)
