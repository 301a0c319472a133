"""Whether the service lives and the deployment is ready, answered in time also when a service hangs."""

# pyright: basic

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from dagster._daemon.types import DaemonHeartbeat

from testing.daemon import open_instance
from testing.deployment import deploy
from testing.hosts.llm_host import LLMHost
from testing.parts.receiver import SECRET, Receiver
from tests.service.in_process import BEARER, TOKEN, serving

NEEDED = {"Dagster's storage", "Dagster's daemon", "database", "result store", "transcriber", "LLM"}


def states(answer: httpx.Response) -> dict[str, str]:
    return {door["door"]: door["state"] for door in answer.json()["doors"]}


@pytest.mark.slow(20)
def test_readiness_is_reported_in_time_and_asks_the_llm_seldom(tmp_path: Path) -> None:
    with LLMHost() as llm:
        deployment = deploy(tmp_path, DAILY_WEBHOOK_SECRET=SECRET, REFLECTOR_API_TOKEN=TOKEN, **llm.env)
        llm.hang(1)
        with Receiver(deployment) as receiver:
            with ThreadPoolExecutor(3) as several:
                answers = list(several.map(lambda _: receiver.client.get(f"{receiver.url}/health/ready"), range(3)))
                assert receiver.client.get(f"{receiver.url}/health").json() == {"status": "ok"}
            for answer in answers:
                assert answer.status_code == 503
                assert set(states(answer)) == NEEDED
                assert states(answer)["LLM"] == "failed"
                assert states(answer)["Dagster's daemon"] == "not running"
                assert states(answer)["database"] == states(answer)["transcriber"] == "ok"
                assert not any("said" in door for door in answer.json()["doors"]), "that is for holders of the token"
            assert len(llm.requests) == 1, "of several who ask at once, one asks the LLM"
            known = receiver.client.get(f"{receiver.url}/health/ready", headers={"Authorization": f"Bearer {TOKEN}"})
            assert "no answer in 5 s" in next(d["said"] for d in known.json()["doors"] if d["door"] == "LLM")
            assert receiver.post(b'{"id": "one", "type": "recording.started"}').status_code == 200
            receiver.stop()
            with open_instance(deployment) as instance:
                instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id-of-a-daemon", []))
            receiver.start()
            ready = receiver.client.get(f"{receiver.url}/health/ready")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            assert set(states(ready).values()) == {"ok"}
            asked = len(llm.requests)
            for _ in range(3):
                assert receiver.client.get(f"{receiver.url}/health/ready").status_code == 200
            assert len(llm.requests) == asked


def test_what_is_not_ready_is_503_with_each_door(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'r.db'}", ready=False) as service:
        answer = service.client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json() == {
            "detail": "not ready, see doors",
            "ready": False,
            "doors": [{"door": "database", "state": "failed", "milliseconds": 1}],
        }
        assert service.client.get("/health").status_code == 200


def test_denials_that_match_nothing_are_shown_to_holders_of_the_token(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'r.db'}") as service:
        assert service.client.get("/health/ready", headers=BEARER).json()["unmatched_denials"] == 0
        service.consents.record("nowhere", "ann", given=False)
        assert service.client.get("/health/ready", headers=BEARER).json()["unmatched_denials"] == 1
        assert "unmatched_denials" not in service.client.get("/health/ready").json()
