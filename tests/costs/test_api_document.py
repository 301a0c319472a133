"""The list, costs and metrics do what their OpenAPI document says, whatever Schemathesis makes of it."""

# pyright: basic

from collections.abc import Iterator
from pathlib import Path

import pytest
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.consent.world import World, world
from tests.costs.serving import app_of
from tests.examples import examples
from tests.service.in_process import TOKEN
from tests.service.test_openapi import CHECKS, Front, attack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        assert found.run(["recording"]).success
        yield found


@pytest.mark.parametrize("path", ["/v1/transcripts", "/v1/costs", "/metrics"])
def test_they_keep_to_the_document(made: World, tmp_path: Path, path: str) -> None:
    front = Front(app_of(made, f"sqlite:///{tmp_path}/reflector.db"))
    # Not negative_data_rejection: some of what it takes for a parameter too many never gets into the URL.
    attack(
        front,
        path,
        "GET",
        examples(10, 25),
        [*CHECKS, ignored_auth, positive_data_acceptance],
        Authorization=f"Bearer {TOKEN}",
    )
    assert front.answers[200] > 0
