"""The composition root: builds a running house from settings."""

import secrets
from dataclasses import dataclass
from importlib import import_module

from augury.audit_log import chain
from augury.audit_log.service import HOUSE, Actor
from augury.files.store import store_of
from augury.inference.quarantine import Limits
from augury.inference.service.fleet import Fleet
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.ids import new_id
from augury.kit.progress import Tell, to_nobody
from augury.ledger import audit as ledger_audit
from augury.ledger import closing as ledger_closing
from augury.ledger import service as ledger
from augury.ledger.audit import Report
from augury.ledger.core import Instruction, TransferType
from augury.market import seeds as market_seeds
from augury.market.service import HouseMarkets
from augury.migrations.run import migrate
from augury.notices import endpoints
from augury.notices.sealing import sealer_of
from augury.payments import audit as payments_audit
from augury.payments import leaving as payments_leaving
from augury.payments.desk import Desk
from augury.payments.packs import PriceList
from augury.payments.providers import open_providers
from augury.payments.providers.protocol import Context
from augury.predictions import audit as predictions_audit
from augury.predictions import leaving as predictions_leaving
from augury.predictions.batches import BatchDesk
from augury.predictions.bell import Doorbell, NoBell
from augury.predictions.buy import Shop
from augury.registry.artifact_links import ArtifactLinks
from augury.registry.catalogue import Catalogue
from augury.registry.publish import Press
from augury.registry.seeds import seed
from augury.settings import Settings
from augury.users import closing
from augury.users import service as users
from augury.users.gate import Gate
from augury.users.tokens import Tokens
from augury.vouchers import audit as vouchers_audit

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class House:
    """Everything a process needs to serve requests."""

    settings: Settings
    db: Database
    tokens: Tokens
    gate: Gate
    shop: Shop
    batches: BatchDesk
    desk: Desk
    press: Press
    artifact_links: ArtifactLinks
    bell: Doorbell
    markets: HouseMarkets

    def close(self) -> None:
        """Finish what runs and let go of everything."""
        self.shop.close()
        self.bell.close()
        self.db.close()


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first start did: models put on sale, and the admin's password if it invented one."""

    models: list[str]
    admin_password: str | None


def open_database(settings: Settings) -> Database:
    """Return the database that the settings name."""
    return Database(settings.database_url, settings.database_pool)


def prepare(settings: Settings) -> FirstStart:
    """Migrate, put shipped models and market data in, make the first admin; safe to repeat."""
    db = open_database(settings)
    try:
        migrate(db)
        models = seed(db, settings.models_dir, settings.artifacts_dir)
        market_seeds.seed(db)
        endpoints.reseal(db, sealer_of(settings))
        return FirstStart(models, _ensure_admin(db, settings))
    finally:
        db.close()


def build(settings: Settings) -> House:
    """Return a house on a prepared database, its models loaded."""
    db = open_database(settings)
    secret, previous = (
        key.get_secret_value() for key in (settings.secret_key, settings.previous_secret_key)
    )
    links = ArtifactLinks(
        [key for key in (secret, previous) if key],
        settings.artifacts_url or settings.public_url,
        settings.artifacts_dir,
    )
    fleet = None
    if settings.inference_urls:
        patience = settings.inference_timeout_ms / 1000
        fleet = Fleet(settings.inference_urls, links.link_of, patience)
    markets = HouseMarkets(db)
    markets.refresh()
    catalogue = Catalogue(
        db,
        settings.artifacts_dir,
        settings.inference_threads,
        settings.remote_hosts,
        fleet,
        markets,
    )
    catalogue.open()
    tokens = Tokens(secret, previous)
    gate = Gate(db, tokens)
    gate.refresh()
    limits = Limits(artifact_bytes=settings.most_artifact_mb * 1024 * 1024)
    press = Press(db, settings.artifacts_dir, limits, tuple(settings.remote_hosts))
    bell = open_bell(settings)
    return House(
        settings,
        db,
        tokens,
        gate,
        Shop(db, catalogue, bell),
        BatchDesk(db, catalogue, store_of(settings), bell),
        open_desk(settings, db),
        press,
        links,
        bell,
        markets,
    )


