"""What `reflector doctor` says of Dagster's partitions and pools, and of results of another instance."""

import json
from typing import Any

import dagster as dg
import pytest

from reflector_assets.operations import belonging
from resources.store.base import LocalStore
from testing.daemon import open_instance
from testing.deployment import Deployment

pytestmark = pytest.mark.slow(8)


def row(report: str, name: str) -> dict[str, Any]:
    return next(row for row in json.loads(report)["doors"] if row["door"] == name)


def test_partitions_that_cant_be_recordings_are_named(deployment: Deployment) -> None:
    with open_instance(deployment) as instance:
        instance.add_dynamic_partitions("recordings", ["one", "../two"])
    done = deployment.reflector("doctor", "--json")
    assert done.returncode == 1
    found = row(done.stdout, "recordings")
    assert found["state"] == "failed"
    assert "1 partitions can't be recordings, such as '../two'" in found["said"]


def test_limits_of_pools_that_differ_from_the_settings_are_named(deployment: Deployment) -> None:
    with open_instance(deployment) as instance:
        instance.event_log_storage.set_concurrency_slots("llm", 99)
    found = row(deployment.reflector("doctor", "--json").stdout, "pools")
    assert found["state"] == "failed"
    assert "llm: 99 at once in Dagster" in found["said"]
    assert "REFLECTOR_LLM_STEPS" in found["said"]


def test_results_of_another_instance_are_named(deployment: Deployment) -> None:
    store = LocalStore(root=str(deployment.data))
    with dg.DagsterInstance.ephemeral() as other:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        belonging.link(other, store)
    found = row(deployment.reflector("doctor", "--json").stdout, "result store")
    assert found["state"] == "failed"
    assert "made with another instance of Dagster" in found["said"]
