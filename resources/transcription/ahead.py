"""Work that runs ahead of its consumer in a thread of its own."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    error: BaseException | None


def ahead(items: Iterable[T], most: int) -> Iterator[T]:
    """Yield the items of an iterable that a thread computes ahead, at most `most` of them waiting.

    An error of the iterable is raised after the items before it. The thread ends with the iterator, after the item at
    which it is then.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(most)
    stopped = threading.Event()

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                waiting.put(item)
                if stopped.is_set():
                    return
        except BaseException as raised:
            error = raised
        waiting.put(_End(error))

    threading.Thread(target=run, name="ahead", daemon=True).start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        # Makes room for the item that the thread may be waiting to add.
        while not waiting.empty():
            waiting.get_nowait()
