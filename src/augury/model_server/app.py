"""The inference service as a plain ASGI application: the protocol's addresses, and its limits."""

import asyncio
import re
from typing import Any

import msgspec

from augury.inference.wire import BASE, CONTRIBUTIONS, ERROR, PROBABILITY, ROWS
from augury.kit.decoding import decode
from augury.kit.errors import Refusal
from augury.kit.log import logger
from augury.kit.metrics import MEDIA_TYPE, exposition, is_local
from augury.model_server.infer import answer, read
from augury.model_server.intake import Intake, Receive, Scope, Send
from augury.model_server.metrics import ShelfView, timed
from augury.model_server.shelf import Loaded, Shelf
from augury.model_server.trouble import Trouble

MOST_IN_FLIGHT = 512
_EXTENSIONS = ["binary_tensor_data", "model_repository"]
_NAME = r"(?P<name>[^/]{1,100})"
_MODEL = re.compile(
    rf"/v2/models/{_NAME}(?:/versions/(?P<version>[^/]{{1,20}}))?(?:/(?P<action>ready|infer))?"
)
_REPOSITORY = re.compile(rf"/v2/repository/models/{_NAME}/(?P<action>load|unload)")

_Answer = tuple[int, dict[str, str], bytes]


class _OfUnload(msgspec.Struct, frozen=True):
    version: str | None = None


class _Unload(msgspec.Struct, frozen=True):
    parameters: _OfUnload = _OfUnload()


class InferenceApp:
    """Answers for the models of one shelf."""

    def __init__(self, shelf: Shelf, version: str, *, open_metrics: bool = False) -> None:
        """Open with a shelf; `version` is that of the program.

        With `open_metrics` whoever reaches it may read the metrics, else this machine only.
        """
        self._shelf = shelf
        self._open_metrics = open_metrics
        self._version = version
        self._in_flight = 0
        self._intake = Intake()
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        self._in_flight += 1
        try:
            status, headers, body = await self._answer(scope, receive)
        except Trouble as trouble:
            status, headers, body = _failed(trouble.status, trouble.message)
        except Refusal as refusal:  # too much waits in a lane
            status, headers, body = _failed(refusal.status, refusal.code)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 -- whatever a runtime throws, the caller gets an answer
            logger("inference").exception("request_failed", path=scope["path"])
            status, headers, body = _failed(500, f"{type(error).__name__}")
        except asyncio.CancelledError:
            status, headers, body = _failed(503, "the server is stopping")
            await _send(status, headers, body, send)
            raise
        finally:
            self._in_flight -= 1
        await _send(status, headers, body, send)

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        method, path = scope["method"], scope["path"]
        if self._in_flight > MOST_IN_FLIGHT and not path.startswith("/v2/health"):
            raise Trouble(503, f"{MOST_IN_FLIGHT} requests are being answered already")
        if method == "GET":
            if path == "/metrics" and (self._open_metrics or is_local(scope)):
                view = ShelfView([(one.manifest.name, one.version) for one in self._shelf])
                return 200, {"content-type": MEDIA_TYPE}, exposition(view)
            return self._get(path)
        if method != "POST":
            raise Trouble(405, "GET and POST only")
        async with self._intake.body(scope, receive) as body:
            return await self._post(path, scope["headers"], body)

    def _get(self, path: str) -> _Answer:
        if path == "/v2/health/live":
            return 200, {}, b""
        if path == "/v2/health/ready":
            return (503 if self.draining else 200), {}, b""
        if path == "/v2":
            return _json({"name": "augury", "version": self._version, "extensions": _EXTENSIONS})
        matched = _MODEL.fullmatch(path)
        if matched is None or matched["action"] == "infer":
            raise Trouble(404, "there is nothing at this address")
        loaded = self._shelf.find(matched["name"], matched["version"])
        if matched["action"] == "ready":
            return (503 if self.draining else 200), {}, b""
        versions = [str(one.version) for one in self._shelf.versions(matched["name"])]
        return _json(_metadata(loaded, versions))

    async def _post(self, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> _Answer:
        matched = _MODEL.fullmatch(path)
        if matched is not None and matched["action"] == "infer":
            loaded = self._shelf.find(matched["name"], matched["version"])
            self._shelf.touch(loaded)
            question = read(loaded, headers, body)
            with timed(loaded.manifest.name, len(question.matrix)):
                told, content = await answer(loaded, question)
            return 200, told, content
        if path == "/v2/repository/index":
            return _json([loaded.told() for loaded in self._shelf])
        matched = _REPOSITORY.fullmatch(path)
        if matched is None:
            raise Trouble(404, "there is nothing at this address")
        if matched["action"] == "load":
            return _json((await self._shelf.load(matched["name"], body)).told())
        try:
            wish = decode(body or b"{}", _Unload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Trouble(400, f"the request cannot be read: {error}") from error
        self._shelf.unload(matched["name"], wish.parameters.version)
        return _json({})


def _metadata(loaded: Loaded, versions: list[str]) -> dict[str, Any]:
    manifest = loaded.manifest
    width = len(manifest.inputs)
    outputs = [{"name": PROBABILITY, "datatype": "FP64", "shape": [-1]}]
    if manifest.explain is not None:
        outputs += [
            {"name": CONTRIBUTIONS, "datatype": "FP64", "shape": [-1, width]},
            {"name": BASE, "datatype": "FP64", "shape": [-1]},
            {"name": ERROR, "datatype": "FP64", "shape": [-1]},
        ]
    return {
        "name": manifest.name,
        "versions": versions,
        "platform": f"augury_{manifest.runtime}",
        "inputs": [{"name": ROWS, "datatype": "FP32", "shape": [-1, width]}],
        "outputs": outputs,
        "parameters": {
            "version": str(loaded.version),
            "digest": loaded.digest,
            "sha256": manifest.artifact.sha256,
            # The columns of the input, in their order; a category is its place in the list.
            "fields": [
                {
                    "name": field.name,
                    "type": field.type,
                    "nullable": field.nullable,
                    **({"categories": field.categories} if field.categories else {}),
                }
                for field in manifest.inputs
            ],
        },
    }


def _json(content: Any) -> _Answer:
    return 200, {"content-type": "application/json"}, msgspec.json.encode(content)


def _failed(status: int, message: str) -> _Answer:
    return status, {"content-type": "application/json"}, msgspec.json.encode({"error": message})


async def _send(status: int, headers: dict[str, str], body: bytes, send: Send) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
