"""Edits arrive while the receiver, runs and the daemon are killed: none is lost, and none is applied twice.

`REFLECTOR_KILL_SEED` repeats the kills of an earlier run, as far as the machine's timing allows.
"""

import contextlib
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from domain.recording import value_key
from domain.results import Transcript
from domain.text import words
from testing.daemon import until
from testing.parts.receiver import Receiver
from testing.processes import Processes
from tests.examples import examples
from tests.scenarios.world import SECONDS, World

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow(300)]
NAME, EDITS, TOKEN = "room-edited", 200, "the-token-of-an-editor"
# One of this many edits is followed by a kill.
KILL_EVERY = 12


def test_no_edit_is_lost_or_applied_twice(tmp_path: Path) -> None:
    if not examples(0, EDITS):
        pytest.skip("endurance: run by make test-long")
    chance = random.Random(int(os.environ.get("REFLECTOR_KILL_SEED", "22")))
    killed: Counter[str] = Counter()
    with World(tmp_path) as world:
        world.record(NAME)
        world.ended(NAME)
        world.deployment.env |= {"REFLECTOR_API_TOKEN": TOKEN, "DAILY_WEBHOOK_SECRET": "c2VjcmV0LW9mLXRlc3Rz"}
        processes = Processes(world.deployment, world.instance)

        def kill() -> None:
            kind = chance.choice(["receiver", "receiver", "run", "run", "run", "daemon"])
            if kind == "receiver":
                receiver.stop(signal.SIGKILL)
                receiver.start()
            elif kind == "daemon":
                world.restart()
            else:
                # The edits come faster than runs: wait for one.
                runs = until(processes.runs, what="a run to kill")
                for run in runs:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        run.kill()
            killed[kind] += 1

        with Receiver(world.deployment) as receiver:
            url = f"{receiver.url}/v1/transcripts/{NAME}/corrections"
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            for number in range(1, EDITS + 1):
                at = round(SECONDS * number / (EDITS + 1), 4)
                edit: dict[str, object] = {"kind": "words", "start": at, "end": at, "text": f"edit{number}"}
                body = json.dumps({"edits": [edit], "request_id": f"edit-{number}"})

                def stored(body: str = body) -> bool:
                    # A receiver that is killed may have stored the edit before it answered.
                    with contextlib.suppress(httpx.TransportError):
                        return receiver.client.post(url, content=body, headers=headers).status_code == 200
                    return False

                if number % KILL_EVERY == KILL_EVERY // 2:
                    with contextlib.suppress(httpx.TransportError):
                        httpx.post(url, content=body, headers=headers, timeout=chance.uniform(0.001, 0.02))
                    kill()
                until(stored, what=f"edit {number}")
            history = receiver.client.get(url, headers=headers).json()["edits"]
        assert [one["edit"]["text"] for one in history] == [f"edit{number}" for number in range(1, EDITS + 1)]
        transcript = value_key("transcript", NAME)
        store = world.store
        until(
            lambda: Transcript.model_validate_json(store.read(transcript)).revision == EDITS,
            what="the transcript with all edits",
        )
        world.ticks(2)
        found = words.words(words.from_parquet(store.read(value_key("merged_words", NAME))))
        counts = Counter(word.word for word in found if word.word.startswith("edit"))
        assert counts == {f"edit{number}": 1 for number in range(1, EDITS + 1)}
        assert world.gpu_calls(NAME) == {0: 1}
        assert world.overlaps() == []
    print(f"{EDITS} edits, kills: {dict(killed)}")
