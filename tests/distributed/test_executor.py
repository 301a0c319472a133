"""The settings alone choose the executor; what they say reaches the steps, and no password what Dagster shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from testing.deployment import SAMPLE, SAMPLE_ID, Deployment, deploy

PODS = {"gpu": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}}
ABOUT = """
import json
from dagster._serdes import serialize_value
from reflector_assets.definitions import defs
job = defs.resolve_job_def("process")
tags = {node.name: dict(node.definition.tags) for node in job.nodes}
tracks = job.get_node_named("track_transcripts").definition
tags["transcribe_track"] = dict(tracks.node_named("transcribe_track").definition.tags)
print(json.dumps({"executor": job.executor_def.name, "shown": serialize_value(job.get_job_snapshot()), "tags": tags}))
"""


def about(deployment: Deployment, **env: str) -> dict[str, Any]:
    deployment.env |= env
    done = deployment.run("python", "-c", ABOUT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def celery(tmp_path: Path) -> Deployment:
    # Nobody listens there.
    broker = "redis://:broker-password@127.0.0.1:9/0"
    return deploy(tmp_path, REFLECTOR_EXECUTOR="celery", REFLECTOR_CELERY_BROKER=broker)


def test_celery_gets_queues_and_priorities_and_shows_no_password(celery: Deployment) -> None:
    found = about(celery)
    assert found["executor"] == "celery"
    assert "broker-password" not in str(found["shown"])
    tags = found["tags"]
    queues = {"padded_tracks": "cpu", "transcribe_track": "gpu", "topics": "llm", "title": "llm"}
    assert {name: tags[name].get("dagster-celery/queue") for name in queues} == queues
    assert "dagster-celery/queue" not in tags["recording"]
    assert int(tags["padded_tracks"]["dagster-celery/priority"]) > int(tags["mixed_audio"]["dagster-celery/priority"])


def test_a_run_in_the_terminal_needs_no_worker(celery: Deployment) -> None:
    assert celery.reflector("import", str(SAMPLE)).returncode == 0
    done = celery.json("run", SAMPLE_ID, "--select", "recording")
    assert done["materialized"] == ["recording"]


def test_pods_get_what_their_pool_asks_for(tmp_path: Path) -> None:
    found = about(deploy(tmp_path), REFLECTOR_EXECUTOR="k8s", REFLECTOR_K8S_PODS=json.dumps(PODS))
    assert found["executor"] == "k8s"
    tags = found["tags"]
    assert json.loads(tags["transcribe_track"]["dagster-k8s/config"]) == PODS["gpu"]
    assert "dagster-k8s/config" not in tags["padded_tracks"]
