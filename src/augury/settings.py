"""Every setting of Augury in one frozen object, read from the environment (`AUGURY_*`)."""

import json
import os
import re
import secrets
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_EMBEDDED_WELCOME_CREDITS = 5000
_SHORTEST_SECRET = 32
_SHORTEST_TOKEN = 16
_LARGEST_PACK = 100_000_000
_DEAREST = 2**53 - 1
_CURRENCY = re.compile(r"[A-Z]{3}")
_SENDER = re.compile(r"[^<>@\r\n]*<[^<>@\s]+@[\w.-]+>|[^<>@\s]+@[\w.-]+")
_BROKERS = {"redis", "rediss", "amqp", "amqps"}
_SHIPPED_MODELS = (
    Path(__file__).parents[2] / "models",  # a checkout
    Path(__file__).parent / "shipped_models",  # an installed wheel
)


class Settings(BaseSettings):
    """What the operator decides. Field descriptions are the documentation of the settings table."""

    model_config = SettingsConfigDict(env_prefix="AUGURY_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        Path("data"), description="Folder of the SQLite file, artefacts and generated secrets."
    )
    models_dir: Path = Field(
        next((path for path in _SHIPPED_MODELS if path.is_dir()), _SHIPPED_MODELS[0]),
        description="Folder of the models that ship; they go on sale at the first start, and newer"
        " editions of them when they come.",
    )
    database_url: str = Field(
        "",
        description="`postgresql://user:password@host/name`; empty: SQLite in the data folder.",
    )
    database_pool: int = Field(
        20,
        ge=4,
        le=1000,
        description="How many connections to PostgreSQL one process opens at most.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs access tokens, at least 32 characters. Generated into the data folder"
        " for SQLite; must be set with PostgreSQL, and be the same for every process.",
    )
    previous_secret_key: SecretStr = Field(
        SecretStr(""),
        description="The signing key before the present one: its tokens stay valid until they"
        " expire, so that a key can be changed without signing anybody out.",
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="With it the first start creates user `admin`; without it the first start"
        " invents a password and prints it once.",
    )
    welcome_credits: int = Field(
        -1,
        ge=-1,
        le=1_000_000_000,
        description="Credits given to a new customer, and to the first administrator;"
        " -1 means 5000 on SQLite, 0 on PostgreSQL.",
    )
    payment_providers: Annotated[list[str], NoDecode] = Field(
        ["sandbox"],
        description="Who takes money, with commas, the usual one first: `sandbox`, `stripe`,"
        " `yookassa`, `invoice`. One without its secrets is off.",
    )
    sandbox_beside_real: bool = Field(
        default=False,
        description="`true` lets the sandbox, which takes no money, run next to a real provider.",
    )
    packs: Annotated[dict[str, dict[int, int]], NoDecode] = Field(
        {
            "RUB": {1_000: 100_000, 5_000: 475_000, 20_000: 1_800_000, 100_000: 8_500_000},
            "USD": {1_000: 1_200, 5_000: 5_700, 20_000: 21_600, 100_000: 102_000},
            "EUR": {1_000: 1_100, 5_000: 5_225, 20_000: 19_800, 100_000: 93_500},
        },
        description="What credits cost: for each currency, how many minor units (kopecks, cents)"
        " each pack of credits costs, as JSON. The first currency is the usual one.",
    )
    reconcile_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="When a provider is first asked about a payment it has not told of; later"
        " questions come less and less often.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000",
        description="Where customers, and payment providers with their notifications, reach the"
        " API. `augury serve` and `augury api` put their own port here when it is not set.",
    )
    ui_url: str = Field(
        "http://127.0.0.1:8001", description="Where customers reach the cabinet, for links."
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="`smtp://user:password@host:587` or `smtps://host`; empty: e-mails become files"
        " in the folder `outbox` of the data folder.",
    )
    mail_from: str = Field(
        "", description="Sender of e-mails, e.g. `Augury <billing@example.com>`; needed for SMTP."
    )
    webhook_private_networks: str = Field(
        "",
        description="Networks, with commas, that webhooks may reach though they are not public,"
        " e.g. `10.20.0.0/16`.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses, with commas, whose X-Forwarded-For is believed: the cabinet and"
        " your proxies. Attempts to sign in are counted by it.",
    )
    rate_limits: Literal["on", "off"] = Field(
        "on", description="`off` for benchmarks and trusted networks."
    )
    inference_threads: int = Field(
        1, ge=1, le=64, description="Threads that one call of a model may use."
    )
    inference_urls: Annotated[list[str], NoDecode] = Field(
        [],
        description="Processes of `augury inference`, with commas, that run the models. Empty: they"
        " run in the API's own process.",
    )
    inference_timeout_ms: int = Field(
        2000,
        ge=50,
        le=60_000,
        description="How long one of them may take to answer, on top of what the model needs,"
        " before another is asked.",
    )
    artifacts_url: str = Field(
        "",
        description="Where they reach the API to fetch artefacts. Empty: `AUGURY_PUBLIC_URL`.",
    )
    most_artifact_mb: int = Field(
        100, ge=1, le=4096, description="How large an uploaded model may be, in MiB."
    )
    remote_hosts: Annotated[list[str], NoDecode] = Field(
        [],
        description="Model servers, with commas, that models of the runtime `remote` may name, e.g."
        " `triton.internal:8000`. Empty: none.",
    )
    files_url: SecretStr = Field(
        SecretStr(""),
        description="Where files of batches are kept:"
        " `s3://key:secret@bucket/prefix?endpoint=https://host&region=name`; empty: in the folder"
        " `files` of the data folder.",
    )
    broker_url: SecretStr = Field(
        SecretStr(""),
        description="Redis or RabbitMQ, through which Celery workers are rung:"
        " `redis://:password@host:6379/0`, `amqp://user:password@host:5672/vhost`, or `rediss://`"
        " and `amqps://` with TLS. Empty: no broker.",
    )
    worker: Literal["embedded", "apart"] = Field(
        "embedded",
        description="`embedded`: each API process does background work too. `apart`: it is left to"
        " processes of `augury worker`. A broker implies `apart`.",
    )
    market_sources: Annotated[list[str], NoDecode] = Field(
        [],
        description="Live sources, with commas, that `augury market fetch` may ask: `yahoo`,"
        " `moex`, `cbr`, `fred`. Empty: none.",
    )
    most_batch_mb: int = Field(
        1024, ge=1, le=4096, description="How large the file of a batch may be, in MiB."
    )
    keep_batch_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="How long the file and the results of a batch are kept after its end.",
    )
    keep_prediction_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="After how many days the inputs, outputs and warnings of predictions are"
        " removed; what was paid stays. 0: never.",
    )
    keep_key_days: int = Field(
        90, ge=30, le=36_500, description="For how many days an Idempotency-Key is remembered."
    )
    log_format: Literal["json", "text"] = Field("json", description="Form of the log lines.")
    metrics: Literal["loopback", "open"] = Field(
        "loopback",
        description="Who may read `/metrics` when there is no token: this machine, or everybody.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="With it `/metrics` is for those who send it as a bearer token, wherever they"
        " are, and for nobody else; at least 16 characters.",
    )
    secrets_dir: str = Field(
        "",
        description="Folder whose files count as variables: one each, named like it. A variable"
        " that is set beats its file.",
    )

    @model_validator(mode="before")
    @classmethod
    def _embedded_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        embedded = not values.get("database_url")
        if embedded:
            data_dir = Path(values.get("data_dir") or "data").absolute()
            values["database_url"] = f"sqlite:///{data_dir / 'augury.db'}"
            values["secret_key"] = values.get("secret_key") or _generated_secret(data_dir)
        if int(values.get("welcome_credits", -1)) == -1:
            sqlite = values["database_url"].startswith("sqlite")
            values["welcome_credits"] = _EMBEDDED_WELCOME_CREDITS if sqlite else 0
        return values

    @field_validator(
        "payment_providers", "remote_hosts", "inference_urls", "market_sources", mode="before"
    )
    @classmethod
    def _split(cls, value: str | list[str]) -> list[str]:
        names = value.split(",") if isinstance(value, str) else value
        return list(dict.fromkeys(name.strip() for name in names if name.strip()))

    @field_validator("inference_urls")
    @classmethod
    def _refuse_odd_addresses(cls, urls: list[str]) -> list[str]:
        for url in map(urlsplit, urls):
            bare = not (url.username or url.query or url.fragment)
            if url.scheme not in {"http", "https"} or not url.hostname or not bare or url.port == 0:
                message = f"{url.geturl()!r} must be http:// or https:// with a host and a port"
                raise ValueError(message)
        return urls

    @field_validator("packs", mode="before")
    @classmethod
    def _read(cls, value: str | dict[str, dict[int, int]]) -> object:
        return json.loads(value) if isinstance(value, str) else value  # its error is a ValueError

    @field_validator("packs")
    @classmethod
    def _refuse_odd_packs(cls, packs: dict[str, dict[int, int]]) -> dict[str, dict[int, int]]:
        if not packs:
            message = "at least one currency must have packs"
            raise ValueError(message)
        for currency, sizes in packs.items():
            if not (_CURRENCY.fullmatch(currency) and sizes):
                message = f"{currency!r} must be a currency of three capitals with packs"
                raise ValueError(message)
            ordered = sorted(sizes.items())
            if ordered[0][0] < 1 or min(sizes.values()) < 1 or ordered[-1][0] > _LARGEST_PACK:
                message = f"packs in {currency} must have 1 to {_LARGEST_PACK} credits and a price"
                raise ValueError(message)
            if any(minor * _LARGEST_PACK // credits_ > _DEAREST for credits_, minor in ordered):
                message = f"a credit in {currency} is too dear: a top-up could cost too many digits"
                raise ValueError(message)
            for (few, cheap), (many, dear) in pairwise(ordered):
                if dear * few > cheap * many:
                    message = f"in {currency} a credit costs more in {many} than in {few}"
                    raise ValueError(message)
        return packs

    @model_validator(mode="after")
    def _refuse_sandbox_beside_real(self) -> Self:
        others = [name for name in self.payment_providers if name != "sandbox"]
        if others and "sandbox" in self.payment_providers and not self.sandbox_beside_real:
            message = (
                f"AUGURY_PAYMENT_PROVIDERS: the sandbox gives credits for no money and must not run"
                f" next to {', '.join(others)}; take it off the list, or, on a test system, set"
                " AUGURY_SANDBOX_BESIDE_REAL=true"
            )
            raise ValueError(message)
        return self

    @field_validator("webhook_private_networks")
    @classmethod
    def _refuse_odd_networks(cls, value: str) -> str:
        for network in filter(None, map(str.strip, value.split(","))):
            ip_network(network)
        return value

    @model_validator(mode="after")
    def _refuse_odd_mail(self) -> Self:
        url = urlsplit(self.smtp_url.get_secret_value())
        if any(url) and not (url.scheme in {"smtp", "smtps"} and url.hostname and url.port != 0):
            message = "AUGURY_SMTP_URL must be smtp://user:password@host:587 or smtps://host"
            raise ValueError(message)
        sender = self.mail_from
        if (any(url) or sender) and not _SENDER.fullmatch(sender):
            message = "AUGURY_MAIL_FROM must be an address, or a name with one: Us <us@host.com>"
            raise ValueError(message)
        return self

    @field_validator("files_url")
    @classmethod
    def _refuse_odd_store(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if any(url) and not (url.scheme == "s3" and url.hostname):
            message = "AUGURY_FILES_URL must be s3://key:secret@bucket/prefix?endpoint=https://host"
            raise ValueError(message)
        return value

    @field_validator("broker_url")
    @classmethod
    def _refuse_odd_broker(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if any(url) and not (url.scheme in _BROKERS and url.hostname and url.port != 0):
            message = (
                "AUGURY_BROKER_URL must be redis://:password@host:6379/0 or"
                " amqp://user:password@host:5672/vhost; rediss:// and amqps:// use TLS"
            )
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _refuse_weak_secrets(self) -> Self:
        for name in ("secret_key", "previous_secret_key"):
            secret = getattr(self, name).get_secret_value()
            if name == "previous_secret_key" and not secret:
                continue
            if len(secret) < _SHORTEST_SECRET or len(set(secret)) < _SHORTEST_SECRET // 4:
                message = (
                    f"AUGURY_{name.upper()} must have at least {_SHORTEST_SECRET} characters and"
                    " not repeat a few of them; make one with: openssl rand -base64 48"
                )
                raise ValueError(message)
        return self

    @field_validator("metrics_token")
    @classmethod
    def _refuse_short_token(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SHORTEST_TOKEN:
            message = f"must have at least {_SHORTEST_TOKEN} characters"
            raise ValueError(message)
        return value

    @property
    def top_up_url(self) -> str:
        """Where a customer buys credits."""
        return f"{self.ui_url.rstrip('/')}/top-up"

    @property
    def works_apart(self) -> bool:
        """Whether background work is left to processes of its own."""
        return self.worker == "apart" or bool(self.broker_url.get_secret_value())

    @property
    def artifacts_dir(self) -> Path:
        """Where artefacts are kept, each under its SHA-256."""
        return self.data_dir / "artifacts"

    @property
    def files_dir(self) -> Path:
        """Where files of batches are kept, each under its SHA-256, when no bucket is named."""
        return self.data_dir / "files"


def _generated_secret(data_dir: Path) -> str:
    """Return the secret of this data folder, made at the first call; only its owner can read it."""
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = data_dir / f".secret_key.{os.getpid()}"
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # fails when another process was first, and then its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
