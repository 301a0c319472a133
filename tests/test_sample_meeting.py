"""The sample meeting from its folder of raw tracks to the finished transcript, as a user runs it."""

# pyright: basic

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import scores
from bench.accuracy_meetings import sample
from domain.text.words import Word
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment, deploy
from tests.domain.test_events import matches

pytestmark = pytest.mark.slow(85)

ASSETS = [
    "recording",
    "participants",
    "padded_tracks",
    "mixed_audio",
    "waveform",
    "track_transcripts",
    "merged_words",
    "topics",
    "title",
    "summary",
    "action_items",
    "transcript",
    "consent_cleanup",
    "zulip_message",
    "webhook_delivery",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Any]:
    """The sample meeting, imported and run with the embedded defaults; the deployment and run's answer."""
    deployment = deploy(tmp_path_factory.mktemp("sample"), False, REFLECTOR_WHISPER_MODEL="base")
    assert deployment.json("import", str(SAMPLE))["id"] == SAMPLE_ID
    return deployment, deployment.json("run", SAMPLE_ID)


def transcript(deployment: Deployment) -> Any:
    return json.loads((deployment.folder(SAMPLE_ID) / "transcript.json").read_text())


def words(deployment: Deployment) -> pd.DataFrame:
    return pd.read_parquet(deployment.folder(SAMPLE_ID) / "words.parquet")


def test_every_asset_is_made_once(finished: tuple[Deployment, Any]) -> None:
    _, answer = finished
    assert sorted(answer["materialized"]) == sorted(ASSETS)
    assert answer["fresh"] == ["corrections"]
    assert answer["failed"] == []


def test_a_second_run_computes_nothing(finished: tuple[Deployment, Any]) -> None:
    deployment, _ = finished
    again = deployment.json("run", SAMPLE_ID)
    assert again["materialized"] == []
    assert sorted(again["fresh"]) == sorted([*ASSETS, "corrections"])
    assert again["run_id"] is None


def test_results_lie_where_the_contract_says(finished: tuple[Deployment, Any]) -> None:
    deployment, _ = finished
    names = {str(p.relative_to(deployment.folder(SAMPLE_ID))) for p in deployment.folder(SAMPLE_ID).rglob("*.*")}
    assert {
        "recording.json",
        "participants.json",
        "tracks/0.webm",
        "tracks/1.webm",
        "tracks/2.webm",
        "audio.mp3",
        "waveform.json",
        "words.parquet",
        "topics.json",
        "title.json",
        "summary.md",
        "action_items.json",
        "transcript.json",
        "transcript.vtt",
    } <= names
    assert not [name for name in names if ".writing-" in name]
    assert list(words(deployment).columns) == ["word", "start", "end", "speaker", "confidence"]
    assert len(json.loads((deployment.folder(SAMPLE_ID) / "waveform.json").read_text())) == 255


def test_words_times_names_and_speakers_are_as_measured(finished: tuple[Deployment, Any]) -> None:
    """docs/performance.md has the figures; these limits leave room for other processors."""
    deployment, _ = finished
    people = {p["speaker"]: p["name"] for p in transcript(deployment)["participants"]}
    assert set(people.values()) == {"Ada", "Ben", "Chloe"}
    heard = [Word(*row) for row in words(deployment).itertuples(index=False)]
    spoken = {name: [word for word in heard if people[word.speaker] == name] for name in people.values()}
    meeting = sample()
    assert scores.word_error_rate(meeting.turns, spoken) <= 0.05
    assert scores.speaker_error_rate(meeting.turns, heard) <= 0.05
    onsets = scores.onset_errors(meeting.turns, spoken)
    assert np.median(onsets) <= 0.03
    assert np.percentile(onsets, 95) <= 0.2
    inner = [late for name, known in meeting.spoken.items() for late in scores.inner_errors(known, spoken[name])]
    assert np.percentile(inner, 90) <= 0.2
    assert scores.outside(meeting.turns, spoken) == 0


