"""Captions and documents: what a WebVTT, SubRip or Markdown reader finds in them."""

import html
import io
from pathlib import Path

import pytest
import srt as subrip
import webvtt as vtt_reader
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain.recording import Participant
from domain.results import ActionItems, Decision, NextStep, Topic, Transcript, TranscriptSegment
from domain.text.captions import clock, markdown, srt, text, webvtt

TIMES = st.floats(0, 400_000, allow_nan=False)
ANYTHING = st.text(max_size=40)
SEGMENTS = st.lists(
    st.builds(TranscriptSegment, speaker=st.integers(0, 5), name=ANYTHING, start=TIMES, end=TIMES, text=ANYTHING),
    max_size=8,
)


def segment(
    said: str, *, start: float = 0.0, end: float = 1.0, name: str = "Ada", speaker: int = 0
) -> TranscriptSegment:
    return TranscriptSegment(speaker=speaker, name=name, start=start, end=end, text=said)


def transcript(*segments: TranscriptSegment, **fields: object) -> Transcript:
    known: dict[str, object] = {
        "id": "rec-1",
        "room_name": "weekly-20260323080000",
        "created_at": "2026-03-23T08:00:00Z",
        "duration": 245.26,
        "title": "Release *planning*",
        "short_summary": "Short.",
        "long_summary": "# Quick recap\n\nThey planned.\n\n# Summary\n\n**Release** On Friday.",
        "topics": (
            Topic(
                id="t1", title="The release", summary="On Friday.", timestamp=65, duration=9, words_from=0, words_to=3
            ),
        ),
        "action_items": ActionItems(
            decisions=(Decision(decision="We release on Friday", decided_by="Ada", timestamp=75),),
            next_steps=(NextStep(task="Send the drawing", assigned_to="Chloe", deadline="Wednesday"),),
            method="extractive",
        ),
        "participants": (Participant(participant_id="p0", name="Ada", speaker=0),),
        "segments": segments,
        "language": "en",
        "method": "extractive",
        "words": 3,
        "audio_key": "recordings/rec-1/audio.mp3",
    }
    wanted = {name: value for name, value in {**known, **fields}.items() if name in Transcript.model_fields}
    return Transcript.model_validate(wanted)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "00:00"),
        (59.999, "00:59"),
        (65, "01:05"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (36061, "10:01:01"),
        (-1, "00:00"),
    ],
)
def test_clock(seconds: float, shown: str):
    assert clock(seconds) == shown


def test_webvtt_is_what_players_expect():
    assert webvtt([segment("Hello, all.", start=1.5, end=3661.25)]) == (
        "WEBVTT\n\n00:00:01.500 --> 01:01:01.250\n<v Ada>Hello, all.\n"
    )
    assert webvtt([]) == "WEBVTT\n"


def test_webvtt_escapes_what_would_end_or_style_a_cue():
    shown = webvtt([segment("a --> b <b>R&D</b>\n\nNOTE hidden", name="A>B & <C>\n")])
    assert shown.splitlines()[3:] == [
        "<v A&gt;B &amp; &lt;C&gt;>a --&gt; b &lt;b&gt;R&amp;D&lt;/b&gt; NOTE hidden",
    ]


def shown_text(value: str) -> str:
    """What is left of a text when it is put on one line without control characters."""
    return " ".join("".join(c for c in value if c.isspace() or c.isprintable() or ord(c) >= 0x80).split())


@given(SEGMENTS)
def test_a_webvtt_reader_finds_every_sentence(segments: list[TranscriptSegment]):
    cues = list(vtt_reader.from_buffer(io.StringIO(webvtt(segments))))
    spoken = sorted((s for s in segments if shown_text(s.text)), key=lambda s: s.start)
    assert len(cues) == len(spoken)
    for cue, wanted in zip(cues, spoken, strict=True):
        head, _, said = cue.raw_text.partition(">")
        assert html.unescape(said) == shown_text(wanted.text)
        assert html.unescape(head.removeprefix("<v ")) == (shown_text(wanted.name) or f"Speaker {wanted.speaker + 1}")
        assert cue.start_in_seconds == pytest.approx(int(wanted.start), abs=1)
        assert cue.start < cue.end or len(cue.start) < len(cue.end)


@given(SEGMENTS)
def test_a_subrip_reader_finds_every_sentence(segments: list[TranscriptSegment]):
    captions = list(subrip.parse(srt(segments)))
    spoken = sorted((s for s in segments if shown_text(s.text)), key=lambda s: s.start)
    assert [caption.index for caption in captions] == list(range(1, len(spoken) + 1))
    for caption, wanted in zip(captions, spoken, strict=True):
        name = shown_text(wanted.name) or f"Speaker {wanted.speaker + 1}"
        assert caption.content == f"{name}: {shown_text(wanted.text).replace('-->', '->')}".strip()
        assert caption.start.total_seconds() == pytest.approx(wanted.start, abs=0.001)
        assert caption.start < caption.end


def test_subrip_has_no_second_time_line():
    shown = srt([segment("from 1 --> to 2\n\n2\n00:00:01,000 --> 00:00:02,000", start=1, end=1)])
    assert shown == "1\n00:00:01,000 --> 00:00:01,001\nAda: from 1 -> to 2 2 00:00:01,000 -> 00:00:02,000\n"


def test_text_joins_what_one_speaker_says_in_a_row():
    said = transcript(
        segment("Hello.", start=1),
        segment("Welcome.", start=3),
        segment("Hi.", start=4, name="Ben", speaker=1),
        segment("So.", start=65),
    )
    assert text(said) == "Release *planning*\n\n[00:01] Ada: Hello. Welcome.\n\n[00:04] Ben: Hi.\n\n[01:05] Ada: So.\n"


def test_markdown_has_all_parts_in_order():
    shown = markdown(transcript(segment("Hello.", start=1), segment("Welcome.", start=3)))
    parts = [
        "# Release \\*planning\\*\n",
        "2026-03-23T08:00:00Z · Length 04:05 · Ada",
        "## Quick recap\n",
        "## Summary\n",
        "## Decisions\n\n- [01:15] We release on Friday (by: Ada)",
        "## Next steps\n\n- Send the drawing (who: Chloe; by: Wednesday)",
        "## Topics\n\n### [01:05] The release\n\nOn Friday.",
        "## Transcript\n\n**Ada** [00:01]: Hello. Welcome.\n",
    ]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)


def test_markdown_shows_spoken_words_as_they_are():
    said = r"# not *a* [link](x) <script>alert(1)</script> & `code` 1_000_000 \ | ~~a~~"
    page = MarkdownIt("commonmark").render(markdown(transcript(segment(said, name="<b>_Eve_"))))
    assert html.escape(said, quote=False) in page
    assert "<script>" not in page
    assert html.escape("<b>_Eve_") in page


def test_markdown_of_an_empty_meeting_says_so():
    empty = ActionItems(method="gpt", error="the model's answer stayed invalid")
    shown = markdown(transcript(topics=(), action_items=empty, long_summary="", short_summary="", created_at=None))
    assert shown.endswith("## Transcript\n\nNothing was said.\n")
    assert "They could not be made: the model's answer stayed invalid" in shown
    assert "## Topics" not in shown


def test_files_can_be_read_from_disk(tmp_path: Path):
    (tmp_path / "transcript.vtt").write_text(webvtt([segment("Grüße, 你好.")]))
    assert [cue.voice for cue in vtt_reader.read(str(tmp_path / "transcript.vtt"))] == ["Ada"]
