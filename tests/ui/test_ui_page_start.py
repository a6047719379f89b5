"""What the browser is told before Streamlit's page starts."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from augury.ui.web.headers import MIDDLEWARE

PAGE = "<!DOCTYPE html><html><head><title>Ж</title></head><head></head></html>"
ACCEPT = {"Accept": "text/html,*/*;q=0.8"}


def page(request: Request) -> Response:
    """Answer as Streamlit does: packed for who can unpack, and only once."""
    if "if-none-match" in request.headers:
        return Response(status_code=304)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"})
    return HTMLResponse(PAGE, headers={"ETag": '"1"'})


def file(_: Request) -> Response:
    """Answer with something else that a browser opens."""
    return PlainTextResponse("<head>", headers={"ETag": '"1"'})


@pytest.fixture
def front() -> TestClient:
    """What stands before the pages."""
    routes = [Route("/predict", page), Route("/file", file)]
    return TestClient(Starlette(routes=routes, middleware=MIDDLEWARE))


def test_a_page_knows_where_its_server_is_before_it_starts(front: TestClient) -> None:
    answer = front.get("/predict", headers=ACCEPT | {"If-None-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.text.count("BACKEND_BASE_URL") == 1
    assert answer.text.index("BACKEND_BASE_URL") < answer.text.index("<title>Ж")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "ETag" not in answer.headers


def test_what_is_no_page_or_not_opened_by_a_browser_stays_as_it_is(front: TestClient) -> None:
    opened = front.get("/file", headers=ACCEPT)
    assert (opened.text, opened.headers["ETag"]) == ("<head>", '"1"')
    fetched = front.get("/predict", headers={"Accept": "*/*", "Accept-Encoding": "identity"})
    assert (fetched.text, fetched.headers["ETag"]) == (PAGE, '"1"')
