"""Trials: a challenger beside the champion, started, and ended by request or by being outgrown."""

from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select

from augury.audit_log.service import Actor, record
from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import read_manifest
from augury.kit.clock import now
from augury.kit.db import Database, WriteTx
from augury.kit.errors import invalid
from augury.registry.change import changed, subject_of
from augury.registry.compatibility import differences
from augury.registry.current import champion_now, manifest_of, version_of
from augury.registry.refusals import Incompatible, VersionRetired
from augury.registry.tables import challengers

Mode = Literal["shadow", "canary"]


def challenge(
    db: Database, name: str, version: int, mode: Mode, share_percent: int, actor: Actor
) -> None:
    """Try a version beside the champion; it takes the place of the trial before.

    Raises `Incompatible` unless it accepts whatever the champion accepts and answers in the same
    form, because customers who ask for the champion must not notice.
    """

    def work(tx: WriteTx, _model: Row[Any]) -> None:
        row = version_of(tx, name, version)
        if row.status == "retired":
            raise VersionRetired(model=name, version=version)
        champion = champion_now(tx, name)
        if version == champion:
            raise invalid("/version", "fault.challenger_is_champion")
        challenger = read_manifest(row.manifest)
        if mode == "shadow" and challenger.runtime in DOCUMENTS:
            raise invalid("/mode", "fault.no_shadow")
        unlike = differences(manifest_of(tx, name, champion), challenger)
        if unlike:
            raise Incompatible(model=name, version=version, differences=", ".join(unlike))
        tx.execute(delete(challengers).where(challengers.c.model == name))
        tx.execute(
            insert(challengers).values(
                model=name,
                version=version,
                mode=mode,
                share_percent=share_percent,
                started_at=now(),
                started_by=actor.user_id,
            )
        )
        details = {"version": version, "mode": mode, "share_percent": share_percent}
        record(tx, actor, "challenger.started", subject_of(name), details)

    changed(db, name, work)


def end_challenge(db: Database, name: str, actor: Actor) -> None:
    """End the trial of a model, if there is one."""
    changed(db, name, lambda tx, _model: _end(tx, name, actor))


def end_if_outgrown(db: Database, name: str, actor: Actor) -> None:
    """End a trial that has won, or that cannot stand in for the new champion any more.

    No customer notices: catalogues pass over such a trial from the moment of the move on.
    """

    def work(tx: WriteTx, _model: Row[Any]) -> None:
        row = tx.execute(select(challengers).where(challengers.c.model == name)).first()
        if row is None:
            return
        champion = champion_now(tx, name)
        both = manifest_of(tx, name, champion), manifest_of(tx, name, row.version)
        if row.version == champion or differences(*both):
            _end(tx, name, actor)

    changed(db, name, work)


def _end(tx: WriteTx, name: str, actor: Actor) -> None:
    ended = tx.execute(
        delete(challengers).where(challengers.c.model == name).returning(challengers.c.version)
    ).scalar_one_or_none()
    if ended is not None:
        record(tx, actor, "challenger.ended", subject_of(name), {"version": ended})
