"""The call cache keeps what was paid for: whole or not at all, bounded, and shared by processes."""

# pyright: basic

import concurrent.futures
import logging
import logging.handlers
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.call_cache import CallCache

KEYS = [CallCache.key(call=number) for number in range(20)]


@pytest.fixture
def cache(tmp_path: Path):
    return CallCache(folder=str(tmp_path / "calls"), max_bytes=1_000_000)


def files(cache: Any):
    return [path for path in Path(cache.folder).rglob("*") if path.is_file()]


@pytest.mark.slow(9)
def test_what_was_put_is_got_in_another_process_too(cache: Any):
    assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], b"an answer")
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(get, cache.folder, KEYS[0]).result() == b"an answer"


def get(folder: Any, key: Any):
    return CallCache(folder=folder, max_bytes=1_000_000).get(key)


@given(st.binary(max_size=2000))
def test_any_bytes_come_back_as_they_were(tmp_path_factory: Any, content: Any):
    cache = CallCache(folder=str(tmp_path_factory.mktemp("calls")), max_bytes=1_000_000)
    cache.put(KEYS[0], content)
    assert cache.get(KEYS[0]) == content


def test_a_refresh_calls_again_and_keeps_the_new_answer(cache: Any):
    cache.put(KEYS[0], b"old")
    again = CallCache(folder=cache.folder, max_bytes=cache.max_bytes, refresh=True)
    assert again.get(KEYS[0]) is None
    again.put(KEYS[0], b"new")
    assert cache.get(KEYS[0]) == b"new"


def test_a_cache_of_no_size_keeps_nothing(tmp_path: Path):
    cache = CallCache(folder=str(tmp_path / "calls"), max_bytes=0)
    cache.put(KEYS[0], b"")
    assert cache.get(KEYS[0]) is None
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    "damage", [lambda entry: entry[:-1], lambda entry: entry[:10], lambda entry: b"", lambda entry: entry[:-1] + b"?"]
)
def test_a_damaged_entry_is_a_miss_and_goes(cache: Any, caplog: Any, damage: Any):
    cache.put(KEYS[0], b"an answer")
    [file] = files(cache)
    file.write_bytes(damage(file.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert cache.get(KEYS[0]) is None
    assert files(cache) == []
    assert "damaged" in caplog.text


def test_what_is_not_used_goes_first(tmp_path: Path):
    cache = CallCache(folder=str(tmp_path), max_bytes=10 * 1032)
    for age, key in enumerate(KEYS[:10]):
        cache.put(key, bytes(1000))
        [file] = [path for path in files(cache) if path.name == key]
        then = time.time() - 100 + age
        os.utime(file, (then, then))
    assert cache.get(KEYS[0]) is not None
    cache.put(KEYS[10], bytes(1000))
    kept = [key for key in KEYS if cache.get(key) is not None]
    assert KEYS[0] in kept, "it was used last"
    assert KEYS[10] in kept, "it is new"
    assert KEYS[1] not in kept, "it was unused for longest"
    assert sum(file.stat().st_size for file in files(cache)) <= cache.max_bytes
    assert len(kept) >= 8, "no more goes than has to"


def test_an_answer_that_is_larger_than_the_cache_is_not_kept(tmp_path: Path):
    cache = CallCache(folder=str(tmp_path), max_bytes=2000)
    cache.put(KEYS[0], bytes(100))
    cache.put(KEYS[1], bytes(3000))
    assert cache.get(KEYS[1]) is None
    assert cache.get(KEYS[0]) == bytes(100)


def test_what_a_killed_process_left_is_cleared_and_what_another_writes_is_not(cache: Any):
    cache.put(KEYS[0], b"an answer")
    folder = files(cache)[0].parent
    left, other = folder / ".writing-left", folder / ".writing-now"
    left.write_bytes(b"half")
    other.write_bytes(b"half")
    then = time.time() - 86_400
    os.utime(left, (then, then))
    cache.put(KEYS[1], b"another")
    assert not left.exists()
    assert other.exists()


SIZE = 64 * 30_000


def hammer(folder: Any, seed: Any):
    cache = CallCache(folder=folder, max_bytes=2 * (SIZE + 32))
    wrong, warnings = 0, logging.handlers.BufferingHandler(1000)
    logging.getLogger("resources.call_cache").addHandler(warnings)
    for number in range(60):
        key = KEYS[(number + seed) % 3]
        found = cache.get(key)
        wrong += found is not None and found != key.encode() * (SIZE // 64)
        cache.put(key, key.encode() * (SIZE // 64))
    return wrong + len(warnings.buffer)


@pytest.mark.slow
def test_processes_that_write_the_same_entries_see_whole_ones_only(tmp_path: Path, caplog: Any):
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(hammer, [str(tmp_path)] * 3, range(3))) == [0, 0, 0]
    cache = CallCache(folder=str(tmp_path), max_bytes=2 * (SIZE + 32))
    assert not [file for file in files(cache) if file.name.startswith(".writing-")]


def test_a_cache_that_cannot_be_written_costs_a_call_and_no_step(tmp_path: Path, caplog: Any):
    (tmp_path / "calls").write_text("no folder")
    cache = CallCache(folder=str(tmp_path / "calls"), max_bytes=1000)
    with caplog.at_level(logging.WARNING):
        cache.put(KEYS[0], b"an answer")
        assert cache.get(KEYS[0]) is None
    assert "call cache" in caplog.text


parts = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1), st.text() | st.integers() | st.none()
)


@given(parts, parts)
def test_equal_parts_have_equal_keys_whatever_their_order_and_others_dont(one: Any, other: Any):
    assert CallCache.key(**one) == CallCache.key(**dict(reversed(one.items())))
    assert (CallCache.key(**one) == CallCache.key(**other)) == (one == other)


@pytest.mark.parametrize("part", [b"bytes", float("nan"), object()])
def test_a_part_without_one_reading_is_refused(part: Any):
    with pytest.raises((TypeError, ValueError)):
        CallCache.key(part=part)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a" * 63, "A" * 64])
def test_only_keys_are_taken(cache: Any, key: Any):
    with pytest.raises(ValueError, match="no key"):
        cache.get(key)
    with pytest.raises(ValueError, match="no key"):
        cache.put(key, b"")
