"""Who can reach whom in the files of deploy/: Dagster's code server and web UI are for their own only."""

# pyright: basic

from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.deploy_files import BASE, PAGES, SERVICE, parse_compose

NAME = "app.kubernetes.io/name"
# Pods of runs and steps have the name that Dagster gives them.
PODS = [
    "code",
    "webserver",
    "daemon",
    "receiver",
    "worker",
    "worker-gpu",
    "transcriber",
    "postgres",
    "redis",
    "dagster",
]
CLIENTS = {
    "code": {"webserver", "daemon"},
    "postgres": {"code", "webserver", "daemon", "receiver", "worker", "worker-gpu", "dagster"},
    "redis": {"code", "daemon", "worker", "worker-gpu", "dagster"},
    "transcriber": {"code", "receiver", "worker-gpu", "dagster"},
}


def objects(*paths: Path) -> list[dict[str, Any]]:
    return [one for path in paths for one in yaml.safe_load_all(path.read_text())]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Return True if a label selector of Kubernetes selects labels; an empty one selects all."""
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def clients(policies: list[dict[str, Any]], server: str, pods: list[str]) -> set[str]:
    """Return which pods, and which namespaces in brackets, may connect to a pod."""
    of_server = [one["spec"] for one in policies if selects(one["spec"]["podSelector"], {NAME: server})]
    # Without any, everybody may.
    assert of_server
    peers = [peer for spec in of_server for rule in spec.get("ingress", []) for peer in rule["from"]]
    found = {
        pod for pod in pods for peer in peers if "podSelector" in peer and selects(peer["podSelector"], {NAME: pod})
    }
    for namespace in ("ingress-nginx", "monitoring", "default"):
        labels = {"kubernetes.io/metadata.name": namespace}
        if any("namespaceSelector" in peer and selects(peer["namespaceSelector"], labels) for peer in peers):
            found.add(f"[{namespace}]")
    return found


def policies_of(*paths: Path) -> list[dict[str, Any]]:
    return [one for one in objects(*paths) if one["kind"] == "NetworkPolicy"]


def test_pods_are_reached_by_those_who_need_them() -> None:
    policies = policies_of(BASE / "network.yaml", SERVICE / "transcriber.yaml")
    expected = {**{pod: set() for pod in PODS}, **CLIENTS, "receiver": {"[ingress-nginx]", "[monitoring]"}}
    assert {pod: clients(policies, pod, PODS) for pod in PODS} == expected


def test_people_reach_dagster_by_the_proxy_only() -> None:
    pods = [*PODS, "dagster-proxy"]
    policies = policies_of(BASE / "network.yaml", PAGES / "proxy.yaml")
    assert clients(policies, "webserver", pods) == {"dagster-proxy"}
    assert clients(policies, "dagster-proxy", pods) == {"[ingress-nginx]"}
    assert clients(policies, "code", pods) == CLIENTS["code"]
    made = objects(PAGES / "proxy.yaml")
    for one in made:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    [deployment] = [one for one in made if one["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    given = {one["name"]: one.get("value") for one in container["env"]}
    [webserver] = [
        one
        for one in objects(BASE / "dagster.yaml")
        if (one["kind"], one["metadata"]["name"]) == ("Service", "webserver")
    ]
    assert given["OAUTH2_PROXY_UPSTREAMS"] == f"http://webserver:{webserver['spec']['ports'][0]['port']}/"
    secrets = (BASE.parent / "secrets.example.env").read_text()
    assert all(f"\n{name}=\n" in secrets for name, value in given.items() if value is None)
    overlay, base = (yaml.safe_load((folder / "kustomization.yaml").read_text()) for folder in (PAGES, BASE))
    assert overlay["images"] == base["images"]


def test_policies_name_ports_that_the_pods_have() -> None:
    made = objects(*(BASE / f"{name}.yaml" for name in ("dagster", "receiver", "workers", "postgres", "redis")))
    made += objects(SERVICE / "transcriber.yaml", PAGES / "proxy.yaml")
    ports = {
        one["spec"]["template"]["metadata"]["labels"][NAME]: {
            port["name"] for part in one["spec"]["template"]["spec"]["containers"] for port in part.get("ports", [])
        }
        for one in made
        if one["kind"] in {"Deployment", "StatefulSet"}
    }
    for policy in policies_of(BASE / "network.yaml", SERVICE / "transcriber.yaml", PAGES / "proxy.yaml"):
        spec = policy["spec"]
        named = {port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]}
        assert not named or named <= ports[spec["podSelector"]["matchLabels"][NAME]], policy["metadata"]["name"]


def test_compose_separates_dagster_from_receiver_and_workers(tmp_path: Path) -> None:
    services = parse_compose(tmp_path)["services"]
    near = {
        name
        for name, one in services.items()
        if set(one["networks"]) & {*services["code"]["networks"], *services["webserver"]["networks"]}
    }
    assert near == {"code", "webserver", "daemon", "setup", "postgres", "redis", "s3", "transcriber"}
    for name, needed in {
        "receiver": {"postgres", "s3", "transcriber"},
        "worker": {"postgres", "redis", "s3"},
        "worker-gpu": {"postgres", "redis", "s3", "transcriber"},
        "code": {"postgres", "redis", "s3", "transcriber"},
        "daemon": {"postgres", "code"},
        "webserver": {"postgres", "code"},
        "transcriber": {"s3"},
        "s3-bucket": {"s3"},
    }.items():
        assert all(set(services[name]["networks"]) & set(services[other]["networks"]) for other in needed), name
