"""Finished transcripts taken over from a real Reflector: `python -m tests.shadow.taken_from_real`.

The environment is as for `tests.shadow.against_real`, and REFLECTOR_OLD_DATA_DIR is the installation's DATA_DIR on this
machine, which this script adds audio to.
"""

import json
import os
import sys
import tempfile
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from domain.results import Transcript
from testing.audio_files import babble, encoded_track
from testing.daemon import Daemon, until
from testing.deployment import Deployment, deploy
from testing.parts.receiver import Receiver
from tests.shadow.against_real import ROOM, SAID, SECONDS, START, Real, topics

PEOPLE: list[dict[str, Any]] = [{"id": "p", "name": "Ada", "speaker": 0, "user_id": None}]
ITEMS: dict[str, Any] = {
    "decisions": [{"decision": "Buy it", "decided_by": "Ada", "decided_by_participant_id": "p"}],
    "next_steps": [],
}
wrong = 0


def expect(what: str, seen: object, expected: object) -> None:
    """Report whether something is as expected, and count what isn't."""
    global wrong  # noqa: PLW0603 - a script
    wrong += seen != expected
    print(f"  {'as expected' if seen == expected else f'WRONG, expected {expected!r}'}: {what}: {seen!r}"[:200])


def take_over(deployment: Deployment, *arguments: str) -> dict[str, int]:
    """Run the command; return the counts of transcripts."""
    done = deployment.run("reflector", "import-old", "--transcripts", "--json", *arguments)
    print(f"  exit {done.returncode} {done.stderr.strip()}")
    return {name: count for name, count in json.loads(done.stdout)["transcripts"]["counts"].items() if count}


def add(real: Real, folder: Path, audio: bytes) -> tuple[str, str]:
    """Add transcripts in all states; return the id of one with audio, and of its recording."""
    meeting, recording_id = real.meeting(ROOM), str(uuid.uuid4())
    more: dict[str, Any] = {"participants": PEOPLE, "topics": topics()}
    transcript_id = real.transcript(meeting, recording_id, SECONDS, **more)
    real.update(transcript_id, action_items=json.dumps(ITEMS))
    real.transcript(meeting, str(uuid.uuid4()), 60, audio_deleted=True, created_at=START)
    real.transcript(meeting, str(uuid.uuid4()), 0, status="processing")
    real.transcript(meeting, str(uuid.uuid4()), 61, deleted_at=START + timedelta(days=1))
    own = folder / transcript_id
    own.mkdir(parents=True)
    (own / "audio.mp3").write_bytes(audio)
    (own / "audio.json").write_text(json.dumps([n / 255 for n in range(255)]))
    return transcript_id, recording_id


def check(deployment: Deployment, recording_id: str, audio: bytes) -> None:
    """Compare a recording that was taken over with what was added."""
    made = Transcript.model_validate_json((deployment.folder(recording_id) / "transcript.json").read_bytes())
    spoken = [" ".join(sentence) for sentence in SAID]
    expect("its sentences", [one.text for one in made.segments], spoken)
    expect("who said them", {one.name for one in made.segments}, {"Ada"})
    expect("its title", (made.title, made.short_summary), ("Weekly meeting", "They met."))
    expect("its topics", [(one.title, one.words_from, one.words_to) for one in made.topics], topic_rows())
    expect("its length in seconds", made.duration, float(SECONDS))
    with Receiver(deployment, "--trial") as service:
        listed = service.client.get(f"{service.url}/v1/transcripts", params={"q": "budget"}).json()["items"]
        expect("the search finds it", recording_id in [one["id"] for one in listed], True)
        page = service.client.get(f"{service.url}/v1/transcripts/{recording_id}").json()
        expect("its state and audio on the page", (page["state"], page["audio"]["available"]), ("ended", True))
        played = service.client.get(
            f"{service.url}/v1/transcripts/{recording_id}/audio", headers={"Range": "bytes=0-"}, follow_redirects=True
        )
        expect("the page plays its audio", (played.status_code, played.content == audio), (206, True))


def topic_rows() -> list[tuple[str, int, int]]:
    """Return the topics that are expected, with their rows of words."""
    first = len(SAID[0])
    return [("Topic 0", 0, first), ("Topic 1", first, first + len(SAID[1]))]


def check_untouched(deployment: Deployment) -> None:
    """Let Dagster's daemon examine the recordings: it requests no run."""

    def is_examined() -> bool:
        states = [one for one in instance.all_instigator_state() if one.name == "keep_up_to_date"]
        cursors = [json.loads(getattr(one.instigator_data, "cursor", None) or "{}") for one in states]
        return any(one.get("partitions", {}).get("at") and not one.get("waiting") for one in cursors)

    with dg.DagsterInstance.from_config(str(deployment.home / "dagster")) as instance:
        with Daemon(deployment):
            until(is_examined, what="keep_up_to_date has examined the recordings")
        expect("runs after the daemon examined them", instance.get_runs_count(), 0)


def main() -> int:
    """Take over what a real installation has, twice, by its API and then by its database; return what is wrong."""
    real = Real(os.environ["REFLECTOR_OLD_URL"], os.environ["REFLECTOR_OLD_DATABASE_URL"], os.environ["SECRET_KEY"])
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "audio.mp3"
        audio = encoded_track(file, babble(10.0), container="mp3", codec="libmp3lame").read_bytes()
        transcript_id, recording_id = add(real, Path(os.environ["REFLECTOR_OLD_DATA_DIR"]), audio)
        named = {"REFLECTOR_OLD_URL": real.url, "REFLECTOR_OLD_API_KEY": real.key}
        for what, more, expected_id in (
            ("By its API", {}, transcript_id),
            ("By its database, too", {"REFLECTOR_OLD_DATABASE_URL": real.database_url}, recording_id),
        ):
            print(f"{what}:")
            deployment = deploy(Path(home) / expected_id, **named, **more)
            counts = {"new": 2, "unfinished": 1}
            expect("a dry run", take_over(deployment), counts)
            expect("with --apply", take_over(deployment, "--apply"), counts)
            expect("again", take_over(deployment, "--apply"), {"known": 2, "unfinished": 1})
            check(deployment, expected_id, audio)
            found = json.loads((deployment.folder(expected_id) / "action_items.json").read_text())
            expect("its decisions", [one["decision"] for one in found["decisions"]], ["Buy it"] if more else [])
        check_untouched(deployment)
    print(f"{wrong} wrong outcomes")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main()))
