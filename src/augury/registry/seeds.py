"""The models that ship: on sale at the first start, and newer editions of them when they come."""

from pathlib import Path

from sqlalchemy import insert, select

from augury.audit_log.service import HOUSE
from augury.inference.manifest import read_manifest
from augury.kit.clock import now
from augury.kit.db import Database, ReadTx
from augury.registry.change import NOTICE, announce_move
from augury.registry.current import champion_now, price_now, version_of
from augury.registry.publish import (
    Proven,
    add_version,
    insert_model,
    insert_version,
    keep_artifact,
)
from augury.registry.refusals import TooManyVersions
from augury.registry.revision import changing
from augury.registry.shelf import CHAMPION
from augury.registry.tables import aliases, versions


def seed(db: Database, models_dir: Path, artifacts_dir: Path) -> list[str]:
    """Put the models that ship on sale; return the names that are new or have a new version.

    A newer edition of a shipped model becomes its champion, at the price of the one before, unless
    an administrator has made a version of their own the champion: that choice stands.
    """
    published = []
    for folder in sorted(path.parent for path in models_dir.glob("*/manifest.json")):
        manifest_text = (folder / "manifest.json").read_text(encoding="utf-8")
        manifest = read_manifest(manifest_text)
        keep_artifact(manifest, folder / manifest.artifact.file, artifacts_dir)
        cards = [(folder / name).read_text(encoding="utf-8") for name in ("card.md", "card.ru.md")]
        if _seed_one(db, Proven(manifest, manifest_text, None, *cards)):
            published.append(manifest.name)
    return published


def _seed_one(db: Database, proven: Proven) -> bool:
    with db.read() as tx:  # the usual start, which changes nothing
        if _is_known(tx, proven):
            return False
    with db.write() as tx:
        changing(tx)
        if _is_known(tx, proven):
            return False  # another server was first
        name = proven.manifest.name
        if insert_model(tx, name, "active"):
            insert_version(tx, proven, 1, proven.manifest.price, HOUSE)
            tx.execute(insert(aliases).values(model=name, alias=CHAMPION, version=1))
            return True
        champion = version_of(tx, name, champion_now(tx, name))
        if champion.created_by is not None:
            return False
        try:
            number = add_version(tx, proven, HOUSE, price_now(champion))
        except TooManyVersions:
            return False
        announce_move(tx, name, CHAMPION, number, now() + NOTICE, HOUSE)
        return True


def _is_known(tx: ReadTx, proven: Proven) -> bool:
    return (
        tx.execute(
            select(versions.c.version).where(
                versions.c.model == proven.manifest.name, versions.c.digest == proven.digest
            )
        ).first()
        is not None
    )
