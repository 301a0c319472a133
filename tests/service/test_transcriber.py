"""`reflector transcriber serve`: a GPU service for our own client, and for nobody without the key."""

# pyright: basic

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import PermanentError
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.gpu import GPUService
from resources.transcription.whisper import SAMPLE, SAMPLE_S
from testing import PATIENCE_S
from testing.daemon import until
from testing.hosts.gpu_host import FROM_URL
from testing.hosts.host import Answer, Host, Request
from testing.parts.transcriber import KEY, Transcriber, transcribing

pytestmark = pytest.mark.slow(8)


class Files(Host[Request]):
    """Serves the sample at every path but /missing, /text, and /moved, which refers to another one."""

    def read(self, request: Request) -> Request | Answer:
        return self.error(404, "no such file") if request.path == "/missing" else request

    def reply(self, call: Request) -> Answer:
        if call.path == "/moved":
            return self.error(302, "over there", {"Location": f"{self.url}/a"})
        return Answer(body=b"no audio " * 1000 if call.path == "/text" else SAMPLE.read_bytes())


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    with Files() as host:
        yield host


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transcriber]:
    home = tmp_path_factory.mktemp("transcriber")
    env = {"REFLECTOR_TRANSCRIBER_QUEUE": "1", "REFLECTOR_VOCABULARY": "Ada"}
    with Transcriber(transcribing(home, **env)) as running:
        yield running


def test_our_client_gets_words_with_times(service: Transcriber, files: Files) -> None:
    class Remote(LocalStore):
        def url(self, key: str, expires: float = 3600) -> str:
            return f"{files.url}/{key}?signature=secret"

    client = GPUService(url=service.url, api_key=KEY, timeout=PATIENCE_S)
    assert "accepts the key" in client.check(PATIENCE_S)
    audio = TrackAudio(Remote(root="/nowhere"), "sample.webm", "", SAMPLE_S)
    heard = client.transcribe(audio, speaker=1, recording="r", track=0)
    assert len(heard.words) > 20
    assert heard.language == "en"
    assert all(0 < word.confidence <= 1 for word in heard.words)
    assert 0 < heard.gpu_seconds < PATIENCE_S
    later = service.ask(
        audio_file_url=f"{files.url}/a", language="en", model="tiny.en", timestamp_offset=60, batch=False
    ).json()
    assert later["words"][0]["start"] == pytest.approx(heard.words[0].start + 60, abs=0.5)
    assert later["text"].split()[:3] == [word.word for word in heard.words[:3]]
    with pytest.raises(PermanentError, match="doesn't support the language 'tlh'"):
        client.for_track("tlh", ()).transcribe(audio, speaker=1, recording="r", track=0)


def test_files_are_read_below_the_recordings_only(service: Transcriber) -> None:
    folder = service.deployment.data / "recordings" / "r1"
    folder.mkdir(parents=True)
    (folder / "0.webm").write_bytes(SAMPLE.read_bytes())
    (service.deployment.data / "secret.webm").write_bytes(SAMPLE.read_bytes())
    (folder / "link.webm").symlink_to(service.deployment.data / "secret.webm")

    def status(path: Path | str) -> int:
        return service.ask(audio_file_url=f"file://{path}", language="en").status_code

    assert status(folder / "0.webm") == 200
    for path in (folder / "link.webm", folder / ".." / ".." / "secret.webm", "/etc/passwd", folder, folder / "none"):
        assert status(path) == 404, path


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"audio_file_url": "HOST/missing"}, 404),
        ({"audio_file_url": "HOST/text"}, 422),
        # It could refer to an address that isn't checked.
        ({"audio_file_url": "HOST/moved"}, 404),
        ({"audio_file_url": "http://10.1.2.3/internal"}, 404),
        ({"audio_file_url": "http://169.254.169.254/latest/meta-data"}, 404),
        ({"audio_file_url": "ftp://127.0.0.1/a"}, 404),
        ({"audio_file_url": "https://reflector.invalid/a"}, 404),
        ({"language": "de"}, 400),
        ({"language": "auto"}, 400),
        ({"model": "large"}, 400),
        ({"language": 5}, 422),
        ({"audio_file_url": None}, 422),
        ({"unknown": 1}, 422),
        ({"batch": -1}, 422),
    ],
)
def test_what_cannot_be_transcribed_is_refused(
    service: Transcriber, files: Files, fields: dict[str, object], status: int
) -> None:
    url = str(fields.get("audio_file_url", "HOST/a"))
    given = {"language": "en", **fields, "audio_file_url": fields.get("audio_file_url", url)}
    if isinstance(given["audio_file_url"], str):
        given["audio_file_url"] = given["audio_file_url"].replace("HOST", files.url) + "?signature=secret"
    answer = service.ask(**given)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert "secret" not in answer.text


def test_a_server_that_fails_is_no_fault_of_the_url(service: Transcriber, files: Files) -> None:
    files.fail(1, 503)
    assert service.ask(audio_file_url=f"{files.url}/a", language="en").status_code == 502


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), (KEY, 413)])
def test_a_large_body_is_refused_before_it_arrives(service: Transcriber, key: str, status: int) -> None:
    head = (
        f"POST {FROM_URL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_more_calls_than_may_wait_are_sent_away(service: Transcriber) -> None:
    with ThreadPoolExecutor(2) as both, Files() as slow:
        slow.hang(2)
        # One turn and one that waits: both download until their server ends the connection.
        for _ in range(2):
            both.submit(service.ask, audio_file_url=f"{slow.url}/a", language="en")
        until(lambda: len(slow.requests) == 2)
        health = service.client.get(f"{service.url}/health").json()
        refused = service.ask(audio_file_url=f"{slow.url}/a", language="en")
    assert health == {"status": "ok", "working": 0, "waiting": 2}
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_without_a_key_it_does_not_start(tmp_path: Path) -> None:
    deployment = transcribing(tmp_path)
    del deployment.env["TRANSCRIPT_MODAL_API_KEY"]
    done = deployment.reflector("transcriber", "serve")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "TRANSCRIPT_MODAL_API_KEY isn't set" in done.stderr
