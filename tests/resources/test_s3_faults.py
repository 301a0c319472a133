"""The store in S3 when the server or the network fails: a proxy in front of a real server does it."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import NotFound, PermanentError, ReflectorError, TransientError
from resources.store.s3 import S3Store
from testing import PATIENCE_S
from testing.parts.proxy import Proxy
from testing.parts.s3 import S3Server

pytestmark = pytest.mark.slow(10)

MB = 2**20
# What a download may read twice per interruption: a piece, and the headers.
AGAIN = 70_000
OPERATIONS: dict[str, Callable[[S3Store], object]] = {
    "read": lambda store: store.read("a/b"),
    "write": lambda store: store.write("a/b", b"new"),
    "stat": lambda store: store.stat("a/b"),
    "list": lambda store: list(store.list_keys("a")),
    "delete": lambda store: store.delete("a/b"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("results")
        yield server


@pytest.fixture(scope="module")
def one_proxy(server: S3Server) -> Iterator[Proxy]:
    """One for all tests, so that they share a client: making one takes a while."""
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def proxy(one_proxy: Proxy) -> Iterator[Proxy]:
    yield one_proxy
    one_proxy.plans.clear()
    one_proxy.cut()


@pytest.fixture
def store(server: S3Server, proxy: Proxy, tmp_path: Path) -> S3Store:
    """A store behind the proxy that tries each request once."""
    return server.store(
        "results",
        prefix=tmp_path.name,
        endpoint_url=proxy.endpoint,
        folder=str(tmp_path / "temporary"),
        max_attempts=1,
        read_timeout=PATIENCE_S,
    )


@pytest.fixture
def hasty(store: S3Store) -> S3Store:
    """The same store, which waits for 1 s."""
    return store.model_copy(update={"read_timeout": 1.0})


@pytest.fixture
def content(store: S3Store) -> bytes:
    """3 MB that lie at a/b."""
    content = os.urandom(3 * MB)
    store.write("a/b", content)
    return content


def refusal(status: int, code: str, headers: str = "") -> bytes:
    body = f"<Error><Code>{code}</Code><Message>told to fail</Message></Error>".encode()
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: application/xml\r\nConnection: close\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_is_down_is_transient(server: S3Server, store: S3Store, operation: str) -> None:
    gone = store.model_copy(update={"endpoint_url": "http://127.0.0.1:1"})
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1 failed.*TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL"):
        OPERATIONS[operation](gone)


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with S3Server(tmp_path / "s3") as server:
        server.create_bucket("results")
        store = server.store("results", max_attempts=1)
        store.write("a/b", b"x")
        server.stop()
        with pytest.raises(TransientError):
            store.read("a/b")
        server.start()
        assert store.read("a/b") == b"x"


REFUSALS: dict[tuple[int, str], tuple[type[ReflectorError], str]] = {
    (503, "SlowDown"): (TransientError, "answered 503 SlowDown"),
    (500, "InternalError"): (TransientError, "answered 500"),
    (429, "TooManyRequests"): (TransientError, "answered 429"),
    (400, "RequestTimeout"): (TransientError, "answered 400 RequestTimeout"),
    (403, "AccessDenied"): (PermanentError, "s3:GetObject"),
    (403, "RequestTimeTooSkewed"): (PermanentError, "clock"),
    (400, "ExpiredToken"): (PermanentError, "ACCESS_KEY_ID: a temporary key has expired"),
    (400, "AuthorizationHeaderMalformed"): (PermanentError, "Check TRANSCRIPT_STORAGE_AWS_REGION"),
    (400, "KMS.DisabledException"): (PermanentError, "server-side encryption"),
    (418, "Teapot"): (PermanentError, r"418 Teapot\). Check the settings TRANSCRIPT_STORAGE_AWS"),
}


@pytest.mark.parametrize("operation", ["read", "write", "list"])
@pytest.mark.parametrize("said", REFUSALS, ids=lambda said: said[1])
def test_each_refusal_is_reported(proxy: Proxy, store: S3Store, said: tuple[int, str], operation: str) -> None:
    kind, text = REFUSALS[said]
    proxy.answer(refusal(*said), times=2)
    with pytest.raises(kind, match=text):
        OPERATIONS[operation](store)


def test_a_wait_that_was_requested_is_handed_on(proxy: Proxy, store: S3Store) -> None:
    proxy.answer(refusal(503, "SlowDown", "Retry-After: 7\r\n"))
    with pytest.raises(TransientError) as caught:
        store.read("a/b")
    assert caught.value.retry_after == 7


def test_one_refusal_is_tried_again_at_once(proxy: Proxy, store: S3Store) -> None:
    store = store.model_copy(update={"max_attempts": 2})
    proxy.answer(refusal(503, "SlowDown"))
    store.write("a/b", b"x")
    proxy.refuse()
    assert store.read("a/b") == b"x"
    proxy.refuse(times=2)
    with pytest.raises(TransientError):
        store.read("a/b")


def test_a_download_that_breaks_goes_on_where_it_broke(proxy: Proxy, hasty: S3Store, content: bytes) -> None:
    before = proxy.answered
    proxy.reset(after=MB)
    proxy.end(after=MB)
    proxy.hang(after=MB // 2)
    assert hasty.read("a/b") == content
    assert proxy.plans == []
    assert len(content) < proxy.answered - before < len(content) + 3 * AGAIN


def test_a_download_that_breaks_at_its_last_byte_is_complete(proxy: Proxy, store: S3Store) -> None:
    proxy.cut()
    store.write("a/b", bytes(1000))
    head = proxy.answered
    store.read("a/b")
    length = proxy.answered - head
    for after in (length, length - 1):
        proxy.reset(after=after)
        assert store.read("a/b") == bytes(1000)


def test_a_download_without_progress_ends(proxy: Proxy, store: S3Store, content: bytes) -> None:
    proxy.reset(after=100_000, times=1)
    proxy.reset(after=20_000, times=20)
    with pytest.raises(TransientError, match="connection"):
        store.read("a/b")
    # The first broke after progress; it and three more tries brought none.
    assert len(proxy.plans) == 16
    assert list(Path(store.folder or "").iterdir()) == []


def test_a_download_goes_on_after_refusals_in_between(proxy: Proxy, store: S3Store, content: bytes) -> None:
    proxy.reset(after=MB)
    proxy.answer(refusal(503, "SlowDown"))
    proxy.refuse()
    assert store.read("a/b") == content


def test_a_download_is_refused_in_between(proxy: Proxy, store: S3Store, content: bytes) -> None:
    proxy.reset(after=MB)
    proxy.answer(refusal(403, "AccessDenied"))
    with pytest.raises(PermanentError, match="AccessDenied"):
        store.read("a/b")


@pytest.mark.parametrize("size", [5 * MB, 1000])
def test_an_object_that_changes_is_read_anew(
    server: S3Server, proxy: Proxy, store: S3Store, content: bytes, size: int
) -> None:
    """Also one that is now shorter than what was read already."""
    changed = os.urandom(size)
    beside = store.model_copy(update={"endpoint_url": server.endpoint})
    proxy.reset(after=MB, then=lambda: beside.write("a/b", changed))
    assert store.read("a/b") == changed


def test_an_object_that_keeps_changing_is_transient(
    server: S3Server, proxy: Proxy, store: S3Store, content: bytes
) -> None:
    beside = store.model_copy(update={"endpoint_url": server.endpoint})

    def change() -> None:
        beside.write("a/b", os.urandom(3 * MB))

    # The request for the rest is answered that the object changed; over the same connection it is read anew.
    proxy.reset(after=MB, times=5, then=change)
    with pytest.raises(TransientError, match="changed repeatedly"):
        store.read("a/b")


def test_an_object_that_goes_away_is_not_found(server: S3Server, proxy: Proxy, store: S3Store, content: bytes) -> None:
    beside = store.model_copy(update={"endpoint_url": server.endpoint})
    proxy.reset(after=MB, then=lambda: beside.delete("a/b"))
    with pytest.raises(NotFound):
        store.read("a/b")


def test_an_object_that_became_shorter_is_read_anew(proxy: Proxy, store: S3Store, content: bytes) -> None:
    """Told by a server that looks at the range before it compares."""
    proxy.reset(after=MB)
    proxy.answer(refusal(416, "InvalidRange"))
    assert store.read("a/b") == content


def test_a_server_without_ranges_is_read_from_the_start(proxy: Proxy, store: S3Store, content: bytes) -> None:
    whole = f'HTTP/1.1 200 OK\r\nETag: "x"\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n'.encode()
    proxy.reset(after=MB)
    proxy.answer(whole + content, times=2)
    assert store.read("a/b") == content


def test_a_damaged_object_is_noticed(server: S3Server, proxy: Proxy, store: S3Store, content: bytes) -> None:
    damaged = bytearray(content)
    damaged[MB] ^= 1
    digest = server.client().head_object(Bucket="results", Key=f"{store.prefix}/a/b")["Metadata"]["sha256"]
    head = f'HTTP/1.1 200 OK\r\nETag: "x"\r\nx-amz-meta-sha256: {digest}\r\nConnection: close\r\n'
    proxy.answer(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + damaged)
    with pytest.raises(TransientError, match="damaged"):
        store.read("a/b")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_hangs_is_transient(proxy: Proxy, hasty: S3Store, operation: str) -> None:
    proxy.hang()
    with pytest.raises(TransientError, match="ReadTimeoutError"):
        OPERATIONS[operation](hasty)


def test_a_slow_answer_is_waited_for(proxy: Proxy, hasty: S3Store) -> None:
    hasty.write("a/b", bytes(1000))
    piece, pause = 20, 0.03
    # The whole takes longer than the time limit, which is for silence.
    assert 1000 / piece * pause > hasty.read_timeout
    proxy.drip(piece=piece, pause=pause)
    assert hasty.read("a/b") == bytes(1000)


def test_an_upload_that_fails_leaves_what_was_there(proxy: Proxy, store: S3Store, content: bytes) -> None:
    """Also one in parts, of which some have arrived; their storage is given back."""
    parts = store.model_copy(update={"multipart_bytes": 5 * MB})
    for given, size in ((store, MB), (parts, 11 * MB)):
        proxy.answer(refusal(503, "SlowDown"))
        with pytest.raises(TransientError):
            given.write("a/b", os.urandom(size))
        assert store.read("a/b") == content
        assert list(Path(store.folder or "").iterdir()) == []


def test_an_upload_whose_parts_fail_is_taken_back(
    server: S3Server, proxy: Proxy, store: S3Store, content: bytes
) -> None:
    parts = store.model_copy(update={"multipart_bytes": 5 * MB})
    # The connection that begins the upload works; of those for the parts one fails.
    proxy.cut()
    store.exists("a/b")
    proxy.refuse(keep=True)
    with pytest.raises(TransientError):
        parts.write("a/b", os.urandom(11 * MB))
    assert store.read("a/b") == content
    assert "Uploads" not in server.client().list_multipart_uploads(Bucket="results")


def test_a_full_or_closed_disk_is_reported(store: S3Store, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    closed = store.model_copy(update={"folder": str(tmp_path / "file")})
    for operation in (OPERATIONS["read"], OPERATIONS["write"]):
        with pytest.raises(TransientError, match=f"permissions of {closed.folder}"):
            operation(closed)


def test_what_killed_processes_left_is_cleared(store: S3Store) -> None:
    store.write("a/b", b"x")
    folder = Path(store.folder or "")
    old, new = folder / ".writing-old", folder / ".writing-new"
    for path in (old, new):
        path.write_bytes(b"half")
    day_ago = time.time() - 86400
    os.utime(old, (day_ago, day_ago))
    store.read("a/b")
    assert list(folder.iterdir()) == [new]
