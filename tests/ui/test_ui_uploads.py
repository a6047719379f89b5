"""How much a visitor may send to the cabinet: files are kept in its memory."""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from augury.ui.theme import MOST_BATCH_MEGABYTES, MOST_MODEL_MEGABYTES, streamlit_config
from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.uploads import UPLOADS
from ui.real import Cabinet

PLACE = "/_stcore/upload_file/session/file"
MEGABYTE = 1024 * 1024


async def take(request: Request) -> Response:
    """Say how much has come, as Streamlit would keep it."""
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ClientDisconnect:
        return PlainTextResponse("broken off", 400)


def send(cabinet: Cabinet, size: int, *, is_told: bool = True, path: str = PLACE) -> str:
    """Return the status and the answer to so many bytes, by whoever is signed in."""
    app = Starlette(
        routes=[Route(PLACE, take, methods=["PUT"]), Route("/other", take, methods=["PUT"])],
        middleware=UPLOADS,
    )
    with TestClient(app) as client:
        client.cookies.set(SESSION_COOKIE, cabinet.cookies.get(SESSION_COOKIE, ""))
        content = bytes(size)
        answer = client.put(path, content=content if is_told else iter([content[:9], content[9:]]))
    return f"{answer.status_code} {answer.text}"


def test_a_guest_sends_nothing(cabinet: Cabinet) -> None:
    assert send(cabinet, 9) == "403 sign in first"
    assert send(cabinet, 9, is_told=False) == "403 sign in first"
    assert send(cabinet, 9, path="/other") == "200 9"


def test_who_is_no_administrator_sends_no_more_than_a_file_of_a_batch(cabinet: Cabinet) -> None:
    cabinet.customer()
    most, more = MOST_BATCH_MEGABYTES * MEGABYTE, (MOST_BATCH_MEGABYTES + 2) * MEGABYTE
    assert send(cabinet, most) == f"200 {most}"
    assert send(cabinet, more) == "413 file too large"
    # Nor by not saying how much comes.
    assert send(cabinet, more, is_told=False) == "400 broken off"
    assert send(cabinet, more, path="/other") == f"200 {more}"


def test_an_administrator_sends_a_model(cabinet: Cabinet) -> None:
    cabinet.admin()
    assert send(cabinet, 11 * MEGABYTE) == f"200 {11 * MEGABYTE}"
    assert send(cabinet, (MOST_MODEL_MEGABYTES + 2) * MEGABYTE) == "413 file too large"
    assert streamlit_config("127.0.0.1", 1)["server.maxUploadSize"] == MOST_MODEL_MEGABYTES
