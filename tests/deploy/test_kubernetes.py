"""The Kustomize base and its components: valid, locked down, and every name leads somewhere."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from typer.main import get_command

import augury.cli
from augury.api.routes import operations, pages, predictions
from support.deployment import DEPLOY, KUBERNETES, document, judge, known_variables, rendered

ALIEN = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}  # of operators, not of Kubernetes
TO_COME = {"worker", "beat"} - set(augury.cli.COMMANDS)
# What the operator makes: docs/deployment.md.
MADE_BY_HAND = {"augury-secrets", "augury-first-admin", "augury-api-tls", "augury-ui-tls"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return rendered("keda", "prometheus", folder=tmp_path_factory.mktemp("kustomize"))


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in objects:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]


def named(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def below(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from below(one)


def test_kubernetes_itself_would_take_it(objects: list[dict[str, Any]], tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump_all(one for one in objects if one["kind"] not in ALIEN))
    for version in ("1.32", "1.37"):
        judge("kubernetes-validate", "--strict", "-k", version, str(own))


def test_everything_stands_in_one_namespace(objects: list[dict[str, Any]]) -> None:
    places = {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"}
    assert places == {"augury"}


def test_every_container_is_locked_down(objects: list[dict[str, Any]]) -> None:
    for name, pod in pods(objects):
        whole = pod["spec"]["securityContext"]
        assert whole["runAsNonRoot"] is True, name
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} == set(container["resources"]["limits"]), name
            assert {"cpu", "memory"} == set(container["resources"]["requests"]), name


def test_what_listens_is_probed_in_three_ways(objects: list[dict[str, Any]]) -> None:
    for name, pod in pods(objects):
        for container in pod["spec"]["containers"]:
            if container.get("ports"):
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name


def test_every_command_is_one_of_ours_with_options_that_it_has(
    objects: list[dict[str, Any]],
) -> None:
    for _, pod in pods(objects):
        command, *arguments = pod["spec"]["containers"][0]["args"]
        if command not in TO_COME:
            found = get_command(import_module(f"augury.cli.{command}").command)
            found.make_context(command, list(arguments))


def test_every_variable_is_a_setting(objects: list[dict[str, Any]]) -> None:
    found = {key for one in named(objects, "ConfigMap").values() for key in one["data"]}
    found |= {
        one["name"]
        for _, pod in pods(objects)
        for one in pod["spec"]["containers"][0].get("env", ())
    }
    assert found <= known_variables()


def test_every_secret_and_settings_map_is_there_or_in_the_instructions(
    objects: list[dict[str, Any]],
) -> None:
    maps, page = named(objects, "ConfigMap"), (KUBERNETES.parents[1] / "docs/deployment.md")
    for node in below(objects):
        for key in ("configMapRef", "configMapKeyRef"):
            if key in node:
                assert node[key]["name"] in maps
        if "secretName" in node:
            assert node["secretName"] in MADE_BY_HAND
    assert all(name in page.read_text() for name in MADE_BY_HAND)


def test_every_selector_finds_pods_and_every_port_has_its_name(
    objects: list[dict[str, Any]],
) -> None:
    labels = [pod["metadata"]["labels"] for _, pod in pods(objects)]
    ports = {
        port["name"]
        for _, pod in pods(objects)
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    }
    selectors = [one["spec"]["selector"] for one in named(objects, "Service").values()]
    selectors += [node["matchLabels"] for node in below(objects) if "matchLabels" in node]
    services = named(objects, "Service")
    for selector in selectors:
        if any("augury" in str(value) for value in selector.values()):
            assert any(selector.items() <= one.items() for one in labels), selector
    for node in below(objects):
        if "targetPort" in node:
            assert node["targetPort"] in ports
        if set(node) == {"service"}:
            assert node["service"]["name"] in services
            assert node["service"]["port"]["name"] == "http"


def test_what_is_scaled_is_there_and_says_no_number_of_its_own(
    objects: list[dict[str, Any]],
) -> None:
    deployments = named(objects, "Deployment")
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for one in named(objects, kind).values():
            scaled = deployments[one["spec"]["scaleTargetRef"]["name"]]
            assert "replicas" not in scaled["spec"]


def test_the_api_asks_the_processes_that_there_are(objects: list[dict[str, Any]]) -> None:
    (settings,) = named(objects, "ConfigMap").values()
    inference = named(objects, "StatefulSet")["augury-inference"]
    service = inference["spec"]["serviceName"]
    assert named(objects, "Service")[service]["spec"]["clusterIP"] == "None"
    assert settings["data"]["AUGURY_INFERENCE_URLS"].split(",") == [
        f"http://augury-inference-{number}.{service}:8002"
        for number in range(inference["spec"]["replicas"])
    ]
    arguments = inference["spec"]["template"]["spec"]["containers"][0]["args"]
    told = arguments[arguments.index("--artifacts-from") + 1]
    assert told == settings["data"]["AUGURY_ARTIFACTS_URL"] == "http://augury-api:8000"


def test_what_runs_models_reaches_the_api_and_nothing_else(objects: list[dict[str, Any]]) -> None:
    policies = named(objects, "NetworkPolicy")
    assert policies["augury-nobody"]["spec"]["podSelector"] == {}
    own = {"app.kubernetes.io/name": "augury-inference"}
    for name, policy in policies.items():
        chosen = policy["spec"]["podSelector"]
        values = [v for one in chosen.get("matchExpressions", ()) for v in one["values"]]
        if chosen.get("matchLabels") == own:
            reached = [to["podSelector"] for rule in policy["spec"]["egress"] for to in rule["to"]]
            assert reached == [{"matchLabels": {"app.kubernetes.io/name": "augury-api"}}]
        else:
            assert "augury-inference" not in values, name
    pod = dict(pods(objects))["augury-inference"]["spec"]
    assert "envFrom" not in pod["containers"][0]
    assert not any("secret" in volume or "projected" in volume for volume in pod["volumes"])


def test_the_ingress_lets_every_page_of_the_api_through_but_not_the_metrics(
    objects: list[dict[str, Any]],
) -> None:
    (rule,) = named(objects, "Ingress")["augury-api"]["spec"]["rules"]
    paths = [(one["path"], one["pathType"]) for one in rule["http"]["paths"]]
    routers = (operations.router, pages.router, predictions.router)
    routes = [one.path for router in routers for one in router.routes if isinstance(one, APIRoute)]
    for route in routes:
        through = any(
            route == path if kind == "Exact" else re.match(f"{path}(/|$)", route)
            for path, kind in paths
        )
        assert bool(through) == (route != "/metrics"), route


def test_the_rules_are_those_of_prometheus_word_for_word() -> None:
    told = document(KUBERNETES / "components/prometheus/rules.yaml")["spec"]
    assert told == document(DEPLOY / "prometheus/rules.yaml")
