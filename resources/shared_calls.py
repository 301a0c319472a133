"""Answers of paid calls in the store as well, so that every machine finds what any of them has paid for."""

import logging

from dagster import ResourceDependency

from reflector_assets.domain.errors import NotFound, ReflectorError
from resources.call_cache import CallCache
from resources.store import Store

log = logging.getLogger(__name__)


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
