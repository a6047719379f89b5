"""Models on sale, as administrators look after them."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathPart
from starlette.datastructures import FormData, UploadFile

from augury.api.apart import run_apart
from augury.api.deps import USUAL_PER_PAGE, Admin, AdminActor, Cursor, Limit, TheHouse
from augury.api.errors import UnsupportedMediaType
from augury.api.moments import microseconds
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.inference.manifest import Localised
from augury.kit.clock import now
from augury.kit.errors import invalid
from augury.kit.paging import page, position_of
from augury.registry import change, shelf, trials
from augury.registry.admin_schemas import (
    AdminModelOut,
    AdminModelPage,
    AliasIn,
    ChallengerIn,
    ModelPatch,
    PublishedOut,
    TextIn,
    VersionPatch,
    admin_model,
)
from augury.registry.publish import Draft, publish_model, publish_version
from augury.registry.refusals import ModelNotFound, NotSellable, VersionNotFound
from augury.registry.schemas import ModelOut
from augury.registry.search import is_model_name
from augury.registry.window import offer_of

router = APIRouter(prefix="/v1/admin/models", tags=["administration"])

# Where bodies may be as large as a model; they are read after the administrator is known.
UPLOADS = r"/v1/admin/models(/[^/]+/versions)?"
_MULTIPART = "multipart/form-data"
# What the form has besides the artefact: a manifest and two cards of at most a mebibyte each.
FORM_BYTES = 4 * 1024 * 1024
_MOST_TEXT_BYTES = 1024 * 1024

Name = Annotated[str, PathPart(max_length=64, pattern=r"^[a-z0-9][a-z0-9\-]*$")]
# Digits alone would be the number of a version.
Alias = Annotated[str, PathPart(max_length=64, pattern=r"^[a-z][a-z0-9\-]*$")]
Number = Annotated[int, PathPart(ge=1, le=2**31 - 1)]
_ASKED = ("unauthenticated", "forbidden", "model_not_found")
_UPLOADED = (
    "unauthenticated",
    "forbidden",
    "bad_model",
    "unsupported_media_type",
    "overloaded",
)


async def _form(request: Request, _admin: Admin) -> AsyncIterator[FormData]:
    """Give the parts of an upload; who is no administrator is refused before it is read."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MULTIPART:
        raise UnsupportedMediaType(expected=_MULTIPART)
    async with request.form(max_files=4, max_fields=4, max_part_size=_MOST_TEXT_BYTES) as form:
        yield form


def _upload_body() -> dict[str, Any]:
    """Describe the form for OpenAPI."""
    text = {"type": "string"}
    parts = {
        "manifest": text | {"description": "JSON, as `GET /v1/manifest-schema` describes it."},
        "artifact": text | {"format": "binary"},
        "card_en": text | {"description": "The model card in English, Markdown."},
        "card_ru": text | {"description": "The model card in Russian, Markdown."},
    }
    schema = {"type": "object", "properties": parts, "required": ["manifest", "artifact"]}
    return {"requestBody": {"required": True, "content": {_MULTIPART: {"schema": schema}}}}


Form = Annotated[FormData, Depends(_form)]


@contextmanager
def _draft(form: FormData, house: House) -> Iterator[Draft]:
    """Give what was sent, its artefact in a file that is gone afterwards."""
    artifact = form.get("artifact")
    if not isinstance(artifact, UploadFile):
        raise invalid("/artifact", "fault.file_needed")
    manifest = _text(form, "manifest")
    if not manifest:
        raise invalid("/manifest", "fault.missing")
    with tempfile.TemporaryDirectory(prefix="augury-upload-") as folder:
        path = Path(folder) / "artifact"
        most = house.press.limits.artifact_bytes
        if artifact.size is not None and artifact.size > most:
            raise invalid("/artifact", "fault.artifact_size", most=most)
        with path.open("wb") as copy:
            shutil.copyfileobj(artifact.file, copy)
        yield Draft(manifest, path, _card(form, "card_en"), _card(form, "card_ru"))


def _text(form: FormData, name: str) -> bytes:
    part = form.get(name)
    if isinstance(part, UploadFile):
        content = part.file.read(_MOST_TEXT_BYTES + 1)
    else:
        content = (part or "").encode()
    if len(content) > _MOST_TEXT_BYTES:
        raise invalid("/" + name, "fault.too_long", most=_MOST_TEXT_BYTES)
    return content


