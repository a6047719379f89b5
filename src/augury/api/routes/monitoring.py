"""How models on sale are doing: trials of challengers, and drift."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from augury.api.deps import Admin, TheHouse
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.kit.clock import now
from augury.kit.db import ReadTx
from augury.predictions import drift
from augury.predictions.comparison import Mode, NoChallenger, compare
from augury.predictions.drift import DAY, USUAL_DAYS
from augury.predictions.monitoring_schemas import ComparisonOut, DriftOut
from augury.registry import shelf
from augury.registry.refusals import ModelNotFound, VersionNotFound
from augury.registry.shelf import CHAMPION, Shelf

router = APIRouter(prefix="/v1/admin/models", tags=["administration"])
_ASKED = ("unauthenticated", "forbidden", "model_not_found", "version_not_found")

Name = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9\-]*$")]
Days = Annotated[int, Query(ge=1, le=366, description="How far back to look.")]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Leave out for the champion.")]


@router.get("/{name}/challenger", responses=refusals(*_ASKED, "no_challenger"))
def challenger(name: Name, house: TheHouse, _admin: Admin, days: Days = 30) -> ComparisonOut:
    """Give the challenger and the champion side by side, since the trial began.

    Over the newest 20,000 predictions or 50,000 rows of each, and 20,000 rows with outcomes.
    """
    with house.db.read() as tx:
        found = _found(tx, house, name)
        trial = found.challengers.get(name)
        if trial is None:
            raise NoChallenger(model=name)
        since = max(trial.started_at, now() - days * DAY)
        mode: Mode = "shadow" if trial.mode == "shadow" else "canary"
        return compare(tx, name, _champion(found, name), trial.version, mode, since)


@router.get("/{name}/drift", responses=refusals(*_ASKED, "no_reference"))
def drift_of(
    name: Name, house: TheHouse, _admin: Admin, version: Number = None, days: Days = USUAL_DAYS
) -> DriftOut:
    """Give how far the rows of late are from the training rows, for each field and the score."""
    with house.db.read() as tx:
        found = _found(tx, house, name)
        number = version or _champion(found, name)
        wanted = found.versions.get((name, number))
        if wanted is None:
            raise VersionNotFound(model=name, version=number)
        since = now() - days * DAY
        return DriftOut.of(drift.measure(tx, name, number, wanted.manifest, since))


def _found(tx: ReadTx, house: House, name: str) -> Shelf:
    found = shelf.whole(tx, house.settings.artifacts_dir, name)
    if name not in found.listings:
        raise ModelNotFound(model=name)
    return found


def _champion(found: Shelf, name: str) -> int:
    return found.aliases[name, CHAMPION].at(now()).version
