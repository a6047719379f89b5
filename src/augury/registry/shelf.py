"""Reading what is in the registry: versions as they were published, and what is on sale now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from augury.inference.manifest import Artifact, BadModel, Localised, Manifest, read_manifest
from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.kit.decoding import decode
from augury.kit.log import logger
from augury.registry.tables import aliases, challengers, models, registry_state, versions

CHAMPION = "champion"
# A version's content; the same for ever, so it is read once.
_CONTENT = ("manifest", "card_en", "card_ru", "verdict")
_LIGHT = [column for column in versions.c if column.name not in _CONTENT]
_FAR = 2**63 - 1
# How long before it begins a change is announced: several times as long as a process takes to
# look at the registry again.
NOTICE = SECOND


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a version: it never changes."""

    digest: str
    # The only version with this content: a manifest names its model, which has no content twice.
    number: int
    manifest: Manifest
    manifest_text: str
    artifact: Path
    card_en: str
    card_ru: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model, with its price in credits per row and the price announced, if any."""

    model: str
    version: int
    status: str
    digest: str
    price: int
    next_price: int | None
    next_price_from: int | None
    created_at: int
    created_by: str | None
    content: Content

    @property
    def manifest(self) -> Manifest:
        """Return what the version takes and gives."""
        return self.content.manifest

    def at(self, moment: int) -> "Version":
        """Return the version with the price in force at a moment."""
        if self.next_price is None or moment < (self.next_price_from or 0):
            return self
        return replace(self, price=self.next_price, next_price=None, next_price_from=None)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where an alias points, and where from which moment on if a move is announced."""

    version: int
    next_version: int | None = None
    next_from: int | None = None

    def at(self, moment: int) -> "Pointer":
        """Return the alias as it is at a moment."""
        if self.next_version is None or moment < (self.next_from or 0):
            return self
        return Pointer(self.next_version)


@dataclass(frozen=True, slots=True)
class Challenger:
    """A version tried beside the champion: `shadow` scores a sample, `canary` takes a share."""

    version: int
    mode: str
    share_percent: int
    started_at: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A model as an administrator presents it."""

    name: str
    status: str
    title: Localised | None
    description: Localised | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the registry holds, at one of its revisions."""

    revision: int
    listings: Mapping[str, Listing]
    versions: Mapping[tuple[str, int], Version]
    aliases: Mapping[tuple[str, str], Pointer]
    challengers: Mapping[str, Challenger]

    def next_change_after(self, moment: int) -> int:
        """Return the first moment after which an announced change is in force."""
        announced = [version.next_price_from for version in self.versions.values()]
        announced += [pointer.next_from for pointer in self.aliases.values()]
        return min((one for one in announced if one is not None and one > moment), default=_FAR)


def revision(tx: ReadTx) -> int:
    """Return the number that goes up with every change of the registry."""
    found: int = tx.execute(select(registry_state.c.revision)).scalar_one()
    return found


def exists(tx: ReadTx, name: str) -> bool:
    """Tell whether there is a model of a name, on sale or not."""
    return tx.execute(select(models.c.name).where(models.c.name == name)).first() is not None


def on_sale(tx: ReadTx, artifacts_dir: Path, known: Mapping[str, Content]) -> Shelf:
    """Return active versions of active models; content that is `known` by digest is not read."""
    active = select(models.c.name).where(models.c.status == "active")
    light = (
        select(*_LIGHT)
        .where(versions.c.model.in_(active), versions.c.status == "active")
        .order_by(versions.c.model, versions.c.version)
    )
    return _shelf(tx, artifacts_dir, light, known)


def whole(tx: ReadTx, artifacts_dir: Path, name: str | None = None) -> Shelf:
    """Return everything, drafts and retired versions too, of one model or of all."""
    light = select(*_LIGHT).order_by(versions.c.model, versions.c.version)
    if name is not None:
        light = light.where(versions.c.model == name)
    return _shelf(tx, artifacts_dir, light, {})


