"""The files in deploy/, parsed."""

# pyright: basic

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from reflector_assets.settings.main import Settings
from testing.deployment import ROOT

DEPLOY = ROOT / "deploy"
BASE, PODS = DEPLOY / "kubernetes" / "base", DEPLOY / "kubernetes" / "pod-per-step"
SERVICE = DEPLOY / "kubernetes" / "transcriber"
PAGES = DEPLOY / "kubernetes" / "dagster-pages"
PASSWORDS = {"POSTGRES_PASSWORD": "pgfilled", "REDIS_PASSWORD": "redisfilled"}
SECRET = re.compile(r"PASSWORD|KEY|SECRET|TOKEN$|AUTH$|BROKER|_URL$")
PUBLIC = {
    "AUTH_JWT_PUBLIC_KEY",
    "DAILY_API_URL",
    "REFLECTOR_STORAGE_PUBLIC_URL",
    "REFLECTOR_DAILY_ENDPOINT_URL",
    "REFLECTOR_STORAGE_KMS_KEY_ID",
    "UI_BASE_URL",
    "REFLECTOR_DAGSTER_URL",
    "REFLECTOR_OLD_URL",
    "REFLECTOR_OLD_PAGES_URL",
    "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL",
    "TRANSCRIPT_URL",
    "LLM_URL",
}
# Variables that Dagster, Celery, and the images of PostgreSQL, Redis, SeaweedFS and OAuth2 Proxy read.
EXTERNAL = {"FORWARDED_ALLOW_IPS", "DAGSTER_POSTGRES_URL", "DAGSTER_HOME", "DAGSTER_CURRENT_IMAGE", "PYTHONUNBUFFERED"}
EXTERNAL |= {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "PGDATA", "REDIS_PASSWORD", "REDISCLI_AUTH"}
EXTERNAL |= {"OAUTH2_PROXY_CLIENT_ID", "OAUTH2_PROXY_CLIENT_SECRET", "OAUTH2_PROXY_COOKIE_SECRET"}
EXTERNAL |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BUCKET", "CUBLAS"}
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}


def env_file(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def parse_compose(project: Path) -> dict[str, Any]:
    """Return compose.yaml as parsed by Docker Compose, with passwords filled in, by a copy in a folder."""
    shutil.copytree(DEPLOY, project / "deploy", ignore=shutil.ignore_patterns(".env"))
    filled = {**env_file(DEPLOY / "env.example"), **PASSWORDS}
    (project / "deploy" / ".env").write_text("".join(f"{name}={value}\n" for name, value in filled.items()))
    done = docker_compose(project, "--profile", "s3", "--profile", "gpu", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def docker_compose(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "docker-compose"
    env = {"PATH": os.environ["PATH"], "HOME": str(project)}
    command = [program, "-f", "deploy/compose.yaml", *arguments]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)


def parse_manifests() -> list[dict[str, Any]]:
    """Return every object of the Kubernetes base, and the GPU service."""
    names = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    paths = [*(BASE / name for name in names), SERVICE / "transcriber.yaml"]
    return [manifest for path in paths for manifest in yaml.safe_load_all(path.read_text())]


def parse_proxy() -> list[dict[str, Any]]:
    """Return every object of the proxy in front of Dagster's pages."""
    return list(yaml.safe_load_all((PAGES / "proxy.yaml").read_text()))


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in manifests if "template" in one["spec"]}


def containers(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    workloads = pods([one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}]).values()
    return [one for pod in workloads for one in [*pod.get("initContainers", []), *pod["containers"]]]
