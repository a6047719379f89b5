"""Settings that could cost money or credits stop the start with a sentence about them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from augury.cli import app
from augury.cli.common import addresses
from augury.payments.providers import open_providers
from augury.payments.providers.protocol import Context
from augury.settings import Settings
from support.databases import sqlite_database
from support.houses import SECRET, settings_for


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SECRET, **values)  # type: ignore[arg-type] # odd ones are the point


def test_the_sandbox_is_the_usual_provider(tmp_path: Path) -> None:
    assert settings(tmp_path).payment_providers == ["sandbox"]


def test_the_sandbox_does_not_run_beside_a_real_provider_unless_told_to(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="AUGURY_SANDBOX_BESIDE_REAL"):
        settings(tmp_path, payment_providers="sandbox, stripe")
    both = settings(tmp_path, payment_providers="sandbox, stripe", sandbox_beside_real=True)
    assert both.payment_providers == ["sandbox", "stripe"]


def test_providers_are_a_list_with_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGURY_PAYMENT_PROVIDERS", " stripe , yookassa,,stripe ")
    assert settings(tmp_path).payment_providers == ["stripe", "yookassa"]
    monkeypatch.setenv("AUGURY_PAYMENT_PROVIDERS", "")
    assert settings(tmp_path).payment_providers == []


@pytest.mark.parametrize(
    "packs",
    [
        "{}",
        '{"RUB": {}}',
        '{"rub": {"10": 10}}',
        '{"RUB": {"0": 10}}',
        '{"RUB": {"10": 0}}',
        '{"RUB": {"10": 10.5}}',
        '{"RUB": {"10": 100, "20": 201}}',
        '{"RUB": {"100000001": 100}}',
        "[]",
        "nonsense",
    ],
)
def test_packs_that_make_no_sense_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: str
) -> None:
    for variable in [one for one in os.environ if one.startswith("AUGURY_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AUGURY_PACKS", packs)
    ran = CliRunner().invoke(app, ["migrate", "--data-dir", str(tmp_path)])
    assert ran.exit_code == 2, ran.stderr
    assert isinstance(ran.exception, SystemExit)
    assert "PACKS" in ran.stderr.upper()


def test_packs_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGURY_PACKS", '{"KZT": {"100": 50000, "1000": 450000}}')
    assert settings(tmp_path).packs == {"KZT": {100: 50_000, 1000: 450_000}}


def test_a_provider_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    ran = subprocess.run(
        [sys.executable, "-m", "augury.cli", "migrate", "--data-dir", str(tmp_path)],
        env=environment | {"AUGURY_PAYMENT_PROVIDERS": "bank-of-nowhere"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 2
    assert "bank-of-nowhere" in ran.stderr
    assert "yookassa" in ran.stderr


@pytest.mark.parametrize("name", ["stripe", "yookassa", "invoice"])
def test_a_provider_without_its_secrets_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in [one for one in os.environ if one.startswith("AUGURY_")]:
        monkeypatch.delenv(variable)
    house = settings_for(sqlite_database(tmp_path), tmp_path, payment_providers=name)
    assert open_providers(house.payment_providers, Context(house, None)) == {}  # type: ignore[arg-type] # it is off before it looks


def test_customers_are_sent_to_the_port_that_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUGURY_PUBLIC_URL", "AUGURY_UI_URL"):
        monkeypatch.delenv(name, raising=False)
    assert addresses("127.0.0.1", 9000) == {"public_url": "http://127.0.0.1:9000"}
    assert addresses("0.0.0.0", 9000, 9001) == {  # noqa: S104 -- compared, not bound
        "public_url": "http://127.0.0.1:9000",
        "ui_url": "http://127.0.0.1:9001",
    }
    monkeypatch.setenv("AUGURY_PUBLIC_URL", "https://shop.example")
    assert addresses("127.0.0.1", 9000) == {}


@pytest.mark.parametrize("url", ["kafka://h", "redis://", "amqp://u:s3cret@:0", "s3cret"])
def test_an_odd_broker_is_refused_and_its_password_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(tmp_path, broker_url=url)
    (fault,) = refused.value.errors()
    assert "AUGURY_BROKER_URL" in fault["msg"]
    assert "s3cret" not in fault["msg"]


def test_a_broker_means_that_work_is_done_apart(tmp_path: Path) -> None:
    secret = "redis://:s3cret@h:6379/0"
    ruled = settings(tmp_path, broker_url=secret)
    assert ruled.works_apart
    assert "s3cret" not in repr(ruled)
    assert not settings(tmp_path).works_apart
    assert settings(tmp_path, worker="apart").works_apart


def test_a_file_of_the_secrets_folder_counts_as_its_variable(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    (secrets / "..data").mkdir(parents=True)
    (secrets / "augury_secret_key").write_text(f"{SECRET}\n")
    (secrets / "AUGURY_STRIPE_SECRET_KEY").write_text("sk_test_1")
    (secrets / "augury_welcome_credits").write_text("1")
    (secrets / "other").write_text("\N{SNOWMAN}")
    program = (
        "import os; from augury.cli.common import load_settings; found = load_settings();"
        "print(found.secret_key.get_secret_value(), found.welcome_credits,"
        " os.environ['AUGURY_STRIPE_SECRET_KEY'], 'OTHER' in os.environ)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    environment |= {
        "AUGURY_SECRETS_DIR": str(secrets),
        "AUGURY_DATA_DIR": str(tmp_path / "data"),
        "AUGURY_WELCOME_CREDITS": "7",
    }
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == [SECRET, "7", "sk_test_1", "False"], ran.stderr


def test_a_secrets_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    ran = subprocess.run(
        [sys.executable, "-m", "augury.cli", "migrate", "--data-dir", str(tmp_path / "data")],
        env=environment | {"AUGURY_SECRETS_DIR": str(tmp_path / "nowhere")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("AUGURY_SECRETS_DIR: ")
    assert "Traceback" not in ran.stderr
