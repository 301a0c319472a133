"""Daily's client as its tests make it: for a host, without waiting, with a key that must never be seen."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from domain.errors import ReflectorError
from resources.daily.api import DailyAPI
from testing.hosts.daily_host import DailyHost

E = TypeVar("E", bound=ReflectorError)
KEY = "a-key-that-nobody-may-see"


def client(host: DailyHost, **changes: Any) -> DailyAPI:
    return DailyAPI(**(dict[str, Any](base_url=host.api_url, api_key=KEY, interval=0, timeout=20) | changes))


def failure(ask: Callable[[], object], kind: type[E]) -> E:
    """Have a call fail with this kind of error; it is one line, and nothing of it shows the key."""
    with pytest.raises(kind) as caught:
        ask()
    chain: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        chain.append(repr(error) + str(error))
        error = error.__cause__
    assert KEY not in "".join(chain)
    assert "\n" not in str(caught.value)
    return caught.value
