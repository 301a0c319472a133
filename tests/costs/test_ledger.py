"""Catalogue and ledger of one recording that failed, was retried and then processed: read off Dagster's log."""

# pyright: basic

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy.exc import IntegrityError

from domain.costs import BY, Use, total
from reflector_assets.eventlog import overview, projections, usage
from resources.database.catalogue import Catalogue
from resources.database.database import Database
from resources.database.ledger import EndedRun, Ledger
from resources.llm.client import LLM
from resources.llm.understanding import WithLLM
from testing.hosts.llm_host import AS_LONG, LLMHost
from tests.consent.world import ALL, World, world

pytest_plugins = ["tests.service.databases"]


@pytest.fixture(scope="module")
def llm() -> Iterator[LLMHost]:
    with LLMHost() as host:
        yield host


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, llm: LLMHost) -> Iterator[World]:
    """A track fails at first, the summary once more and then for good; the second run makes the rest."""
    with world(tmp_path_factory.mktemp("world")) as found:
        found.gpu.fail(1, 503, retry_after=0)
        llm.fail(1, 503, retry_after=0, when=lambda call: call.schema == "RecapAnswer")
        llm.fail(1, 404, when=lambda call: call.schema == "RecapAnswer")
        asked = LLM(base_url=llm.url, model=llm.model, api_key=llm.key, parse_max_retries=0)
        understanding = WithLLM(llm=asked, prompts=AS_LONG)
        assert not found.run(understanding=understanding).success
        done = overview.overview_of(found.instance, found.store, found.id)
        assert (done.state, done.step) == ("error", "summary")
        rest = ALL[ALL.index("summary") :]
        assert found.run([one for one in ALL if one in rest], understanding=understanding).success
        yield found


@pytest.fixture
def books(new_database: Any) -> tuple[Catalogue, Ledger]:
    database = Database(url=new_database())
    return Catalogue(database=database), Ledger(database=database)


def catch_up(world: World, books: tuple[Catalogue, Ledger], **limits: int) -> int:
    """Catch up to the end; returns how many pieces it took."""
    for piece in range(1, 100):
        if projections.catch_up(world.instance, world.store, *books, **{"settled_after": 0, **limits}):
            return piece
    raise AssertionError("it doesn't come to an end")


def seconds(world: World, name: str) -> float:
    """What all materializations of the recording tell of something, the tracks' part once."""
    pages = [world.instance.fetch_materializations(dg.AssetKey(asset), limit=10) for asset in ALL]
    made = [record.asset_materialization for page in pages for record in page.records]
    reported = [one.metadata for one in made if one]
    return sum(float(one[name].value) for one in reported if name in one)  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_a_recording_that_failed_and_was_retried_counts_all_its_attempts(
    made: World, books: tuple[Catalogue, Ledger], llm: LLMHost
) -> None:
    catch_up(made, books)
    _, ledger = books
    entries = [entry for _, entry in ledger.entries()]
    assert {entry.recording_id for entry in entries} == {made.id}
    steps = ledger.used("step")
    assert set(steps) == set(ALL)
    of_summary = [entry for entry in entries if entry.asset == "summary"]
    reported = {(one.outcome, one.attempts, one.kind) for one in of_summary}
    assert reported == {("failed", 2, "Refused"), ("done", 1, None)}
    [track] = [entry for entry in entries if entry.attempts > 1 and entry.track is not None]
    assert (track.outcome, track.kind, track.asset) == ("done", "TransientError", "track_transcripts")
    assert steps["track_transcripts"].failures == 1
    assert steps["summary"].failures == 2
    # Every call that the model answered was paid for, whatever became of its step.
    answered = [call for call in llm.requests if call.status == 200]
    everything = total(steps.values())
    assert everything.llm_calls == len(answered)
    assert everything.prompt_tokens == sum(len(call.text.split()) for call in answered)
    # Materializations tell of what succeeded; their fan-out's tracks are counted once.
    assert everything.cpu_ms / 1000 >= seconds(made, "cpu_seconds") - 0.1
    assert seconds(made, "gpu_seconds") > 0
    assert everything.gpu_ms / 1000 >= seconds(made, "gpu_seconds") - 0.01
    assert everything.bytes_written >= seconds(made, "bytes_written")
    assert steps["padded_tracks"].bytes_read == seconds_of(made, "padded_tracks", "bytes_read")
    [join] = [entry for entry in entries if entry.step.endswith("join_transcripts")]
    assert join.gpu_ms == 0
    assert 0 < join.bytes_written < 2000


