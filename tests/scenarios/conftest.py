"""One daemon for all scenarios of a file: to start one takes ten seconds."""

from collections.abc import Iterator
from typing import Any

import pytest

from testing import PATIENCE_S
from tests.scenarios.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    untyped: Any = request
    executor = getattr(untyped.module, "EXECUTOR", "processes")
    limit = getattr(untyped.module, "LIMIT", PATIENCE_S)
    with World(tmp_path_factory.mktemp("world"), executor, limit) as found:
        try:
            yield found
            # Whatever was tried, the sensor never failed, and no recording had two runs at once. While a daemon starts
            # or ends, Dagster can have a tick without its code loaded, of which the sensor knows nothing.
            failed = [tick.error for tick in found.looks(found.began) if tick.is_failure]
            expected: set[str] = {"DagsterCodeLocationNotFoundError", *getattr(untyped.module, "TICK_ERRORS", ())}
            assert [error for error in failed if error.cls_name not in expected] == []
            assert found.overlaps() == []
        except BaseException:
            print(found.daemon.log.read_text()[-5000:])
            raise
