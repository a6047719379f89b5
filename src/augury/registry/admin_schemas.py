"""What travels over the wire when administrators look after models."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from augury.inference.manifest import MOST_PRICE
from augury.kit.clock import rfc3339
from augury.registry.schemas import PriceChange, Text, price_change, text_of
from augury.registry.shelf import CHAMPION, Pointer, Shelf, Version

_Longest = Annotated[str, Field(min_length=1, max_length=2000)]


class TextIn(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(extra="forbid")

    en: _Longest
    ru: _Longest


class ModelPatch(BaseModel):
    """What to change of a model; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    price: int | None = Field(
        None, strict=True, ge=1, le=MOST_PRICE, description="Of the champion, in credits per row."
    )
    price_from: AwareDatetime | None = Field(
        None, description="From when on. Left out: now, as soon as every process knows."
    )
    title: TextIn | None = None
    description: TextIn | None = None
    status: Literal["draft", "active", "retired"] | None = None


class AliasIn(BaseModel):
    """Where an alias shall point."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(strict=True, ge=1, le=2**31 - 1)
    begins_at: AwareDatetime | None = Field(
        None, description="From when on. Left out: now, as soon as every process knows."
    )


class VersionPatch(BaseModel):
    """What to change of a version: whether it can be sold."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["active", "retired"]


class ChallengerIn(BaseModel):
    """A version to try beside the champion."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(strict=True, ge=1, le=2**31 - 1)
    mode: Literal["shadow", "canary"] = Field(
        description="`shadow`: scores a sample of what the champion is asked, unseen and unpaid."
        " `canary`: answers a share of the customers."
    )
    share_percent: int = Field(
        strict=True, ge=1, le=100, description="Of predictions (shadow) or of customers (canary)."
    )


class AliasOut(BaseModel):
    """An alias of a model."""

    alias: str
    version: int
    next_version: int | None = Field(description="Where it points soon, if a move is announced.")
    begins_at: str | None


class ChallengerOut(BaseModel):
    """A version that is being tried."""

    version: int
    mode: Literal["shadow", "canary"]
    share_percent: int
    started_at: str


class AdminVersionOut(BaseModel):
    """A version with all that an administrator sees of it."""

    version: int
    status: Literal["active", "retired"]
    price: int
    price_change: PriceChange | None
    digest: str
    runtime: str
    artifact_sha256: str
    artifact_bytes: int
    published_at: str
    published_by: str | None = Field(description="Null: it ships with the program.")
    loaded: bool | None = Field(description="Whether this process can sell it; null: not on sale.")
    metrics: dict[str, Any] | None = Field(description="How good it was when it was trained.")
    verdict: dict[str, Any] | None = Field(description="What quarantine measured.")


class AdminModelOut(BaseModel):
    """A model with everything about it."""

    name: str
    status: Literal["draft", "active", "retired"]
    title: Text
    description: Text
    created_at: str
    aliases: list[AliasOut]
    challenger: ChallengerOut | None
    versions: list[AdminVersionOut]


class AdminModelPage(BaseModel):
    """Models, by name."""

    items: list[AdminModelOut]
    next_cursor: str | None


class PublishedOut(BaseModel):
    """What was published."""

    name: str
    version: int
    status: Literal["draft", "active", "retired"]
    price: int
    digest: str
    verdict: dict[str, Any] | None


def admin_model(
    shelf: Shelf,
    name: str,
    moment: int,
    loaded: dict[tuple[str, int], bool],
    verdicts: dict[int, dict[str, Any] | None],
) -> AdminModelOut:
    """Return a model of the registry for the wire, as it is at a moment."""
    listing = shelf.listings[name]
    of_model = sorted(
        (version for (model, _), version in shelf.versions.items() if model == name),
        key=lambda version: -version.version,
    )
    shown = shelf.aliases[name, CHAMPION].at(moment).version
    champion = next((v for v in of_model if v.version == shown), of_model[0]).manifest
    challenger = shelf.challengers.get(name)
    return AdminModelOut(
        name=name,
        status=listing.status,
        title=text_of(listing.title or champion.title),
        description=text_of(listing.description or champion.description),
        created_at=rfc3339(listing.created_at),
        aliases=[
            _alias(alias, pointer.at(moment))
            for (model, alias), pointer in sorted(shelf.aliases.items())
            if model == name
        ],
        challenger=None
        if challenger is None or challenger.version == shown
        else ChallengerOut(
            version=challenger.version,
            mode=challenger.mode,
            share_percent=challenger.share_percent,
            started_at=rfc3339(challenger.started_at),
        ),
        versions=[
            _version(version.at(moment), loaded.get((name, version.version)), verdicts)
            for version in of_model
        ],
    )


def _alias(alias: str, pointer: Pointer) -> AliasOut:
    begins = None if pointer.next_from is None else rfc3339(pointer.next_from)
    return AliasOut(
        alias=alias,
        version=pointer.version,
        next_version=pointer.next_version,
        begins_at=begins,
    )


def _version(
    version: Version,
    loaded: bool | None,  # noqa: FBT001 -- a member of the answer
    verdicts: dict[int, dict[str, Any] | None],
) -> AdminVersionOut:
    artifact = version.manifest.artifact
    return AdminVersionOut(
        version=version.version,
        status=version.status,
        price=version.price,
        price_change=price_change(version.next_price, version.next_price_from),
        digest=version.digest,
        runtime=version.manifest.runtime,
        artifact_sha256=artifact.sha256,
        artifact_bytes=artifact.bytes,
        published_at=rfc3339(version.created_at),
        published_by=version.created_by,
        loaded=loaded,
        metrics=msgspec.to_builtins(version.manifest.metrics),
        verdict=verdicts.get(version.version),
    )
