"""Batches of vouchers and customers for tests, without HTTP."""

from dataclasses import replace

from augury.audit_log.service import Actor
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import audit as ledger_audit
from augury.ledger import service as ledger
from augury.ledger.audit import Finding
from augury.vouchers import audit, service
from augury.vouchers.service import Batch, Offer

ADMIN = Actor("00000000-0000-7000-8000-00000000ad01")
OFFER = Offer("spring", 500, 3, 1, 1, 3, None)


def customers(db: Database, count: int = 1) -> list[str]:
    """Open accounts and return their ids."""
    ids = [new_id() for _ in range(count)]
    with db.write() as tx:
        ledger.open_accounts(tx, ids)
    return ids


def batch(
    db: Database,
    codes: int = 3,
    uses_per_code: int = 1,
    uses_per_user: int = 1,
    total_uses: int | None = None,
    expires_at: int | None = None,
) -> tuple[Batch, list[str]]:
    """Make a batch of codes of 500 credits."""
    offer = replace(
        OFFER,
        codes=codes,
        uses_per_code=uses_per_code,
        uses_per_user=uses_per_user,
        total_uses=codes * uses_per_code if total_uses is None else total_uses,
        expires_at=expires_at,
    )
    made, shown = service.make_batch(db, offer, actor=ADMIN, key=None)
    assert shown is not None
    return made, shown


def available(db: Database, user_id: str) -> int:
    """Return what a customer can spend."""
    with db.read() as tx:
        return ledger.balances(tx, [user_id])[user_id].available


def found(db: Database) -> list[Finding]:
    """Return what the audits of ledger and vouchers find."""
    with db.read() as tx:
        report = ledger_audit.audit(tx)
        audit.audit(tx, report)
    return report.findings
