"""The catalogue: what is on sale, in memory, with every model loaded and proven."""

import hashlib
import re
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from augury.inference.lanes import Lane
from augury.inference.manifest import BadModel, Localised
from augury.inference.model import Model, Predictor
from augury.inference.runtimes import WAITING
from augury.inference.service.fleet import Fleet
from augury.inference.service.replica import Wanted
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.log import logger
from augury.registry import shelf
from augury.registry.refusals import ModelNotFound
from augury.registry.remote_hosts import require_known_host
from augury.registry.shelf import CHAMPION, Challenger, Listing, Shelf, Version

_REFERENCE = re.compile(r"([a-z0-9][a-z0-9\-]{0,63})(?:@([a-z0-9\-]{1,64}))?")
_EMPTY = Shelf(0, {}, {}, {}, {})
# A version that could not be loaded is tried again: its file may have come back.
_TRY_AGAIN_SECONDS = 30.0
# Another process may be there a moment later, and can fetch artefacts only once this one listens.
_ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenger that scores a sample of what the champion is asked, unseen and unpaid."""

    version: int
    lane: Lane
    share_percent: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A version on sale: its price at this moment, and the lane that predicts.

    Without a lane it cannot answer now.
    """

    version: Version
    listing: Listing
    price: int
    explain_price: int | None
    lane: Lane | None
    shadow: Trial | None = None

    @property
    def title(self) -> Localised:
        """Return the title that customers see."""
        return self.listing.title or self.version.manifest.title

    @property
    def description(self) -> Localised:
        """Return the description that customers see."""
        return self.listing.description or self.version.manifest.description


@dataclass(frozen=True, slots=True)
class _Canary:
    challenger: Challenger
    offer: Offer


@dataclass(frozen=True, slots=True)
class _Window:
    """What is on sale until the next announced change."""

    until: int
    offers: Mapping[tuple[str, int], Offer]
    aliases: Mapping[tuple[str, str], int]
    canaries: Mapping[str, _Canary]


