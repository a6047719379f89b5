"""The market data that a house begins with: what installed packages have inside."""

from augury.audit_log.service import HOUSE, Actor
from augury.kit.db import Database
from augury.market import store
from augury.market.imports import Imported, import_drafts
from augury.market.packages import bundled


def seed(db: Database) -> int:
    """Take what installed packages have inside, if nothing was ever kept; return how many series.

    Packages that are not there are no error: they may be at a later start.
    """
    with db.read() as tx:
        if store.revision(tx):
            return 0
    return len(import_packages(db))


def import_packages(db: Database, actor: Actor = HOUSE) -> list[Imported]:
    """Take what installed packages have inside, in the place of what is there; safe to repeat."""
    drafts = bundled()
    return import_drafts(db, drafts, "packages", actor) if drafts else []