def _card(form: FormData, name: str) -> str:
    try:
        card = _text(form, name).decode()
    except UnicodeDecodeError:
        raise invalid("/" + name, "fault.not_unicode") from None
    if "\0" in card:  # no database keeps it
        raise invalid("/" + name, "fault.not_unicode")
    return card


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def list_models(
    house: TheHouse, _admin: Admin, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> AdminModelPage:
    """List every model with its versions, drafts and retired ones too, by name."""
    after = position_of(cursor, is_model_name) or ""
    with house.db.read() as tx:
        found = shelf.whole(tx, house.settings.artifacts_dir)
    names = sorted(name for name in found.listings if name > after)
    shown, following = page(names[: limit + 1], limit, lambda name: name)
    loaded, moment = _loaded(house), now()
    items = [admin_model(found, name, moment, loaded, {}) for name in shown]
    return AdminModelPage(items=items, next_cursor=following)


@router.get("/{name}", responses=refusals(*_ASKED))
def get_model(name: Name, house: TheHouse, _admin: Admin) -> AdminModelOut:
    """Give a model with its versions, and what quarantine found about each."""
    return _model(house, name)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    openapi_extra=_upload_body(),
    responses=refusals(*_UPLOADED, "model_exists"),
)
async def create_model(house: TheHouse, actor: AdminActor, form: Form) -> PublishedOut:
    """Publish a new model as a draft, once its artefact has passed quarantine."""

    def publish() -> PublishedOut:
        with _draft(form, house) as draft:
            name = publish_model(house.press, draft, actor)
        return _published(house, name, 1)

    return await run_apart(publish)


@router.post(
    "/{name}/versions",
    status_code=HTTPStatus.CREATED,
    openapi_extra=_upload_body(),
    responses=refusals(*_UPLOADED, "model_not_found", "version_exists", "too_many_versions"),
)
async def create_version(
    name: Name, house: TheHouse, actor: AdminActor, form: Form
) -> PublishedOut:
    """Publish a new version; customers get it by default once `champion` points to it."""

    def publish() -> PublishedOut:
        _require(house, name)
        with _draft(form, house) as draft:
            number = publish_version(house.press, name, draft, actor)
        house.shop.catalogue.await_loaded(name)
        return _published(house, name, number)

    return await run_apart(publish)


@router.patch("/{name}", responses=refusals(*_ASKED, "model_not_sellable"))
def change_model(name: Name, form: ModelPatch, house: TheHouse, actor: AdminActor) -> AdminModelOut:
    """Change price, texts or status.

    What is to be in force now is in force in every process when the answer comes.
    """
    if form.price_from is not None and form.price is None:
        raise invalid("/price_from", "fault.price_missing")
    amendment = change.Amendment(
        _localised(form.title),
        _localised(form.description),
        form.price,
        microseconds(form.price_from),
        form.status,
    )
    if form.status == "active":
        _require_sellable(house, name)
    begins = change.amend(house.db, name, amendment, actor)
    # Nobody waits for a price of next month.
    house.shop.catalogue.await_moment(min(begins, now() + change.NOTICE))
    house.shop.catalogue.await_loaded(name)
    return _model(house, name)


@router.delete("/{name}", responses=refusals(*_ASKED))
def retire_model(name: Name, house: TheHouse, actor: AdminActor) -> AdminModelOut:
    """Take a model off sale; what was sold stays, and what is being sold is finished."""
    change.amend(house.db, name, change.Amendment(status="retired"), actor)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    return _model(house, name)


@router.put(
    "/{name}/aliases/{alias}",
    responses=refusals(*_ASKED, "version_not_found", "version_retired", "model_not_sellable"),
)
def move_alias(
    name: Name, alias: Alias, form: AliasIn, house: TheHouse, actor: AdminActor
) -> AdminModelOut:
    """Point an alias to a version: the roll-out, and the roll-back.

    Every process turns at the same moment; when the answer comes, it has passed.
    """
    catalogue = house.shop.catalogue
    model = _model(house, name)
    version = next((one for one in model.versions if one.version == form.version), None)
    if version is None:
        raise VersionNotFound(model=name, version=form.version)
    # A retired version is refused below, for that reason.
    if model.status == version.status == "active":
        catalogue.await_loaded(name)
        if not catalogue.can_sell(name, form.version):
            raise NotSellable(model=name, version=form.version)
    begins = microseconds(form.begins_at)
    moment = change.move_alias(house.db, name, alias, form.version, actor, begins=begins)
    catalogue.await_moment(min(moment, now() + change.NOTICE))
    if begins is None:
        trials.end_if_outgrown(house.db, name, actor)
    return _model(house, name)


