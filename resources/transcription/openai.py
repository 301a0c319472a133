"""Any OpenAI-compatible transcription endpoint: one upload per track, or per part of a long one."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from domain.errors import ReflectorError
from resources.http import host
from resources.secrets import secret_value
from resources.transcription import wire
from resources.transcription.answer_words import Answer
from resources.transcription.base import TrackAudio, Transcriber, Transcription

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T")


class OpenAIAudio(Transcriber):
    """An endpoint at the base `url` (it usually ends in /v1); `timeout` in seconds is for all calls of a track.

    Tracks of more than `max_upload` bytes are sent in parts, cut at pauses.
    """

    url: str
    api_key: str = Field("", repr=False)
    model: str = "whisper-1"
    timeout: float = 1500
    max_upload: int = 25_000_000

    def identity(self) -> str:
        return f"openai {self.model} language={self.language}{self.expected()}"

    def hear(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Transcribe one track; see `Transcriber`. GPU seconds stay 0: such services bill by audio length."""
        from resources.transcription.split import split  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load

        service = host(self.url)
        try:
            with audio.local() as path, TemporaryDirectory(prefix="reflector-upload-") as folder:
                parts = split(path, Path(folder), most_bytes=self.max_upload)
                answers = _run(self._post([part for _, part in parts], service), self.timeout, service)
            # The first packet of Opus lies before 0.
            starts = [max(0.0, start) for start, _ in parts]
            ends = [*starts[1:], audio.duration]
            return wire.transcription(
                list(map(Answer, answers, starts, ends)),
                speaker=speaker,
                language=self.language,
                gpu_seconds=0.0,
                service=service,
            )
        except ReflectorError as error:
            error.at(recording=recording, track=track)
            raise

    def check(self, seconds: float) -> str:
        """Request the list of models, or if there is none a transcription without a file: free checks of the key.

        See `Transcriber`.
        """
        service = host(self.url)
        _run(self._check_key(service), seconds, service)
        return f"the service at {service} accepts the key"

    async def _check_key(self, service: str) -> None:
        import openai  # noqa: PLC0415 - takes most of a second to import

        async with self._client() as client:
            try:
                listed = await client.models.with_raw_response.list()
                wire.read_answer(listed.content, service)
            except openai.APIStatusError as error:
                if error.status_code not in {404, 405, 501}:
                    raise self._refusal(error, service) from error
            except openai.APIConnectionError as error:
                raise wire.unreachable(error, service) from error
            else:
                return
            try:
                await client.post("/audio/transcriptions", cast_to=object, body={})
            except openai.APIStatusError as error:
                if error.status_code not in {400, 415, 422}:
                    raise self._refusal(error, service) from error
            except openai.APIConnectionError as error:
                raise wire.unreachable(error, service) from error

    async def _post(self, paths: list[Path], service: str) -> list[dict[str, Any]]:
        import openai  # noqa: PLC0415 - takes most of a second to import

        language = openai.omit if self.language == "auto" else self.language
        prompt = ", ".join(self.vocabulary) if self.vocabulary else openai.omit
        answers: list[dict[str, Any]] = []
        async with self._client() as client:
            for path in paths:
                try:
                    reply = await client.audio.transcriptions.with_raw_response.create(
                        file=path,
                        model=self.model,
                        language=language,
                        prompt=prompt,
                        response_format="verbose_json",
                        # Segments serve where a server returns no words.
                        timestamp_granularities=["word", "segment"],
                    )
                except openai.APIStatusError as error:
                    raise self._refusal(error, service) from error
                except openai.APIConnectionError as error:
                    raise wire.unreachable(error, service) from error
                answers.append(wire.read_answer(reply.content, service))
        return answers

    def _client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI  # noqa: PLC0415 - takes most of a second to import

        # Steps are retried as a whole, with the policy's delays, so the SDK must not retry.
        return AsyncOpenAI(
            api_key=secret_value(self.api_key) or "none", base_url=self.url, max_retries=0, timeout=self.timeout
        )

    def _refusal(self, error: "APIStatusError", service: str) -> ReflectorError:
        hints = {
            400: f"The service may not support the model {self.model!r} or the language {self.language!r}.",
            404: "Check TRANSCRIPT_URL (it usually ends in /v1) and REFLECTOR_TRANSCRIPT_MODEL.",
        }
        response = error.response
        return wire.status_error(error.status_code, response.content, response.headers, service=service, hints=hints)


def _run(work: Coroutine[Any, Any, T], seconds: float, service: str) -> T:
    """Run a coroutine in at most `seconds`, also against a server that sends byte by byte."""

    async def limited() -> T:
        async with asyncio.timeout(seconds):
            return await work

    try:
        return asyncio.run(limited())
    except TimeoutError as error:
        raise wire.timed_out(seconds, service) from error
