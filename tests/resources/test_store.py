"""The store: whole objects or none, inside its folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput, NotFound, TransientError
from resources.store.base import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(root=str(tmp_path / "root"))


def test_what_is_written_is_read(store: LocalStore) -> None:
    stored = store.write("recordings/a/title.json", b"{}")
    assert stored.bytes == 2
    assert store.stat("recordings/a/title.json") == stored
    assert store.read("recordings/a/title.json") == b"{}"
    assert list(store.list_keys("recordings/a")) == ["recordings/a/title.json"]


def test_a_write_that_fails_leaves_what_was_there(store: LocalStore) -> None:
    store.write("a/b", b"old")

    def write_half() -> None:
        with store.new_file("a/b") as path:
            path.write_bytes(b"ne")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_half()
    assert store.read("a/b") == b"old"
    assert list(store.list_keys("a")) == ["a/b"]
    assert [path.name for path in (Path(store.root) / "a").iterdir()] == ["b"]


def test_what_another_process_is_writing_is_no_object(store: LocalStore) -> None:
    with store.new_file("a/b") as path:
        path.write_bytes(b"half")
        assert not store.exists("a/b")
        assert list(store.list_keys("a")) == []
        with pytest.raises(NotFound):
            store.read("a/b")
    assert store.exists("a/b")


def test_deleting_twice_is_no_error(store: LocalStore) -> None:
    store.write("a/b", b"")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TransientError, match="REFLECTOR_DATA_DIR"):
        LocalStore(root=str(tmp_path / "file")).write("a/b", b"")


@given(st.lists(st.sampled_from(["..", "a", ".", "", "b\0", "/etc"]), min_size=1).map("/".join))
def test_no_key_leads_out_of_the_folder(key: str) -> None:
    store = LocalStore(root="/nowhere/root")
    try:
        path = store.path(key)
    except InvalidInput:
        return
    assert path.resolve().is_relative_to("/nowhere/root")


def test_a_url_of_a_local_file_serves_this_machine(store: LocalStore) -> None:
    store.write("a/b c", b"sound")
    assert store.url("a/b c").startswith("file:///")
    assert store.url("a/b c").endswith("/a/b%20c")