@router.delete(
    "/{name}/aliases/{alias}", responses=refusals(*_ASKED, "alias_not_found", "champion_needed")
)
def drop_alias(name: Name, alias: Alias, house: TheHouse, actor: AdminActor) -> AdminModelOut:
    """Take an alias away."""
    change.drop_alias(house.db, name, alias, actor)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    return _model(house, name)


@router.get("/{name}/versions/{version}", responses=refusals(*_ASKED, "version_not_found"))
def get_version(name: Name, version: Number, house: TheHouse, _admin: Admin) -> ModelOut:
    """Give a version as customers see it or would: inputs, metrics, card and examples."""
    with house.db.read() as tx:
        found = shelf.whole(tx, house.settings.artifacts_dir, name)
    if name not in found.listings:
        raise ModelNotFound(model=name)
    wanted = found.versions.get((name, version))
    if wanted is None:
        raise VersionNotFound(model=name, version=version)
    return ModelOut.of(
        offer_of(wanted.at(now()), found.listings[name], None), house.settings.public_url
    )


@router.patch(
    "/{name}/versions/{version}",
    responses=refusals(*_ASKED, "version_not_found", "version_in_use"),
)
def change_version(
    name: Name, version: Number, form: VersionPatch, house: TheHouse, actor: AdminActor
) -> AdminModelOut:
    """Retire a version that no alias points to, or bring it back."""
    change.set_version_status(house.db, name, version, form.status, actor)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    house.shop.catalogue.await_loaded(name)
    return _model(house, name)


@router.put(
    "/{name}/challenger",
    responses=refusals(*_ASKED, "version_not_found", "version_retired", "incompatible_version"),
)
def start_challenge(
    name: Name, form: ChallengerIn, house: TheHouse, actor: AdminActor
) -> AdminModelOut:
    """Try a version beside the champion."""
    trials.challenge(house.db, name, form.version, form.mode, form.share_percent, actor)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    return _model(house, name)


@router.delete("/{name}/challenger", responses=refusals(*_ASKED))
def end_challenge(name: Name, house: TheHouse, actor: AdminActor) -> AdminModelOut:
    """End the trial."""
    trials.end_challenge(house.db, name, actor)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    return _model(house, name)


def _require_sellable(house: House, name: str) -> None:
    """Refuse to put a model on sale whose champion this process cannot load."""
    with house.db.read() as tx:
        found = shelf.whole(tx, house.settings.artifacts_dir, name)
    if name not in found.listings or found.listings[name].status == "active":
        return  # nothing to sell, which is refused later, or sold already
    champion = found.aliases[name, shelf.CHAMPION].at(now()).version
    version = found.versions.get((name, champion))
    if version is None or not house.shop.catalogue.can_open(version.content):
        raise NotSellable(model=name, version=champion)


def _require(house: House, name: str) -> None:
    with house.db.read() as tx:
        if not shelf.exists(tx, name):
            raise ModelNotFound(model=name)


def _model(house: House, name: str) -> AdminModelOut:
    with house.db.read() as tx:
        found = shelf.whole(tx, house.settings.artifacts_dir, name)
        if name not in found.listings:
            raise ModelNotFound(model=name)
        verdicts = {version: shelf.verdict(tx, name, version) for _, version in found.versions}
    return admin_model(found, name, now(), _loaded(house), verdicts)


def _published(house: House, name: str, number: int) -> PublishedOut:
    model = _model(house, name)
    (version,) = [one for one in model.versions if one.version == number]
    return PublishedOut(
        name=name,
        version=number,
        status=model.status,
        price=version.price,
        digest=version.digest,
        verdict=version.verdict,
    )


def _loaded(house: House) -> dict[tuple[str, int], bool]:
    return house.shop.catalogue.loaded()


def _localised(text: TextIn | None) -> Localised | None:
    return None if text is None else Localised(text.en, text.ru)
