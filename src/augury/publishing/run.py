"""One publication, from the named file to the server's answer, told stage by stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from augury.publishing import folder, sources
from augury.publishing.make import make
from augury.publishing.order import Order, partial_manifest
from augury.publishing.trouble import NotPublishable
from augury.publishing.upload import Delivery, deliver

Say = Callable[[str], None]


def publish(
    wishes: dict[str, Any], files: dict[str, Any], delivery: dict[str, Any] | None, say: Say
) -> dict[str, Any] | None:
    """Make what is wished, write it or deliver it, and return a prediction if one was bought.

    `wishes` are members of an `Order`, `delivery` those of a `Delivery`; `files` names a partial
    manifest, a folder to write and cards by language. Raises `NotPublishable`.
    """
    order = Order(**wishes, manifest=partial_manifest(files["manifest"]))
    parcel = _parcel(order, files["cards"], say)
    if files["out"] is not None:
        folder.write(parcel, files["out"])
        say(f"write: {files['out']}")
    if delivery is None:
        return None
    bought = deliver(parcel, Delivery(**delivery), say)
    return None if bought is None else to_builtins(bought)


def _parcel(order: Order, cards: dict[str, Path], say: Say) -> folder.Parcel:
    if folder.is_ready(order.path):
        say(f"read: {order.path.name} is ready, and passes its self-test")
        return folder.read(order, _texts(cards))
    if sources.runs_code(order.path):
        say(
            f"open: {order.path.name} may hold any Python code, and opening it runs that code on"
            " this machine. It is opened because you named it; the server never opens such a file."
        )
    return folder.packed(make(order, say), _texts(cards))


def _texts(cards: dict[str, Path]) -> dict[str, str]:
    try:
        return {language: path.read_text(encoding="utf-8") for language, path in cards.items()}
    except (OSError, UnicodeDecodeError) as error:
        message = f"A card cannot be read: {error}"
        raise NotPublishable(message) from error
