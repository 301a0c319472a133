"""A transcript with corrections that no run has taken yet, except for what was undone."""

from domain.corrections import people, spoken, texts
from domain.corrections.edits import Entry
from domain.corrections.gathered import Corrections
from domain.recording import Participants
from domain.results import Summary, Topics, Transcript
from domain.text.words import Word


def preview_words(said: list[Word], corrections: Corrections, revision: int, duration: float) -> list[Word]:
    """Return words with the edits since a revision, which they have; what was undone since follows with the run."""
    since = edits_since(corrections, revision)
    return spoken.apply(said, since, duration).words if since else said


def edits_since(corrections: Corrections, revision: int) -> tuple[Entry, ...]:
    """Return the edits of words since a revision."""
    return tuple(entry for entry in corrections.of("words") if entry.number > revision)


def preview(transcript: Transcript, corrections: Corrections) -> Transcript:
    """Return a transcript with the names and texts that stand, except for its segments."""
    if transcript.revision == corrections.number:
        return transcript
    known = Participants(transcript.participants)
    title = texts.written_title(corrections.of("title"))
    summary = texts.summary(
        Summary(short_summary=transcript.short_summary, long_summary=transcript.long_summary, method=transcript.method),
        corrections.of("summary"),
    )
    topics, _ = texts.topics(texts.generated_topics(Topics(transcript.topics)), corrections.of("topics"))
    items, _ = texts.action_items(texts.generated_items(transcript.action_items), corrections.of("action_items"))
    return transcript.model_copy(
        update={
            "title": title.title if title else transcript.title,
            "short_summary": summary.short_summary,
            "long_summary": summary.long_summary,
            "topics": topics.root,
            "action_items": items,
            "participants": people.apply(known, corrections.of("people"))[0].root,
            "reviewed": corrections.reviewed,
        }
    )
