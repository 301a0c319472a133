"""Finished transcripts for tests."""

from typing import Any

from domain.results import Transcript

RECORDING = "0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70"


def finished(recording_id: str = RECORDING, **other: Any) -> Transcript:
    """Return a transcript of 90 seconds with two topics; `other` overrides fields."""
    return Transcript.model_validate(
        {
            "id": recording_id,
            "room_name": "weekly-20260323080000",
            "created_at": "2026-03-23T08:00:00+00:00",
            "duration": 90.5,
            "title": "Weekly meeting",
            "short_summary": "They met.",
            "long_summary": "# Quick recap\n\nThey met.\n\n# Summary\n\n**Budget**\n\nIt is enough.",
            "topics": [
                {"id": "a", "title": "Budget", "summary": "Enough", "timestamp": 0.0, "duration": 40.0}
                | {"words_from": 0, "words_to": 5},
                {"id": "b", "title": "Plans", "summary": "Many", "timestamp": 65.0, "duration": 20.0}
                | {"words_from": 5, "words_to": 9},
            ],
            "action_items": {"next_steps": [{"task": "Send the slides"}], "method": "extractive"},
            "participants": [
                {"participant_id": "p1", "user_id": None, "name": "Ada", "speaker": 0},
                {"participant_id": "p2", "user_id": None, "name": "Ben", "speaker": -1},
            ],
            "segments": [
                {"speaker": 0, "name": "Ada", "start": 1.0, "end": 4.0, "text": "The budget is enough."},
                {"speaker": 0, "name": "Ada", "start": 66.0, "end": 69.0, "text": "We have many plans."},
            ],
            "method": "extractive",
            "words": 8,
            "audio_key": "recordings/x/audio.mp3",
            **other,
        }
    )
