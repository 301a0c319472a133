"""Any OpenAI-compatible transcription endpoint: one upload per track, or per part of a long one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from reflector_assets.domain.errors import ReflectorError
from resources import asr_wire
from resources.split import split
from resources.transcriber import TrackAudio, Transcriber, Transcription


class OpenAIAudio(Transcriber):
    """An endpoint at the base `url` (it usually ends in /v1); `timeout` in seconds is for all calls of a track.

    Tracks of more than `max_upload` bytes are sent in parts, cut where it is silent.
    """

    url: str
    api_key: str = Field("", repr=False)
    model: str = "whisper-1"
    timeout: float = 1500
    max_upload: int = 25_000_000

    def identity(self) -> str:
        return f"openai {self.model} language={self.language}"

    def transcribe(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Have one track transcribed; see `Transcriber`. GPU seconds stay 0: such services bill by audio."""
        service = asr_wire.host(self.url)
        try:
            with audio.local() as path, TemporaryDirectory(prefix="reflector-upload-") as folder:
                parts = split(path, Path(folder), most_bytes=self.max_upload)
                answers = asr_wire.call(
                    self._post([part for _, part in parts], service), seconds=self.timeout, service=service
                )
            return asr_wire.transcription(
                _joined([start for start, _ in parts], answers),
                duration=audio.duration,
                speaker=speaker,
                language=self.language,
                gpu_seconds=0.0,
                service=service,
            )
        except ReflectorError as error:
            error.at(recording=recording, track=track)
            raise

    async def _post(self, paths: list[Path], service: str) -> list[dict[str, Any]]:
        import openai  # noqa: PLC0415 - takes most of a second to import

        language = openai.omit if self.language == "auto" else self.language
        # Steps are retried as a whole, with the policy's delays: the SDK shouldn't besides.
        client = openai.AsyncOpenAI(
            api_key=asr_wire.secret(self.api_key) or "none", base_url=self.url, max_retries=0, timeout=self.timeout
        )
        answers: list[dict[str, Any]] = []
        async with client:
            for path in paths:
                try:
                    reply = await client.audio.transcriptions.with_raw_response.create(
                        file=path,
                        model=self.model,
                        language=language,
                        response_format="verbose_json",
                        timestamp_granularities=["word"],
                    )
                except openai.APIStatusError as error:
                    raise asr_wire.refusal(
                        error.status_code,
                        error.response.content,
                        error.response.headers,
                        service=service,
                        hints={
                            400: f"It may not know the model {self.model!r} or the language {self.language!r}.",
                            404: "Check TRANSCRIPT_URL (it usually ends in /v1) and REFLECTOR_TRANSCRIPT_MODEL.",
                        },
                    ) from error
                except openai.APIConnectionError as error:
                    raise asr_wire.unreachable(error, service) from error
                answers.append(asr_wire.read_answer(reply.content, service))
        return answers


def _joined(starts: list[float], answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the answers for the parts of a track together, on the track's clock."""
    if len(answers) == 1:
        return answers[0]
    words: list[Any] = []
    for start, answer in zip(starts, answers, strict=True):
        given = answer.get("words")
        if given is None and not str(answer.get("text") or "").strip():
            continue
        if not isinstance(given, list):
            return answer
        words += [_moved(item, start) for item in given]
    return {"language": answers[0].get("language"), "words": words}


def _moved(item: Any, by: float) -> Any:
    """Move a word's times; what isn't a word is left to be refused as such."""
    try:
        return {**item, "start": float(item["start"]) + by, "end": float(item["end"]) + by}
    except (TypeError, KeyError, ValueError):
        return item
