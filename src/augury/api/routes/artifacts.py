"""Artefacts for the inference service, by signed links that soon expire."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from augury.api.deps import TheHouse

router = APIRouter(prefix="/v1/artifacts", tags=["operations"])


# Between processes of the house: nothing that a customer's program could use.
@router.get("/{sha256}", response_class=FileResponse, include_in_schema=False)
def artifact(
    sha256: str,
    house: TheHouse,
    expires: Annotated[int, Query(ge=0, le=2**53)],
    signature: Annotated[str, Query(max_length=64, pattern=r"^[0-9a-f]{64}$")],
) -> FileResponse:
    """Give an artefact's bytes to whoever has a link to it."""
    path = house.artifact_links.follow(sha256, expires, signature)
    return FileResponse(path, media_type="application/octet-stream")