def open_bell(settings: Settings) -> Doorbell:
    """Return what rings the workers elsewhere, if there is a broker to ring through."""
    url = settings.broker_url.get_secret_value()
    if not url:
        return NoBell()
    # By name: Celery has to be there only for those who use it.
    bell: Doorbell = import_module("augury.broker.bell").CeleryBell(url)
    return bell


def open_desk(settings: Settings, db: Database) -> Desk:
    """Return what takes money: the providers that are switched on, and the prices."""
    providers = open_providers(settings.payment_providers, Context(settings, db))
    return Desk(
        db, providers, PriceList(settings.packs), settings.public_url, settings.reconcile_seconds
    )


def audit_books(tx: ReadTx, moment: int | None = None, tell: Tell = to_nobody) -> Report:
    """Return what re-deriving the ledger and matching it with every other room found.

    What is overdue is so at `moment`, in microseconds; now, if none is given. `tell` hears of the
    stages `transfers`, `sales` and `events`.
    """
    report = ledger_audit.audit(tx, moment, tell)
    for room in (predictions_audit, payments_audit, vouchers_audit):
        room.audit(tx, report)
    for fault in chain.verify(tx, tell=tell).faults:
        report.add(fault.kind, fault.subject, fault.detail)
    return report


def register(
    house: House,
    username: str,
    email: str,
    password: str,
    language: str = "en",
    visitor: Actor = HOUSE,
) -> users.User:
    """Return a new customer with an open account and the welcome credits."""
    return users.register(
        house.db,
        username,
        email,
        password,
        language=language,
        visitor=visitor,
        opening=lambda tx, user_id: _open_account(tx, user_id, house.settings.welcome_credits),
    )


def close_account(
    house: House, user_id: str, password: str, actor: Actor, *, forfeits: bool
) -> None:
    """Close a user's account for good, with everything of it in every room, or nothing at all.

    Raises `WrongPassword`, `AccountBusy`, `CreditsLeft` or `LastAdministrator`.
    """
    closing.close(
        house.db,
        user_id,
        password,
        actor,
        leaving=lambda tx: _leave(tx, user_id, forfeits=forfeits),
    )


def _leave(tx: WriteTx, user_id: str, *, forfeits: bool) -> dict[str, int]:
    # From the first line on no sale, no hold and no payment of this customer gets any further.
    balance = ledger_closing.locked_balance(tx, user_id)
    removed = {
        "webhook_endpoints": endpoints.remove_all(tx, user_id),
        "payment_methods": payments_leaving.forget_methods(tx, user_id),
    }
    work = predictions_leaving.unfinished(tx, user_id)
    payments = payments_leaving.undecided(tx, user_id)
    if balance.held or any(work) or any(payments):
        raise closing.AccountBusy(held=balance.held, **work._asdict(), **payments._asdict())
    if balance.available and not forfeits:
        raise closing.CreditsLeft(available=balance.available)
    return {"forfeited": ledger_closing.close_account(tx, user_id), **removed}


def _open_account(tx: WriteTx, user_id: str, welcome_credits: int) -> None:
    ledger.open_accounts(tx, [user_id])
    if welcome_credits:
        welcome = Instruction(
            new_id(), TransferType.PROMOTION, user_id, welcome_credits, reference="welcome"
        )
        ledger.post(tx, [welcome])


def _ensure_admin(db: Database, settings: Settings) -> str | None:
    """Make the first admin if there is none; return the password if it was invented."""
    if users.has_admin(db):
        return None
    given = settings.admin_password.get_secret_value()
    password = given or secrets.token_urlsafe(15)
    try:
        users.register(
            db,
            ADMIN,
            "admin@localhost",
            password,
            role="admin",
            opening=lambda tx, user_id: _open_account(tx, user_id, settings.welcome_credits),
        )
    except (users.UsernameTaken, users.EmailTaken):
        if not users.has_admin(db):
            raise
        return None  # another process was first
    return None if given else password
