"""A crowd at the cabinet: signed-in people who open page after page, as their browsers would ask.

No browser: each person is a web socket that speaks Streamlit's own protocol, so that one machine
can be fifty people and the cabinet does all of its work.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.util import calc_hash
from websockets.asyncio.client import ClientConnection, connect

# People read a page before they open the next.
_READING_SECONDS = (0.5, 1.5)
_PATIENCE_SECONDS = 60
_LARGEST_BYTES = 64 * 1024 * 1024
_SEED = 5


class Opened(Struct, frozen=True):
    """A page that was opened: for how long its person waited, and whether it was whole."""

    path: str
    seconds: float
    is_whole: bool


def gather(
    address: str, cookies: Sequence[str], paths: Sequence[str], seconds: int
) -> list[Opened]:
    """Return every page that a person for each cookie opened in so many seconds.

    A path is a place's; the empty one is the front page.
    """
    return asyncio.run(_crowd(address, cookies, paths, seconds))


async def _crowd(
    address: str, cookies: Sequence[str], paths: Sequence[str], seconds: int
) -> list[Opened]:
    people = (
        _person(address, cookie, paths, seconds, random.Random(_SEED + number))  # noqa: S311 -- dice
        for number, cookie in enumerate(cookies)
    )
    found = await asyncio.gather(*people)
    return [one for opened in found for one in opened]


async def _person(
    address: str, cookie: str, paths: Sequence[str], seconds: int, dice: random.Random
) -> list[Opened]:
    socket = f"ws://{urlsplit(address).netloc}/_stcore/stream"
    opened: list[Opened] = []
    async with connect(
        socket,
        origin=address,  # type: ignore[arg-type] # its own type is a text with another name
        subprotocols=["streamlit"],  # type: ignore[list-item] # the same
        additional_headers={"Cookie": cookie, "Accept-Language": "en"},
        max_size=_LARGEST_BYTES,
        proxy=None,
    ) as line:
        # The first run builds the session; people come one after the other.
        await asyncio.sleep(dice.uniform(0, _READING_SECONDS[1]))
        await _open(line, "")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(dice.uniform(*_READING_SECONDS))
            opened.append(await _open(line, dice.choice(paths)))
    return opened


async def _open(line: ClientConnection, path: str) -> Opened:
    """Ask for a page and read it to its end."""
    wish = BackMsg()
    wish.rerun_script.page_script_hash = calc_hash(path) if path else ""
    wish.rerun_script.context_info.timezone = "Europe/Moscow"
    wish.rerun_script.context_info.locale = "en-US"
    started = time.perf_counter()
    await line.send(wish.SerializeToString())
    elements, is_running, has_failed = 0, False, False
    async with asyncio.timeout(_PATIENCE_SECONDS):
        async for frame in line:
            told = ForwardMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
            kind = told.WhichOneof("type")
            if kind == "new_session":
                is_running = True
            elif kind == "delta":
                elements += 1
                has_failed |= told.delta.new_element.WhichOneof("type") == "exception"
            elif kind == "script_finished" and is_running:
                is_fine = told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                seconds = time.perf_counter() - started
                return Opened(path, seconds, is_fine and elements > 1 and not has_failed)
    message = f"the cabinet hung up at {path!r}"
    raise RuntimeError(message)
