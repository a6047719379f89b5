"""Changing what is on sale: status, texts, prices, aliases, retirement, challengers.

A price and an alias change at a moment that is announced a second ahead. Every process looks at the
registry's revision several times a second, so all of them know before it comes, and turn together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, update

from augury.audit_log.service import Actor, record
from augury.inference.manifest import Localised, Manifest, read_manifest
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.kit.errors import invalid
from augury.registry.compatibility import differences
from augury.registry.refusals import (
    AliasNotFound,
    Incompatible,
    ModelNotFound,
    NotSellable,
    VersionInUse,
    VersionNotFound,
    VersionRetired,
)
from augury.registry.revision import changing
from augury.registry.shelf import CHAMPION
from augury.registry.tables import aliases, challengers, models, versions

NOTICE = SECOND
Mode = Literal["shadow", "canary"]
Status = Literal["draft", "active", "retired"]


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


def amend(db: Database, name: str, amendment: Amendment, actor: Actor) -> int:
    """Change a model, all or nothing, and return the moment from which its price is in force."""
    begins = now() + NOTICE
    with db.write() as tx:
        changing(tx)
        model = _model(tx, name)
        if amendment.title is not None or amendment.description is not None:
            _describe(tx, model, amendment, actor)
        if amendment.price is not None:
            begins = max(amendment.price_from or 0, now() + NOTICE)
            _announce_price(tx, name, amendment.price, begins, actor)
        if amendment.status is not None:
            tx.execute(update(models).where(models.c.name == name).values(status=amendment.status))
            details = {"from": model.status, "to": amendment.status}
            record(tx, actor, "model.status", _subject(name), details)
    return begins


def _describe(tx: WriteTx, model: Row[Any], amendment: Amendment, actor: Actor) -> None:
    told = {"title": amendment.title, "description": amendment.description}
    values = {key: msgspec.json.encode(text).decode() for key, text in told.items() if text}
    tx.execute(update(models).where(models.c.name == model.name).values(**values))
    before = model._asdict()
    details = {key: {"from": before[key], "to": text} for key, text in values.items()}
    record(tx, actor, "model.described", _subject(model.name), details)


def _announce_price(tx: WriteTx, name: str, price: int, begins: int, actor: Actor) -> None:
    version = _champion(tx, name)
    before = _price_now(_version(tx, name, version))
    tx.execute(
        update(versions)
        .where(_is(name, version))
        .values(price=before, next_price=price, next_price_from=begins)
    )
    details = {"version": version, "from": before, "to": price, "begins": begins}
    record(tx, actor, "price.announced", _subject(name), details)


def move_alias(
    db: Database,
    name: str,
    alias: str,
    version: int,
    actor: Actor,
    *,
    notice: int | None = None,
    sellable: Callable[[str, int], bool] = lambda _name, _version: True,
) -> int:
    """Announce that an alias points to a version and return the moment from which it does.

    A new alias points there at once. Raises `VersionRetired`, or `NotSellable` when the version
    cannot be loaded here.
    """
    with db.write() as tx:
        changing(tx)
        status = _model(tx, name).status
        row = _version(tx, name, version)
        if row.status == "retired":
            raise VersionRetired(model=name, version=version)
        if status == "active" and not sellable(name, version):
            raise NotSellable(model=name, version=version)
        begins = now() + (NOTICE if notice is None else notice)
        before = _alias_now(tx, name, alias)
        if before is None:
            tx.execute(insert(aliases).values(model=name, alias=alias, version=version))
        else:
            tx.execute(
                update(aliases)
                .where(aliases.c.model == name, aliases.c.alias == alias)
                .values(version=before, next_version=version, next_from=begins)
            )
        if alias == CHAMPION:
            _end_outgrown_trial(tx, name, version, actor)
        details = {"alias": alias, "from": before, "to": version, "begins": begins}
        record(tx, actor, "alias.moved", _subject(name), details)
    return begins


def drop_alias(db: Database, name: str, alias: str, actor: Actor) -> None:
    """Take an alias away; the champion's stays, because customers buy by it."""
    if alias == CHAMPION:
        raise VersionInUse(model=name, version=CHAMPION, used_by=CHAMPION)
    with db.write() as tx:
        changing(tx)
        _model(tx, name)
        before = _alias_now(tx, name, alias)
        if before is None:
            raise AliasNotFound(model=name, alias=alias)
        tx.execute(delete(aliases).where(aliases.c.model == name, aliases.c.alias == alias))
        record(tx, actor, "alias.dropped", _subject(name), {"alias": alias, "from": before})


