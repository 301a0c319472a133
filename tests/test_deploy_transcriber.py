"""The GPU service in the files of deploy/: the workers find it, and as many call it as their pool allows."""

from typing import Any

import yaml

from reflector_assets.settings.main import Settings
from testing.deployment import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
COMMAND = ["reflector", "transcriber", "serve", "--host", "0.0.0.0"]


def manifests(path: str) -> dict[tuple[str, str], Any]:
    """Return the objects of a file by kind and name."""
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all((FOLDER / path).read_text())}


def test_kubernetes_workers_find_the_gpu_service() -> None:
    overlay = yaml.safe_load((FOLDER / "transcriber" / "kustomization.yaml").read_text())
    [generator] = overlay["configMapGenerator"]
    settings = Settings.model_validate(dict(literal.split("=", 1) for literal in generator["literals"]))
    made = manifests("transcriber/transcriber.yaml")
    [port] = made["Service", "transcriber"]["spec"]["ports"]
    assert settings.transcript_url == f"http://transcriber:{port['port']}"
    [container] = made["Deployment", "transcriber"]["spec"]["template"]["spec"]["containers"]
    assert (container["args"], container["ports"][0]["containerPort"]) == (COMMAND, port["port"])
    # The patch replaces the number of processes of the workers.
    worker = manifests("base/workers.yaml")["Deployment", "worker-gpu"]["spec"]
    [change] = yaml.safe_load(overlay["patches"][0]["patch"])
    assert worker["template"]["spec"]["containers"][0]["args"][6:8] == ["-c", "1"]
    assert change["path"].endswith("/args/7")
    assert settings.pools()["gpu"] == worker["replicas"] * int(change["value"])
    base = yaml.safe_load((FOLDER / "base" / "kustomization.yaml").read_text())
    assert overlay["images"] == base["images"]


def test_compose_reserves_a_gpu() -> None:
    service = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["transcriber"]
    [device] = service["deploy"]["resources"]["reservations"]["devices"]
    assert (service["command"], device["capabilities"]) == (COMMAND, ["gpu"])
