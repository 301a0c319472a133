"""A stored file that is gone makes its asset stale, and it is made again: real assets in the test's own process."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from domain.errors import PermanentError
from domain.recording import value_key
from reflector_assets import definitions, staleness, tags
from reflector_assets.staleness import GONE, AssetGraph, AssetState, Node
from sensors.keep_up_to_date import request_for
from tests.consent.world import World, world

pytestmark = pytest.mark.slow(6)

GRAPH = definitions.graph


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        assert made.run().success
        yield made


def files_of(here: World) -> set[str]:
    return set(here.store.list_keys(here.key("")))


def stale(here: World, *, deleted: bool = False) -> dict[str, str]:
    found = staleness.states(here.instance, GRAPH, here.id, lambda _: deleted, lambda _: files_of(here))
    return {state.asset: state.reason for state in found if state.reason}


def request(here: World, requested: float | None = None) -> dg.RunRequest | None:
    return request_for(here.instance, GRAPH, here.id, 1e9, requested=requested, files_of=lambda _: files_of(here))


def test_what_is_gone_is_requested_once_until_it_is_there(here: World) -> None:
    assert stale(here) == {}
    calls = len(here.gpu.requests)
    here.store.delete(value_key("action_items", here.id))
    here.store.delete(here.key("audio.mp3"))
    assert stale(here) == {"action_items": GONE, "mixed_audio": GONE}
    assert stale(here, deleted=True) == {"action_items": GONE}, "what was deleted on purpose doesn't count"
    found = request(here)
    assert found
    assert {key.to_user_string() for key in found.asset_selection or ()} == {"action_items", "mixed_audio"}
    assert found.tags[tags.RESTORED] == "mixed_audio,action_items"

    assert here.run(["mixed_audio", "action_items"], tags=found.tags).success
    assert stale(here) == {}
    assert len(here.gpu.requests) == calls

    here.store.delete(value_key("action_items", here.id))
    with pytest.raises(PermanentError, match="action_items was made again, and its file is gone again"):
        request(here)
    assert request(here, requested=time.time())


def test_a_recording_without_any_file_is_made_again_only_on_request(here: World) -> None:
    for key in files_of(here):
        here.store.delete(key)
    assert set(stale(here)) == {state for state in GRAPH.names() if state != "shadow_comparison"}
    with pytest.raises(PermanentError, match="none of its files is in the store"):
        request(here)
    found = request(here, requested=time.time())
    assert found
    assert {"recording", "transcript"} <= {key.to_user_string() for key in found.asset_selection or ()}


def test_inputs_that_are_gone_are_made_with_the_asset_that_needs_them() -> None:
    graph = AssetGraph(
        [
            Node("words", (), "1"),
            Node("topics", ("words",), "1"),
            Node("names", (), "1"),
            Node("title", ("topics", "names"), "1", after=frozenset({"names"})),
        ]
    )

    def needed(*gone: str) -> set[str]:
        found = [AssetState(node.name, GONE if node.name in gone else None, None) for node in graph]
        return staleness.with_lost_inputs(graph, found, {"title"})

    assert needed() == {"title"}
    assert needed("topics") == {"title", "topics"}
    assert needed("topics", "words") == {"title", "topics", "words"}
    assert needed("words") == {"title"}, "topics is there"
    assert needed("names") == {"title"}, "its value isn't read"
