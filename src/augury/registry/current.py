"""Rows of the registry as they are at this moment, announced changes that have begun included."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select

from augury.inference.manifest import Manifest, read_manifest
from augury.kit.clock import now
from augury.kit.db import WriteTx
from augury.registry.refusals import ModelNotFound, VersionNotFound
from augury.registry.shelf import CHAMPION
from augury.registry.tables import aliases, models, versions


def model_of(tx: WriteTx, name: str) -> Row[Any]:
    """Return a model, or raise `ModelNotFound`."""
    row = tx.execute(select(models).where(models.c.name == name)).first()
    if row is None:
        raise ModelNotFound(model=name)
    return row


def version_of(tx: WriteTx, name: str, version: int) -> Row[Any]:
    """Return a version, or raise `VersionNotFound`."""
    row = tx.execute(select(versions).where(is_version(name, version))).first()
    if row is None:
        raise VersionNotFound(model=name, version=version)
    return row


def manifest_of(tx: WriteTx, name: str, version: int) -> Manifest:
    """Return the manifest of a version."""
    return read_manifest(version_of(tx, name, version).manifest)


def alias_now(tx: WriteTx, name: str, alias: str) -> int | None:
    """Return the version that an alias points to now; None when there is no such alias."""
    row = tx.execute(
        select(aliases).where(aliases.c.model == name, aliases.c.alias == alias)
    ).first()
    if row is None:
        return None
    moved = row.next_version is not None and row.next_from <= now()
    version: int = row.next_version if moved else row.version
    return version


def champion_now(tx: WriteTx, name: str) -> int:
    """Return the version that customers get by default."""
    version = alias_now(tx, name, CHAMPION)
    assert version is not None  # noqa: S101 -- a model has a champion from its first version on
    return version


def price_now(row: Row[Any]) -> int:
    """Return the price of a version that is in force now."""
    changed = row.next_price is not None and row.next_price_from <= now()
    price: int = row.next_price if changed else row.price
    return price


def is_version(name: str, version: int) -> ColumnElement[bool]:
    """Return the condition that a row is of a version."""
    return and_(versions.c.model == name, versions.c.version == version)
