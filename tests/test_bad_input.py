"""Invalid folders and ids: one clear line, a non-zero exit code, nothing half-written."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from testing import audio_files
from testing.deployment import SAMPLE, Deployment

pytestmark = pytest.mark.slow(20)

TRACKS = sorted((SAMPLE / "tracks").iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one valid track, `good.webm`."""
    made = tmp_path / "standup"
    made.mkdir()
    shutil.copy(TRACKS[0], made / "good.webm")
    return made


def error_of(deployment: Deployment, *arguments: str) -> str:
    """Run a command that must fail and return its one line of error output."""
    done = deployment.reflector(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("reflector: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return lines[0]


def nothing_written(deployment: Deployment) -> bool:
    listed = deployment.json("list")
    return listed == [] and not [p for p in (deployment.data / "recordings").rglob("*") if p.is_file()]


def test_an_empty_folder(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "nobody").mkdir()
    line = error_of(deployment, "import", str(tmp_path / "nobody"))
    assert "recording nobody" in line
    assert "no audio tracks" in line
    assert nothing_written(deployment)


def text(path: Path) -> None:
    path.write_text("Dear diary, this is not a recording.\n" * 20)


def zero_bytes(path: Path) -> None:
    path.touch()


def only_video(path: Path) -> None:
    audio_files.with_more_streams(path, np.zeros((1, 0), np.float32), audio=0, video=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (text, "not an audio file"),
        (zero_bytes, "0 bytes"),
        (only_video, "only video"),
        (audio_files.no_packets, "no sound in it"),
    ],
)
def test_a_file_that_is_not_a_track(
    deployment: Deployment, folder: Path, make: Callable[[Path], None], message: str
) -> None:
    make(folder / "bad.webm")
    line = error_of(deployment, "import", str(folder))
    assert "recording standup, track bad.webm" in line
    assert message in line
    assert nothing_written(deployment)
    # The option that the message suggests.
    assert "--skip-unreadable" in line
    done = deployment.reflector("import", str(folder), "--skip-unreadable", "--json")
    assert json.loads(done.stdout)["tracks"] == 1
    assert "bad.webm" in done.stderr


def test_a_truncated_track_is_used_up_to_its_end(deployment: Deployment, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "cut")
    cut = next((tmp_path / "cut" / "tracks").glob("*99a6f6e1*"))
    cut.write_bytes(cut.read_bytes()[:90_000])
    answer = deployment.json("import", str(tmp_path / "cut"))
    assert any("99a6f6e1" in note and "90000 of 154416 bytes" in note for note in answer["notes"])
    assert deployment.json("run", answer["id"], "--select", "+padded_tracks")["failed"] == []
    padded = json.loads((deployment.folder(answer["id"]) / "padded_tracks.json").read_text())
    whole, part = padded["tracks"][1], padded["tracks"][0]
    assert 44 < part["duration"] < whole["duration"]


def test_two_tracks_of_one_participant_are_one_speaker(deployment: Deployment, tmp_path: Path) -> None:
    """A participant who reconnects has several tracks."""
    made = tmp_path / "reconnected"
    made.mkdir()
    first, other = TRACKS[2], TRACKS[0]
    shutil.copy(first, made)
    shutil.copy(other, made / other.name.replace("99a6f6e1-18cc-56c2-b76b-2e1f2d3f14a9", first.name[14:50]))
    answer = deployment.json("import", str(made))
    assert deployment.json("run", answer["id"], "--select", "recording,participants,padded_tracks")["failed"] == []
    people = json.loads((deployment.folder(answer["id"]) / "participants.json").read_text())
    padded = json.loads((deployment.folder(answer["id"]) / "padded_tracks.json").read_text())
    assert len(people) == 1
    assert [track["speaker"] for track in padded["tracks"]] == [0, 0]


def test_a_silent_participant_has_no_words(deployment: Deployment, tmp_path: Path) -> None:
    made = tmp_path / "quiet"
    made.mkdir()
    audio_files.opus_track(made / "zoe.webm", np.zeros((1, 20 * 48_000), np.float32))
    answer = deployment.json("import", str(made))
    outcome = deployment.json("run", answer["id"])
    assert outcome["failed"] == []
    assert "transcript" in outcome["materialized"]
    document = json.loads((deployment.folder(answer["id"]) / "transcript.json").read_text())
    assert document["words"] == 0
    assert document["title"] == "Untitled Meeting"
    assert [p["name"] for p in document["participants"]] == ["zoe"]


@pytest.mark.parametrize("bad", ["a/b", "../../etc", "two words", "x" * 300, ".hidden", ""])
def test_an_invalid_id(deployment: Deployment, folder: Path, bad: str) -> None:
    (folder / "recording.json").write_text(json.dumps({"id": bad or " "}))
    line = error_of(deployment, "import", str(folder))
    assert "can't be a recording id" in line
    assert len(line) < 400
    assert nothing_written(deployment)


@pytest.mark.parametrize("command", ["run", "show"])
def test_an_unknown_recording(deployment: Deployment, command: str) -> None:
    assert "recording nobody: there is no such recording" in error_of(deployment, command, "nobody")
    assert "can't be a recording id" in error_of(deployment, command, "no/body")


def test_a_transcript_before_it_exists(deployment: Deployment, folder: Path) -> None:
    deployment.json("import", str(folder))
    line = error_of(deployment, "show", "standup")
    assert "recording standup: it has no transcript yet" in line
    assert "reflector run standup" in line


def test_a_selection_without_assets(deployment: Deployment, folder: Path) -> None:
    deployment.json("import", str(folder))
    assert "names no asset" in error_of(deployment, "run", "standup", "--select", "titel")


def test_an_asset_whose_input_was_never_made(deployment: Deployment, folder: Path) -> None:
    deployment.json("import", str(folder))
    line = error_of(deployment, "run", "standup", "--select", "title")
    assert "title failed: recording standup: topics was never made" in line
    assert "--select topics" in line


def test_another_folder_under_the_same_id(deployment: Deployment, folder: Path) -> None:
    assert deployment.json("import", str(folder))["changed"] is True
    assert deployment.json("import", str(folder))["changed"] is False
    shutil.copy(TRACKS[1], folder / "good.webm")
    assert "--replace" in error_of(deployment, "import", str(folder))
    deployment.json("run", "standup", "--select", "recording")
    assert deployment.json("import", str(folder), "--replace")["changed"] is True
    # The replaced recording is stale.
    assert deployment.json("run", "standup", "--select", "recording")["materialized"] == ["recording"]


def test_a_track_damaged_after_the_import(deployment: Deployment, folder: Path) -> None:
    deployment.json("import", str(folder))
    (deployment.folder("standup") / "source" / "tracks" / "good.webm").write_text("overwritten")
    done = deployment.reflector("run", "standup", "--select", "+padded_tracks", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["failed"] == ["padded_tracks"]
    assert "recording standup, track 0" in answer["reasons"]["padded_tracks"]
    assert not list(deployment.folder("standup").glob("tracks/*"))
    (state,) = deployment.json("list")
    assert state["state"] == "error"
    assert "track 0" in state["reason"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of 2 MiB; skips the test if mounting isn't allowed."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mounted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system of limited size can be mounted here: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


def test_a_full_disk(deployment: Deployment, small_disk: Path) -> None:
    deployment.env["REFLECTOR_DATA_DIR"] = str(small_disk)
    deployment.env["REFLECTOR_RETRY_DELAY"] = "0.1"
    answer = deployment.json("import", str(SAMPLE))
    done = deployment.reflector("run", answer["id"], "--select", "recording,padded_tracks,mixed_audio", "--json")
    assert done.returncode == 1
    reasons = " ".join(json.loads(done.stdout)["reasons"].values())
    assert f"recording {answer['id']}" in reasons
    assert "No space left on device" in reasons
    assert not [p for p in small_disk.rglob("*") if p.name.startswith(".writing-")]
    assert not (small_disk / "recordings" / answer["id"] / "audio.mp3").exists()
