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

pytestmark = pytest.mark.slow(300)
NAME, EDITS, TOKEN = "room-edited", 200, "the-token-of-an-editor"
KILLS = Counter({"run": 7, "receiver": 6, "daemon": 3, "code server": 2})


def test_no_edit_is_lost_or_applied_twice(tmp_path: Path) -> None:
    if not examples(0, EDITS):
        pytest.skip("endurance: run by make test-long")
    chance = random.Random(int(os.environ.get("REFLECTOR_KILL_SEED", "22")))
    kinds = chance.sample(sorted(KILLS.elements()), KILLS.total())
    kill_before = dict(zip(sorted(chance.sample(range(1, EDITS + 1), len(kinds))), kinds, strict=True))
    killed: Counter[str] = Counter()
    with World(tmp_path) as world:
        world.record(NAME)
        world.ended(NAME)
        world.deployment.env |= {"REFLECTOR_API_TOKEN": TOKEN, "DAILY_WEBHOOK_SECRET": "c2VjcmV0LW9mLXRlc3Rz"}
        with Receiver(world.deployment) as receiver:
            url = f"{receiver.url}/v1/transcripts/{NAME}/corrections"
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            for number in range(1, EDITS + 1):
                at = round(SECONDS * number / (EDITS + 1), 4)
                edit: dict[str, object] = {"kind": "words", "start": at, "end": at, "text": f"edit{number}"}
                body = json.dumps({"edits": [edit], "request_id": f"edit-{number}"})

                def is_stored(body: str = body) -> bool:
                    with contextlib.suppress(httpx.TransportError):
                        return receiver.client.post(url, content=body, headers=headers).status_code == 200
                    return False

                if number in kill_before:
                    # The receiver may have stored the edit when it is killed.
                    with contextlib.suppress(httpx.TransportError):
                        httpx.post(url, content=body, headers=headers, timeout=chance.uniform(0.001, 0.02))
                    if kill(kill_before[number], world, receiver, number - 1):
                        killed[kill_before[number]] += 1
                until(is_stored, what=f"edit {number}")
            history = receiver.client.get(url, headers=headers).json()["edits"]
        assert [one["edit"]["text"] for one in history] == [f"edit{number}" for number in range(1, EDITS + 1)]
        until(lambda: revision(world) == EDITS, what="the transcript with all edits")
        world.ticks(2)
        table = words.from_parquet(world.store.read(value_key("merged_words", NAME)))
        counts = Counter(word.word for word in words.words(table) if word.word.startswith("edit"))
        assert counts == {f"edit{number}": 1 for number in range(1, EDITS + 1)}
        assert world.gpu_calls(NAME) == {0: 1}
        assert world.overlaps() == []
    print(f"{EDITS} edits, kills: {dict(killed)}")
    assert killed["run"] >= KILLS["run"] // 2


def kill(kind: str, world: World, receiver: Receiver, edits: int) -> bool:
    """Kill a process by SIGKILL and start it again.

    Return False if there is no run to kill, because all edits are in the transcript.
    """
    print(f"kill {kind} after edit {edits}, of which {revision(world)} are in the transcript", flush=True)
    if kind == "receiver":
        receiver.stop(signal.SIGKILL)
        receiver.start()
    elif kind == "run":
        processes, runs = Processes(world.deployment, world.instance), list[psutil.Process]()

        def found() -> bool:
            # Edits come faster than runs.
            runs[:] = processes.runs()
            return bool(runs) or revision(world) >= edits

        until(found, what="a run to kill")
        for run in runs:
            with contextlib.suppress(psutil.NoSuchProcess):
                run.kill()
        return bool(runs)
    else:
        victim = world.daemon.process if kind == "daemon" else world.daemon.code
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        world.daemon.__enter__()
    return True


def revision(world: World) -> int:
    """Return the number of the last edit in the transcript."""
    return Transcript.model_validate_json(world.store.read(value_key("transcript", NAME))).revision