def _shelf(
    tx: ReadTx, artifacts_dir: Path, light: Select[Any], known: Mapping[str, Content]
) -> Shelf:
    rows = tx.execute(light).all()
    missing = {row.digest for row in rows} - known.keys()
    contents = {**known, **_contents(tx, artifacts_dir, missing)}
    rows = [row for row in rows if row.digest in contents]
    found = {
        (row.model, row.version): Version(
            row.model,
            row.version,
            row.status,
            row.digest,
            row.price,
            row.next_price,
            row.next_price_from,
            row.created_at,
            row.created_by,
            contents[row.digest],
        )
        for row in rows
    }
    names = {model for model, _ in found}
    return Shelf(
        revision(tx),
        {row.name: _listing(row) for row in tx.execute(select(models)) if row.name in names},
        found,
        {
            (row.model, row.alias): Pointer(row.version, row.next_version, row.next_from)
            for row in tx.execute(select(aliases))
            if row.model in names
        },
        {
            row.model: Challenger(row.version, row.mode, row.share_percent, row.started_at)
            for row in tx.execute(select(challengers))
            if row.model in names
        },
    )


def _contents(tx: ReadTx, artifacts_dir: Path, digests: set[str]) -> dict[str, Content]:
    """Return contents by digest; a manifest that this program cannot read is left out and logged.

    Another edition of the program may have stored it: that must not keep the others from sale.
    """
    found = {}
    for digest in digests:  # few and large: one at a time, so that memory holds one text
        row = tx.execute(select(versions).where(versions.c.digest == digest).limit(1)).one()
        try:
            manifest = read_manifest(row.manifest)
        except BadModel as bad:
            told = {"model": row.model, "version": row.version, "reason": str(bad)}
            logger("registry").error("manifest_unreadable", **told)
            continue
        artifact = artifact_path(artifacts_dir, manifest)
        found[digest] = Content(
            digest, row.version, manifest, row.manifest, artifact, row.card_en, row.card_ru
        )
    return found


def manifests(tx: ReadTx, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], Manifest]:
    """Return the manifests of versions by `(model, version)`, whatever their status."""
    found = {}
    for model, version in wanted:
        told = tx.execute(
            select(versions.c.manifest).where(
                versions.c.model == model, versions.c.version == version
            )
        ).scalar_one_or_none()
        if told is not None:
            found[model, version] = read_manifest(told)
    return found


def verdict(tx: ReadTx, model: str, version: int) -> dict[str, Any] | None:
    """Return what quarantine found about a version; none for models that ship."""
    told = tx.execute(
        select(versions.c.verdict).where(versions.c.model == model, versions.c.version == version)
    ).scalar_one_or_none()
    return None if told is None else msgspec.json.decode(told, type=dict[str, Any])


def artifact_path(artifacts_dir: Path, manifest: Manifest) -> Path:
    """Return where an artefact is kept: under its SHA-256, with the suffix its runtime wants."""
    return _place(artifacts_dir, manifest.artifact)


def artifact_digests(tx: ReadTx, artifacts_dir: Path) -> dict[Path, str]:
    """Return where every version's artefact is kept, with its SHA-256; retired ones too.

    It reads a database of an older revision as well.
    """
    told = tx.execute(select(versions.c.manifest)).scalars()
    artifacts = [decode(manifest, _Described).artifact for manifest in told]
    return {_place(artifacts_dir, artifact): artifact.sha256 for artifact in artifacts}


class _Described(msgspec.Struct):
    artifact: Artifact


def _place(artifacts_dir: Path, artifact: Artifact) -> Path:
    return artifacts_dir / (artifact.sha256 + Path(artifact.file).suffix)


def _listing(row: Row[Any]) -> Listing:
    return Listing(
        row.name, row.status, _localised(row.title), _localised(row.description), row.created_at
    )


def _localised(text: str | None) -> Localised | None:
    return None if text is None else decode(text, Localised)
