"""What is on sale at a moment. Pure: what the registry holds and what is loaded are given."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from augury.inference.lanes import AnyLane, Lane
from augury.inference.manifest import Localised
from augury.registry.compatibility import differences
from augury.registry.shelf import CHAMPION, Challenger, Listing, Pointer, Shelf, Version


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
    lane: AnyLane | None
    next_price: int | None = None
    next_price_from: int | None = None
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
class Canary:
    """A challenger that answers a share of the customers, as an offer at the champion's price."""

    challenger: Challenger
    offer: Offer


@dataclass(frozen=True, slots=True)
class Window:
    """What is on sale until the next announced change."""

    until: int
    offers: Mapping[tuple[str, int], Offer]
    aliases: Mapping[tuple[str, str], int]
    canaries: Mapping[str, Canary]


def window_at(found: Shelf, lanes: Mapping[str, AnyLane | None], moment: int) -> Window:
    """Return what is on sale at a moment."""
    offers = {}
    for key, version in found.versions.items():
        current = version.at(moment)
        listing = found.listings[current.model]
        offers[key] = offer_of(current, listing, lanes.get(current.digest))
    aliases = {
        key: _target(key[0], one, moment, found, lanes) for key, one in found.aliases.items()
    }
    for (name, alias), pointer in found.aliases.items():
        if alias == CHAMPION:
            _announce(offers, name, aliases[name, alias], pointer.at(moment))
    canaries = {}
    for name, challenger in found.challengers.items():
        champion = offers.get((name, aliases.get((name, CHAMPION), 0)))
        trial = offers.get((name, challenger.version))
        if champion is None or trial is None or trial.lane is None or _is_over(champion, trial):
            continue
        if challenger.mode == "canary":
            # Who asks for the champion pays the champion's price, whoever answers.
            paid = replace(trial, price=champion.price, explain_price=champion.explain_price)
            canaries[name] = Canary(challenger, paid)
        elif isinstance(trial.lane, Lane):
            shadow = Trial(challenger.version, trial.lane, challenger.share_percent)
            offers[name, champion.version.version] = replace(champion, shadow=shadow)
    return Window(found.next_change_after(moment), offers, aliases, canaries)


def offer_of(version: Version, listing: Listing, lane: AnyLane | None) -> Offer:
    """Return a version as it is offered at its present price; without a lane it cannot answer."""
    reasons = version.manifest.explain
    explain_price = None if reasons is None else reasons.price
    change = version.next_price, version.next_price_from
    return Offer(version, listing, version.price, explain_price, lane, *change)


def _target(
    name: str, pointer: Pointer, moment: int, found: Shelf, lanes: Mapping[str, AnyLane | None]
) -> int:
    """Return where an alias points at a moment.

    While the version it has moved to is still being loaded here, the one before answers. One that
    could not be loaded is unavailable: to go on selling another would be no answer to the move.
    """
    target = pointer.at(moment).version
    there = found.versions.get((name, target))
    before = found.versions.get((name, pointer.version))
    if there is not None and there.digest not in lanes and before is not None:
        return pointer.version if lanes.get(before.digest) else target
    return target


def _announce(
    offers: dict[tuple[str, int], Offer], name: str, champion: int, pointer: Pointer
) -> None:
    """Show beside the champion's price what the version will cost that takes its place."""
    offer, coming = offers.get((name, champion)), offers.get((name, pointer.next_version or 0))
    begins = pointer.next_from
    if offer is None or coming is None or begins is None:
        return
    price = coming.version.at(begins).price
    if price != offer.version.at(begins).price:
        offers[name, champion] = replace(offer, next_price=price, next_price_from=begins)


def _is_over(champion: Offer, trial: Offer) -> bool:
    """Tell whether a trial is outgrown: it has won, or it cannot stand in for the champion."""
    return champion.version.version == trial.version.version or bool(
        differences(champion.version.manifest, trial.version.manifest)
    )


def is_chosen(user_id: str, name: str, challenger: Challenger) -> bool:
    """Tell whether a customer belongs to the share; the same one always does, for this version."""
    seed = f"{name}@{challenger.version}:{user_id}".encode()
    return int.from_bytes(hashlib.sha256(seed).digest()[:8]) % 100 < challenger.share_percent
