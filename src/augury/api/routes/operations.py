"""What the operator's machines ask."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from augury.api import metrics
from augury.api.deps import TheHouse
from augury.api.errors import NotReady
from augury.api.responses import refusals
from augury.kit.metrics import MEDIA_TYPE, exposition

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Health):
    """The process can sell."""

    unavailable: list[str] = Field(description="Models on sale that cannot answer here now.")
    broker: Literal["none", "reachable", "unreachable"] = Field(
        description="Whether workers can be rung. While they cannot, predictions are sold as ever,"
        " and those in the background wait."
    )


@router.get("/healthz", responses=refusals())
async def healthz() -> Health:  # on the loop: it answers when every thread is busy
    """Tell that the process is up."""
    return Health()


@router.get("/readyz", responses=refusals("not_ready"))
def readyz(house: TheHouse) -> Readiness:
    """Tell that what a sale needs can be reached: the database, and models on sale.

    A model that cannot answer is named; the others are sold meanwhile.
    """
    with house.db.read() as tx:
        tx.execute(text("SELECT 1"))
    missing = house.shop.catalogue.unavailable()
    if missing and len(missing) == len(house.shop.catalogue.champions()):
        raise NotReady(missing=", ".join(missing), retry_after_seconds=5)
    return Readiness(unavailable=missing, broker=house.bell.state())


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Success", "content": {"text/plain": {}}},
        **refusals("unauthenticated", "forbidden"),
    },
)
def read_metrics(request: Request, house: TheHouse) -> Response:
    """Tell Prometheus what was counted here and what waits in the database.

    For this machine only, or for who has `AUGURY_METRICS_TOKEN`.
    """
    metrics.require_access(request, house.settings)
    view: metrics.HouseView = request.app.state.metrics_view
    return Response(exposition(view), media_type=MEDIA_TYPE)