def set_version_status(
    db: Database, name: str, version: int, status: Literal["active", "retired"], actor: Actor
) -> None:
    """Retire a version that nothing points to, or bring it back."""
    with db.write() as tx:
        changing(tx)
        _model(tx, name)
        before = _version(tx, name, version).status
        if status == "retired":
            _refuse_if_used(tx, name, version)
        tx.execute(update(versions).where(_is(name, version)).values(status=status))
        details = {"version": version, "from": before, "to": status}
        record(tx, actor, "version.status", _subject(name), details)


def challenge(
    db: Database, name: str, version: int, mode: Mode, share_percent: int, actor: Actor
) -> None:
    """Try a version beside the champion; it takes the place of the trial before.

    Raises `Incompatible` unless it accepts whatever the champion accepts and answers in the same
    form, because customers who ask for the champion must not notice.
    """
    with db.write() as tx:
        changing(tx)
        _model(tx, name)
        row = _version(tx, name, version)
        if row.status == "retired":
            raise VersionRetired(model=name, version=version)
        champion = _champion(tx, name)
        if version == champion:
            raise invalid("/version", "fault.challenger_is_champion")
        unlike = differences(_manifest(tx, name, champion), read_manifest(row.manifest))
        if unlike:
            raise Incompatible(model=name, version=version, differences=", ".join(unlike))
        tx.execute(delete(challengers).where(challengers.c.model == name))
        tx.execute(
            insert(challengers).values(
                model=name,
                version=version,
                mode=mode,
                share_percent=share_percent,
                started_at=now(),
                started_by=actor.user_id,
            )
        )
        details = {"version": version, "mode": mode, "share_percent": share_percent}
        record(tx, actor, "challenger.started", _subject(name), details)


def end_challenge(db: Database, name: str, actor: Actor) -> None:
    """End the trial of a model, if there is one."""
    with db.write() as tx:
        changing(tx)
        _model(tx, name)
        _end_trial(tx, name, actor)


def _end_outgrown_trial(tx: WriteTx, name: str, champion: int, actor: Actor) -> None:
    """End a trial that the new champion has won, or that it could not be compared with."""
    row = tx.execute(select(challengers).where(challengers.c.model == name)).first()
    if row is None:
        return
    both = _manifest(tx, name, champion), _manifest(tx, name, row.version)
    if row.version == champion or differences(*both):
        _end_trial(tx, name, actor)


def _end_trial(tx: WriteTx, name: str, actor: Actor) -> None:
    ended = tx.execute(
        delete(challengers).where(challengers.c.model == name).returning(challengers.c.version)
    ).scalar_one_or_none()
    if ended is not None:
        record(tx, actor, "challenger.ended", _subject(name), {"version": ended})


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


def _model(tx: WriteTx, name: str) -> Row[Any]:
    row = tx.execute(select(models).where(models.c.name == name)).first()
    if row is None:
        raise ModelNotFound(model=name)
    return row


def _version(tx: WriteTx, name: str, version: int) -> Row[Any]:
    row = tx.execute(select(versions).where(_is(name, version))).first()
    if row is None:
        raise VersionNotFound(model=name, version=version)
    return row


def _manifest(tx: WriteTx, name: str, version: int) -> Manifest:
    return read_manifest(_version(tx, name, version).manifest)


def _champion(tx: WriteTx, name: str) -> int:
    version = _alias_now(tx, name, CHAMPION)
    assert version is not None  # noqa: S101 -- a model has a champion from its first version on
    return version


def _alias_now(tx: WriteTx, name: str, alias: str) -> int | None:
    row = tx.execute(
        select(aliases).where(aliases.c.model == name, aliases.c.alias == alias)
    ).first()
    if row is None:
        return None
    moved = row.next_version is not None and row.next_from <= now()
    version: int = row.next_version if moved else row.version
    return version


def _price_now(row: Row[Any]) -> int:
    changed = row.next_price is not None and row.next_price_from <= now()
    price: int = row.next_price if changed else row.price
    return price


def _is(name: str, version: int) -> ColumnElement[bool]:
    return and_(versions.c.model == name, versions.c.version == version)


def _subject(name: str) -> str:
    return f"model:{name}"
