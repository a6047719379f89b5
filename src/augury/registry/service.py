"""Publishing models and reading what is on sale."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select, text

from augury.inference.manifest import Manifest, read_manifest, verify_artifact
from augury.kit.clock import now
from augury.kit.db import Database, ReadTx
from augury.registry.tables import aliases, models, versions

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable version of a model on sale, with its price of today in credits per row."""

    model: str
    version: int
    price: int
    artifact: Path
    manifest: Manifest
    card_en: str
    card_ru: str


def seed(db: Database, models_dir: Path, artifacts_dir: Path) -> list[str]:
    """Put the models that ship on sale unless their names exist; return the names that were new."""
    published = []
    for folder in sorted(path.parent for path in models_dir.glob("*/manifest.json")):
        manifest_text = (folder / "manifest.json").read_text(encoding="utf-8")
        manifest = read_manifest(manifest_text)
        _keep_artifact(manifest, folder / manifest.artifact.file, artifacts_dir)
        cards = [(folder / name).read_text(encoding="utf-8") for name in ("card.md", "card.ru.md")]
        if _publish(db, manifest, manifest_text, cards):
            published.append(manifest.name)
    return published


def _publish(db: Database, manifest: Manifest, manifest_text: str, cards: list[str]) -> bool:
    moment = now()
    with db.write() as tx:
        # Several servers may start at once: whoever inserts the name publishes it.
        inserted = tx.execute(
            text(
                "INSERT INTO models (name, status, created_at) VALUES (:name, 'active', :moment)"
                " ON CONFLICT DO NOTHING"
            ),
            {"name": manifest.name, "moment": moment},
        )
        if inserted.rowcount == 0:
            return False
        tx.execute(
            insert(versions).values(
                model=manifest.name,
                version=1,
                price=manifest.price,
                artifact_sha256=manifest.artifact.sha256,
                manifest=manifest_text,
                card_en=cards[0],
                card_ru=cards[1],
                created_at=moment,
            )
        )
        tx.execute(insert(aliases).values(model=manifest.name, alias=CHAMPION, version=1))
    return True


def _keep_artifact(manifest: Manifest, source: Path, artifacts_dir: Path) -> None:
    """Copy an artefact to its place by content, whole or not at all."""
    verify_artifact(manifest.artifact, source)
    place = artifact_path(artifacts_dir, manifest)
    if place.exists():
        return
    artifacts_dir.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(f".{os.getpid()}.draft")
    shutil.copyfile(source, draft)
    draft.replace(place)


def artifact_path(artifacts_dir: Path, manifest: Manifest) -> Path:
    """Return where an artefact is kept: under its SHA-256, with the suffix its runtime wants."""
    return artifacts_dir / (manifest.artifact.sha256 + Path(manifest.artifact.file).suffix)


def on_sale(tx: ReadTx, artifacts_dir: Path) -> list[Version]:
    """Return every version of every active model, by name and version."""
    rows = tx.execute(
        select(versions)
        .join(models, models.c.name == versions.c.model)
        .where(models.c.status == "active")
        .order_by(versions.c.model, versions.c.version)
    )
    found = []
    for row in rows:
        manifest = read_manifest(row.manifest)
        found.append(
            Version(
                row.model,
                row.version,
                row.price,
                artifact_path(artifacts_dir, manifest),
                manifest,
                row.card_en,
                row.card_ru,
            )
        )
    return found


def all_aliases(tx: ReadTx) -> dict[tuple[str, str], int]:
    """Return the version that each `(model, alias)` points to."""
    return {(row.model, row.alias): row.version for row in tx.execute(select(aliases))}
