"""The GPU service of the product, `reflector transcriber serve` as a process of its own, with tiny.en."""

# pyright: basic

from pathlib import Path
from typing import Any, ClassVar

from testing.deployment import Deployment, deploy
from testing.hosts.gpu_host import FROM_URL, Call
from testing.parts.receiver import Receiver

KEY = "key-of-the-transcriber-of-tests"


def transcribing(home: Path, **env: str) -> Deployment:
    """Create a deployment for the service, which may download tracks from this machine; `env` are more settings."""
    home.mkdir(parents=True, exist_ok=True)
    settings = {"REFLECTOR_ALLOW_HTTP": "true", "REFLECTOR_ALLOWED_NETWORKS": "127.0.0.0/8"}
    return deploy(home, TRANSCRIPT_MODAL_API_KEY=KEY, **settings | env)


class Transcriber(Receiver):
    """The service on 127.0.0.1 and a free port; a context manager. It answers when the model is loaded."""

    command: ClassVar[tuple[str, ...]] = ("transcriber", "serve")

    def ask(self, key: str = KEY, **fields: Any) -> Any:
        """Post a call; returns the client's response."""
        return self.client.post(f"{self.url}{FROM_URL}", json=fields, headers={"Authorization": f"Bearer {key}"})

    def words(self, call: Call) -> list[dict[str, Any]]:
        """Return the words for a call that a stand-in received."""
        answer = self.ask(audio_file_url=call.fields["audio_file_url"], language="en")
        assert answer.status_code == 200, answer.text
        return answer.json()["words"]