class Catalogue:
    """Resolves `name`, `name@alias` and `name@version` without asking the database.

    Whoever resolves sees one window, whole: it is exchanged in one assignment, never changed.
    """

    def __init__(
        self,
        db: Database,
        artifacts_dir: Path,
        threads: int,
        remote_hosts: Collection[str] = (),
        fleet: Fleet | None = None,
    ) -> None:
        """Start empty; `refresh` reads what is on sale. With a fleet models run there."""
        self._db = db
        self._artifacts_dir = artifacts_dir
        self._threads = threads
        self._remote_hosts = remote_hosts
        self._fleet = fleet
        self._try_again_seconds = _TRY_AGAIN_SECONDS if fleet is None else _ASK_AGAIN_SECONDS
        # One refresh at a time, which may take as long as models take to load; and the exchange of
        # what it found, which takes no time, so that the event loop may wait for it.
        self._refreshing, self._exchanging = threading.Lock(), threading.Lock()
        self._shelf = _EMPTY
        self._lanes: dict[str, Lane | None] = {}  # by digest
        self._failed_at = 0.0
        self._window = _Window(0, {}, {}, {})

    def refresh(self) -> bool:
        """Take over what has changed in the registry; return whether anything had."""
        with self._refreshing:
            again = None in self._lanes.values() and self._is_time_to_try_again()
            with self._db.read() as tx:
                if shelf.revision(tx) == self._shelf.revision and not again:
                    return False
                known = {v.digest: v.content for v in self._shelf.versions.values()}
                found = shelf.on_sale(tx, self._artifacts_dir, known)
            lanes = self._opened({v.digest: v for v in found.versions.values()})
            with self._exchanging:
                self._shelf, self._lanes = found, lanes
                self._window = _window(found, lanes, now())
            return True

    def await_moment(self, moment: int) -> None:
        """Return when a moment has come and this catalogue shows what is in force from then on."""
        self.refresh()
        time.sleep(max(0, moment - now()) / SECOND)

    def resolve(self, reference: str, user_id: str | None = None) -> Offer:
        """Return the offer that a reference means to a customer, or raise `ModelNotFound`."""
        matched = _REFERENCE.fullmatch(reference)
        if matched is None:
            raise ModelNotFound(model=reference[:200])
        window = self._window_now()
        name, label = matched[1], matched[2] or CHAMPION
        number = int(label) if label.isdecimal() else window.aliases.get((name, label), 0)
        offer = window.offers.get((name, number))
        if offer is None:
            raise ModelNotFound(model=reference)
        if label == CHAMPION and user_id is not None and window.canaries:
            canary = window.canaries.get(name)
            if canary is not None and _is_chosen(user_id, name, canary.challenger):
                return canary.offer
        return offer

    def champions(self) -> list[Offer]:
        """Return what customers get by default, one offer for each model, by name."""
        window = self._window_now()
        return [
            window.offers[name, number]
            for (name, alias), number in sorted(window.aliases.items())
            if alias == CHAMPION and (name, number) in window.offers
        ]

    def versions(self, name: str) -> list[Offer]:
        """Return every version of a model on sale, newest first, or raise `ModelNotFound`."""
        offers = self._window_now().offers
        found = [offer for (model, _), offer in offers.items() if model == name]
        if not found:
            raise ModelNotFound(model=name)
        return sorted(found, key=lambda offer: -offer.version.version)

    def aliases(self, name: str) -> dict[str, int]:
        """Return the version that each alias of a model means now."""
        aliases = self._window_now().aliases
        return {alias: number for (model, alias), number in aliases.items() if model == name}

    def loaded(self) -> dict[tuple[str, int], bool]:
        """Return for each version on sale whether it is loaded here."""
        return {key: offer.lane is not None for key, offer in self._window_now().offers.items()}

    def can_sell(self, name: str, version: int) -> bool:
        """Tell whether a version is loaded here, after a look at what has changed."""
        self.refresh()
        offer = self._window_now().offers.get((name, version))
        return offer is not None and offer.lane is not None

    def unavailable(self) -> list[str]:
        """Return the names of the champions that cannot answer."""
        return [
            offer.version.model
            for offer in self.champions()
            if offer.lane is None or not offer.lane.model.is_available()
        ]

    def close(self) -> None:
        """Finish the calls that run, and stop."""
        for lane in self._lanes.values():
            if lane is not None:
                lane.close()
        if self._fleet is not None:
            self._fleet.close()

    def _window_now(self) -> _Window:
        window = self._window
        moment = now()
        if moment < window.until:
            return window
        with self._exchanging:
            self._window = _window(self._shelf, self._lanes, moment)
            return self._window

    def _is_time_to_try_again(self) -> bool:
        return time.monotonic() - self._failed_at > self._try_again_seconds

    def _opened(self, versions: Mapping[str, Version]) -> dict[str, Lane | None]:
        """Return the lane of each version by digest, those that were open as they are."""
        kept: dict[str, Lane | None] = {
            digest: lane
            for digest, lane in self._lanes.items()
            if digest in versions and lane is not None
        }
        new = [digest for digest in versions if digest not in kept]
        if new:
            with ThreadPoolExecutor(max_workers=4) as pool:
                opened = pool.map(lambda digest: self._open(versions[digest]), new)
                kept |= dict(zip(new, opened, strict=True))
        if None in kept.values():
            self._failed_at = time.monotonic()
        return kept

    def _open(self, version: Version) -> Lane | None:
        manifest, artifact = version.manifest, version.content.artifact
        try:
            require_known_host(manifest, artifact, self._remote_hosts)
            return Lane(self._model(version))
        except (BadModel, OSError) as error:
            # One bad artefact must not keep the others from being sold.
            logger("registry").error(
                "model_not_loaded",
                model=manifest.name,
                artifact=artifact.name,
                reason=str(error),
            )
            return None

    def _model(self, version: Version) -> Predictor:
        manifest, content = version.manifest, version.content
        if self._fleet is None or manifest.runtime in WAITING:
            return Model(manifest, content.artifact, self._threads)
        return self._fleet.open(
            manifest,
            Wanted(
                manifest.name,
                version.version,
                version.digest,
                content.manifest_text,
                manifest.artifact.sha256,
            ),
        )


def _window(found: Shelf, lanes: Mapping[str, Lane | None], moment: int) -> _Window:
    """Return what is on sale at a moment; an alias moves only to a version that can answer."""
    offers = {}
    for key, version in found.versions.items():
        current = version.at(moment)
        listing = found.listings[current.model]
        reasons = current.manifest.explain
        explain_price = None if reasons is None else reasons.price
        lane = lanes.get(current.digest)
        offers[key] = Offer(current, listing, current.price, explain_price, lane)
    aliases = {}
    for (name, alias), pointer in found.aliases.items():
        target = pointer.at(moment).version
        there = offers.get((name, target))
        if there is None or there.lane is None:
            before = offers.get((name, pointer.version))
            target = pointer.version if before is not None and before.lane else target
        aliases[name, alias] = target
    canaries = {}
    for name, challenger in found.challengers.items():
        champion = offers.get((name, aliases.get((name, CHAMPION), 0)))
        trial = offers.get((name, challenger.version))
        if champion is None or trial is None or trial.lane is None:
            continue
        if challenger.mode == "canary":
            # Who asks for the champion pays the champion's price, whoever answers.
            paid = replace(trial, price=champion.price, explain_price=champion.explain_price)
            canaries[name] = _Canary(challenger, paid)
        else:
            shadow = Trial(challenger.version, trial.lane, challenger.share_percent)
            offers[name, champion.version.version] = replace(champion, shadow=shadow)
    return _Window(found.next_change_after(moment), offers, aliases, canaries)


def _is_chosen(user_id: str, name: str, challenger: Challenger) -> bool:
    """Tell whether a customer belongs to the share; the same one always does, for this version."""
    seed = f"{name}@{challenger.version}:{user_id}".encode()
    return int.from_bytes(hashlib.sha256(seed).digest()[:8]) % 100 < challenger.share_percent
