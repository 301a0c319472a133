"""Results of GPU and LLM calls by a hash of the call's inputs, cached on local disk and shared through the store."""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from dagster import ConfigurableResource, ResourceDependency

from domain.errors import NotFound, ReflectorError, TransientError
from resources.store.base import Store

log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}")
# The checksum before the content, SHA-256.
_HEAD = 32
_WRITING = ".writing-"
# Seconds after which an unfinished file is taken as left over from a killed process.
_LEFT_OVER = 3600
# Seconds without use after which a machine's copy of a shared result goes: another machine may have deleted the result.
_COPY_UNUSED = 86400


class CallCache(ConfigurableResource[Any]):
    """A local folder of call results, shared by all runs and processes, so no call is paid for twice.

    `of` returns a recording's own part, which `erase` deletes. `max_bytes` bounds the contents, the least recently used
    are evicted first; 0 disables the cache. With `refresh`, every call is made again and replaces the cached result.
    Errors of reading or writing are logged and count as misses: they cost a call, but never fail a step.
    """

    folder: str
    max_bytes: int
    refresh: bool = False
    recording: str = ""
    # Seconds without use after which a result goes.
    _unused_after: ClassVar[float | None] = None

    def refreshed(self) -> Self:
        """Return a cache on the same folder for which every lookup is a miss."""
        return self.model_copy(update={"refresh": True})

    def of(self, recording_id: str) -> Self:
        """Return the part of the cache with the results of one recording's calls."""
        return self.model_copy(update={"recording": recording_id})

    def erase(self, recording_id: str) -> None:
        """Delete a recording's results; raises TransientError or PermanentError."""
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(Path(self.folder, self.of(recording_id)._group("")))
        except OSError as error:
            raise TransientError(
                f"results in the call cache could not be deleted: {error.strerror or error}",
                recording=recording_id,
                hint="Check the permissions of REFLECTOR_DATA_DIR.",
            ) from error

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
        content = self._read(path)
        return self._adopt(key) if content is None and self.recording else content

    def _read(self, path: Path) -> bytes | None:
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
        return Path(self.folder, self._group(key), key)

    def _group(self, key: str) -> str:
        """Return the name of the folder of a recording's results, or of results without a recording."""
        return f"of-{self.recording}" if self.recording else key[:2]

    def _adopt(self, key: str) -> bytes | None:
        """Move a result that an earlier version stored without its recording; return its content, or None."""
        unowned = self.of("")
        if (content := unowned.get(key)) is not None:
            self.put(key, content)
            unowned.discard(key)
        return content

    def discard(self, key: str) -> None:
        """Remove the content stored under a key."""
        self._remove(self._path(key))

    def _make_room(self, keep: Path) -> None:
        entries = [entry for folder in Path(self.folder).iterdir() for entry in _entries(folder)]
        if self._unused_after is not None:
            oldest = time.time() - self._unused_after
            for entry in entries:
                if entry.used < oldest:
                    self._remove(entry.path)
            entries = [entry for entry in entries if entry.used >= oldest]
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

    _unused_after: ClassVar[float | None] = _COPY_UNUSED

    def erase(self, recording_id: str) -> None:
        super().erase(recording_id)
        for key in list(self.store.list_remnants(f"calls/{self.of(recording_id)._group('')}")):
            self.store.erase(key)

    def discard(self, key: str) -> None:
        super().discard(key)
        with contextlib.suppress(ReflectorError):
            self.store.delete(self._object(key))

    def _read(self, path: Path) -> bytes | None:
        content = super()._read(path)
        if content is not None:
            return content
        try:
            content = self.store.read(self._object(path.name))
        except NotFound:
            return None
        except ReflectorError as error:
            log.warning("the shared call cache can't be read: %s", error)
            return None
        super().put(path.name, content)
        return content

    def put(self, key: str, content: bytes) -> None:
        super().put(key, content)
        if self.max_bytes <= 0:
            return
        try:
            self.store.write(self._object(key), content)
        except ReflectorError as error:
            log.warning("a result could not be stored in the shared call cache: %s", error)

    def _object(self, key: str) -> str:
        return f"calls/{self._group(key)}/{key}"
