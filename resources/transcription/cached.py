"""Cached transcription: a track's words are stored under the hash of everything that determines them."""

import contextlib
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from resources.call_cache import CallCache
from resources.transcription.base import TrackAudio, Transcriber, Transcription

ANSWER = TypeAdapter(Transcription)


class CachedTranscription(NamedTuple):
    """A transcription, and whether it comes from the cache; then it used no GPU seconds."""

    transcription: Transcription
    from_cache: bool


def transcribe(
    transcriber: Transcriber, cache: CallCache, audio: TrackAudio, *, speaker: int, recording: str, track: int
) -> CachedTranscription:
    """Return the cached words of this audio, otherwise transcribe it; raises the errors of `Transcriber`."""
    cache = cache.of(recording)
    key = cache.key(audio=audio.sha256, transcriber=transcriber.identity(), speaker=speaker, duration=audio.duration)
    if (content := cache.get(key)) is not None:
        # An entry of another version of this program counts as a miss.
        with contextlib.suppress(ValidationError):
            # One of 0.2.0 has the service's own times.
            found = ANSWER.validate_json(content)._replace(gpu_seconds=0.0).settle(audio)
            return CachedTranscription(found, from_cache=True)
    transcription = transcriber.transcribe(audio, speaker=speaker, recording=recording, track=track)
    cache.put(key, ANSWER.dump_json(transcription))
    return CachedTranscription(transcription, from_cache=False)
