"""Captions and documents, as WebVTT, SubRip and Markdown parsers read them."""

import html
import io
import re
from pathlib import Path
from typing import Any, cast

import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain.recording import Participant
from domain.results import ActionItems, Decision, NextStep, Topic, Transcript, TranscriptSegment
from domain.text import captions
from domain.text.captions import clock, markdown

TIMES = st.floats(0, 400_000, allow_nan=False)
ANYTHING = st.text(max_size=20)
subrip_parser, webvtt_parser = cast(Any, srt), cast(Any, webvtt)
SEGMENTS = st.lists(
    st.builds(TranscriptSegment, speaker=st.integers(0, 5), name=ANYTHING, start=TIMES, end=TIMES, text=ANYTHING),
    max_size=4,
)


def segment(
    text: str, *, start: float = 0.0, end: float = 1.0, name: str = "Ada", speaker: int = 0
) -> TranscriptSegment:
    return TranscriptSegment(speaker=speaker, name=name, start=start, end=end, text=text)


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
    ("seconds", "formatted"),
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
def test_clock(seconds: float, formatted: str):
    assert clock(seconds) == formatted


def test_webvtt_format():
    assert captions.webvtt([segment("Hello, all.", start=1.5, end=3661.25)]) == (
        "WEBVTT\n\n00:00:01.500 --> 01:01:01.250\n<v Ada>Hello, all.\n"
    )
    assert captions.webvtt([]) == "WEBVTT\n"


def test_webvtt_escapes_cue_syntax():
    result = captions.webvtt([segment("a --> b <b>R&D</b>\n\nNOTE hidden", name="A>B & <C>\n")])
    assert result.splitlines()[3:] == [
        "<v A&gt;B &amp; &lt;C&gt;>a --&gt; b &lt;b&gt;R&amp;D&lt;/b&gt; NOTE hidden",
    ]


def plain(value: str) -> str:
    """Return a text on one line without control characters."""
    return " ".join("".join(c for c in value if c.isspace() or c.isprintable() or ord(c) >= 0x80).split())


@settings(max_examples=60, deadline=None)
@given(SEGMENTS)
def test_a_webvtt_parser_reads_every_sentence(segments: list[TranscriptSegment]):
    cues = list(webvtt_parser.from_buffer(io.StringIO(captions.webvtt(segments))))
    spoken = sorted((s for s in segments if plain(s.text)), key=lambda s: s.start)
    assert len(cues) == len(spoken)
    for cue, wanted in zip(cues, spoken, strict=True):
        head, _, text = cue.raw_text.partition(">")
        assert html.unescape(text) == plain(wanted.text)
        assert html.unescape(head.removeprefix("<v ")) == (plain(wanted.name) or f"Speaker {wanted.speaker + 1}")
        assert cue.start_in_seconds == pytest.approx(int(wanted.start), abs=1)
        assert cue.start < cue.end or len(cue.start) < len(cue.end)


@settings(max_examples=60, deadline=None)
@given(SEGMENTS)
def test_a_subrip_parser_reads_every_sentence(segments: list[TranscriptSegment]):
    parsed = list(subrip_parser.parse(captions.srt(segments)))
    spoken = sorted((s for s in segments if plain(s.text)), key=lambda s: s.start)
    assert [caption.index for caption in parsed] == list(range(1, len(spoken) + 1))
    for caption, wanted in zip(parsed, spoken, strict=True):
        name = plain(wanted.name) or f"Speaker {wanted.speaker + 1}"
        assert caption.content == f"{name}: {re.sub('-{2,}>', '->', plain(wanted.text))}".strip()
        assert caption.start.total_seconds() == pytest.approx(wanted.start, abs=0.001)
        assert caption.start < caption.end


def test_subrip_has_no_second_timestamp_line():
    result = captions.srt([segment("from 1 --> to 2\n\n2\n00:00:01,000 --> 00:00:02,000", start=1, end=1)])
    assert result == "1\n00:00:01,000 --> 00:00:01,001\nAda: from 1 -> to 2 2 00:00:01,000 -> 00:00:02,000\n"


def test_text_joins_consecutive_segments_of_a_speaker():
    meeting = transcript(
        segment("Hello.", start=1),
        segment("Welcome.", start=3),
        segment("Hi.", start=4, name="Ben", speaker=1),
        segment("So.", start=65),
    )
    assert (
        captions.text(meeting)
        == "Release *planning*\n\n[00:01] Ada: Hello. Welcome.\n\n[00:04] Ben: Hi.\n\n[01:05] Ada: So.\n"
    )


def test_markdown_has_all_sections_in_order():
    page = markdown(transcript(segment("Hello.", start=1), segment("Welcome.", start=3)))
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
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_markdown_escapes_spoken_text():
    text = r"# not *a* [link](x) <script>alert(1)</script> & `code` 1_000_000 \ | ~~a~~"
    page = MarkdownIt("commonmark").render(markdown(transcript(segment(text, name="<b>_Eve_"))))
    assert html.escape(text, quote=False) in page
    assert "<script>" not in page
    assert html.escape("<b>_Eve_") in page


def test_markdown_of_an_empty_meeting():
    empty = ActionItems(method="gpt", error="the model's answer stayed invalid")
    page = markdown(transcript(topics=(), action_items=empty, long_summary="", short_summary="", created_at=None))
    assert page.endswith("## Transcript\n\nNothing was said.\n")
    assert "They could not be made: the model's answer stayed invalid" in page
    assert "## Topics" not in page


def test_a_webvtt_file_can_be_read_from_disk(tmp_path: Path):
    (tmp_path / "transcript.vtt").write_text(captions.webvtt([segment("Grüße, 你好.")]))
    assert [cue.voice for cue in webvtt_parser.read(str(tmp_path / "transcript.vtt"))] == ["Ada"]
