"""What each step took stands on its materialization, and on its failure: bytes, seconds, LLM calls and tokens."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.results import TrackTranscripts
from domain.text.words import from_parquet
from reflector_assets import tags
from reflector_assets.eventlog.steps import USED
from reflector_assets.io_manager import data_version
from reflector_assets.staleness import DATA_VERSION
from resources.llm.client import LLM
from resources.llm.understanding import WithLLM
from testing.hosts.gpu_host import Call
from testing.hosts.llm_host import AS_LONG, LLMHost
from tests.consent.world import ALL, World, world
from tests.domain.text.test_markdown import GENEROUS, MARKUP

TOOK = {"wall_seconds", "cpu_seconds", "bytes_read", "bytes_written"}


# What a transcriber could answer, word by word.
ATTACK = ("<img src=x onerror=y>", "[a](javascript:b)", "![c](http://evil.test/d.png)", "http://evil.test/f", "end.")


def heard(_: Call) -> list[dict[str, Any]]:
    return [{"word": f" {word}", "start": 0.5 * n, "end": 0.5 * n + 0.4} for n, word in enumerate(ATTACK)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        found.gpu.words = heard
        assert found.run().success
        yield found


def metadata(world: World, asset: str) -> dict[str, Any]:
    event = world.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def size(world: World, *names: str) -> int:
    return sum(len(world.store.read(world.key(name))) for name in names)


@pytest.mark.parametrize("asset", ALL)
def test_every_asset_reports_what_it_took(made: World, asset: str) -> None:
    reported = metadata(made, asset)
    assert set(reported) >= TOOK
    assert reported["bytes_written"] >= reported["stored_bytes"] > 0


def test_bytes_are_those_of_the_files_that_were_read_and_written(made: World) -> None:
    reported = metadata(made, "padded_tracks")
    tracks = [f"tracks/{number}.webm" for number in range(len(made.keys))]
    assert reported["bytes_written"] == size(made, *tracks, "padded_tracks.json")
    assert reported["bytes_read"] == size(made, "recording.json") + sum(len(made.bucket.read(key)) for key in made.keys)
    reported = metadata(made, "mixed_audio")
    assert reported["bytes_read"] == size(made, "padded_tracks.json", *tracks)
    assert reported["bytes_written"] == size(made, "audio.mp3", "mixed_audio.json")


def test_a_fan_out_reports_what_its_tracks_took_and_the_join_besides(made: World) -> None:
    reported = metadata(made, "track_transcripts")
    words = [f"tracks/{number}.words.parquet" for number in range(len(made.keys))]
    assert reported["tracks_bytes_written"] == size(made, *words)
    assert reported["bytes_written"] == reported["tracks_bytes_written"] + size(made, "track_transcripts.json")
    assert reported["gpu_seconds"] == reported["tracks_gpu_seconds"] > 0
    # Each step of a track, however fast, took as long as its call.
    assert reported["wall_seconds"] >= reported["tracks_wall_seconds"] >= reported["gpu_seconds"] / len(made.keys)


def test_llm_calls_of_failed_attempts_are_reported_with_the_kind_of_the_error(tmp_path: Path) -> None:
    with world(tmp_path) as found, LLMHost() as host:
        llm = LLM(base_url=host.url, model=host.model, api_key=host.key, parse_max_retries=0)
        host.fail(1, 503, retry_after=0, when=lambda call: call.schema == "RecapAnswer")
        host.fail(1000, 404, when=lambda call: call.schema == "TitleAnswer")
        result = found.run(understanding=WithLLM(llm=llm, prompts=AS_LONG))
        [failure] = [event for event in result.all_events if event.is_step_failure and event.step_key == "title"]
        data = failure.step_failure_data.user_failure_data
        assert data is not None
        assert data.metadata["kind"].value == "Refused"
        assert set(data.metadata) >= TOOK
        said = [entry for entry in found.instance.all_logs(result.run_id) if entry.user_message.startswith(USED)]
        used = {entry.step_key: json.loads(entry.user_message.removeprefix(USED)) for entry in said}
        assert {step: reported["kind"] for step, reported in used.items()} == {
            "summary": "TransientError",
            "title": "Refused",
        }
        # All but the recap was answered, and paid for, before the attempt failed; then all was asked again.
        assert used["summary"]["llm_calls"] == metadata(found, "summary")["llm_calls"] - 1
        assert used["summary"]["prompt_tokens"] > 0
        assert "llm_calls" not in used["title"]


def test_results_link_to_the_page_the_audio_and_the_files(made: World) -> None:
    reported = metadata(made, "transcript")
    assert reported["page"].endswith(f"/transcripts/{made.id}")
    assert Path(reported["file"]).is_file()
    reported = metadata(made, "mixed_audio")
    assert reported["audio"].endswith(f"/v1/transcripts/{made.id}/audio")
    assert Path(reported["audio_file"]).read_bytes() == made.store.read(made.key("audio.mp3"))


def test_the_table_reports_its_rows_and_columns(made: World) -> None:
    reported = metadata(made, "merged_words")
    assert reported["dagster/row_count"] == reported["words"] > 0
    table = from_parquet(made.store.read(made.key("words.parquet")))
    assert [column.name for column in reported["dagster/column_schema"].columns] == list(table.columns)


@pytest.mark.parametrize("asset", ALL)
def test_nothing_that_was_said_is_markup_on_dagsters_pages(made: World, asset: str) -> None:
    event = made.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event
    assert event.asset_materialization
    for name, value in event.asset_materialization.metadata.items():
        # The picture is an image of ours.
        if isinstance(value, dg.MarkdownMetadataValue) and name != "picture":
            assert not MARKUP.search(GENEROUS.render(value.value or "")), value.value


def test_a_run_is_tagged_with_the_room_and_the_title(made: World) -> None:
    [run, *_] = made.instance.get_runs()
    assert run.tags[tags.ROOM] == made.room
    assert run.tags[tags.TITLE] == metadata(made, "title")["title"]


def test_a_graph_asset_has_the_version_of_its_content(made: World) -> None:
    event = made.instance.get_latest_materialization_event(dg.AssetKey("track_transcripts"))
    assert event
    assert event.asset_materialization
    value = TrackTranscripts.model_validate_json(made.store.read(made.key("track_transcripts.json")))
    assert (event.asset_materialization.tags or {})[DATA_VERSION] == data_version(value).value
