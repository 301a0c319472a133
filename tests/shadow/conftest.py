"""The old system for all tests of this folder."""

from collections.abc import Iterator

import pytest

from testing.hosts.old_host import OldHost


@pytest.fixture
def old() -> Iterator[OldHost]:
    """An old system that must have accepted all requests."""
    with OldHost() as host:
        yield host
        assert [request.status for request in host.refused] == []
