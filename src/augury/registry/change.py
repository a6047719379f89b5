"""Changing what is on sale: status, texts, prices, aliases, retirement.

A price and an alias change at a moment that is announced a second ahead. Every process looks at the
registry's revision several times a second, so all of them know before it comes, and turn together.
Who changes a model while a change of it is about to begin waits for that: one that some processes
have turned to is never taken back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import Row, and_, delete, func, insert, or_, select, update

from augury.audit_log.service import Actor, record
from augury.inference.manifest import Localised
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.registry import shelf
from augury.registry.current import alias_now, champion_now, is_version, model_of, price_now
from augury.registry.current import version_of as version_row
from augury.registry.publish import require_room
from augury.registry.refusals import (
    AliasNotFound,
    ChampionNeeded,
    VersionInUse,
    VersionRetired,
)
from augury.registry.revision import changing
from augury.registry.shelf import CHAMPION
from augury.registry.tables import aliases, challengers, models, versions

NOTICE = shelf.NOTICE
_LITTLE_LATER = SECOND // 100
Status = Literal["draft", "active", "retired"]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Amendment:
    """What to change of a model; None leaves a thing as it is.

    `price` is the champion's; without `price_from` it begins as soon as every process knows.
    """

    title: Localised | None = None
    description: Localised | None = None
    price: int | None = None
    price_from: int | None = None
    status: Status | None = None


def changed(db: Database, name: str, work: Callable[[WriteTx, Row[Any]], Result]) -> Result:
    """Return what `work` returns, done in one transaction that counts as a change of a model.

    It waits while an announced change is about to begin. Raises `ModelNotFound`.
    """
    while True:
        with db.write() as tx:
            changing(tx)
            model = model_of(tx, name)
            due = _about_to_begin(tx, name)
            if due is None:
                return work(tx, model)
        time.sleep(max(0, due + _LITTLE_LATER - now()) / SECOND)


def _about_to_begin(tx: WriteTx, name: str) -> int | None:
    """Return the moment of a change that processes may turn to before they know of another."""
    moments = [
        tx.execute(
            select(func.min(column)).where(column.table.c.model == name, column > now())
        ).scalar_one()
        for column in (aliases.c.next_from, versions.c.next_price_from)
    ]
    return min((m for m in moments if m is not None and m <= now() + NOTICE), default=None)


def amend(db: Database, name: str, amendment: Amendment, actor: Actor) -> int:
    """Change a model, all or nothing, and return the moment from which its price is in force."""

    def work(tx: WriteTx, model: Row[Any]) -> int:
        begins = now() + NOTICE
        if amendment.title is not None or amendment.description is not None:
            _describe(tx, model, amendment, actor)
        if amendment.price is not None:
            begins = max(amendment.price_from or 0, begins)
            _announce_price(tx, name, amendment.price, begins, actor)
        if amendment.status is not None:
            tx.execute(update(models).where(models.c.name == name).values(status=amendment.status))
            details = {"from": model.status, "to": amendment.status}
            record(tx, actor, "model.status", subject_of(name), details)
        return begins

    return changed(db, name, work)


def _describe(tx: WriteTx, model: Row[Any], amendment: Amendment, actor: Actor) -> None:
    told = {"title": amendment.title, "description": amendment.description}
    values = {key: msgspec.json.encode(text).decode() for key, text in told.items() if text}
    tx.execute(update(models).where(models.c.name == model.name).values(**values))
    before = model._asdict()
    details = {key: {"from": before[key], "to": text} for key, text in values.items()}
    record(tx, actor, "model.described", subject_of(model.name), details)


def _announce_price(tx: WriteTx, name: str, price: int, begins: int, actor: Actor) -> None:
    version = champion_now(tx, name)
    before = price_now(version_row(tx, name, version))
    tx.execute(
        update(versions)
        .where(is_version(name, version))
        .values(price=before, next_price=price, next_price_from=begins)
    )
    details = {"version": version, "from": before, "to": price, "begins": begins}
    record(tx, actor, "price.announced", subject_of(name), details)


def move_alias(
    db: Database,
    name: str,
    alias: str,
    version: int,
    actor: Actor,
    *,
    begins: int | None = None,
    notice: int | None = None,
) -> int:
    """Announce that an alias points to a version and return the moment from which it does.

    A new alias points there at once. Raises `VersionNotFound` or `VersionRetired`.
    """

    def work(tx: WriteTx, _model: Row[Any]) -> int:
        if version_row(tx, name, version).status == "retired":
            raise VersionRetired(model=name, version=version)
        moment = max(begins or 0, now() + (NOTICE if notice is None else notice))
        announce_move(tx, name, alias, version, moment, actor)
        return moment

    return changed(db, name, work)


def announce_move(
    tx: WriteTx, name: str, alias: str, version: int, begins: int, actor: Actor
) -> None:
    """Store that an alias points to a version from a moment on."""
    before = alias_now(tx, name, alias)
    if before is None:
        tx.execute(insert(aliases).values(model=name, alias=alias, version=version))
    else:
        tx.execute(
            update(aliases)
            .where(aliases.c.model == name, aliases.c.alias == alias)
            .values(version=before, next_version=version, next_from=begins)
        )
    details = {"alias": alias, "from": before, "to": version, "begins": begins}
    record(tx, actor, "alias.moved", subject_of(name), details)


def drop_alias(db: Database, name: str, alias: str, actor: Actor) -> None:
    """Take an alias away; the champion's stays, because customers buy by it."""
    if alias == CHAMPION:
        raise ChampionNeeded(model=name)

    def work(tx: WriteTx, _model: Row[Any]) -> None:
        before = alias_now(tx, name, alias)
        if before is None:
            raise AliasNotFound(model=name, alias=alias)
        tx.execute(delete(aliases).where(aliases.c.model == name, aliases.c.alias == alias))
        details = {"alias": alias, "from": before}
        record(tx, actor, "alias.dropped", subject_of(name), details)

    changed(db, name, work)


def set_version_status(
    db: Database, name: str, version: int, status: Literal["active", "retired"], actor: Actor
) -> None:
    """Retire a version that nothing points to, or bring it back."""

    def work(tx: WriteTx, _model: Row[Any]) -> None:
        before = version_row(tx, name, version).status
        if status == "retired":
            _refuse_if_used(tx, name, version)
        elif before == "retired":
            require_room(tx, name)
        tx.execute(update(versions).where(is_version(name, version)).values(status=status))
        details = {"version": version, "from": before, "to": status}
        record(tx, actor, "version.status", subject_of(name), details)

    changed(db, name, work)


def _refuse_if_used(tx: WriteTx, name: str, version: int) -> None:
    moment = now()
    used = [
        row.alias
        for row in tx.execute(
            select(aliases).where(
                aliases.c.model == name,
                or_(aliases.c.version == version, aliases.c.next_version == version),
            )
        )
        # An alias that has moved away for good names the version no more than as its past.
        if row.next_version == version or row.next_from is None or row.next_from > moment
    ]
    trial = tx.execute(
        select(challengers.c.version).where(
            and_(challengers.c.model == name, challengers.c.version == version)
        )
    ).first()
    if trial is not None:
        used.append("challenger")
    if used:
        raise VersionInUse(model=name, version=version, used_by=", ".join(used))


def subject_of(name: str) -> str:
    """Return how the audit log names a model."""
    return f"model:{name}"
