"""A part that can't be made is marked as missing, with the reason, and the rest of the transcript is finished."""

from pathlib import Path

import dagster as dg
import pytest

from domain.recording import Participants, value_key
from domain.results import ActionItems, Summary, Title, Topics
from domain.text import words
from domain.text.captions import markdown
from domain.text.table import Table
from domain.transcripts import missing_parts
from reflector_assets.assets.understanding import action_items, summary, title
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.partitions import RECORDINGS, recordings
from resources.llm.understanding import Extractive, Usage
from resources.store.base import LocalStore
from tests.domain.finished import RECORDING, finished

READ = ("topics", "participants", "merged_words", "corrections")


class Defective(Extractive):
    """Meets a name that it wasn't written for, in every part."""

    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:
        raise KeyError("zoë")

    def summary(self, words: Table, topics: Topics, names: dict[int, str], *, recording: str) -> tuple[Summary, Usage]:
        raise KeyError("zoë")

    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:
        raise KeyError("zoë")


@pytest.mark.parametrize("asset", [title, summary, action_items])
def test_a_defect_leaves_the_part_out(tmp_path: Path, asset: dg.AssetsDefinition) -> None:
    store = LocalStore(root=str(tmp_path))
    name = asset.key.to_user_string()
    said = words.table([words.Word("Hello.", 0.0, 0.5, 0, 1.0)])
    contents = {
        "topics": Topics(finished().topics).model_dump_json().encode(),
        "participants": Participants(finished().participants).model_dump_json().encode(),
        "merged_words": words.to_parquet(said),
    }
    for read, content in contents.items():
        store.write(value_key(read, RECORDING), content)
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        instance.add_dynamic_partitions(RECORDINGS, [RECORDING])
        result = dg.materialize(
            [*(dg.AssetSpec(read, partitions_def=recordings) for read in READ), asset],
            selection=dg.AssetSelection.assets(asset),
            partition_key=RECORDING,
            instance=instance,
            resources={"io_manager": StoreIOManager(store=store), "understanding": Defective(), "store": store},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    assert result.success
    [made] = result.asset_materializations_for_node(name)
    assert str(made.metadata["error"].value).startswith("KeyError: 'zoë'. This is a defect of the program")
    assert "zoë" in store.read(value_key(name, RECORDING)).decode()


def test_the_transcript_names_its_missing_parts() -> None:
    topic = finished().topics[0]
    topics = Topics((topic, topic.model_copy(update={"title": "Topic 2", "error": "too odd"})))
    errors = missing_parts(
        topics,
        Title(title="Untitled Meeting", method="none", error="too long"),
        Summary(long_summary="", short_summary="", method="none"),
    )
    assert errors == ("The title could not be made: too long", "The summary of Topic 2 could not be made: too odd")
    assert errors[0] in markdown(finished(errors=errors))


def test_complete_results_are_stored_as_before() -> None:
    assert "error" not in finished(action_items={"method": "gpt"}).model_dump_json(exclude={"action_items"})
    assert Title(title="A", method="gpt").model_dump_json() == '{"title":"A","method":"gpt"}'
