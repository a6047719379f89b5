"""The API as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from augury import __doc__ as about
from augury.api import openapi
from augury.api.errors import (
    MEDIA_TYPE,
    InternalError,
    MethodNotAllowed,
    UnsupportedMediaType,
    render,
)
from augury.api.frame import Frame
from augury.api.limits import AttemptLimits
from augury.api.metrics import HouseView
from augury.api.passwords import PasswordDesk
from augury.api.routes import (
    account,
    admin,
    analytics,
    api_keys,
    artifacts,
    audit_events,
    auth,
    batches,
    customers,
    house_settings,
    invoices,
    market,
    models,
    monitoring,
    operations,
    outcomes,
    overview,
    pages,
    payments,
    predictions,
    profile,
    recovery,
    registry,
    statements,
    top_ups,
    usage,
    users,
    vouchers,
    webhooks,
)
from augury.api.uploads import FORM_BYTES
from augury.bootstrap import House
from augury.kit.errors import (
    Fault,
    InvalidInput,
    NotFound,
    Refusal,
    escaped,
    invalid,
)
from augury.market.reading import MOST_UPLOAD_BYTES
from augury.predictions.samples import Samples
from augury.worker.duties import Workplace
from augury.worker.embedded import serving

# In the order in which the description lists them.
_ROOMS = (
    auth,
    recovery,
    account,
    profile,
    models,
    predictions,
    batches,
    top_ups,
    payments,
    admin,
    operations,
    pages,
    registry,
    audit_events,
    outcomes,
    monitoring,
    vouchers,
    usage,
    statements,
    webhooks,
    invoices,
    artifacts,
    market,
    api_keys,
    users,
    customers,
    analytics,
    overview,
    house_settings,
)


def create_app(house: House) -> Frame:
    """Return the API of a house; it closes the house when the server stops."""
    desk = PasswordDesk()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        worker = serving(Workplace(house, None if house.settings.works_apart else "embedded"))
        worker.start()
        yield
        await run_in_threadpool(worker.stop)
        desk.close()
        house.close()

    app = FastAPIOffline(
        title="Augury",
        summary=about,
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_parameters={"persistAuthorization": True},
    )
    app.state.house = house
    app.state.password_desk = desk
    app.state.metrics_view = HouseView(house)
    app.state.attempt_limits = AttemptLimits(house.settings.rate_limits)
    app.state.samples = Samples(house.shop.catalogue)
    app.state.batch_lines = batches.Lines()
    doors = predictions.doors(house)
    # The frame opens the doors itself; the routes make other methods a 405 instead of a 404.
    app.router.routes.extend(Route(path, door, methods=["POST"]) for path, door in doors.items())
    # To include a router would make each of its routes anew, a fifth of a second for all of them.
    for room in _ROOMS:
        app.router.routes.extend(room.router.routes)
    app.add_exception_handler(Refusal, _render)
    app.add_exception_handler(RequestValidationError, _render_validation)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(Exception, _render_unexpected)
    openapi.describe(app, house.shop.catalogue)
    uploads = house.press.limits.artifact_bytes + registry.FORM_BYTES
    larger = {invoices.STATEMENTS_PATH: invoices.MOST_UPLOAD_BYTES, registry.UPLOADS: uploads}
    larger[outcomes.UPLOADS] = outcomes.MOST_UPLOAD_BYTES
    larger[market.UPLOADS] = MOST_UPLOAD_BYTES + FORM_BYTES
    larger[batches.UPLOADS] = batches.most_file_bytes(house.settings) + FORM_BYTES
    return Frame(app, doors, larger)


def _respond(request: Request, refusal: Refusal) -> Response:
    problem = render(refusal, request.state.language, request.state.request_id)
    return Response(problem.body, problem.status, problem.headers, media_type=MEDIA_TYPE)


def _render(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - what it is registered for
    return _respond(request, error)


def _render_unexpected(request: Request, _error: Exception) -> Response:
    return _respond(request, InternalError())  # it goes on to the frame, which logs it


def _render_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    faults = []
    for fault in error.errors():
        where = [escaped(part) for part in fault["loc"][1:]]
        if fault["type"] == "json_invalid":
            return _respond(request, invalid("", "fault.not_json"))
        key = "fault.missing" if fault["type"] == "missing" else "fault.form"
        faults.append(Fault("/" + "/".join(where), key, {"reason": fault["msg"]}))
    return _respond(request, InvalidInput(faults=faults))


def _render_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    if isinstance(error.__cause__, Refusal):
        return _respond(request, error.__cause__)  # it came up while the framework read the body
    known: dict[int, Refusal] = {404: NotFound(), 405: MethodNotAllowed()}
    known[415] = UnsupportedMediaType(expected="application/json")
    refusal = known.get(error.status_code) or invalid("", "fault.form", reason=error.detail)
    response = _respond(request, refusal)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if isinstance(refusal, MethodNotAllowed):
        response.headers["Allow"] = _methods(request)
    return response


def _methods(request: Request) -> str:
    """Return every method of an address; the framework names those of its first route only."""

    def takes(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.router.routes)

    return ", ".join(filter(takes, ("GET", "POST", "PUT", "PATCH", "DELETE")))
