"""What the publisher asks for, besides what can be learnt from the model and the sample."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from augury.kit.decoding import decode
from augury.publishing.trouble import NotPublishable

Tree = dict[str, Any]

_LONGEST_NAME = 64
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Order:
    """A model to publish, and everything that was said about it."""

    path: Path
    sample: Path | None = None
    target: str | None = None
    unseen: bool = False  # whether the sample was kept away from the training
    positive: str | None = None
    # Parts of a manifest: what the options say wins over what the file says, and both over what
    # is learnt.
    manifest: Tree = field(default_factory=dict)
    options: Tree = field(default_factory=dict)
    explain: bool = True

    def says(self, member: str) -> Any:
        """Return what the publisher says of a member of the manifest, or None."""
        return merged(self.manifest, self.options).get(member)

    def over(self, learnt: Tree) -> Tree:
        """Return a manifest with what the publisher says in it."""
        kept = {name: value for name, value in self.manifest.items() if name != "inputs"}
        return merged(merged(learnt, kept), self.options)


def merged(base: Tree, over: Tree) -> Tree:
    """Return a tree with another on top: objects are joined, anything else is replaced."""
    found = dict(base)
    for name, value in over.items():
        below = found.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            found[name] = merged(below, value)
        else:
            found[name] = value
    return found


def partial_manifest(path: Path | None) -> Tree:
    """Return parts of a manifest from a JSON file; raises `NotPublishable`."""
    if path is None:
        return {}
    try:
        return decode(path.read_bytes(), Tree)
    except (msgspec.DecodeError, OSError) as error:
        message = f"{path.name} is not a JSON object: {error}"
        raise NotPublishable(message) from error


def name_of(order: Order) -> str:
    """Return the name that was asked for, or one made of the file's; raises `NotPublishable`."""
    asked = order.says("name")
    plain = re.sub(r"[^a-z0-9]+", "-", order.path.resolve().stem.lower()).strip("-")
    name = str(plain if asked is None else asked)
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        message = (
            f"{name!r} is no name of a model: it takes small Latin letters, digits and hyphens,"
            f" at most {_LONGEST_NAME}. Say another with --name."
        )
        raise NotPublishable(message)
    return name