def seconds_of(world: World, asset: str, name: str) -> Any:
    record = world.instance.fetch_materializations(dg.AssetKey(asset), limit=1).records[0]
    assert record.asset_materialization is not None
    return record.asset_materialization.metadata[name].value


def test_all_groupings_have_the_same_sum(made: World, books: tuple[Catalogue, Ledger]) -> None:
    catch_up(made, books)
    sums = {total(books[1].used(by).values()) for by in BY}
    assert len(sums) == 1
    assert sums.pop().steps == len(books[1].entries())
    base, _, _ = made.room.rpartition("-")
    assert set(books[1].used("room")) == {base if made.room[-14:].isdigit() else made.room}
    assert books[1].used("step", recording_id="another") == {}
    assert books[1].used("step", since=2e9) == {}
    assert total(books[1].used("month", since=0.0).values()).steps > 0


def test_it_is_found_by_what_was_said(made: World, books: tuple[Catalogue, Ledger]) -> None:
    catch_up(made, books)
    catalogue, ledger = books
    said = overview.overview_of(made.instance, made.store, made.id)
    [row] = catalogue.search("").items
    assert (row.recording_id, row.title, row.excerpt) == (made.id, said.title, None)
    assert overview.overviews(made.instance, made.store, [row]) == [said]
    assert [row.recording_id for row in catalogue.search(str(said.title)).items] == [made.id]
    assert [row.recording_id for row in catalogue.search(made.room).items] == [made.id]
    assert (catalogue.count(), catalogue.without_transcript()) == (1, set())
    assert ledger.failed() == set()


def content(books: tuple[Catalogue, Ledger]) -> Any:
    return [entry for _, entry in books[1].entries()], books[0].search("").items


def test_any_number_of_pieces_twice_over_and_by_several_at_once_give_the_same(
    made: World, books: tuple[Catalogue, Ledger], new_database: Any
) -> None:
    catch_up(made, books)
    entries, items = content(books)
    assert catch_up(made, books) == 1
    assert content(books) == (entries, items)
    database = Database(url=new_database())
    others = Catalogue(database=database), Ledger(database=database)
    failed: list[BaseException] = []

    def follow() -> None:
        try:
            catch_up(made, others, limit=1)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    again, items_again = content(others)
    assert sorted(again) == sorted(entries)
    assert items_again == items
    # From nothing it is made anew.
    projections.forget(*others)
    assert others[1].entries() == []
    catch_up(made, others)
    assert content(others) == (entries, items)


def test_what_is_too_young_to_be_settled_is_reported_at_once_and_read_again(
    made: World, books: tuple[Catalogue, Ledger]
) -> None:
    """PostgreSQL can show a later number before an earlier one: the position waits for it."""
    catch_up(made, books, settled_after=10**6)
    young, items = content(books)
    assert [books[1].position(ending) for ending in ("RUN_SUCCESS", "RUN_FAILURE")] == [0, 0]
    catch_up(made, books)
    assert min(books[1].position(ending) for ending in ("RUN_SUCCESS", "RUN_FAILURE")) > 0
    assert content(books) == (young, items)
    assert len(young) > 15


def test_a_kill_between_two_pieces_loses_nothing(made: World, books: tuple[Catalogue, Ledger], tmp_path: Path) -> None:
    """The position moves in the transaction that keeps what was read: one that is broken off moves nothing."""
    _, ledger = books
    before = ledger.position("RUN_FAILURE")
    unstorable: Any = EndedRun("run", "recording", 0.0, None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(IntegrityError):
        ledger.put("RUN_FAILURE", 10**6, [(unstorable, [])])
    assert ledger.position("RUN_FAILURE") == before == 0
    catch_up(made, books)
    assert {entry.outcome for _, entry in ledger.entries()} == {"done", "failed"}


def test_a_run_whose_process_was_killed_counts_by_the_clock(tmp_path: Path, new_database: Any) -> None:
    """Its step has begun and never ended; what it used is unknown."""

    @dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="recordings"))
    def recording() -> None:
        raise dg.Failure("whatever", allow_retries=False)

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("recordings", ["killed"])
        result = dg.materialize([recording], instance=instance, partition_key="killed", raise_on_error=False)
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        begun = [row for row in usage.rows(instance, result.run_id) if row.kind == "STEP_START"]
        read = usage.account(run, begun, begun[0].at + 12.5)
    assert read is not None
    ended, [entry] = read
    assert ended.outcome == "failed"
    assert (entry.asset, entry.outcome, entry.attempts, entry.kind) == ("recording", "failed", 1, "RunEnded")
    assert entry.wall_ms == pytest.approx(12_500, abs=2)
    assert Use(entry.cpu_ms) == Use(0)
