"""A recording is processed once; what is fresh stays, whoever restarts, forgets, corrects or starts runs by hand."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from domain.results import Transcript
from testing.daemon import until
from tests.scenarios.world import World, llm_calls

# What runs and what not is the same, and a run takes less time.
EXECUTOR = "in_process"
pytestmark = pytest.mark.slow(80)
MATERIALIZE = ("dagster", "asset", "materialize", "-m", "reflector_assets.definitions")
PLAIN, SLOW, DOZEN = "room-plain", "room-slow", "room-dozen"
# Assets of a recording; a first run makes all but `corrections`.
ALL = 16


@pytest.fixture(scope="module")
def plain(world: World) -> Iterator[World]:
    """A recording of three tracks that the daemon has finished; imported through the command line."""
    world.deployment.json("import", str(world.folder(PLAIN, tracks=3)), "--id", PLAIN)
    world.ended(PLAIN)
    yield world
    world.forget(PLAIN)


def calls(world: World) -> tuple[dict[int, int], dict[str, int]]:
    return world.gpu_calls(PLAIN), world.llm_calls(PLAIN)


ONCE = ({0: 1, 1: 1, 2: 1}, llm_calls())


def test_a_new_recording_costs_each_call_once(plain: World) -> None:
    assert calls(plain) == ONCE
    assert plain.statuses(PLAIN) == ["SUCCESS"]
    assert plain.overview(PLAIN).state == "ended"


def test_nothing_runs_while_nothing_changes(plain: World) -> None:
    plain.ticks(2)
    plain.restart()
    plain.ticks(1)
    plain.lose_cursor()
    plain.ticks(2)
    assert plain.statuses(PLAIN) == ["SUCCESS"]
    assert calls(plain) == ONCE


def test_padding_again_with_equal_output_runs_nothing_else(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.json("run", PLAIN, "--select", "padded_tracks", "--force")
    assert done["materialized"] == ["padded_tracks"]
    plain.ticks(1)
    assert len(plain.runs(PLAIN)) == before + 1
    assert calls(plain) == ONCE


def test_what_lies_behind_can_still_be_made_after_padding_again(plain: World) -> None:
    assert plain.deployment.json("run", PLAIN, "--select", "merged_words", "--force")["failed"] == []


def test_making_everything_by_hand_pays_for_nothing(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.run_quickly(*MATERIALIZE, "--select", "*", "--partition", PLAIN)
    assert done.returncode == 0, done.stderr
    plain.ticks(1)
    assert len(plain.made(plain.ended(PLAIN))) == ALL
    assert len(plain.runs(PLAIN)) == before + 1
    assert calls(plain) == ONCE


def test_force_makes_every_call_anew(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.json("run", PLAIN, "--force")
    assert len(done["materialized"]) == ALL
    assert calls(plain) == ({0: 2, 1: 2, 2: 2}, {kind: 2 * count for kind, count in llm_calls().items()})
    plain.ticks(1)
    assert len(plain.runs(PLAIN)) == before + 1


def test_a_recording_at_work_gets_no_second_run_and_one_by_hand_waits(world: World) -> None:
    world.llm.held[SLOW] = threading.Event()
    world.record(SLOW, tracks=2)
    until(lambda: world.llm_calls(SLOW), what="the first question to the LLM")
    # The recording is stale, which is why this asks for it: but it is at work.
    refreshed = world.deployment.json("refresh")
    assert [row["id"] for row in refreshed["recordings"]] == [SLOW]
    assert refreshed["queued"]
    launched = world.deployment.run_quickly(
        *("dagster", "job", "backfill", "-w", str(world.daemon.workspace)),
        *("-j", "process", "--partitions", SLOW, "--noprompt"),
    )
    assert launched.returncode == 0, launched.stderr
    until(lambda: world.statuses(SLOW)[1:] == ["QUEUED"], what="the run by hand is queued")
    assert world.statuses(SLOW) == ["STARTED", "QUEUED"]
    world.llm.held.pop(SLOW).set()
    world.ended(SLOW, runs=2)
    world.ticks(2)
    assert world.statuses(SLOW) == ["SUCCESS", "SUCCESS"]
    assert world.overlaps() == []
    assert (world.gpu_calls(SLOW), world.llm_calls(SLOW)) == ({0: 1, 1: 1}, llm_calls())
    world.forget(SLOW)


def test_a_correction_runs_what_reads_it_and_asks_the_llm_as_the_setting_says(world: World) -> None:
    world.record(DOZEN, words=12 * 70, subjects=12)
    world.ended(DOZEN)
    assert world.llm_calls(DOZEN) == llm_calls(12)

    def correct(*options: str) -> tuple[Transcript, set[str], Counter[str]]:
        """Correct the recording; returns its transcript, what one run made, and the calls to the LLM that it took."""
        runs, calls = len(world.runs(DOZEN)), Counter(world.llm_calls(DOZEN))
        world.deployment.json("edit", DOZEN, *options)
        world.ended(DOZEN, runs=runs + 1)
        world.ticks(1)
        assert len(world.runs(DOZEN)) == runs + 1
        return world.transcript(DOZEN), world.made(world.runs(DOZEN)[-1]), Counter(world.llm_calls(DOZEN)) - calls

    found, made, calls = correct("--rename", f"0=Ada of {DOZEN}", "--title", f"Ada's {DOZEN}", "--learn")
    assert world.deployment.json("rooms", "show", DOZEN)["vocabulary"] == [f"Ada of {DOZEN}"]
    assert (found.segments[0].name, found.title, found.revision) == (f"Ada of {DOZEN}", f"Ada's {DOZEN}", 2)
    assert made.isdisjoint({"padded_tracks", "mixed_audio", "track_transcripts", "merged_words", "consent_cleanup"})
    # By themselves for names, but a title by hand stands.
    assert calls == {name: count for name, count in llm_calls(12).items() if name != "TitleAnswer"}
    # In one run: what is undone costs nothing, and texts follow words on request.
    found, made, calls = correct("--undo", "1", "--undo", "2", "--words", f"0-0.05=Hello {DOZEN}")
    assert (found.segments[0].name, found.title) == (f"{DOZEN} 0", f"{DOZEN} title 1")
    assert found.segments[0].text.split()[:3] == ["Hello", DOZEN, "w2"]
    assert {"merged_words", "topics", "transcript"} <= made
    assert found.older == ("topics", "title", "summary", "action_items")
    assert calls == {}
    # One topic's chunk is asked for again, and what reads the words.
    found, _, calls = correct("--remake")
    asked = ("QuotedTopicAnswer", "SubjectsAnswer", "QuotedActionItemsAnswer")
    assert ([calls[name] for name in asked], found.older) == ([1, 1, 1], ())
    assert len(found.topics) == 12
    assert world.gpu_calls(DOZEN) == {0: 1}
    world.forget(DOZEN)
