"""The production instance over a real PostgreSQL, set up by the command that deploy/compose.yaml has for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage

from testing.deployment import ROOT, SAMPLE, SAMPLE_ID, Deployment
from testing.parts.postgres import Postgres
from tests.distributed.cluster import deploy, instance_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    setup = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["setup"]["command"]
    with Postgres() as postgres:
        found = deploy(
            tmp_path_factory.mktemp("deployment"),
            DAGSTER_POSTGRES_URL=postgres.database_url("reflector"),
            DATABASE_URL=postgres.create_database("product"),
        )
        done = found.run(*setup)
        assert done.returncode == 0, done.stderr
        yield found


def test_the_setup_makes_the_tables(deployment: Deployment) -> None:
    with instance_of(deployment) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert isinstance(instance.run_launcher, dg.DefaultRunLauncher)
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 3


def test_a_run_works(deployment: Deployment) -> None:
    assert deployment.reflector("import", str(SAMPLE)).returncode == 0
    done = deployment.json("run", SAMPLE_ID, "--select", "recording,participants,padded_tracks")
    assert set(done["materialized"]) == {"recording", "participants", "padded_tracks"}
    [row] = deployment.json("list")
    assert row["id"] == SAMPLE_ID
    with instance_of(deployment) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


def test_two_processes_may_open_a_new_instance_at_once(tmp_path: Path) -> None:
    with Postgres() as postgres:
        fresh = deploy(tmp_path, DAGSTER_POSTGRES_URL=postgres.url)
        with ThreadPoolExecutor() as pool:
            waiting = [pool.submit(fresh.run, "dagster", "instance", "migrate") for _ in range(2)]
            done = [one.result() for one in waiting]
        assert [one.returncode for one in done] == [0, 0], [one.stderr[-500:] for one in done]
