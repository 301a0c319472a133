"""Transcription that is never paid for twice: a track's words are kept under the hash of all that decides them."""

import contextlib
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from resources.call_cache import CallCache
from resources.transcription.base import TrackAudio, Transcriber, Transcription

ANSWER = TypeAdapter(Transcription)


class CachedTranscription(NamedTuple):
    """A transcription, and whether it was kept from an earlier call; then it cost no GPU seconds."""

    transcription: Transcription
    from_cache: bool


def transcribe(
    transcriber: Transcriber, cache: CallCache, audio: TrackAudio, *, speaker: int, recording: str, track: int
) -> CachedTranscription:
    """Return the kept words of this audio, else have it transcribed and keep them; raises as `Transcriber` does."""
    key = cache.key(audio=audio.sha256, transcriber=transcriber.identity(), speaker=speaker, duration=audio.duration)
    if (content := cache.get(key)) is not None:
        # What another version of this program kept is as good as not kept.
        with contextlib.suppress(ValidationError):
            return CachedTranscription(ANSWER.validate_json(content)._replace(gpu_seconds=0.0), from_cache=True)
    heard = transcriber.transcribe(audio, speaker=speaker, recording=recording, track=track)
    cache.put(key, ANSWER.dump_json(heard))
    return CachedTranscription(heard, from_cache=False)
