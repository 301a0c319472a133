"""The store in S3, against a real server that checks signatures."""

# pyright: basic

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import InvalidInput, NotFound, PermanentError
from resources.store.base import StoredObject
from resources.store.s3 import S3Store
from testing import PATIENCE_S
from testing.parts.proxy import Proxy
from testing.parts.s3 import S3Server

pytestmark = pytest.mark.slow(10)

MB = 2**20
OPERATIONS: dict[str, Callable[[S3Store], object]] = {
    "read": lambda store: store.read("a/b"),
    "write": lambda store: store.write("a/b", b"new"),
    "stat": lambda store: store.stat("a/b"),
    "exists": lambda store: store.exists("a/b"),
    "list": lambda store: list(store.list_keys("a")),
    "delete": lambda store: store.delete("a/b"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("results")
        yield server


@pytest.fixture
def store(server: S3Server, tmp_path: Path) -> S3Store:
    """A store of the test's own: a prefix in the bucket."""
    return server.store("results", prefix=f"/{tmp_path.name}/deep/", folder=str(tmp_path / "temporary"))


@pytest.mark.parametrize("size", [0, 1, 7 * MB])
def test_what_is_written_is_read(server: S3Server, store: S3Store, size: int) -> None:
    store = store.model_copy(update={"multipart_bytes": 5 * MB})
    content = os.urandom(size)
    stored = store.write("recordings/a/tracks/0.webm", content)
    assert stored == StoredObject("recordings/a/tracks/0.webm", hashlib.sha256(content).hexdigest(), size)
    assert store.stat(stored.key) == stored
    assert store.exists(stored.key)
    with store.local(stored.key) as path:
        assert path.suffix == ".webm"
        assert path.read_bytes() == content
    assert not path.exists()
    head = server.client().head_object(Bucket="results", Key=f"{store.prefix.strip('/')}/{stored.key}")
    assert head["ContentType"] == "video/webm"
    # The hash of an object that came in parts ends with their number.
    assert head["ETag"].strip('"').endswith("-2") is (size > 5 * MB)


def test_what_others_put_is_read_and_measured(server: S3Server) -> None:
    server.client().put_object(Bucket="results", Key="domain/room/1-cam-audio-2", Body=b"sound")
    store = server.store("results")
    assert store.read("domain/room/1-cam-audio-2") == b"sound"
    assert store.stat("domain/room/1-cam-audio-2") == StoredObject(
        "domain/room/1-cam-audio-2", hashlib.sha256(b"sound").hexdigest(), 5
    )


def test_measuring_does_not_download(server: S3Server, store: S3Store) -> None:
    store.write("a/b", bytes(MB))
    with Proxy(server.port) as proxy:
        assert store.model_copy(update={"endpoint_url": proxy.endpoint}).stat("a/b").bytes == MB
        assert proxy.answered < 2000


def test_a_write_that_fails_leaves_what_was_there(store: S3Store) -> None:
    store.write("a/b", b"old")

    def write_half() -> None:
        with store.new_file("a/b") as path:
            path.write_bytes(b"ne")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_half()
    assert store.read("a/b") == b"old"
    assert list(store.list_keys("a")) == ["a/b"]
    assert list(Path(store.folder or "").iterdir()) == []


def test_a_reader_meets_the_old_or_the_new(store: S3Store) -> None:
    contents = [bytes([letter]) * MB for letter in b"ab"]
    store.write("a/b", contents[0])

    def overwrite() -> None:
        for turn in range(1, 20):
            store.write("a/b", contents[turn % 2])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(overwrite)
        while not writing.done():
            assert store.read("a/b") in contents
        writing.result()


def test_many_keys_are_listed(server: S3Server, store: S3Store) -> None:
    client, prefix = server.client(), store.prefix.strip("/")
    keys = [f"many/{number:04}/ü b.json" for number in range(1002)]
    others = ["many2/a", "many", "other/many/a", "many/folder/"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket="results", Key=f"{prefix}/{key}"), keys + others))
    assert list(store.list_keys("many")) == keys
    assert list(store.list_keys("many/0007/")) == ["many/0007/ü b.json"]
    assert list(store.list_keys("none")) == []
    assert store.read(keys[0]) == b""


