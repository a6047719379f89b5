"""What the operator's machines ask."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from augury.api.deps import TheHouse
from augury.api.errors import NotReady
from augury.api.responses import refusals

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", responses=refusals())
async def healthz() -> Health:  # on the loop: it answers when every thread is busy
    """Tell that the process is up."""
    return Health()


@router.get("/readyz", responses=refusals("not_ready"))
def readyz(house: TheHouse) -> Health:
    """Tell that everything a sale needs can be reached: the database and every model on sale."""
    with house.db.read() as tx:
        tx.execute(text("SELECT 1"))
    missing = house.shop.catalogue.unavailable()
    if missing:
        raise NotReady(missing=", ".join(missing), retry_after_seconds=5)
    return Health()
