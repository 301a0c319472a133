"""The files in deploy/: parsed by the tools that execute them, and checked against the code."""

# pyright: basic

import itertools
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml
from dagster._config import validate_config

from reflector_assets.settings.main import Settings
from testing.deployment import ROOT
from tests.deploy_files import (
    BASE,
    DEPLOY,
    EXTERNAL,
    PASSWORDS,
    PODS,
    PUBLIC,
    SECRET,
    SERVICE,
    SETTINGS,
    containers,
    env_file,
    parse_compose,
    parse_manifests,
    parse_proxy,
    pods,
)


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse_compose(tmp_path_factory.mktemp("project") / "compose")


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return parse_manifests()


def programs(words: list[str]) -> list[list[str]]:
    """Return the commands in a container's command line, including those run by a shell."""
    if words[:2] == ["sh", "-c"]:
        parts = [part.split() for part in re.split(r"&&|\|\|", words[2])]
        return [part for part in parts if part[0] != "export"]
    return [words]


def command_lines(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> list[list[str]]:
    """Return the command lines of all containers of the reflector image, health checks included."""
    services = [one for one in compose["services"].values() if one["image"].startswith("reflector:")]
    lines = [one["command"] for one in services]
    lines += [["sh", "-c", *check[1:]] if check[0] == "CMD-SHELL" else check[1:] for check in checks(services)]
    for one in containers(manifests):
        if one["image"] == "reflector":
            probes = [one.get(name, {}).get("exec") for name in ("readinessProbe", "livenessProbe")]
            lines += [one["args"], *(probe["command"] for probe in probes if probe)]
    return [program for line in lines for program in programs(line)]


def checks(services: list[dict[str, Any]]) -> list[list[str]]:
    return [one["healthcheck"]["test"] for one in services if "healthcheck" in one]


def commands() -> dict[str, Any]:
    """Return the command-line interfaces of the installed programs by program name."""
    from celery.bin.celery import celery
    from dagster._cli import cli as dagster
    from dagster._daemon.cli import cli as daemon
    from dagster_webserver.cli import dagster_webserver

    from reflector_assets.cli import COMMANDS, app, load

    reflector: Any = typer.main.get_command(app)
    reflector.commands = {name: load(name) for name in COMMANDS}
    external = {"celery": celery, "dagster": dagster, "dagster-daemon": daemon, "dagster-webserver": dagster_webserver}
    return {**external, "reflector": reflector}


def check_words(command: Any, words: list[str]) -> None:
    """Raise AssertionError for a subcommand or an option that the command doesn't have."""
    known = {opt for parameter in command.params for opt in [*parameter.opts, *parameter.secondary_opts]}
    valued = [parameter for parameter in command.params if not getattr(parameter, "is_flag", True)]
    takes_value = {opt for parameter in valued for opt in parameter.opts}
    # Typer bundles its own click, so isinstance can't distinguish a group from a command.
    subcommands, rest = getattr(command, "commands", None), list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            assert word in known, f"{command.name} has no option {word}"
            if word in takes_value:
                rest.pop(0)
        elif subcommands is not None:
            assert word in subcommands, f"{command.name} has no command {word}"
            return check_words(subcommands[word], rest)
    return None


def test_compose_defines_every_service(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {
        *("setup", "receiver", "code", "webserver", "daemon", "worker", "worker-gpu"),
        *("postgres", "redis", "s3", "s3-bucket", "transcriber"),
    }
    ports = {name: [port["target"] for port in one.get("ports", [])] for name, one in services.items()}
    published = {"receiver": [1250], "webserver": [3000], "s3": [8333]}
    assert {name: targets for name, targets in ports.items() if targets} == published
    assert {services[name]["ports"][0]["host_ip"] for name in published} == {"127.0.0.1"}
    for name in ("worker", "worker-gpu", "code"):
        assert services[name]["environment"]["REFLECTOR_EXECUTOR"] == "celery"
        assert services[name]["environment"]["REFLECTOR_CELERY_BROKER"] == "redis://:redisfilled@redis:6379/0"


def test_compose_requires_passwords() -> None:
    example = env_file(DEPLOY / "env.example")
    assert {name: example[name] for name in PASSWORDS} == dict.fromkeys(PASSWORDS, "")
    text = (DEPLOY / "compose.yaml").read_text()
    for name in PASSWORDS:
        assert set(re.findall(rf"\$\{{{name}[^}}]*\}}", text)) == {f"${{{name}:?}}"}


def test_no_password_is_on_a_command_line(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    lines = [one.get("command") or [] for one in compose["services"].values()] + checks(
        list(compose["services"].values())
    )
    for one in containers(manifests):
        probes = [one.get(name, {}).get("exec", {}).get("command") for name in ("readinessProbe", "livenessProbe")]
        lines += [line for line in (one.get("command"), one.get("args"), *probes) if line]
    for line in map(" ".join, lines):
        for password in PASSWORDS.values():
            assert password not in line
        # A shell's own words and its here-documents name a variable; the words of what it starts hold its value.
        words = re.sub(r"<<END\n.*?\nEND", "", line, flags=re.DOTALL)
        started = [part for part in re.split(r"&&|\|", words) if "echo" not in part and "export" not in part]
        assert not any(re.search(r"\$\w*(AUTH|BROKER|PASSWORD)", part) for part in started), line


def test_every_queue_has_a_worker(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    from domain.steps import STEPS
    from reflector_assets.runtime.celery import DEFAULT_QUEUE

    needed = {policy.pool or DEFAULT_QUEUE for policy in STEPS.values()} | {DEFAULT_QUEUE}
    lines = command_lines(compose, manifests)
    served = [line[line.index("-Q") + 1].split(",") for line in lines if "worker" in line]
    assert len(served) == 4
    assert set(itertools.chain(*served[:2])) == set(itertools.chain(*served[2:])) == needed


def test_every_command_exists(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    known = commands()
    lines = command_lines(compose, manifests)
    assert {line[0] for line in lines} == {*known, "python"}
    for line in lines:
        assert (Path(sys.executable).parent / line[0]).exists()
        if line[0] in known:
            check_words(known[line[0]], line[1:])
        for module in re.findall(r"reflector_assets\.\w+", " ".join(line)):
            assert (ROOT / f"{module.replace('.', '/')}.py").exists()


def test_unknown_commands_and_options_are_rejected() -> None:
    known = commands()
    check_words(known["dagster"], ["code-server", "start", "-h", "0.0.0.0"])
    for program, words in {"dagster": "code-server start --hots x", "reflector": "severe", "celery": "wrker"}.items():
        with pytest.raises(AssertionError, match="has no"):
            check_words(known[program], words.split())


def test_every_setting_exists(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    named = {name for one in compose["services"].values() for name in one.get("environment", {})}
    named |= {entry["name"] for one in containers(manifests) for entry in one.get("env", [])}
    named |= {*env_file(BASE / "settings.env"), *env_file(BASE.parent / "secrets.example.env")}
    overlay = yaml.safe_load((PODS / "kustomization.yaml").read_text())["configMapGenerator"][0]["literals"]
    named |= {literal.split("=")[0] for literal in overlay}
    assert "REFLECTOR_EXECUTOR" in named
    assert named - SETTINGS - EXTERNAL == set()


def test_kubernetes_settings_are_valid() -> None:
    overlay = yaml.safe_load((PODS / "kustomization.yaml").read_text())["configMapGenerator"][0]["literals"]
    given = env_file(BASE / "settings.env") | dict(literal.split("=", 1) for literal in overlay)
    read = {name: json.loads(value) if value.startswith("{") else value for name, value in given.items()}
    settings = Settings.model_validate({name: value for name, value in read.items() if name in SETTINGS})
    assert settings.executor == "k8s"
    assert set(settings.kubernetes_pods) <= {"cpu", "gpu", "llm"}


def test_secrets_have_no_value(manifests: list[dict[str, Any]]) -> None:
    for path in (DEPLOY / "env.example", BASE / "settings.env", BASE.parent / "secrets.example.env"):
        filled = {name for name, value in env_file(path).items() if value and SECRET.search(name)}
        assert filled - PUBLIC == set(), path
    for one in containers(manifests):
        for entry in one.get("env", []):
            assert not SECRET.search(entry["name"]) or "valueFrom" in entry
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for one in services.values():
        for name, value in one.get("environment", {}).items():
            assert not SECRET.search(name) or value is None or "${" in value, name


OBJECTS = sorted(
    path
    for path in (*BASE.glob("*.yaml"), *SERVICE.glob("*.yaml"))
    if "\nkind: " in path.read_text() and path.stem != "kustomization"
)


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)
def test_manifests_match_the_kubernetes_schemas(path: Path) -> None:
    for manifest in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_manifests_refer_to_existing_objects(manifests: list[dict[str, Any]]) -> None:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    made = {one["name"] for one in kustomization["configMapGenerator"]}
    made |= {one["metadata"]["name"] for one in manifests if one["kind"] == "ConfigMap"}
    secrets = set(env_file(BASE.parent / "secrets.example.env"))
    for one in containers(manifests):
        for source in one.get("envFrom", []):
            assert source.get("configMapRef", {"name": "reflector-settings"})["name"] in made
            assert source.get("secretRef", {"name": "reflector-secrets"})["name"] == "reflector-secrets"
        for entry in one.get("env", []):
            wanted = entry.get("valueFrom", {}).get("secretKeyRef")
            assert wanted is None or (wanted["name"], wanted["key"] in secrets) == ("reflector-secrets", True)
    for pod in pods([one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}]).values():
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        assert {v["configMap"]["name"] for v in volumes.values() if "configMap" in v} <= made
    services = {one["metadata"]["name"] for one in manifests if one["kind"] == "Service"}
    assert {"code", "webserver", "receiver", "postgres", "redis", "transcriber"} == services
    assert yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]["host"] in services


def test_images_have_a_version(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    images = {one["image"] for one in [*compose["services"].values(), *containers([*manifests, *parse_proxy()])]}
    images.add(re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[0])
    own = version("reflector-assets")
    for folder in (BASE, SERVICE):
        for one in yaml.safe_load((folder / "kustomization.yaml").read_text())["images"]:
            images.add(f"{one['name']}:{one['newTag']}")
    # The tag of the manifests' own image stands in kustomization.yaml.
    images.remove("reflector")
    assert f"reflector:{own}" in images
    assert [one for one in images if not re.search(r":v?\d+\.\d+", one)] == []
    assert {one for one in images if one.startswith("reflector:")} == {f"reflector:{own}"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl isn't installed")
@pytest.mark.parametrize(("folder", "deployments"), [(BASE, 6), (PODS, 4), (SERVICE, 7)])
def test_kustomize_builds(folder: Path, deployments: int) -> None:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    for one in built:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    built_deployments = {one["metadata"]["name"]: one for one in built if one["kind"] == "Deployment"}
    assert len(built_deployments) == deployments
    [container] = built_deployments["code"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "DAGSTER_CURRENT_IMAGE", "value": container["image"]} in container["env"]
    settings = next(one["data"] for one in built if one["metadata"]["name"] == "reflector-settings")
    assert settings["REFLECTOR_EXECUTOR"] == ("k8s" if folder == PODS else "celery")


def test_instances_differ_only_in_documented_settings() -> None:
    embedded, production, kubernetes = (
        yaml.safe_load(path.read_text())
        for path in (ROOT / "dagster.yaml", DEPLOY / "dagster.yaml", BASE / "instance.yaml")
    )
    assert production["concurrency"]["runs"].pop("max_concurrent_runs") == 10
    assert embedded["concurrency"]["runs"].pop("max_concurrent_runs") == 4
    assert kubernetes["concurrency"]["runs"].pop("max_concurrent_runs") == 10
    assert kubernetes["run_monitoring"].pop("start_timeout_seconds") == 600
    started = [one["run_monitoring"].pop("start_timeout_seconds") for one in (embedded, production)]
    assert started == [300, 300]
    different = {"storage", "compute_logs", "run_launcher"}
    instances = (embedded, production, kubernetes)
    common = [{name: value for name, value in one.items() if name not in different} for one in instances]
    assert common[0] == common[1] == common[2]
    assert production["storage"] == kubernetes["storage"]


def test_ticks_are_deleted_after_some_days() -> None:
    kept = yaml.safe_load((ROOT / "dagster.yaml").read_text())["retention"]
    for kind in ("sensor", "schedule"):
        days = kept[kind]["purge_after_days"]
        assert set(days) == {"skipped", "started", "failure", "success"}
        assert all(0 < number <= 90 for number in days.values())
    assert kept["sensor"]["purge_after_days"]["skipped"] == 1


def test_run_launcher_configuration_is_valid() -> None:
    # Imported here: it takes longer than the whole file, and every worker imports every file.
    from dagster_k8s import K8sRunLauncher

    launcher = yaml.safe_load((BASE / "instance.yaml").read_text())["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_k8s", "K8sRunLauncher")
    done = validate_config(K8sRunLauncher.config_type(), launcher["config"])
    assert done.success, done.errors
