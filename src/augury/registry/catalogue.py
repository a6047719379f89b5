"""The catalogue: what is on sale, in memory, with every model loaded and proven."""

import re
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from augury.inference.documents import DOCUMENTS
from augury.inference.documents.protocol import DocumentModel
from augury.inference.lanes import AnyLane, lane_of
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
from augury.registry.shelf import CHAMPION, NOTICE, Content, Shelf
from augury.registry.window import Offer, Window, is_chosen, window_at
from augury.risk.series import NO_MARKETS, Markets

_REFERENCE = re.compile(r"([a-z0-9][a-z0-9\-]{0,63})(?:@([a-z0-9\-]{1,64}))?")
_EMPTY = Shelf(0, {}, {}, {}, {})
# A version that could not be loaded is tried again: its file may have come back.
_TRY_AGAIN_SECONDS = 30.0
# Another process may be there a moment later, and can fetch artefacts only once this one listens.
_ASK_AGAIN_SECONDS = 1.0
_LOADED_WITHIN_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.02
# Whoever has read the registry since then knows of every change that has begun.
_STALE = NOTICE - NOTICE // 10


class Catalogue:
    """Resolves `name`, `name@alias` and `name@version` without asking the database.

    Whoever resolves sees one window, whole: it is exchanged in one assignment, never changed.
    Looking at the registry takes a moment, loading a model may take long, so each has a duty of its
    own: an announcement is read in time whatever is being loaded.
    """

    def __init__(
        self,
        db: Database,
        artifacts_dir: Path,
        threads: int,
        remote_hosts: Collection[str] = (),
        fleet: Fleet | None = None,
        markets: Markets = NO_MARKETS,
    ) -> None:
        """Start empty; `open` fills the catalogue. With a fleet models of tables run there."""
        self._db = db
        self._artifacts_dir = artifacts_dir
        self._threads = threads
        self._remote_hosts = remote_hosts
        self._fleet = fleet
        self._markets = markets
        self._try_again_seconds = _TRY_AGAIN_SECONDS if fleet is None else _ASK_AGAIN_SECONDS
        self._looking, self._loading = threading.Lock(), threading.Lock()
        # Held for no longer than an assignment takes, so the event loop may wait for it.
        self._exchanging = threading.Lock()
        self._shelf = _EMPTY
        # By digest; None: it could not be loaded, as of the moment in `_failed_at`.
        self._lanes: dict[str, AnyLane | None] = {}
        self._failed_at: dict[str, float] = {}
        self._looked_at = 0
        self._closing = threading.Event()
        self._window = Window(0, {}, {}, {})

    def open(self) -> None:
        """Read what is on sale and load it, side by side; what waits for others comes later."""
        self.refresh()
        here = [one for one in self._missing() if not self._waits(one)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            for content, lane in zip(here, pool.map(self._open, here), strict=True):
                self._put(content, lane)

    def refresh(self) -> bool:
        """Take over what has changed in the registry; return whether anything had."""
        with self._looking:
            began = now()
            with self._db.read() as tx:
                changed = shelf.revision(tx) != self._shelf.revision
                if changed:
                    known = {v.digest: v.content for v in self._shelf.versions.values()}
                    found = shelf.on_sale(tx, self._artifacts_dir, known)
            if changed:
                wanted = {version.digest for version in found.versions.values()}
                with self._exchanging:
                    self._shelf = found
                    self._lanes = {d: lane for d, lane in self._lanes.items() if d in wanted}
                    self._failed_at = {d: at for d, at in self._failed_at.items() if d in wanted}
                    self._window = window_at(found, self._lanes, now())
            self._looked_at = began
            return changed

    def is_stale(self) -> bool:
        """Tell whether a change may have been announced and begun since the registry was read."""
        return now() - self._looked_at > _STALE

    def load(self, stop: threading.Event | None = None) -> int:
        """Load what is on sale and not loaded yet, one after the other; return how many were."""
        loaded = 0
        with self._loading:
            for content in self._missing():
                if stop is not None and stop.is_set():
                    break
                lane = self._open(content)
                self._put(content, lane)
                loaded += lane is not None
        return loaded

    def await_moment(self, moment: int) -> None:
        """Return when a moment has come and this catalogue shows what is in force from then on."""
        self.refresh()
        self._closing.wait(max(0, moment - now()) / SECOND)

    def await_loaded(self, name: str) -> None:
        """Return when it has turned out which versions of a model can be sold here."""
        self.refresh()
        until = time.monotonic() + _LOADED_WITHIN_SECONDS
        while time.monotonic() < until:
            wanted = {v.digest for (model, _), v in self._shelf.versions.items() if model == name}
            if wanted <= self._lanes.keys() or self._closing.wait(_LOOK_AGAIN_SECONDS):
                return

    def can_sell(self, name: str, version: int) -> bool:
        """Tell whether a version is on sale and loaded here."""
        offer = self._window_now().offers.get((name, version))
        return offer is not None and offer.lane is not None

    def can_open(self, content: Content) -> bool:
        """Tell whether a version that is not on sale yet could be loaded here."""
        lane = self._open(content)
        if lane is not None:
            lane.close()
        return lane is not None

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
            if canary is not None and is_chosen(user_id, name, canary.challenger):
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

    def unavailable(self) -> list[str]:
        """Return the names of the models whose champion cannot answer here."""
        return [
            offer.version.model
            for offer in self.champions()
            if offer.lane is None or not offer.lane.model.is_available()
        ]

    def close(self) -> None:
        """Finish the calls that run, and stop; who waits for a moment waits no longer."""
        self._closing.set()
        for lane in self._lanes.values():
            if lane is not None:
                lane.close()
        if self._fleet is not None:
            self._fleet.close()

    def _window_now(self) -> Window:
        window = self._window
        moment = now()
        if moment < window.until:
            return window
        with self._exchanging:
            self._window = window_at(self._shelf, self._lanes, moment)
            return self._window

    def _missing(self) -> list[Content]:
        """Return what is on sale and was not tried, or failed a while ago."""
        early = time.monotonic() - self._try_again_seconds
        wanted = {version.digest: version.content for version in self._shelf.versions.values()}
        return [
            content
            for digest, content in wanted.items()
            if self._lanes.get(digest) is None and self._failed_at.get(digest, early) <= early
        ]

    def _put(self, content: Content, lane: AnyLane | None) -> None:
        """Let a model be sold, or keep in mind that it could not be loaded."""
        with self._exchanging:
            if lane is None:
                self._failed_at[content.digest] = time.monotonic()
            self._lanes = self._lanes | {content.digest: lane}
            self._window = window_at(self._shelf, self._lanes, now())

    def _open(self, content: Content) -> AnyLane | None:
        manifest, artifact = content.manifest, content.artifact
        try:
            require_known_host(manifest, artifact, self._remote_hosts)
            return lane_of(self._model(content))
        except Exception as error:  # noqa: BLE001 -- whatever one model does, the others are sold
            logger("registry").error(
                "model_not_loaded",
                model=manifest.name,
                artifact=artifact.name,
                reason=f"{type(error).__name__}: {error}",
            )
            return None

    def _model(self, content: Content) -> Predictor | DocumentModel:
        manifest = content.manifest
        if manifest.runtime in DOCUMENTS:  # always here: it needs the market's prices
            return DOCUMENTS[manifest.runtime](manifest, content.artifact, self._markets)
        if self._fleet is None or manifest.runtime in WAITING:
            return Model(manifest, content.artifact, self._threads)
        wanted = Wanted(
            manifest.name,
            content.number,
            content.digest,
            content.manifest_text,
            manifest.artifact.sha256,
        )
        return self._fleet.open(manifest, wanted)

    def _waits(self, content: Content) -> bool:
        """Tell whether other processes have to answer before a version can be sold."""
        runtime = content.manifest.runtime
        return runtime in WAITING or (self._fleet is not None and runtime not in DOCUMENTS)
