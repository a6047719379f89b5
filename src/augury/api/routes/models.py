"""What is on sale. Public: nobody has to sign in to see models and prices."""

from fastapi import APIRouter

from augury.api.deps import TheHouse
from augury.api.responses import refusals
from augury.registry.schemas import ModelOut, ModelPage

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", responses=refusals())
def models(house: TheHouse) -> ModelPage:
    """List the models on sale, by name, with prices, schemas, metrics and cards."""
    offered = [ModelOut.of(version) for version in house.shop.catalogue.champions()]
    return ModelPage(items=offered, next_cursor=None)


@router.get("/{name}", responses=refusals("model_not_found"))
def model(name: str, house: TheHouse) -> ModelOut:
    """Give one model by `name`, `name@alias` or `name@version`."""
    return ModelOut.of(house.shop.catalogue.resolve(name).version)
