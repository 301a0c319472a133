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
# Seconds after which what a process was writing is taken for left over from one that was killed.
_LEFT_OVER = 3600


class CallCache(ConfigurableResource):
    """A folder of answers: what was paid for once isn't paid for again, in any run, process or recording.

    `folder` is local. `max_bytes` bounds the contents, those not used for longest going first; 0 keeps nothing. With
    `refresh`, calls are made again and replace what is kept. Several processes can use one folder. A cache that can't
    be read or written costs a call, never a step: it says so in the log.
    """

    folder: str
    max_bytes: int
    refresh: bool = False

    def refreshed(self) -> "CallCache":
        """Return the same folder as one that makes every call again."""
        return CallCache(folder=self.folder, max_bytes=self.max_bytes, refresh=True)

    @staticmethod
    def key(**parts: Any) -> str:
        """Hash all that decides a call's result, as JSON; raises TypeError or ValueError for what JSON can't hold."""
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, or None; an entry that isn't whole is removed and counts as missing."""
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
            log.warning("a damaged entry of the call cache was removed: %s", path.name)
            self._remove(path)
            return None
        with contextlib.suppress(OSError):
            # The time of last use; another process may have removed it just now.
            os.utime(path)
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep bytes under a key, in the place of what was there; makes room by removing what is least in use."""
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
            log.warning("a result wasn't kept in the call cache: %s", error.strerror)

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
            # A little more than needed, so that not every call has to make room.
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
    """List what a folder keeps, and remove what a killed process left; another process may be removing too."""
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
    """A local folder in front of the store, where answers lie under `calls/` until a rule of the bucket removes them.

    `max_bytes` bounds the folder alone; 0 keeps nothing anywhere. As with the folder, a store that can't be read or
    written costs a call, never a step.
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
            log.warning("a result wasn't kept in the shared call cache: %s", error)


def _object(key: str) -> str:
    return f"calls/{key[:2]}/{key}"
