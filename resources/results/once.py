"""Properties that are computed once for each object."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class computed_once(Generic[T]):
    """A property that is computed when it is first read, as `functools.cached_property`, which holds a lock meanwhile.

    In Python 3.11, that is one lock for all objects: a slow store would hold up the requests for all recordings.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute, self.__doc__ = compute, compute.__doc__

    def __get__(self, one: Any, _owner: type | None = None) -> T:
        value = self._compute(one)
        one.__dict__[self._compute.__name__] = value
        return value
