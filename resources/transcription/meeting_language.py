"""The language of a track: its own where that is certain, else that of the meeting; found on the CPU, in this process.

A few words don't determine a language: "Ja, genau" sounds English to Whisper. The meeting's language is that of the
longest speech of all tracks.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from domain.errors import ReflectorError
from resources.transcription.base import TrackAudio, Transcriber
from resources.transcription.clip import RATE, Clip
from resources.transcription.whisper import EmbeddedWhisper, take_seconds
from resources.transcription.whisper_model import PACKAGED

AUTO = "auto"
CERTAIN, CERTAIN_S = 0.8, 5.0
"""A track's own language counts at this probability, if it has at least this much speech."""
ENOUGH_S = 30.0
"""With this much speech, a service detects the language itself."""
MEETING_S, MEETING_TRACKS = 60.0, 3
"""How much speech, and how many tracks, the meeting's language is found from."""


class Choice(NamedTuple):
    """The language to ask for, with its probability and what decided it."""

    language: str
    by: Literal["setting", "track", "meeting", "service"]
    certainty: float | None = None


def choose(transcriber: Transcriber, audio: TrackAudio, others: Iterable[TrackAudio]) -> Choice:
    """Return the language for a track; `others` are the meeting's other tracks, those with the most sound first.

    With a fixed language, that. Without a model to find it with, and for a track that can't be read, "auto" stays:
    transcribing it has the error.
    """
    if transcriber.language != AUTO:
        return Choice(transcriber.language, "setting")
    embedded = isinstance(transcriber, EmbeddedWhisper)
    detector = transcriber if embedded else _packaged(transcriber)
    unknown = Choice(AUTO, "track" if embedded else "service")
    if detector is None:
        return unknown
    try:
        own = _opening(audio, MEETING_S if embedded else ENOUGH_S)
        if not own or (not embedded and _seconds(own) >= ENOUGH_S):
            return unknown
        return _chosen(detector, own, others)
    except ReflectorError:
        return unknown


def _chosen(detector: EmbeddedWhisper, own: Sequence[Clip], others: Iterable[TrackAudio]) -> Choice:
    language, certainty = detector.detect(own)
    if certainty >= CERTAIN and _seconds(own) >= CERTAIN_S:
        return Choice(language, "track", certainty)
    clips = list(own)
    for other in islice(others, MEETING_TRACKS):
        if _seconds(clips) < MEETING_S:
            clips += _opening(other, MEETING_S)
    meeting, sure = detector.detect(clips)
    return Choice(language, "track", certainty) if meeting == language else Choice(meeting, "meeting", sure)


def _packaged(transcriber: Transcriber) -> EmbeddedWhisper | None:
    """Return the packaged model; None if there is no folder for it."""
    return EmbeddedWhisper(model=PACKAGED, model_dir=transcriber.model_dir) if transcriber.model_dir else None


def _opening(audio: TrackAudio, voice_s: float) -> list[Clip]:
    """Return the first clips of a track, up to `voice_s` seconds of voice."""
    from resources.transcription.vad import clips, decode  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load

    with audio.local() as path:
        return take_seconds(clips(decode(path)), voice_s)


def _seconds(clips: Sequence[Clip]) -> float:
    return sum(clip.voice for clip in clips) / RATE
