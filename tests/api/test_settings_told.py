"""Administrators see every setting and no secret."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from augury.api.settings_told import masked, told
from augury.payments.providers.stripe import StripeSettings
from augury.settings import Settings
from support.databases import sqlite_database
from support.houses import open_house, settings_for, sign_in, sign_up
from support.quick import quicken_passwords

PATH = "/v1/admin/settings"
# None of it may be in the answer; each is long enough to be found nowhere else.
WORDS = [f"sesame-{number}-of-the-tests-and-of-nobody-else" for number in range(12)]


def secrets_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set everything that can be a secret, or hide one in an address."""
    given = {
        "previous_secret_key": WORDS[1],
        "smtp_url": f"smtp://user:{WORDS[2]}@mail.example.com:587",
        "mail_from": "Us <us@example.com>",
        "files_url": f"s3://key:{WORDS[3]}@bucket/prefix?endpoint=https://host&x={WORDS[4]}",
        "metrics_token": WORDS[5],
        "public_url": f"https://{WORDS[6]}:{WORDS[7]}@api.example.com/?token={WORDS[8]}",
        "remote_hosts": f"{WORDS[9]}:{WORDS[9]}@triton.internal:8000",
    }
    monkeypatch.setenv("AUGURY_YOOKASSA_SECRET_KEY", WORDS[10])
    monkeypatch.setenv("AUGURY_YOOKASSA_SHOP_ID", "123")
    return given


def test_no_secret_is_in_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is set, and however it is hidden in an address; also not to a customer."""
    quicken_passwords(monkeypatch)
    given = secrets_of(monkeypatch)
    url = sqlite_database(tmp_path)
    (tmp_path / "none").mkdir()
    settings = settings_for(
        url, tmp_path, models_dir=tmp_path / "none", payment_providers="yookassa", **given
    )
    with open_house(settings) as (client, _):
        anna, admin = sign_up(client), sign_in(client, "admin")
        assert client.get(PATH, headers=anna).status_code == 403
        answer = client.get(PATH, headers=admin)
    for secret in (*WORDS, settings.secret_key.get_secret_value()):
        assert secret not in answer.text
    items = {one["name"]: one for one in answer.json()["items"]}
    assert {f"AUGURY_{name.upper()}" for name in Settings.model_fields} <= items.keys()
    for name in ("AUGURY_SECRET_KEY", "AUGURY_SMTP_URL", "AUGURY_YOOKASSA_SECRET_KEY"):
        one = items[name]
        assert (one["value"], one["is_secret"], one["is_set"]) == (None, True, True)
    assert items["AUGURY_PUBLIC_URL"]["value"] == "https://***@api.example.com/?***"
    assert items["AUGURY_MAIL_FROM"]["value"] == "Us <us@example.com>"
    assert items["AUGURY_YOOKASSA_SHOP_ID"]["origin"] == "environment"
    assert items["AUGURY_LOG_FORMAT"]["origin"] == "default"
    assert all(items[f"AUGURY_{name.upper()}"]["about"] for name in Settings.model_fields)


def test_every_secret_field_is_hidden_by_its_type() -> None:
    """A new setting that is one needs nothing but its type."""
    settings = StripeSettings(secret_key=SecretStr(WORDS[0]), webhook_secret=SecretStr(WORDS[1]))
    found = {one.name: one for one in told([settings], "")}
    assert found["AUGURY_STRIPE_SECRET_KEY"].value is None
    assert found["AUGURY_STRIPE_SECRET_KEY"].is_set
    assert WORDS[1] not in str(found)


def test_a_value_from_a_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "augury_stripe_secret_key").write_text("x")
    monkeypatch.setenv("AUGURY_STRIPE_CURRENCIES", "USD")
    found = {one.name: one.origin for one in told([StripeSettings()], str(tmp_path))}
    assert found["AUGURY_STRIPE_SECRET_KEY"] == "file"
    assert found["AUGURY_STRIPE_CURRENCIES"] == "environment"
    assert found["AUGURY_STRIPE_TOLERANCE_SECONDS"] == "default"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://user:secret@host:5432/name?password=secret", "postgresql://***@host:5432/name?***"),
        ("postgresql://host/name", "postgresql://host/name"),
        ("https://token@host/path#secret", "https://***@host/path?***"),
        (["http://a:b@one", "two:8000"], "http://***@one, two:8000"),
        ("user:p@ss:word@host", "***@host"),
        ("amqp://user:a/b, c@host/v", "amqp://***@host/v"),
        ({"RUB": {1000: 100000}}, '{"RUB": {"1000": 100000}}'),
        (True, "true"),
        (None, ""),
    ],
)  # fmt: skip
def test_addresses_keep_their_names_and_passwords(value: object, shown: str) -> None:
    """A password with an `@` or a colon in it, too."""
    assert masked(value) == shown
