"""Stores of results: files by key, in a local folder or elsewhere; every write is atomic."""

import hashlib
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from dagster import ConfigurableResource

from domain.errors import InvalidInput, NotFound, PermanentError, ReflectorError, TransientError
from resources import usage

WRITING = ".writing-"
# Seconds without a write after which a temporary file is taken as left over from a killed process.
LEFT_OVER = 6 * 3600


class StoredObject(NamedTuple):
    """A stored object's key, SHA-256 in hex, and size in bytes."""

    key: str
    sha256: str
    bytes: int


class Store(ConfigurableResource[Any], ABC):
    """Objects by key, such as `recordings/<id>/audio.mp3`; readers see a complete object or none."""

    @abstractmethod
    def new_file(self, key: str) -> AbstractContextManager[Path]:
        """Provide a local path to write to; the file becomes the object when the block ends without an error."""

    @abstractmethod
    def local(self, key: str) -> AbstractContextManager[Path]:
        """Provide a local path to read the object from within the block; raises NotFound."""

    @abstractmethod
    def url(self, key: str, expires: float = 3600) -> str:
        """Return a URL from which a service can read the object for `expires` seconds. Never store or log it."""

    def public_url(self, key: str, expires: float = 3600) -> str:
        """Return a URL from which a browser can read the object for `expires` seconds. Never store or log it."""
        return self.url(key, expires)

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Return True if the object exists."""

    @abstractmethod
    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix, sorted."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete the object; no error if it doesn't exist."""

    @abstractmethod
    def list_remnants(self, prefix: str) -> Iterator[str]:
        """Yield the keys at or below a prefix with any data left, including old versions and temporary files."""

    @abstractmethod
    def erase(self, key: str) -> None:
        """Delete an object permanently, with its old versions and local temporary files."""

    @abstractmethod
    def location(self, prefix: str) -> str:
        """Return the location of the objects below a prefix, for messages."""

    def origins(self) -> tuple[str, ...]:
        """Return the origins of its browser URLs, as sources for a Content-Security-Policy."""
        return ()

    def write(self, key: str, content: bytes) -> StoredObject:
        """Store bytes under a key, replacing an existing object."""
        with self.new_file(key) as path:
            path.write_bytes(content)
        return StoredObject(key, hashlib.sha256(content).hexdigest(), len(content))

    def read(self, key: str) -> bytes:
        """Return an object's bytes; raises NotFound."""
        with self.local(key) as path:
            return path.read_bytes()

    def stat(self, key: str) -> StoredObject:
        """Return an object's hash and size; raises NotFound."""
        with self.local(key) as path, path.open("rb") as file:
            return StoredObject(key, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


class LocalStore(Store):
    """A local folder; an object is a file, written under a temporary name and renamed when complete."""

    root: str

    def path(self, key: str) -> Path:
        """Return an object's path; raises InvalidInput for a key outside of the folder."""
        return Path(self.root, check_key(key))

    @contextmanager
    def new_file(self, key: str) -> Iterator[Path]:
        target = self.path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_stale_files(target.parent)
            handle, name = tempfile.mkstemp(prefix=WRITING, suffix=target.suffix, dir=target.parent)
        except OSError as error:
            raise write_error(key, error) from error
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                os.fsync(file.fileno())
            temporary.replace(target)
            usage.count("bytes_written", size)
            _sync(target.parent)
        except OSError as error:
            raise write_error(key, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._file(key)
        usage.count("bytes_read", path.stat().st_size)
        yield path

    def stat(self, key: str) -> StoredObject:
        with (path := self._file(key)).open("rb") as file:
            return StoredObject(key, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)

    def url(self, key: str, expires: float = 3600) -> str:  # noqa: ARG002 - a file URL doesn't expire
        """Return a file URL, readable only for a service that shares this file system."""
        return self._file(key).resolve().as_uri()

    def exists(self, key: str) -> bool:
        try:
            return self.path(key).is_file()
        except OSError as error:
            raise PermanentError(
                f"{key} can't be read: {error.strerror or error}", hint=f"Check the permissions of {self.root}."
            ) from error

    def list_keys(self, prefix: str) -> Iterator[str]:
        root = Path(self.root)
        folder = self.path(prefix)
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.is_file() and not path.name.startswith(WRITING):
                yield path.relative_to(root).as_posix()

    def delete(self, key: str) -> None:
        try:
            self.path(key).unlink(missing_ok=True)
        except OSError as error:
            raise TransientError(
                f"{key} could not be deleted: {error.strerror or error}",
                hint=f"Check the permissions of {self.root}.",
            ) from error

    def list_remnants(self, prefix: str) -> Iterator[str]:
        root, at = Path(self.root), self.path(prefix)
        for path in [at] if at.is_file() else sorted(at.rglob("*")):
            if path.is_file() or path.is_symlink():
                yield path.relative_to(root).as_posix()

    def erase(self, key: str) -> None:
        self.delete(key)

    def location(self, prefix: str) -> str:
        return str(self.path(prefix))

    def _file(self, key: str) -> Path:
        path = self.path(key)
        if not self.exists(key):
            raise NotFound(f"there is no {key} in the store {self.root}")
        return path


def check_key(key: str) -> str:
    """Return a key in its normal form, `a/b/c`; raises InvalidInput for one outside of the store."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts or "\0" in key:
        raise InvalidInput(f"{key!r} is not a valid key of this store")
    return "/".join(parts)


def remove_stale_files(folder: Path) -> None:
    """Remove temporary files of killed processes; other processes may be writing or removing concurrently."""
    for path in folder.glob(f"{WRITING}*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LEFT_OVER:
                path.unlink()


def _sync(folder: Path) -> None:
    """Sync a folder to disk after a rename, so that Dagster's log never names a file that a power cut removed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_error(key: str, error: OSError) -> ReflectorError:
    """Return the error for a full or unwritable disk: transient, since freeing space helps."""
    return TransientError(
        f"{key} could not be written: {error.strerror or error}",
        hint="Check the free space and the permissions of REFLECTOR_DATA_DIR, then run the recording again.",
    )
