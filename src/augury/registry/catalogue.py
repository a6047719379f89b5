"""The catalogue: what is on sale, in memory, with every model loaded and proven."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.kit.log import logger
from augury.registry import service
from augury.registry.service import CHAMPION, Version

_REFERENCE = re.compile(r"([a-z0-9][a-z0-9\-]{0,63})(?:@([a-z0-9\-]{1,64}))?")


class ModelNotFound(Refusal):
    """No model of this name, alias or version is on sale."""

    code = "model_not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Offer:
    """A version on sale together with its loaded model; without one it cannot answer now."""

    version: Version
    model: Model | None


class Catalogue:
    """Resolves `name`, `name@alias` and `name@version` without asking the database."""

    def __init__(
        self, offers: Mapping[tuple[str, int], Offer], aliases: Mapping[tuple[str, str], int]
    ) -> None:
        """Take what is on sale as it stands."""
        self._offers = dict(offers)
        self._aliases = dict(aliases)

    @classmethod
    def load(cls, db: Database, artifacts_dir: Path, threads: int) -> "Catalogue":
        """Return the catalogue of what is on sale now, its models loaded side by side."""
        with db.read() as tx:
            versions = service.on_sale(tx, artifacts_dir)
            aliases = service.all_aliases(tx)
        with ThreadPoolExecutor(max_workers=4) as pool:
            offers = list(pool.map(lambda version: _open(version, threads), versions))
        return cls({(o.version.model, o.version.version): o for o in offers}, aliases)

    def resolve(self, reference: str) -> Offer:
        """Return the offer that a reference means, or raise `ModelNotFound`."""
        matched = _REFERENCE.fullmatch(reference)
        if matched is None:
            raise ModelNotFound(model=reference[:200])
        name, label = matched[1], matched[2] or CHAMPION
        number = int(label) if label.isdecimal() else self._aliases.get((name, label), 0)
        offer = self._offers.get((name, number))
        if offer is None:
            raise ModelNotFound(model=reference)
        return offer

    def champions(self) -> list[Version]:
        """Return what customers get by default, one version for each model, by name."""
        return [
            self._offers[name, number].version
            for (name, alias), number in sorted(self._aliases.items())
            if alias == CHAMPION and (name, number) in self._offers
        ]

    def unavailable(self) -> list[str]:
        """Return the names of the champions that cannot answer."""
        return [v.model for v in self.champions() if self._offers[v.model, v.version].model is None]


def _open(version: Version, threads: int) -> Offer:
    try:
        return Offer(version, Model(version.manifest, version.artifact, threads))
    except (BadModel, OSError) as error:
        # One bad artefact must not keep the others from being sold.
        logger("registry").error(
            "model_not_loaded", model=version.model, version=version.version, reason=str(error)
        )
        return Offer(version, None)
