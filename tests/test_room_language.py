"""A room's language decides how its recordings are transcribed; nothing else about them changes."""

from pathlib import Path

from testing.audio_files import babble, opus_track
from testing.deployment import deploy
from testing.hosts.gpu_host import GPUHost


def test_the_language_of_the_room(tmp_path: Path) -> None:
    with GPUHost() as gpu:
        deployment = deploy(
            tmp_path / "deployment", REFLECTOR_LANGUAGE="en", REFLECTOR_EXECUTOR="in_process", **gpu.env
        )
        for number, name in enumerate(("standup-20260323080000", "retro-20260323090000")):
            folder = tmp_path / name
            folder.mkdir()
            opus_track(folder / "Ada.webm", babble(2.0, seed=number))
            assert deployment.reflector("import", str(folder)).returncode == 0
        assert deployment.reflector("rooms", "set", "standup", "--language", "de").returncode == 0
        for name in ("standup-20260323080000", "retro-20260323090000"):
            assert deployment.json("run", name)["failed"] == []
        asked = {call.name.split("/")[-3]: call.fields["language"] for call in gpu.requests}
    assert asked == {"standup-20260323080000": "de", "retro-20260323090000": "en"}
