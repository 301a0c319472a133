"""A transcript with corrections that no run has taken yet."""

from domain.corrections import people, texts
from domain.corrections.gathered import Corrections
from domain.recording import Participants
from domain.results import Summary, Title, Topics, Transcript


def preview(
    transcript: Transcript,
    corrections: Corrections,
    source: Participants | None,
    title: Title | None = None,
    summary: Summary | None = None,
) -> Transcript:
    """Return a transcript with the names and texts that stand, except for its segments.

    `source` are the people before correction, None if they never were corrected; `title` and `summary` the generated
    texts, None if the transcript has them or if they are unknown.
    """
    known = source or Participants(transcript.participants)
    title = texts.written_title(corrections.of("title")) or title
    summary = texts.summary(summary or _summary(transcript), corrections.of("summary"))
    items, _ = texts.action_items(texts.generated_items(transcript.action_items), corrections.of("action_items"))
    return transcript.model_copy(
        update={
            "title": title.title if title else transcript.title,
            "short_summary": summary.short_summary,
            "long_summary": summary.long_summary,
            "topics": preview_topics(Topics(transcript.topics), corrections).root,
            "action_items": items,
            "participants": people.apply(known, corrections.of("people"))[0].root,
            "reviewed": corrections.reviewed,
            "older": texts.older_parts(corrections),
        }
    )


def preview_topics(topics: Topics, corrections: Corrections) -> Topics:
    """Return the topics with the texts that stand."""
    return texts.topics(texts.generated_topics(topics), corrections.of("topics"))[0]


def _summary(of: Transcript) -> Summary:
    return Summary(short_summary=of.short_summary, long_summary=of.long_summary, method=of.method)
