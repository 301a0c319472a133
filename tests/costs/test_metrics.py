"""GET /metrics: what Prometheus's own parser reads from it, after a failure, a retry and some webhooks."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.consent.world import World, world
from tests.costs.serving import client_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One recording whose track failed twice, the second time for good, and one that waits."""
    with world(tmp_path_factory.mktemp("world")) as found:
        found.gpu.fail(1, 503, retry_after=0)
        found.gpu.fail(1, 422)
        assert not found.run().success
        found.instance.add_dynamic_partitions("recordings", ["waiting"])
        yield found


@pytest.fixture(scope="module")
def client(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_of(made, f"sqlite:///{tmp_path_factory.mktemp('service') / 'reflector.db'}") as running:
        yield running


def test_prometheus_can_read_all_of_it(client: TestClient, made: World) -> None:
    for number in "12":
        assert client.post("/v1/daily/webhook", json={"type": "any", "id": number}).status_code == 200
    assert client.post("/v1/daily/webhook", json="x" * 2**21).status_code == 413
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    reported = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    states = {
        state: reported["reflector_recordings", ("state", state)] for state in ("new", "error", "ended", "processing")
    }
    assert states == {"new": 1, "error": 1, "ended": 0, "processing": 0}
    assert reported["reflector_webhooks_total", ("status", "200")] == 2
    assert reported["reflector_webhooks_total", ("status", "413")] == 1
    assert reported["reflector_webhook_duration_seconds_count",] == 3
    assert reported["reflector_webhook_duration_seconds_bucket", ("le", "+Inf")] == 3
    assert 0 < reported["reflector_webhook_duration_seconds_sum",] < 10
    assert reported["reflector_inbox_waiting",] == 2
    assert (reported["reflector_runs_queued",], reported["reflector_dagster_up",]) == (0, 1)
    assert reported["reflector_step_duration_seconds_count", ("step", "recording")] == 1
    assert reported["reflector_step_duration_seconds_bucket", ("le", "3600.0"), ("step", "padded_tracks")] == 1
    failures = {name[1:]: value for name, value in reported.items() if name[0] == "reflector_step_failures_total"}
    assert sum(failures.values()) == 2
    assert {step for (_, kind), (_, step) in failures} == {"track_transcripts"}


def test_a_second_scrape_soon_after_costs_nothing(client: TestClient, made: World) -> None:
    first = client.get("/metrics").text
    assert client.post("/v1/daily/webhook", json={"type": "any", "id": "3"}).status_code == 200
    assert client.get("/metrics").text == first
