"""A folder with everything that is published: manifest, artefact, a card in each language."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from augury.inference.manifest import BadModel, Manifest, read_manifest
from augury.inference.model import Model
from augury.kit.decoding import decode
from augury.publishing.cards import CARDS, card
from augury.publishing.make import Made
from augury.publishing.order import Order, Tree
from augury.publishing.trouble import NotPublishable

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent to a server."""

    manifest: Manifest
    content: bytes
    cards: dict[str, str]  # by language


def is_ready(path: Path) -> bool:
    """Tell whether a path is a folder that needs nothing more."""
    return (path / MANIFEST).is_file()


def read(order: Order, cards: dict[str, str]) -> Parcel:
    """Return a ready folder, opened as a server will open it; raises `NotPublishable`.

    `cards` by language stand in for those of the folder.
    """
    folder = order.path
    try:
        told = decode((folder / MANIFEST).read_bytes(), Tree)
        manifest = read_manifest(msgspec.json.encode(order.over(told)))
        if not order.explain:
            manifest = msgspec.structs.replace(manifest, explain=None)
        artifact = folder / Path(manifest.artifact.file).name
        Model(manifest, artifact, threads=1)
    except (BadModel, msgspec.DecodeError, OSError) as error:
        message = f"{folder.name}: {error}"
        raise NotPublishable(message) from error
    found = {
        language: (folder / name).read_text(encoding="utf-8")
        for language, name in CARDS.items()
        if (folder / name).is_file()
    }
    return Parcel(manifest, artifact.read_bytes(), found | cards)


def packed(made: Made, cards: dict[str, str]) -> Parcel:
    """Return a made model with its cards: those that are given, and ours for the rest."""
    ours = {language: card(made.manifest, made.story, language) for language in CARDS}
    return Parcel(made.manifest, made.content, ours | cards)


def write(parcel: Parcel, folder: Path) -> None:
    """Write a parcel as a folder, which `augury publish` takes again as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(parcel.manifest), indent=2)
    (folder / MANIFEST).write_bytes(encoded + b"\n")
    (folder / parcel.manifest.artifact.file).write_bytes(parcel.content)
    for language, text in parcel.cards.items():
        (folder / CARDS[language]).write_text(text, encoding="utf-8")
