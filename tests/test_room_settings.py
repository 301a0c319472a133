"""A room's language and vocabulary decide how its recordings are transcribed; nothing else about them changes."""

import json
from pathlib import Path

import pytest

from testing.audio_files import babble, opus_track
from testing.deployment import Deployment, deploy
from testing.hosts.gpu_host import GPUHost

pytestmark = pytest.mark.slow(15)

STANDUP, RETRO = "standup-20260323080000", "retro-20260323090000"


@pytest.fixture
def gpu():
    with GPUHost() as host:
        yield host


def imported(deployment: Deployment, folder: Path, *names: str, speaker: str = "Ada") -> None:
    for number, name in enumerate(names):
        (folder / name).mkdir()
        opus_track(folder / name / f"{speaker}.webm", babble(2.0, seed=number))
        assert deployment.reflector("import", str(folder / name)).returncode == 0


def test_the_language_of_the_room(tmp_path: Path, gpu: GPUHost) -> None:
    deployment = deploy(tmp_path / "deployment", REFLECTOR_LANGUAGE="en", REFLECTOR_EXECUTOR="in_process", **gpu.env)
    imported(deployment, tmp_path, STANDUP, RETRO)
    assert deployment.reflector("rooms", "set", "standup", "--language", "de").returncode == 0
    for name in (STANDUP, RETRO):
        assert deployment.json("run", name)["failed"] == []
    asked = {call.name.split("/")[-3]: call.fields["language"] for call in gpu.requests}
    assert asked == {STANDUP: "de", RETRO: "en"}


def test_names_and_terms_are_expected_and_only_the_rooms_list_makes_transcripts_stale(
    tmp_path: Path, gpu: GPUHost
) -> None:
    deployment = deploy(
        tmp_path / "deployment",
        REFLECTOR_EXECUTOR="in_process",
        REFLECTOR_VOCABULARY="Grafana, kubernetes",
        TRANSCRIPT_BACKEND="openai",
        TRANSCRIPT_URL=f"{gpu.url}/v1",
        TRANSCRIPT_MODAL_API_KEY=gpu.key,
        REFLECTOR_TRANSCRIPT_MODEL=gpu.model,
    )

    def prompts() -> list[str]:
        return [call.fields["prompt"] for call in gpu.requests]

    imported(deployment, tmp_path, STANDUP, speaker="Ozge Kaya (guest)")
    assert deployment.reflector("rooms", "set", "standup", "--vocabulary", " Kubernetes,Özge,").returncode == 0
    assert deployment.json("run", STANDUP)["failed"] == []
    assert prompts() == ["Kubernetes, Özge, Ozge Kaya, Grafana"]
    # A name that is corrected afterwards.
    stored = deployment.folder(STANDUP) / "source" / "participants.json"
    [[participant, user, name]] = json.loads(stored.read_text())
    stored.write_text(json.dumps([[participant, user, name.replace("Ozge", "Özge")]]))
    assert deployment.json("run", STANDUP, "--select", "participants", "--force")["materialized"] == ["participants"]
    assert {"track_transcripts", "merged_words"} <= set(deployment.json("run", STANDUP)["fresh"])
    # Another list for all rooms.
    deployment.env["REFLECTOR_VOCABULARY"] = "Prometheus"
    assert deployment.json("run", STANDUP)["materialized"] == []
    # Another list for the room.
    assert deployment.reflector("rooms", "set", "standup", "--vocabulary", "Terraform").returncode == 0
    assert deployment.json("run", STANDUP)["materialized"] == []
    assert deployment.json("run", STANDUP, "--select", "recording", "--force")["materialized"] == ["recording"]
    assert {"padded_tracks", "track_transcripts"} <= set(deployment.json("run", STANDUP)["materialized"])
    assert prompts()[1:] == ["Terraform, Özge Kaya, Prometheus"]
