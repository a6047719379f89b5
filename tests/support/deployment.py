"""The files for deployment, as tests read them."""

import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from augury.payments.providers.invoice import InvoiceSettings
from augury.payments.providers.stripe import StripeSettings
from augury.payments.providers.yookassa import YooKassaSettings
from augury.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
_SETTINGS: tuple[type[BaseSettings], ...] = (
    Settings,
    InvoiceSettings,
    StripeSettings,
    YooKassaSettings,
)
# The program has these from wheels, so no machine needs to install them otherwise.
_PROGRAMS = Path(sysconfig.get_path("scripts"))


def program(name: str) -> str:
    """Return where a judge from a wheel is."""
    return str(_PROGRAMS / name)


def judge(name: str, *arguments: str, cwd: Path = ROOT) -> str:
    """Return what a judge says; its verdict must be that all is well."""
    ran = subprocess.run(
        [program(name), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def known_variables() -> set[str]:
    """Return every variable that Augury reads."""
    return {
        f"{one.model_config.get('env_prefix', '')}{name}".upper()
        for one in _SETTINGS
        for name in one.model_fields
    }


def document(path: Path) -> Any:
    """Return what a YAML or JSON file says."""
    return yaml.safe_load(path.read_text())


def compose() -> dict[str, Any]:
    """Return compose.yaml with its defaults where the environment would be asked."""
    text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", (ROOT / "compose.yaml").read_text())
    found: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    """Return the services that run Augury's image."""
    return {name: one for name, one in services.items() if one["image"].startswith("augury:")}


def rendered(*components: str, folder: Path) -> list[dict[str, Any]]:
    """Return what kustomize makes of the base and components."""
    overlay = folder / "overlay"
    overlay.mkdir()
    (folder / "kubernetes").symlink_to(KUBERNETES)  # kustomize takes no absolute paths
    lines = ["resources: [../kubernetes/base]"]
    if components:
        lines.append(
            f"components: [{', '.join(f'../kubernetes/components/{c}' for c in components)}]"
        )
    (overlay / "kustomization.yaml").write_text("\n".join(lines))
    return [one for one in yaml.safe_load_all(judge("kubectl", "kustomize", str(overlay))) if one]


def expressions() -> Iterator[tuple[str, str]]:
    """Yield where each expression for Prometheus stands, and the expression."""
    for path in sorted(DEPLOY.glob("grafana/dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                # What Grafana puts in its place.
                yield (
                    f"{path.name}: {panel['title']}",
                    re.sub(r"\$__rate_interval", "1m", target["expr"]),
                )
    for group in document(DEPLOY / "prometheus/rules.yaml")["groups"]:
        for rule in group["rules"]:
            yield f"rules.yaml: {rule.get('alert') or rule['record']}", rule["expr"]
    scaled = document(KUBERNETES / "components/keda/scaled-object.yaml")
    for trigger in scaled["spec"]["triggers"]:
        yield "scaled-object.yaml", trigger["metadata"]["query"]
