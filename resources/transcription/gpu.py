"""A GPU service that downloads tracks itself: one call with a presigned URL per track (spec: transcription service)."""

import time

import httpx
from pydantic import Field

from domain.errors import PermanentError, ReflectorError
from resources import usage
from resources.http import host, send
from resources.secrets import secret_value
from resources.transcription import wire
from resources.transcription.answer_words import Answer
from resources.transcription.base import TrackAudio, Transcriber, Transcription

PATH = "/v1/audio/transcriptions-from-url"
# A name under .invalid never resolves (RFC 6761).
NOWHERE = "https://reflector.invalid/track.webm"
# Seconds that a presigned URL outlives the call: the service may download late.
MARGIN = 300


class GPUService(Transcriber):
    """A self-hosted or Modal service at the base `url`; `timeout` in seconds is for the whole call.

    Keep the timeout below the step's, so that the error names the service. With `model` None the service chooses.
    """

    takes_vocabulary = False
    without_vocabulary = "not sent: the contract of GPU services has no field for it"

    url: str
    api_key: str = Field("", repr=False)
    model: str | None = None
    timeout: float = 1500

    def identity(self) -> str:
        return f"gpu {self.model or 'default'} language={self.language}"

    def hear(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Transcribe one track; GPU seconds are the service's figure, else the call's duration. See `Transcriber`."""
        service = host(self.url)
        body = {"audio_file_url": audio.url(self.timeout + MARGIN), "language": self.language}
        if self.model:
            body["model"] = self.model
        begin = time.monotonic()
        try:
            content = self._post(body, service)
            took = time.monotonic() - begin
            answer = wire.read_answer(content, service)
            billed = answer.get("gpu_seconds")
            return wire.transcription(
                [Answer(answer, 0.0, audio.duration)],
                speaker=speaker,
                language=self.language,
                gpu_seconds=round(billed if isinstance(billed, int | float) and 0 <= billed < 1e6 else took, 3),
                service=service,
            )
        except ReflectorError as error:
            # The call's duration is the best estimate of the GPU time that the failed call used.
            usage.count("gpu_seconds", round(time.monotonic() - begin, 3))
            error.at(recording=recording, track=track)
            raise

    def check(self, seconds: float) -> str:
        """Request a track that can't be downloaded: the service must answer 404, without using a GPU.

        That checks key and language. A wrong base URL answers 404 as well, but also to a request without a track.
        See `Transcriber`.
        """
        service = host(self.url)
        body = {"audio_file_url": NOWHERE, "language": self.language, **({"model": self.model} if self.model else {})}
        status, content, headers = self._send(body, service, seconds)
        if status == 404:
            empty, content, headers = self._send({}, service, seconds)
            if empty not in {404, 405}:
                return f"the service at {service} accepts the key"
        raise wire.status_error(
            status, content, headers, service=service, hints={**self._hints(body), 404: "Check TRANSCRIPT_URL."}
        )

    def _post(self, body: dict[str, str], service: str) -> bytes:
        status, content, headers = self._send(body, service, self.timeout)
        if status != 200:
            raise wire.status_error(status, content, headers, service=service, hints=self._hints(body))
        return content

    def _send(self, body: dict[str, str], service: str, seconds: float) -> tuple[int, bytes, httpx.Headers]:
        key = secret_value(self.api_key)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = self.url.rstrip("/").removesuffix("/v1") + PATH
        too_long = PermanentError(
            f"the transcription service at {service} sent more than {wire.MOST_BYTES // 2**20} MiB"
        )
        try:
            response, content = send(
                "POST", url, seconds=seconds, max_bytes=wire.MOST_BYTES, too_long=too_long, json=body, headers=headers
            )
        except TimeoutError as error:
            raise wire.timed_out(seconds, service) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PermanentError(f"TRANSCRIPT_URL is not a valid URL: {error}") from error
        except httpx.TransportError as error:
            raise wire.unreachable(error, service) from error
        return response.status_code, content, response.headers

    def _hints(self, body: dict[str, str]) -> dict[int, str]:
        scheme = body["audio_file_url"].split(":", 1)[0]
        return {
            400: f"The service may not support the language {self.language!r} (REFLECTOR_LANGUAGE).",
            404: f"The service could not read the track's {scheme} URL, or TRANSCRIPT_URL is not its base URL: it must "
            "be able to reach the storage (TRANSCRIPT_STORAGE_BACKEND).",
        }
