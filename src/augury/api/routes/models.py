"""What is on sale. Public: nobody has to sign in to see models and prices."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from augury.api.deps import USUAL_PER_PAGE, Cursor, Limit, TheHouse
from augury.api.responses import refusals
from augury.inference.manifest_schema import manifest_schema
from augury.kit.paging import MOST_PER_PAGE, page, position_of
from augury.registry import search
from augury.registry.schemas import ModelOut, ModelPage, VersionOut, VersionPage
from augury.registry.search import is_model_name, is_version_number

router = APIRouter(prefix="/v1", tags=["models"])


@router.get("/models", responses=refusals())
def models(
    house: TheHouse,
    q: Annotated[
        str | None,
        Query(max_length=200, description="Words of name, title, description, task or fields."),
    ] = None,
    task: Annotated[str | None, Query(max_length=64, description="Of this task only.")] = None,
    limit: Limit = MOST_PER_PAGE,
    cursor: Cursor = None,
) -> ModelPage:
    """List the models on sale, by name, with prices, schemas, metrics, cards and examples."""
    after = position_of(cursor, is_model_name) or ""
    found = search.find(house.shop.catalogue.champions(), q, task)
    following = [offer for offer in found if offer.version.model > after]
    shown, next_cursor = page(following[: limit + 1], limit, lambda offer: offer.version.model)
    url = house.settings.public_url
    return ModelPage(items=[ModelOut.of(offer, url) for offer in shown], next_cursor=next_cursor)


@router.get("/models/{name}", responses=refusals("model_not_found"))
def model(name: str, house: TheHouse) -> ModelOut:
    """Give one model by `name`, `name@alias` or `name@version`."""
    offer = house.shop.catalogue.resolve(name)
    return ModelOut.of(offer, house.settings.public_url)


@router.get("/models/{name}/versions", responses=refusals("model_not_found"))
def versions(
    name: str, house: TheHouse, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> VersionPage:
    """List the versions of a model that can be bought, newest first."""
    catalogue = house.shop.catalogue
    before = int(position_of(cursor, is_version_number) or 2**31)
    found = [one for one in catalogue.versions(name) if one.version.version < before]
    shown, following = page(found[: limit + 1], limit, lambda offer: str(offer.version.version))
    aliases = catalogue.aliases(name)
    items = [VersionOut.of(offer, aliases) for offer in shown]
    return VersionPage(items=items, next_cursor=following)


@router.get("/manifest-schema", responses=refusals())
def manifest_json_schema() -> dict[str, Any]:
    """Give the JSON Schema 2020-12 of a manifest, which says what a model takes and gives."""
    return manifest_schema()
