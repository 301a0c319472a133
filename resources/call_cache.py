"""Results of GPU and LLM calls by a hash of the call's inputs, cached on local disk and shared through the store."""

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from dagster import ConfigurableResource, ResourceDependency

from domain.errors import NotFound, ReflectorError
from resources.store.base import Store

log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}")
# The checksum before the content, SHA-256.
_HEAD = 32
_WRITING = ".writing-"
# Seconds after which an unfinished file is taken as left over from a killed process.
_LEFT_OVER = 3600


class CallCache(ConfigurableResource[Any]):
    """A local folder of call results, shared by all runs, processes and recordings, so no call is paid for twice.

    `max_bytes` bounds the contents, the least recently used are evicted first; 0 disables the cache. With `refresh`,
    every call is made again and replaces the cached result. Errors of reading or writing are logged and count as
    misses: they cost a call, but never fail a step.
    """

    folder: str
    max_bytes: int
    refresh: bool = False

    def refreshed(self) -> "CallCache":
        """Return a cache on the same folder for which every lookup is a miss."""
        return CallCache(folder=self.folder, max_bytes=self.max_bytes, refresh=True)

    @staticmethod
    def key(**parts: Any) -> str:
        """Return the hash of a call's inputs, as JSON; raises TypeError or ValueError for values without JSON form."""
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def get(self, key: str) -> bytes | None:
        """Return the content stored under a key, or None; a damaged entry is removed and counts as missing."""
        path = self._path(key)
        if self.refresh or self.max_bytes <= 0:
            return None
        try:
            entry = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("the call cache can't be read: %s", error.strerror)
            return None
        content = entry[_HEAD:]
        if len(entry) < _HEAD or hashlib.sha256(content).digest() != entry[:_HEAD]:
            log.warning("removed a damaged entry of the call cache: %s", path.name)
            self._remove(path)
            return None
        with contextlib.suppress(OSError):
            # The modification time is the time of last use. Another process may have removed the file meanwhile.
            os.utime(path)
        return content

    def put(self, key: str, content: bytes) -> None:
        """Store bytes under a key, replacing an earlier entry; evicts the least recently used entries."""
        path = self._path(key)
        if len(content) + _HEAD > self.max_bytes:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_WRITING, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                Path(name).replace(path)
            finally:
                Path(name).unlink(missing_ok=True)
            self._make_room(keep=path)
        except OSError as error:
            log.warning("a result could not be stored in the call cache: %s", error.strerror)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of the call cache: make it with CallCache.key")
        return Path(self.folder, key[:2], key)

    def _make_room(self, keep: Path) -> None:
        entries = [entry for folder in Path(self.folder).iterdir() for entry in _entries(folder)]
        total = sum(entry.size for entry in entries)
        if total <= self.max_bytes:
            return
        for entry in sorted(entries, key=lambda entry: entry.used):
            if entry.path != keep:
                self._remove(entry.path)
                total -= entry.size
            # Evict a little more than needed, so that not every call has to.
            if total <= self.max_bytes * 0.9:
                return

    def _remove(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


class _Entry(NamedTuple):
    used: float
    size: int
    path: Path


def _entries(folder: Path) -> list[_Entry]:
    """List a folder's entries and remove files left by killed processes; other processes may be doing the same."""
    found: list[_Entry] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as files:
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                if not file.name.startswith(_WRITING):
                    found.append(_Entry(stat.st_mtime, stat.st_size, Path(file.path)))
                elif time.time() - stat.st_mtime > _LEFT_OVER:
                    Path(file.path).unlink(missing_ok=True)
    return found


class SharedCallCache(CallCache):
    """A local folder in front of the store, which keeps results under `calls/` until a bucket lifecycle rule.

    `max_bytes` bounds the folder only; 0 disables both. Errors of the store are logged and count as misses.
    """

    store: ResourceDependency[Store]

    def refreshed(self) -> "SharedCallCache":
        return SharedCallCache(folder=self.folder, max_bytes=self.max_bytes, refresh=True, store=self.store)

    def get(self, key: str) -> bytes | None:
        content = super().get(key)
        if content is not None or self.refresh or self.max_bytes <= 0:
            return content
        try:
            content = self.store.read(_object(key))
        except NotFound:
            return None
        except ReflectorError as error:
            log.warning("the shared call cache can't be read: %s", error)
            return None
        super().put(key, content)
        return content

    def put(self, key: str, content: bytes) -> None:
        super().put(key, content)
        if self.max_bytes <= 0:
            return
        try:
            self.store.write(_object(key), content)
        except ReflectorError as error:
            log.warning("a result could not be stored in the shared call cache: %s", error)


def _object(key: str) -> str:
    return f"calls/{key[:2]}/{key}"