def test_the_document_reads_well(finished: tuple[Deployment, Any]) -> None:
    deployment, _ = finished
    document = transcript(deployment)
    assert document["title"] not in {"", "Untitled Meeting"}
    assert document["duration"] == 245
    assert len(document["topics"]) >= 2
    tasks = {(s["assigned_to"], bool(s["deadline"])) for s in document["action_items"]["next_steps"]}
    assert ("Chloe", True) in tasks
    assert ("Ben", True) in tasks
    assert document["action_items"]["decisions"]
    vtt = (deployment.folder(SAMPLE_ID) / "transcript.vtt").read_text()
    assert vtt.startswith("WEBVTT")
    assert "<v Chloe>" in vtt


def test_show_and_list(finished: tuple[Deployment, Any]) -> None:
    deployment, _ = finished
    shown = deployment.reflector("show", SAMPLE_ID)
    assert shown.returncode == 0
    assert transcript(deployment)["title"] in shown.stdout
    listed = deployment.json("list")
    assert [(row["id"], row["state"], row["reason"]) for row in listed] == [(SAMPLE_ID, "ended", None)]


def test_its_events_are_those_of_the_dictionary(finished: tuple[Deployment, Any]) -> None:
    reported = finished[0].json("watch", SAMPLE_ID)
    assert reported["state"] == "ended"
    for event in reported["events"]:
        matches(event)
    contents = [event["event"] for event in reported["events"] if event["event"] != "PIPELINE_PROGRESS"]
    assert contents[0] == "STATUS"
    assert contents[-1] == "STATUS"
    assert Counter(contents) == {
        **{"STATUS": 2, "DURATION": 2, "WAVEFORM": 1, "TRANSCRIPT": 1, "TOPIC": len(transcript(finished[0])["topics"])},
        **{"FINAL_TITLE": 1, "FINAL_LONG_SUMMARY": 1, "FINAL_SHORT_SUMMARY": 1, "ACTION_ITEMS": 1},
    }
    # Daily's duration, though the tracks were measured, too (spec: what went wrong for others).
    durations = [event["data"] for event in reported["events"] if event["event"] == "DURATION"]
    assert durations == [{"duration": 245.0, "source": "daily"}] * 2
    progress = [event["data"] for event in reported["events"] if event["event"] == "PIPELINE_PROGRESS"]
    assert {one["total_steps"] for one in progress} == {15}
    tracks = [(one["track_index"], one["track_count"]) for one in progress if one.get("track_index")]
    assert set(tracks) == {(1, 3), (2, 3), (3, 3)}
    percent = [one["percent"] for one in progress]
    assert percent == sorted(percent)
    assert percent[-1] == 100


def test_three_tracks_are_three_steps(finished: tuple[Deployment, Any]) -> None:
    deployment, answer = finished
    steps = deployment.run_quickly("-m", "tests.show_steps", answer["run_id"])
    assert steps.returncode == 0, steps.stderr
    keys = json.loads(steps.stdout)
    assert {f"track_transcripts.transcribe_track[{n}]" for n in range(3)} <= set(keys)


def test_plain_dagster_materializes_one_asset(finished: tuple[Deployment, Any]) -> None:
    deployment, _ = finished
    before = (deployment.folder(SAMPLE_ID) / "title.json").stat().st_mtime_ns
    materialize = ("dagster", "asset", "materialize", "-m", "reflector_assets.definitions")
    done = deployment.run_quickly(*materialize, "--select", "title", "--partition", SAMPLE_ID)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (deployment.folder(SAMPLE_ID) / "title.json").stat().st_mtime_ns > before
    # Equal content: nothing downstream became stale.
    assert deployment.json("run", SAMPLE_ID)["materialized"] == []


def test_asset_checks_pass(finished: tuple[Deployment, Any]) -> None:
    deployment, answer = finished
    done = deployment.run_quickly("-m", "tests.show_steps", answer["run_id"], "--checks")
    results = json.loads(done.stdout)
    assert set(results) >= {"every_track_padded", "every_track_transcribed", "times_inside_the_recording"}
    assert all(results.values()), results
