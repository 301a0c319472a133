"""A stand-in for a transcription service: checks every request against the contract and misbehaves on demand.

It has both endpoints, the one that downloads from a URL and OpenAI's with an upload. `python -m
testing.hosts.gpu_host` prints its URL and key as JSON and runs until stdin ends.
"""

# pyright: basic

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote, urlsplit

from testing import PATIENCE_S
from testing.hosts.host import Answer, Host, Request, run_alone

FROM_URL, UPLOAD = "/v1/audio/transcriptions-from-url", "/v1/audio/transcriptions"
TYPES: dict[str, tuple[type, ...]] = {
    "audio_file_url": (str,),
    "language": (str,),
    "model": (str,),
    "timestamp_offset": (int, float),
    "batch": (bool, int),
}
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl"}


@dataclass(kw_only=True)
class Call(Request):
    """A request to one of the endpoints: the track's path (or the upload's name), its fields, and its size."""

    name: str
    fields: dict[str, Any]
    bytes: int = 0


def some_words(call: Call) -> list[dict[str, Any]]:
    """Return a few words that depend only on the track's name, with leading blanks as such services send them."""
    words = ["this", "is", *call.name.rsplit("/", 1)[-1].split(".")[:1], "speaking"]
    return [{"word": f" {word}", "start": 0.5 * n, "end": 0.5 * n + 0.4} for n, word in enumerate(words)]


@dataclass
class GPUHost(Host[Call]):
    """The service; `words` returns the words for a call, `extra` are further fields of every answer."""

    key: str = "test-gpu-key"
    model: str = "test-whisper"
    words: Callable[[Call], list[dict[str, Any]]] = some_words
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        return {"TRANSCRIPT_BACKEND": "modal", "TRANSCRIPT_URL": self.url, "TRANSCRIPT_MODAL_API_KEY": self.key}

    @property
    def calls(self) -> Counter[str]:
        """The number of requests by the path of the track's URL or the name of the upload."""
        with self.lock:
            return Counter(call.name for call in self.requests)

    def read(self, request: Request) -> Call | Answer:
        if request.method != "POST":
            return self.error(405, "only POST")
        if request.path not in {FROM_URL, UPLOAD}:
            return self.error(404, f"no such path: {request.path}")
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return self.error(401, "invalid token")
        call = read_url(request) if request.path == FROM_URL else read_upload(request)
        return self.error(422, call) if isinstance(call, str) else call

    def reply(self, call: Call) -> Answer:
        if call.fields.get("language", "en") not in LANGUAGES:
            return self.error(400, f"language {call.fields['language']} is not supported")
        if call.fields.get("model", self.model) != self.model:
            return self.error(400, f"model {call.fields['model']} is not known")
        if call.path == FROM_URL:
            url = str(call.fields["audio_file_url"])
            try:
                # A file has no query: to urllib it would be part of the name.
                url = url.split("?", maxsplit=1)[0] if url.startswith("file:") else url
                with urllib.request.urlopen(url, timeout=PATIENCE_S) as track:
                    call.bytes = len(track.read())
            except (urllib.error.URLError, ValueError, OSError):
                return self.error(404, f"can't read {call.fields['audio_file_url']}")
        words = self.words(call)
        text = "".join(str(word["word"]) for word in words)
        return Answer(body={"text": text, "words": words, "language": "english", **self.extra})


def read_url(request: Request) -> Call | str:
    """Parse a request to the URL endpoint; a returned text is an error."""
    try:
        fields = request.json()
    except ValueError:
        return "no JSON"
    if not isinstance(fields, dict) or not {"audio_file_url", "language"} <= set(fields):
        return "audio_file_url and language are required"
    for name, value in fields.items():
        if name not in TYPES:
            return f"unknown field {name}"
        if not isinstance(value, TYPES[name]):
            return f"{name} has the wrong type"
    return Call(**vars(request), name=unquote(urlsplit(fields["audio_file_url"]).path), fields=fields)


def read_upload(request: Request) -> Call | str:
    """Parse a request to OpenAI's endpoint; a returned text is an error."""
    boundary = request.headers.get_param("boundary")
    if not boundary:
        return "no multipart form"
    fields: dict[str, Any] = {}
    granularities: set[str] = set()
    name, size = "", 0
    for part in request.raw.split(f"--{boundary}".encode())[1:-1]:
        head, content = part[2:-2].split(b"\r\n\r\n", 1)
        about = BytesParser().parsebytes(head)
        if filename := about.get_filename():
            name, size = filename, len(content)
        elif (field := str(about.get_param("name", header="content-disposition"))) == "timestamp_granularities[]":
            granularities.add(content.decode())
        else:
            fields[field] = content.decode()
    if not name or "model" not in fields:
        return "file and model are required"
    if fields.get("response_format") != "verbose_json" or "word" not in granularities <= {"word", "segment"}:
        return "words with times need response_format verbose_json and timestamp_granularities[] word"
    return Call(**vars(request), name=name, fields=fields, bytes=size)


if __name__ == "__main__":
    server = GPUHost()
    run_alone(server, key=server.key, model=server.model)
