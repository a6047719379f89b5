"""What is on sale. Public: nobody has to sign in to see models and prices."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from augury.api.deps import USUAL_PER_PAGE, Cursor, Limit, Limits, TheHouse, Visitor
from augury.api.responses import refusals
from augury.inference.manifest_schema import manifest_schema
from augury.kit.paging import MOST_PER_PAGE, page, position_of
from augury.predictions.samples import Samples
from augury.registry import search
from augury.registry.schemas import ModelOut, ModelPage, VersionOut, VersionPage
from augury.registry.search import is_model_name, is_version_number

router = APIRouter(prefix="/v1", tags=["models"])

# A new champion is seen a minute later; nobody has bought the sample of the one before.
_FRESH = "public, max-age=60"


def _kept(request: Request) -> Samples:
    samples: Samples = request.app.state.samples
    return samples


_Samples = Annotated[Samples, Depends(_kept)]


class SampleOut(BaseModel):
    """A model's own example, and what the model makes of it."""

    model: str
    version: int
    input: dict[str, Any] = Field(description="One row by the model's `input_schema`.")
    output: dict[str, Any] = Field(description="The output by its `output_schema`.")


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


@router.get(
    "/models/{name}/sample",
    responses=refusals("model_not_found", "no_sample", "model_unavailable", "rate_limited"),
)
async def sample(
    name: str, samples: _Samples, limits: Limits, visitor: Visitor, response: Response
) -> SampleOut:
    """Give a prediction of the model's own example row: free, and nothing is stored.

    Computed at most once for each version. Models of documents have none.
    """
    limits.sample(visitor.address or "unknown")
    found = await samples.sample(name)
    response.headers["Cache-Control"] = _FRESH
    return SampleOut(
        model=found.model, version=found.version, input=found.input, output=found.output
    )


@router.get("/manifest-schema", responses=refusals())
def manifest_json_schema() -> dict[str, Any]:
    """Give the JSON Schema 2020-12 of a manifest, which says what a model takes and gives."""
    return manifest_schema()
