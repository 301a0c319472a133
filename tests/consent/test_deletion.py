"""Audio that must go, goes: denied before, while and after a recording is processed; the text stays."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from domain.errors import AudioDeleted
from domain.rooms import Room
from resources.local_folder import LocalFolder
from resources.outgoing.mode import OutgoingMode
from resources.store.base import LocalStore
from resources.store.erasure import Audio
from testing.deployment import SAMPLE
from tests.consent.world import World, failures, world

pytestmark = pytest.mark.slow(20)

AUDIO = ["padded_tracks", "mixed_audio", "track_transcripts"]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_without_a_denial_nothing_goes(here: World) -> None:
    here.consents.record(here.session, "a", given=True)
    assert here.run().success
    assert here.cleanup()["value"] == {"audio_deleted": False, "reason": None}
    # Two padded tracks, the mix, and four objects at Daily.
    assert len(here.sound()) == 7


def test_denied_before_the_run_it_is_transcribed_and_ends_without_audio(here: World) -> None:
    here.deny(user="a")
    assert here.run().success
    assert here.sound() == []
    assert here.bucket.read(here.other) == b"more of it"
    assert here.cleanup()["value"] == {"audio_deleted": True, "reason": "consent was denied"}
    assert here.cleanup()["objects_deleted"] == 7
    assert len(here.texts()) == 5


def test_denied_after_the_run_the_text_stays_as_it_was_and_every_reader_says_why(here: World) -> None:
    assert here.run().success
    before = here.texts()
    Path(here.home / "data" / here.key("tracks") / ".writing-killed.webm").write_bytes(b"half a track")
    here.deny(here.id)
    for _ in range(2):
        assert here.run(["consent_cleanup"]).success
        assert here.sound() == []
        assert here.texts() == before
        assert here.cleanup()["value"] == {"audio_deleted": True, "reason": "consent was denied"}
    assert here.cleanup()["objects_deleted"] == 0
    for asset in AUDIO:
        said = failures(here.run([asset]))
        assert said
        assert all("the audio of this recording was deleted on request" in one for one in said.values()), said
        assert here.id in str(said)
    assert here.run(["title", "summary", "transcript"]).success
    assert here.sound() == []


@pytest.mark.parametrize("user", [None, "a"])
def test_the_later_statement_of_a_person_counts(here: World, user: str | None) -> None:
    here.deny(user=user)
    here.consents.record(here.id, user, given=True)
    assert here.run().success
    assert here.cleanup()["value"]["audio_deleted"] is False
    here.deny(user="b")
    here.run(["consent_cleanup"])
    assert here.sound() == []


def test_a_room_that_needs_no_consent_keeps_its_audio(here: World) -> None:
    here.rooms.put(Room(name=here.room, skip_consent=True))
    here.deny()
    assert here.run().success
    assert here.cleanup()["value"] == {"audio_deleted": False, "reason": "the room needs no consent"}
    assert len(here.sound()) == 7


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_beside_the_old_system_nothing_is_deleted(here: World, mode: Literal["shadow", "off"]) -> None:
    here.deny()
    beside = OutgoingMode(mode=mode, page_url="http://127.0.0.1")
    assert failures(here.run(["consent_cleanup"], leaving=beside)) == {}
    assert mode in here.cleanup()["reason"]
    assert here.cleanup()["last_statement"] == 0
    assert len(here.sound()) == 4


def test_a_recording_that_never_got_a_transcript_loses_its_audio_too(here: World) -> None:
    here.gpu.fail(50, 400)
    here.deny()
    assert not here.run().success
    assert len(here.sound()) == 7
    assert here.run(["consent_cleanup"]).success
    assert here.sound() == []


class Racing(LocalStore):
    """A store in which another process deletes the recording's audio while an object is being written."""

    def new_file(self, key: str) -> Any:
        if key.endswith(RACED["key"]):
            thread = threading.Thread(target=RACED["then"])
            thread.start()
            thread.join()
        return super().new_file(key)


RACED: dict[str, Any] = {}


@pytest.mark.parametrize(("step", "key"), [("padded_tracks", "tracks/1.webm"), ("mixed_audio", "audio.mp3")])
def test_a_deletion_while_audio_is_written_leaves_none(here: World, step: str, key: str) -> None:
    assert here.run(["recording"] + (["padded_tracks"] if step == "mixed_audio" else [])).success
    here.deny()
    RACED.update(key=key, then=lambda: here.run(["consent_cleanup"]))
    said = failures(here.run([step], store=Racing(root=str(here.home / "data"))))
    assert "deleted on request" in said[step]
    assert here.cleanup()["value"]["audio_deleted"] is True
    assert here.sound() == []


def test_a_deletion_while_an_import_copies_leaves_none(here: World) -> None:
    """Nothing that the import reads goes away: only its own look at the end can tell."""
    last = sorted((SAMPLE / "tracks").iterdir())[-1].name
    audio = Audio("weekly", here.store, here.bucket, [])
    RACED.update(key=last, then=lambda: audio.delete("consent was denied"))
    with pytest.raises(AudioDeleted, match="deleted on request"):
        LocalFolder(store=Racing(root=str(here.home / "data"))).import_folder(SAMPLE, recording_id="weekly")
    assert audio.remnants() == []


def test_what_a_killed_writer_left_after_the_deletion_goes_with_the_next_attempt(here: World) -> None:
    here.deny()
    assert here.run(["recording", "consent_cleanup"]).success
    here.store.write(here.key("tracks/0.webm"), b"written by a killed step")
    assert "deleted on request" in failures(here.run(["padded_tracks"]))["padded_tracks"]
    assert here.sound() == []


def test_an_import_loses_its_tracks_and_can_not_be_made_again(here: World) -> None:
    folder = LocalFolder(store=here.store)
    here.id = folder.import_folder(SAMPLE, recording_id="weekly").recording.id
    here.instance.add_dynamic_partitions("recordings", [here.id])
    here.run(["recording"])
    here.deny(here.id)
    assert here.run(["consent_cleanup"]).success
    assert [key for key in here.store.list_remnants(here.key("")) if not key.endswith(".json")] == []
    for replace in (False, True):
        with pytest.raises(AudioDeleted, match=r"weekly: the audio of this recording was deleted on request.*text"):
            folder.import_folder(SAMPLE, recording_id="weekly", replace=replace)
    assert list(here.store.list_keys(here.key("source/tracks"))) == []
