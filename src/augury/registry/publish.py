"""Publishing: a manifest and an artefact become an immutable version of a model."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from sqlalchemy import func, insert, select, text

from augury.audit_log.service import Actor, record
from augury.inference.manifest import BadModel, Manifest, read_manifest, verify_artifact
from augury.inference.quarantine import Limits, examine
from augury.inference.wire import digest_of
from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.registry.refusals import (
    ModelExists,
    ModelNotFound,
    ModelRefused,
    TooManyVersions,
    VersionExists,
)
from augury.registry.remote_hosts import require_known_host
from augury.registry.revision import changing
from augury.registry.shelf import CHAMPION, artifact_path, exists
from augury.registry.tables import aliases, models, versions

# Every one of them is kept loaded by every process, ready to be the champion at once.
MOST_VERSIONS_ON_SALE = 10


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to publish: the manifest's text, a file, and cards in Markdown."""

    manifest: bytes
    artifact: Path
    card_en: str
    card_ru: str


@dataclass(frozen=True, slots=True)
class Press:
    """What publishing needs to know about the house."""

    db: Database
    artifacts_dir: Path
    limits: Limits
    remote_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """What may become a version, its artefact kept in its place."""

    manifest: Manifest
    manifest_text: str
    verdict: str | None
    card_en: str
    card_ru: str

    @property
    def digest(self) -> str:
        """Return what addresses the version: SHA-256 over artefact and manifest."""
        return digest_of(self.manifest.artifact.sha256, self.manifest_text)


def publish_model(press: Press, draft: Draft, actor: Actor) -> str:
    """Return the name of a new draft model with version 1; nobody can buy from it yet.

    Raises `ModelRefused` when it does not pass quarantine, `ModelExists` when the name is taken.
    """
    with press.db.read() as tx:  # before minutes of work; it is decided below
        if exists(tx, name := _name_in(draft)):
            raise ModelExists(model=name)
    proven = _prove(press, draft)
    with press.db.write() as tx:
        changing(tx)
        if not insert_model(tx, name, "draft"):
            raise ModelExists(model=name)
        insert_version(tx, proven, 1, proven.manifest.price, actor)
        tx.execute(insert(aliases).values(model=name, alias=CHAMPION, version=1))
    return name


def publish_version(press: Press, name: str, draft: Draft, actor: Actor) -> int:
    """Return the number of a new version of a model; no alias points to it yet.

    Raises `ModelRefused`, `ModelNotFound`, `VersionExists` or `TooManyVersions`.
    """
    if (told := _name_in(draft)) != name:
        raise ModelRefused(BadModel("other_name", name=told, wanted=name))
    with press.db.read() as tx:  # before minutes of work; it is decided below
        require_room(tx, name)
    proven = _prove(press, draft)
    with press.db.write() as tx:
        changing(tx)
        return add_version(tx, proven, actor, proven.manifest.price)


def _name_in(draft: Draft) -> str:
    try:
        return read_manifest(draft.manifest).name
    except BadModel as bad:
        raise ModelRefused(bad) from bad


def add_version(tx: WriteTx, proven: Proven, actor: Actor, price: int) -> int:
    """Return the number of a new version of a model that exists."""
    name = proven.manifest.name
    if tx.execute(select(models.c.name).where(models.c.name == name)).first() is None:
        raise ModelNotFound(model=name)
    same = tx.execute(
        select(versions.c.version).where(
            versions.c.model == name, versions.c.digest == proven.digest
        )
    ).scalar_one_or_none()
    if same is not None:
        raise VersionExists(model=name, version=same)
    require_room(tx, name)
    newest = tx.execute(
        select(func.max(versions.c.version)).where(versions.c.model == name)
    ).scalar_one()
    number = int(newest) + 1
    insert_version(tx, proven, number, price, actor)
    return number


def require_room(tx: ReadTx, name: str) -> None:
    """Raise `TooManyVersions` when a model has as many versions on sale as it may."""
    active = tx.execute(
        select(func.count()).where(versions.c.model == name, versions.c.status == "active")
    ).scalar_one()
    if active >= MOST_VERSIONS_ON_SALE:
        raise TooManyVersions(model=name, most=MOST_VERSIONS_ON_SALE)


def _prove(press: Press, draft: Draft) -> Proven:
    """Return what passed quarantine, its artefact kept in its place."""
    try:
        manifest = read_manifest(draft.manifest)
        require_known_host(manifest, draft.artifact, press.remote_hosts)
        verdict = examine(draft.manifest, draft.artifact, press.limits)
        keep_artifact(manifest, draft.artifact, press.artifacts_dir)
    except BadModel as bad:
        raise ModelRefused(bad) from bad
    told = msgspec.json.encode(verdict).decode()
    return Proven(manifest, draft.manifest.decode(), told, draft.card_en, draft.card_ru)


def insert_model(tx: WriteTx, name: str, status: str) -> bool:
    """Insert a model unless its name is taken; return whether it was."""
    # Several may publish at once: whoever inserts the name has it.
    inserted = tx.execute(
        text(
            "INSERT INTO models (name, status, created_at) VALUES (:name, :status, :moment)"
            " ON CONFLICT DO NOTHING"
        ),
        {"name": name, "status": status, "moment": now()},
    )
    return inserted.rowcount == 1


def insert_version(tx: WriteTx, proven: Proven, number: int, price: int, actor: Actor) -> None:
    """Insert a version, and the line about it in the audit log."""
    manifest = proven.manifest
    tx.execute(
        insert(versions).values(
            model=manifest.name,
            version=number,
            status="active",
            digest=proven.digest,
            price=price,
            artifact_sha256=manifest.artifact.sha256,
            manifest=proven.manifest_text,
            card_en=proven.card_en,
            card_ru=proven.card_ru,
            verdict=proven.verdict,
            created_by=actor.user_id,
            created_at=now(),
        )
    )
    details = {"version": number, "digest": proven.digest, "price": price}
    record(tx, actor, "version.published", f"model:{manifest.name}", details)


def keep_artifact(manifest: Manifest, source: Path, artifacts_dir: Path) -> None:
    """Copy an artefact to its place by content, whole and durable or not at all."""
    verify_artifact(manifest.artifact, source)
    place = artifact_path(artifacts_dir, manifest)
    with suppress(FileNotFoundError, BadModel):
        verify_artifact(manifest.artifact, place)
        return
    artifacts_dir.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=artifacts_dir, suffix=".draft", delete=False) as copy:
        draft = Path(copy.name)
        try:
            with source.open("rb") as content:
                shutil.copyfileobj(content, copy)
            copy.flush()
            os.fsync(copy.fileno())
            draft.replace(place)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    folder = os.open(artifacts_dir, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
