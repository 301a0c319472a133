"""Finished transcripts of the old system become recordings here: once, whatever fails meanwhile, and at no cost."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from domain.results import Transcript
from resources.database.catalogue import Catalogue
from resources.database.consents import Consents
from resources.database.database import Database
from testing.audio_files import babble, encoded_track
from testing.daemon import until
from testing.deployment import BIN, ROOT, Deployment
from testing.hosts.host import Request
from testing.hosts.old_host import OldHost
from testing.hosts.old_world import OldTopicRow, OldTranscriptRow
from tests.shadow.old_database import run

pytest_plugins = ["tests.service.databases", "tests.shadow.old_database"]
pytestmark = pytest.mark.slow(45)

START = 1_774_252_800.0
BUDGET = OldTopicRow("Budget", [(0, "The budget is large enough.", 1.0, 3.0), (1, "We have some plans.", 4.0, 6.0)])
END = OldTopicRow("Goodbye", [(0, "See you tomorrow.", 12.0, 14.0)])


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("audio") / "audio.mp3"
    return encoded_track(path, babble(20.0), container="mp3", codec="libmp3lame").read_bytes()


def add(old: OldHost, day: int, **more: Any) -> OldTranscriptRow:
    """Add a finished transcript of a meeting of 20 s."""
    begun = START + day * 86400
    meeting = old.world.add_meeting(f"weekly-202603{23 + day}080000", begun)
    given: dict[str, Any] = {"duration": 20.0, "created_at": begun + 60, "topics": [BUDGET, END], **more}
    return old.world.add_transcript(meeting, f"rec-{day}", people={0: "Ada Lovelace"}, **given)


def of(row: OldTranscriptRow, part: str) -> Callable[[Request], bool]:
    return lambda call: call.path.endswith(f"{row.id}/{part}")


def take_over(deployment: Deployment, *arguments: str, status: int = 0) -> dict[str, int]:
    """Run the command and return the counts of transcripts."""
    done = deployment.reflector("import-old", "--transcripts", "--json", *arguments)
    assert done.returncode == status, done.stderr
    return {name: count for name, count in json.loads(done.stdout)["transcripts"]["counts"].items() if count}


def transcript(deployment: Deployment, row: OldTranscriptRow) -> Transcript:
    return Transcript.model_validate_json((deployment.folder(row.id) / "transcript.json").read_bytes())


def stale(deployment: Deployment) -> Any:
    return deployment.json("refresh", "--dry-run")["recordings"]


def test_a_transcript_becomes_a_recording_that_is_searched_edited_and_deleted(
    deployment: Deployment, old: OldHost, mp3: bytes
) -> None:
    deployment.env |= old.env
    row, silent = add(old, 0, audio=mp3), add(old, 1, audio=mp3, audio_deleted=True)
    add(old, 2, status="processing")
    assert take_over(deployment) == {"new": 2, "unfinished": 1}
    assert deployment.json("list") == []
    assert take_over(deployment, "--apply") == {"new": 2, "unfinished": 1}
    assert take_over(deployment, "--apply") == {"known": 2, "unfinished": 1}
    listed = [(one["id"], one["state"], one["room"]) for one in deployment.json("list")]
    assert listed == [(silent.id, "ended", "weekly-20260324080000"), (row.id, "ended", "weekly-20260323080000")]

    made, folder = transcript(deployment, row), deployment.folder(row.id)
    assert (made.title, made.duration, made.words) == ("Weekly planning", 20.0, 12)
    assert [(one.name, one.text) for one in made.segments][:2] == [
        ("Ada Lovelace", "The budget is large enough."),
        ("Speaker 2", "We have some plans."),
    ]
    assert [(one.title, one.words_from, one.words_to) for one in made.topics] == [("Budget", 0, 9), ("Goodbye", 9, 12)]
    assert made.taken_over == f"{old.url}/transcripts/{row.id}"
    assert (folder / "audio.mp3").read_bytes() == mp3
    assert len(json.loads((folder / "waveform.json").read_text())) == 255
    assert not (deployment.folder(silent.id) / "audio.mp3").exists()
    assert (deployment.folder(silent.id) / "audio_deleted.json").exists()
    database = Database(url=f"sqlite:///{deployment.data}/reflector.db")
    assert [one.recording_id for one in Catalogue(database=database).search("plans").items] == [silent.id, row.id]
    consents = Consents(database=database)
    consents.record(str(row.meeting_id), "ann", given=True)
    assert consents.recordings_of(str(row.meeting_id)) == [row.id]

    # Nothing is to be made, with another model either, and nothing is sent after an edit.
    assert stale(deployment) == []
    deployment.env |= {"LLM_URL": "http://127.0.0.1:9/v1", "LLM_MODEL": "another", "REFLECTOR_WHISPER_MODEL": "base"}
    assert stale(deployment) == []
    edits = ("--title", "The budget", "--topic", "1=Money", "--rename", "Speaker 2=Ben", "--words", "1-1.4=Our")
    assert deployment.reflector("edit", row.id, *edits).returncode == 0
    materialized = set(deployment.json("run", row.id)["materialized"])
    assert "transcript" in materialized
    assert not materialized & {"track_transcripts", "mixed_audio", "zulip_message", "webhook_delivery"}
    edited = transcript(deployment, row)
    assert (edited.title, edited.topics[0].title, edited.topics[1]) == ("The budget", "Money", made.topics[1])
    assert [(one.name, one.text) for one in edited.segments][:2] == [
        ("Ada Lovelace", "Our budget is large enough."),
        ("Ben", "We have some plans."),
    ]
    assert edited.long_summary == made.long_summary
    assert stale(deployment) == []

    # Its tracks are elsewhere: its audio and words can't be made again, and are never replaced by nothing.
    for asset in ("padded_tracks", "mixed_audio", "track_transcripts"):
        refused = deployment.reflector("run", row.id, "--select", asset, "--force")
        assert refused.returncode == 1
        assert "without its tracks" in refused.stderr
    assert (folder / "audio.mp3").read_bytes() == mp3

    assert deployment.reflector("delete", row.id, "--yes").returncode == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert take_over(deployment, "--apply") == {"known": 1, "deleted": 1, "unfinished": 1}


def test_what_fails_stops_no_other_and_what_was_interrupted_goes_on(
    deployment: Deployment, old: OldHost, mp3: bytes, old_database: str
) -> None:
    deployment.env |= {**old.env, "REFLECTOR_OLD_DATABASE_URL": old_database}
    rows = [add(old, day, audio=mp3) for day in range(4)]
    items = json.dumps({"decisions": [{"decision": "Move in March", "decided_by_participant_id": "p"}]})
    run(old_database, f"INSERT INTO transcript VALUES ('{rows[3].id}', 'rec-3', now(), NULL, '{items}')")
    with dg.DagsterInstance.from_config(str(deployment.home / "dagster")) as instance:
        # It has the same meeting, and was processed here.
        about: dict[str, Any] = {
            "room": "weekly-20260323080000",
            "duration_s": 20.0,
            "started": dg.MetadataValue.timestamp(START),
        }
        instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition="ours", metadata=about))
        instance.add_dynamic_partitions("recordings", ["ours"])
    old.fail(1, 503, when=of(rows[1], "topics/with-words"))
    old.reset(1, when=of(rows[2], "audio/mp3"))
    old.hang(1, when=of(rows[3], "audio/waveform"))
    command = [str(BIN / "reflector"), "import-old", "--transcripts", "--apply"]
    with subprocess.Popen(command, cwd=ROOT, env=deployment.environment(), stderr=subprocess.PIPE, text=True) as killed:
        until(lambda: any(of(rows[3], "audio/waveform")(call) for call in old.requests))
        killed.kill()
        _, complaints = killed.communicate()
    assert f"failed {rows[1].id}" in complaints
    assert f"failed {rows[2].id}" in complaints
    assert [one["id"] for one in deployment.json("list")] == ["ours"]
    old.answer(1, b"<html>a proxy's error</html>", when=of(rows[1], "audio/mp3"))
    assert take_over(deployment, "--apply", status=1) == {"new": 2, "known": 1, "failed": 1}
    assert not (deployment.folder(rows[1].id) / "audio.mp3").exists()
    assert take_over(deployment, "--apply") == {"new": 1, "known": 3}
    # Daily's id of the recording is in its database only, and so are decisions.
    assert [one["id"] for one in deployment.json("list")] == [rows[1].id, "rec-3", rows[2].id, "ours"]
    by_daily = Transcript.model_validate_json((deployment.folder("rec-3") / "transcript.json").read_bytes())
    assert [one.decision for one in by_daily.action_items.decisions] == ["Move in March"]
    assert {one["id"] for one in stale(deployment)} == {"ours"}