def test_deleting_twice_is_no_error(store: S3Store) -> None:
    store.write("a/b", b"")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


@pytest.mark.parametrize("key", ["", ".", "/etc/passwd", "../results/a", "a/../../b", "a\0b"])
def test_no_key_leads_out_of_the_prefix(store: S3Store, key: str) -> None:
    tries: list[Callable[[], object]] = [
        lambda: store.write(key, b""),
        lambda: store.read(key),
        lambda: store.url(key),
        lambda: store.exists(key),
        lambda: list(store.list_keys(key)),
        lambda: store.delete(key),
    ]
    for attempt in tries:
        with pytest.raises(InvalidInput):
            attempt()


def test_a_presigned_url_serves_and_ends(store: S3Store) -> None:
    store.write("a/b c+ü.mp3", b"0123456789")
    url, short = store.url("a/b c+ü.mp3", expires=PATIENCE_S + 0.5), store.url("a/b c+ü.mp3", expires=0.2)
    answer = httpx.get(url, headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (206, b"234", "audio/mpeg")
    assert httpx.get(url.replace("Signature=", "Signature=0")).status_code == 403
    time.sleep(2.1)
    assert httpx.get(short).status_code == 403
    assert httpx.get(url).status_code == 200
    # Where boto3 would presign in an old way, which newer regions and servers refuse.
    assert "X-Amz-Algorithm=AWS4" in store.model_copy(update={"region": "us-east-1"}).url("a/b")


def test_a_missing_key_is_reported(store: S3Store) -> None:
    for operation in (OPERATIONS["read"], OPERATIONS["stat"]):
        with pytest.raises(NotFound, match="no a/b in the bucket results"):
            operation(store)
    assert not store.exists("a/b")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_missing_bucket_is_reported(server: S3Server, operation: str) -> None:
    with pytest.raises(PermanentError, match=r"no bucket nowhere.*DAILYCO_STORAGE_AWS_BUCKET_NAME") as caught:
        OPERATIONS[operation](server.store("nowhere", settings_prefix="DAILYCO_STORAGE_AWS"))
    assert not isinstance(caught.value, NotFound)


def test_objects_are_encrypted_as_configured(server: S3Server, store: S3Store) -> None:
    client, prefix = server.client(), store.prefix.strip("/")
    for encryption, size in (("none", 1), ("AES256", 1), ("AES256", 6 * MB), ("aws:kms", 1), ("aws:kms", 6 * MB)):
        given = store.model_copy(
            update={"encryption": encryption, "kms_key_id": "key-of-test", "multipart_bytes": 5 * MB}
        )
        given.write("a/b", bytes(size))
        head = client.head_object(Bucket="results", Key=f"{prefix}/a/b")
        assert head.get("ServerSideEncryption", "none") == encryption
        assert (head.get("SSEKMSKeyId") == "key-of-test") is (encryption == "aws:kms")
        assert given.read("a/b") == bytes(size)
        assert given.stat("a/b").bytes == size


def test_threads_share_a_store(store: S3Store) -> None:
    contents = {f"tracks/{number}": os.urandom(MB + number) for number in range(8)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.write(key, contents[key]), contents))
        assert dict(zip(contents, pool.map(store.read, contents), strict=True)) == contents


def _read_in_child(store: S3Store, answers: Any) -> None:
    answers.put(store.read("a/b"))


def test_a_forked_process_makes_its_own_connections(server: S3Server, store: S3Store) -> None:
    store.write("a/b", b"x")
    with Proxy(server.port) as proxy:
        given = store.model_copy(update={"endpoint_url": proxy.endpoint})
        assert given.read("a/b") == b"x"
        assert len(proxy.connections) == 1
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()
        child = context.Process(target=_read_in_child, args=(given, answers))
        child.start()
        assert answers.get() == b"x"
        child.join()
        assert len(proxy.connections) == 2
        assert given.read("a/b") == b"x"
        assert len(proxy.connections) == 2
