"""Taking series into the house: from a file, from packages, from live sources."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from augury.audit_log.service import Actor, record
from augury.kit.db import Database
from augury.kit.errors import InvalidInput
from augury.market import store
from augury.market.checks import Checked, examine
from augury.market.days import today
from augury.market.reading import MOST_FAULTS, read_series
from augury.market.refusals import SeriesNotFound
from augury.market.series import Draft, Entry, Kind, Labels

# So many names stand in one line of the audit log.
_MOST_NAMES_LOGGED = 50

Outcome = Literal["new", "changed", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became, or would become, of one series."""

    draft: Draft
    checked: Checked
    outcome: Outcome


def import_file(
    db: Database,
    path: Path,
    labels: Labels,
    actor: Actor,
    *,
    symbol: str | None = None,
    dry_run: bool = False,
) -> list[Imported]:
    """Take all series of a file, or with any fault none; return what was found about each.

    A dry run takes nothing and raises nothing about a series. Raises `FileUnreadable`,
    `TooManySeries` and `InvalidInput` with the faults.
    """
    with path.open("rb") as file:
        subject = f"file:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    drafts = read_series(path, labels, symbol)
    return import_drafts(db, drafts, subject, actor, dry_run=dry_run)


def import_drafts(
    db: Database, drafts: Sequence[Draft], subject: str, actor: Actor, *, dry_run: bool = False
) -> list[Imported]:
    """Take series, or with any fault none; `subject` is what the audit log says they came in.

    Raises as `import_file` does about series.
    """
    examined = [(draft, _examined(draft)) for draft in drafts]
    faults = [fault for _, checked in examined for fault in checked.faults]
    if faults and not dry_run:
        raise InvalidInput(faults=faults[:MOST_FAULTS])
    # Packed before the transaction: others wait for it.
    packed = [store.packed(draft, checked) for draft, checked in examined]
    outcomes = _foreseen(db, packed) if dry_run else _keep(db, packed, subject, actor)
    return [
        Imported(draft, checked, "refused" if checked.faults else outcome)
        for (draft, checked), outcome in zip(examined, outcomes, strict=True)
    ]


def remove(db: Database, kind: Kind, symbol: str, actor: Actor) -> None:
    """Remove a series, or raise `SeriesNotFound`."""
    with db.write() as tx:
        store.begin(tx)
        if not store.remove(tx, kind, symbol):
            raise SeriesNotFound(symbol=symbol, nearest="–")
        record(tx, actor, "market.removed", f"market:{symbol}", {"kind": kind})


def _foreseen(db: Database, packed: Sequence[store.Packed]) -> list[Outcome]:
    with db.read() as tx:
        known = store.by_name(tx)
    return [_outcome(one, known) for one in packed]


def _keep(
    db: Database, packed: Sequence[store.Packed], subject: str, actor: Actor
) -> list[Outcome]:
    with db.write() as tx:
        store.begin(tx)
        known = store.by_name(tx)
        outcomes = [_outcome(one, known) for one in packed]
        new = [one for one, outcome in zip(packed, outcomes, strict=True) if outcome != "unchanged"]
        if new:
            store.keep(tx, new)
            told = {
                "series": len(new),
                "symbols": [one.draft.symbol for one in new[:_MOST_NAMES_LOGGED]],
            }
            record(tx, actor, "market.imported", subject, told)
    return outcomes


def _examined(draft: Draft) -> Checked:
    def where(place: int) -> str:
        if lines is None:
            return f"/{draft.symbol}/{place}"
        return f"/file/{int(lines[place])}/{draft.symbol}"

    lines = draft.lines
    return examine(
        draft.days,
        draft.values,
        today=today(),
        kind=draft.labels.kind,
        frequency=draft.labels.frequency,
        where=where,
    )


def _outcome(packed: store.Packed, known: Mapping[tuple[Kind, str], Entry]) -> Outcome:
    there = known.get((packed.draft.labels.kind, packed.draft.symbol))
    if there is None:
        return "new"
    is_same = (there.digest, there.labels) == (packed.digest, packed.draft.labels)
    return "unchanged" if is_same else "changed"
