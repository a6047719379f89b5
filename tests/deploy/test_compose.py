"""compose.yaml, read as a container engine would read it: it is well-formed, closed, and complete."""

import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import augury.cli
from support.deployment import DEPLOY, ROOT, compose, judge, known_variables, ours

COMPOSE = compose()
SERVICES: dict[str, Any] = COMPOSE["services"]
# Of the background work, until the program has them.
TO_COME = {"worker", "beat"} - set(augury.cli.COMMANDS)


def networks(service: dict[str, Any]) -> set[str]:
    return set(service.get("networks", ()))


def test_the_file_is_what_the_specification_of_compose_says() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"]
    assert not service.get("privileged")
    # The proxy's program is marked with the one; a new volume is given to it with the other.
    assert set(service.get("cap_add", ())) <= {"NET_BIND_SERVICE", "CHOWN"}
    if not service["image"].startswith("augury:") and name != "proxy-store":
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version(name: str) -> None:
    assert re.search(r":v?\d+\.?\d*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", ours(SERVICES))
def test_every_variable_is_a_setting(name: str) -> None:
    assert set(SERVICES[name].get("environment", ())) <= known_variables()


@pytest.mark.parametrize("name", ours(SERVICES))
def test_every_command_is_one_of_ours_with_options_that_it_has(name: str) -> None:
    command, *arguments = SERVICES[name]["command"]
    if command not in TO_COME:
        found = get_command(import_module(f"augury.cli.{command}").command)
        found.make_context(command, list(arguments))


def test_no_secret_stands_in_the_file_nor_has_a_default() -> None:
    secret = re.compile(r"PASSWORD|SECRET_KEY|TOKEN|_URL$")
    for name, service in SERVICES.items():
        environment = service.get("environment") or {}
        for variable, value in environment.items():
            if secret.search(variable) and not variable.startswith("AUGURY_"):
                assert str(value).startswith("/run/secrets/"), (name, variable)
        assert not {"AUGURY_SECRET_KEY", "AUGURY_DATABASE_URL", "AUGURY_BROKER_URL"} & set(
            environment
        )
    assert all(set(one) == {"file"} for one in COMPOSE["secrets"].values())


def test_one_command_makes_every_secret_and_never_another_one(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((DEPLOY / "secrets.sh").read_bytes())
    made = []
    for _ in range(2):
        subprocess.run(["/bin/sh", str(script)], check=True, capture_output=True)
        folder = tmp_path / "secrets"
        made.append({path.name: path.read_text() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert {f"deploy/secrets/{name}" for name in made[0]} == {
        one["file"] for one in COMPOSE["secrets"].values()
    }
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in folder.iterdir())
    drawn = [value for name, value in made[0].items() if not name.endswith("_url")]
    assert len(set(drawn)) == len(drawn)
    assert min(map(len, drawn)) >= 32
    assert made[0]["postgres_password"] in made[0]["augury_database_url"]
    assert made[0]["redis_password"] in made[0]["augury_broker_url"]


def test_secrets_are_committed_by_nobody() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_everything_that_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert networks(service) <= set(COMPOSE["networks"])
    for mount in service.get("volumes", ()):
        source = mount.split(":")[0]
        there = (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        assert there, mount
    for other, wanted in service.get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"], other
        else:
            assert SERVICES[other]["restart"] == "no", other


@pytest.mark.parametrize("name", ["inference-1", "inference-2"])
def test_what_runs_models_has_no_secret_no_database_and_no_internet(name: str) -> None:
    service = SERVICES[name]
    assert not service.get("secrets")
    assert not service.get("environment")
    assert not service.get("volumes")
    assert not service.get("ports")
    mine = networks(service)
    assert all(COMPOSE["networks"][one].get("internal") for one in mine)
    neighbours = {other for other, one in SERVICES.items() if networks(one) & mine}
    assert neighbours == {"api-1", "api-2", "worker", "inference-1", "inference-2", "prometheus"}


def test_database_and_broker_are_reached_by_those_who_need_them_only() -> None:
    (place,) = networks(SERVICES["postgres"]) | networks(SERVICES["redis"])
    assert COMPOSE["networks"][place]["internal"]
    near = {name for name, one in SERVICES.items() if place in networks(one)}
    assert near == {"postgres", "redis", "api-1", "api-2", "worker", "beat", "migrate"}


def test_only_the_proxy_listens_to_the_world() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if one.get("ports")}
    assert set(published) == {"proxy", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])


def test_who_is_believed_about_addresses_is_alone_in_its_network() -> None:
    subnet = COMPOSE["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    for name in ("api-1", "api-2", "ui", "worker"):
        assert SERVICES[name]["environment"]["AUGURY_TRUSTED_PROXIES"] == subnet
    near = {name for name, one in SERVICES.items() if "edge" in networks(one)}
    assert near == {"proxy", "ui", "api-1", "api-2"}


def test_inference_fetches_artefacts_from_the_very_address_that_the_api_names() -> None:
    settings = SERVICES["api-1"]["environment"]
    for name in ("inference-1", "inference-2"):
        arguments = SERVICES[name]["command"]
        told = arguments[arguments.index("--artifacts-from") + 1]
        assert told == settings["AUGURY_ARTIFACTS_URL"] == "http://api:8000"
        assert f"http://{name}:8002" in settings["AUGURY_INFERENCE_URLS"].split(",")
    for name in ("api-1", "api-2"):
        assert SERVICES[name]["networks"]["models"]["aliases"] == ["api"]


def test_prometheus_asks_every_process_that_can_be_asked() -> None:
    text = (DEPLOY / "prometheus/prometheus.yaml").read_text()
    targets = set(re.findall(r'"([a-z0-9-]+):\d+"', text)) - {"localhost"}
    assert targets == {"api-1", "api-2", "inference-1", "inference-2"}
