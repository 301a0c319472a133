"""What the containers of deploy/ may do, and what they are given."""

# pyright: basic

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from reflector_assets.settings.main import Settings
from tests.deploy_files import BASE, PUBLIC, SECRET, containers, parse_compose, parse_manifests, parse_proxy, pods

# The secrets that each container uses. Runs have those of their steps, which have pods of their own in pod-per-step.
RESULTS = {"TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID", "TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY"}
DAILY = {"DAILY_API_KEY", "DAILYCO_STORAGE_AWS_ACCESS_KEY_ID", "DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY"}
WEBHOOKS = {"DAILY_WEBHOOK_SECRET", "REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET"}
STEPS = {"DAGSTER_POSTGRES_URL", "REFLECTOR_CELERY_BROKER", *RESULTS}
OLD = {"REFLECTOR_OLD_API_KEY", "REFLECTOR_OLD_TOKEN", "REFLECTOR_OLD_DATABASE_URL"}
PUBLISHING = {"DATABASE_URL", *DAILY, "ZULIP_API_KEY", *OLD}
SERVICES = {"TRANSCRIPT_MODAL_API_KEY", "LLM_API_KEY"}
API = {"DAGSTER_POSTGRES_URL", "DATABASE_URL", "REFLECTOR_API_TOKEN", "REFLECTOR_OIDC_CLIENT_SECRET"}
USED = {
    "setup": {"DAGSTER_POSTGRES_URL"},
    "receiver": {*API, *RESULTS, *WEBHOOKS, *SERVICES},
    "code": {*STEPS, *PUBLISHING, *WEBHOOKS, *SERVICES},
    "webserver": {"DAGSTER_POSTGRES_URL"},
    "daemon": {"DAGSTER_POSTGRES_URL"},
    "worker": {*STEPS, *PUBLISHING, "LLM_API_KEY"},
    "worker-gpu": {*STEPS, "TRANSCRIPT_MODAL_API_KEY"},
    "transcriber": {"TRANSCRIPT_MODAL_API_KEY"},
    "postgres": {"POSTGRES_PASSWORD"},
    "redis": {"REDISCLI_AUTH"},
}
RUN = {*STEPS, *PUBLISHING, *SERVICES}
DATABASES = {"postgres", "redis"}


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse_compose(tmp_path_factory.mktemp("project") / "compose")


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return parse_manifests()


def test_containers_have_no_privileges(compose: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    for name, one in compose["services"].items():
        # The store's first program changes its user.
        assert one.get("user") == (None if name == "s3" else "999:999" if name in DATABASES else "1000:1000"), name
        assert one["cap_drop"] == ["ALL"], name
        assert one.get("cap_add", []) == (["CHOWN", "SETGID", "SETUID"] if name == "s3" else []), name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert (one["read_only"], one["tmpfs"][0], "mem_limit" in one, "pids_limit" in one) == (
            True,
            "/tmp",
            True,
            True,
        )
    for one in containers([*manifests, *parse_proxy()]):
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert "/tmp" in {mount["mountPath"] for mount in one["volumeMounts"]}
        assert "memory" in one["resources"]["limits"]
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    for name, pod in pods([one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}]).items():
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 999 if name in DATABASES else 1000), name
    launched = yaml.safe_load((BASE / "instance.yaml").read_text())["run_launcher"]["config"]["run_k8s_config"]
    assert launched["container_config"]["security_context"] == {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert launched["pod_spec_config"]["security_context"]["run_as_non_root"] is True
    mounted = {mount["name"] for mount in launched["container_config"]["volume_mounts"]}
    assert mounted == {volume["name"] for volume in launched["pod_spec_config"]["volumes"]} == {"data", "tmp"}


def test_each_container_has_only_the_secrets_that_it_uses(
    compose: dict[str, Any], manifests: list[dict[str, Any]]
) -> None:
    for name, one in compose["services"].items():
        if name not in {"s3", "s3-bucket"}:
            assert not one.get("env_file")
            assert secrets_in(one["environment"]) == USED[name], name
    found = {
        (workload if one["name"] == "worker" else one["name"]): one
        for workload, pod in pods([one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}]).items()
        for one in [*pod.get("initContainers", []), *pod["containers"]]
    }
    assert set(found) == set(USED)
    for name, one in found.items():
        assert not [source for source in one.get("envFrom", []) if "secretRef" in source], name
        assert secrets_in(entry["name"] for entry in one["env"]) == USED[name], name
    launcher = yaml.safe_load((BASE / "instance.yaml").read_text())["run_launcher"]["config"]
    assert "env_secrets" not in launcher
    run = launcher["run_k8s_config"]["container_config"]["env"]
    assert {entry["name"] for entry in run} == RUN
    for entry in run:
        assert entry["value_from"]["secret_key_ref"]["key"] == entry["name"]


def secrets_in(names: Iterable[str]) -> set[str]:
    """Return the names of secrets among those of variables; Celery's result backend is used by none of these."""
    return {name for name in names if SECRET.search(name)} - PUBLIC - {"REFLECTOR_CELERY_BACKEND"}


def test_compose_passes_every_setting_that_is_not_secret(compose: dict[str, Any]) -> None:
    # Where processes listen and store is compose's to say.
    own = {"REFLECTOR_DATA_DIR", "REFLECTOR_HOST", "REFLECTOR_PORT", "REFLECTOR_TRIAL"}
    zulip = {"ZULIP_REALM", "ZULIP_BOT_EMAIL"}
    # Without their secret, which only the receiver has, these are an error.
    sign_in = {"REFLECTOR_OIDC_ISSUER", "REFLECTOR_OIDC_CLIENT_ID"}
    public = {str(one.alias) for one in Settings.model_fields.values() if "SecretStr" not in str(one.annotation)}
    public -= own | sign_in
    assert sign_in <= set(compose["services"]["receiver"]["environment"])
    for name in ("code", "worker"):
        assert public <= set(compose["services"][name]["environment"]), name
    for name in ("receiver", "worker-gpu", "transcriber"):
        assert public - zulip - {"REFLECTOR_EXECUTOR"} <= set(compose["services"][name]["environment"]), name
