"""Dagster's instance and the results that it belongs to: others are named."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets.operations.belonging import link, link_new, mismatch
from reflector_assets.settings.main import Settings
from resources.store.base import LocalStore
from sensors import pools

FOREIGN_INSTANCE, FOREIGN_RESULTS = "were made with another instance of Dagster", "belongs to other results than those"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        yield opened


@pytest.fixture
def other(instance: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        assert opened is not instance
        yield opened


def store(folder: Path) -> LocalStore:
    return LocalStore(root=str(folder))


def test_new_ones_are_linked_and_others_are_named_until_they_are_linked(
    instance: dg.DagsterInstance, other: dg.DagsterInstance, tmp_path: Path
) -> None:
    mine, foreign = store(tmp_path / "mine"), store(tmp_path / "foreign")
    assert [link_new(instance, mine) for _ in range(2)] == [None, None]
    reason = link_new(instance, foreign) or ""
    assert f"{FOREIGN_RESULTS} in {tmp_path / 'foreign'}" in reason
    assert "`reflector doctor --link`" in reason
    assert f"the results in {tmp_path / 'mine'} {FOREIGN_INSTANCE}" in (link_new(other, mine) or "")
    link(instance, foreign)
    link(other, mine)
    assert (mismatch(instance, foreign), mismatch(instance, mine), mismatch(other, mine)) == (None, None, None)


@pytest.mark.parametrize(("recordings", "reason"), [(["one"], None), ([], FOREIGN_INSTANCE)])
def test_results_of_earlier_versions_belong_to_the_instance_that_knows_recordings(
    instance: dg.DagsterInstance, tmp_path: Path, recordings: list[str], reason: str | None
) -> None:
    results = store(tmp_path)
    results.write("recordings/one/transcript.json", b"{}")
    instance.add_dynamic_partitions("recordings", recordings)
    found = link_new(instance, results)
    assert reason in found if reason and found else found is reason


def test_the_sensor_names_foreign_results_until_they_are_linked(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    link(instance, store(tmp_path / "mine"))
    foreign = store(tmp_path / "foreign")
    sensor = pools.build(Settings.model_validate({}))

    def tick() -> str:
        with dg.build_sensor_context(instance=instance, resources={"store": foreign}) as context:
            skip = sensor(context)
        assert isinstance(skip, dg.SkipReason)
        return skip.skip_message or ""

    assert FOREIGN_RESULTS in tick()
    link(instance, foreign)
    assert tick() == "the limits are those of the settings"
