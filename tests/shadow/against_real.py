"""The whole comparison against a real Reflector: `python -m tests.shadow.against_real` (docs/moving-over.md).

It adds a user, a room, meetings and transcripts of its own to an empty test installation, by its database, and runs
`reflector shadow try` against its API. The environment names the installation: REFLECTOR_OLD_URL,
REFLECTOR_OLD_DATABASE_URL (with a role that may write), and its SECRET_KEY.
"""

import hashlib
import hmac
import json
import os
import sys
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from resources.database.database import parse_url
from testing.deployment import Deployment, deploy
from tests.domain.finished import finished

START = datetime(2026, 3, 23, 8, 0, tzinfo=UTC)
SECONDS = 245
BASE = f"try-{uuid.uuid4().hex[:8]}"
ROOM = f"{BASE}-20260323080000"
OURS = finished(str(uuid.uuid4()), room_name=ROOM, duration=float(SECONDS))
# What our transcript says, with one word added and one changed: of nine words, two are wrong.
SAID = [["The", "budget", "is", "large", "enough."], ["We", "have", "some", "plans."]]


class Real:
    """The installation, with a user whose key is `key`."""

    def __init__(self, url: str, database_url: str, secret_key: str) -> None:
        self.url, self.database_url = url, database_url
        self.engine = sa.create_engine(parse_url(database_url))
        self.user, self.key, self.room = str(uuid.uuid4()), uuid.uuid4().hex, str(uuid.uuid4())
        digest = hmac.new(secret_key.encode(), self.key.encode(), hashlib.sha256).hexdigest()
        now = datetime.now(UTC)
        email = f"{self.user}@example.com"
        more: dict[str, Any] = {"authentik_uid": self.user, "created_at": now, "updated_at": now}
        self.insert("user", id=self.user, email=email, **more)
        self.insert("user_api_key", id=str(uuid.uuid4()), user_id=self.user, key_hash=digest, created_at=now)
        texts = {"platform": "daily", "zulip_stream": "", "zulip_topic": ""}
        self.insert("room", id=self.room, name=BASE, user_id=self.user, created_at=now, **texts)

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row with these values of its columns."""
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        stored = {name: json.dumps(value) if isinstance(value, list) else value for name, value in values.items()}
        with self.engine.begin() as connection:
            connection.execute(sa.text(f'INSERT INTO "{table}" ({names}) VALUES ({places})'), stored)

    def update(self, transcript_id: str, **values: Any) -> None:
        """Change columns of a transcript."""
        changes = ", ".join(f"{name} = :{name}" for name in values)
        with self.engine.begin() as connection:
            connection.execute(
                sa.text(f"UPDATE transcript SET {changes} WHERE id = :transcript_id"),
                {**values, "transcript_id": transcript_id},
            )

    def meeting(self, room_name: str) -> str:
        """Add a meeting of the room."""
        meeting_id = str(uuid.uuid4())
        self.insert(
            "meeting",
            id=meeting_id,
            room_name=room_name,
            room_url=f"https://example.daily.co/{room_name}",
            host_room_url=f"https://example.daily.co/{room_name}",
            start_date=START,
            end_date=START + timedelta(hours=8),
            room_id=self.room,
            platform="daily",
        )
        return meeting_id

    def transcript(self, meeting_id: str, recording_id: str, seconds: float, **more: Any) -> str:
        """Add a recording and its transcript."""
        transcript_id = str(uuid.uuid4())
        created = START + timedelta(seconds=SECONDS + 60)
        self.insert(
            "recording",
            id=recording_id,
            bucket_name="tracks",
            object_key="tracks",
            recorded_at=START,
            meeting_id=meeting_id,
            track_keys=["a-track"],
        )
        known: dict[str, Any] = {
            "name": "",
            "status": "ended",
            "locked": False,
            "duration": seconds * 1000,
            "created_at": created,
            "title": "Weekly meeting",
            "short_summary": "They met.",
            "long_summary": "They met again.",
            "topics": topics(),
            "events": [],
            "participants": [{"id": "p", "name": "Ada", "speaker": 0}],
            "source_language": "en",
            "target_language": "en",
            "user_id": self.user,
            "share_mode": "semi-private",
            "meeting_id": meeting_id,
            "recording_id": recording_id,
            "source_kind": "room",
            "room_id": self.room,
        }
        self.insert("transcript", id=transcript_id, **{**known, **more})
        return transcript_id


def topics() -> list[dict[str, Any]]:
    """Return topics as they are stored."""
    return [
        {
            "id": str(uuid.uuid4()),
            "title": f"Topic {number}",
            "summary": "What was discussed.",
            "timestamp": 60.0 * number,
            "words": [
                {"text": f"{word} ", "start": 60.0 * number + at, "end": 60.0 * number + at + 0.5, "speaker": 0}
                for at, word in enumerate(words)
            ],
        }
        for number, words in enumerate(SAID)
    ]


def attempt(deployment: Deployment) -> dict[str, Any]:
    """Run the command and return its only comparison."""
    done = deployment.run("reflector", "shadow", "try", OURS.id, "--json")
    if done.stderr:
        print(f"  stderr: {done.stderr.strip()}")
        return {"note": done.stderr, "theirs": None, "their_id": None, "exit": done.returncode}
    [found] = json.loads(done.stdout)["by_recording"]
    print(f"  exit {done.returncode}: {found['their_id']}, {found['note'] or found['word_error_rate']}")
    return {**found, "exit": done.returncode}


def main() -> int:
    """Run the comparison in every state; return the number of wrong outcomes."""
    real = Real(os.environ["REFLECTOR_OLD_URL"], os.environ["REFLECTOR_OLD_DATABASE_URL"], os.environ["SECRET_KEY"])
    wrong = 0

    def expect(what: str, found: dict[str, Any], **fields: Any) -> None:
        nonlocal wrong
        seen = {name: found.get(name) for name in fields}
        if seen != fields:
            wrong += 1
        print(f"  {'as expected' if seen == fields else f'WRONG, expected {fields}, found {seen}'}: {what}")

    with tempfile.TemporaryDirectory() as home:
        named = {"REFLECTOR_OLD_URL": real.url, "REFLECTOR_OLD_API_KEY": real.key}
        deployment = deploy(Path(home) / "deployment", **named)
        folder = deployment.folder(OURS.id)
        folder.mkdir(parents=True)
        (folder / "transcript.json").write_text(OURS.model_dump_json())

        meeting, other = real.meeting(ROOM), real.meeting(f"{BASE}-20260323090000")
        real.transcript(other, str(uuid.uuid4()), SECONDS)
        for seconds in (60, 2450):
            real.transcript(meeting, str(uuid.uuid4()), seconds)
        real.transcript(meeting, str(uuid.uuid4()), SECONDS, created_at=START - timedelta(days=1))
        for number in range(120):
            late = START + timedelta(days=1, seconds=number)
            real.transcript(other, str(uuid.uuid4()), SECONDS, created_at=late)
        print("Only transcripts of other recordings of the room, the day and the meeting:")
        expect("none of them is taken", attempt(deployment), theirs=None, their_id=None, exit=1)

        transcript_id = real.transcript(meeting, OURS.id, 0, status="processing")
        for status in ("processing", "error"):
            real.update(transcript_id, status=status)
            print(f"The transcript exists in status {status}:")
            expect("it is waited for", attempt(deployment), theirs=None, their_id=transcript_id, exit=1)

        real.update(transcript_id, status="ended", duration=SECONDS * 1000)
        print("The transcript is finished:")
        found = attempt(deployment)
        words = sum(map(len, SAID))
        texts = {"title": "Weekly meeting", "short_summary": "They met.", "long_summary": "They met again."}
        figures: dict[str, Any] = {**texts, "topics": len(SAID), "words": words}
        expect("its figures", found, theirs=figures, their_id=transcript_id, word_error_rate=round(2 / words, 4))

        print("The same by its database:")
        deployment.env["REFLECTOR_OLD_DATABASE_URL"] = real.database_url
        expect("its figures", attempt(deployment), theirs=figures, their_id=transcript_id, exit=0)
        del deployment.env["REFLECTOR_OLD_DATABASE_URL"]

        for name, value in (("REFLECTOR_OLD_API_KEY", "wrong"), ("REFLECTOR_OLD_TOKEN", real.key)):
            print(f"With a wrong {name}:")
            env, deployment.env = deployment.env, {**deployment.env, "REFLECTOR_OLD_API_KEY": "", name: value}
            found = attempt(deployment)
            expect("the remedy is named", {"named": "REFLECTOR_OLD_API_KEY" in (found["note"] or "")}, named=True)
            deployment.env = env
    print(f"{wrong} wrong outcomes")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main()))
