"""The audit: derives every balance again from the transfers and holds it against what is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, func, select

from augury.kit.clock import now
from augury.kit.db import Given, Id, ReadTx
from augury.kit.progress import Tell, counted, to_nobody
from augury.ledger.core import (
    CORRECTABLE,
    JOURNAL_START,
    RESOLVING,
    Counterparty,
    TransferType,
    counterparty,
    deltas,
    link,
)
from augury.ledger.tables import accounts, holds, transfers

_ROWS_AT_ONCE = 5_000
_MOST_FINDINGS = 1_000
# A hold may stay open a little after its time, until the next sweep finds it.
SWEEP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up: a stable kind, whose account, and what was found."""

    kind: str
    subject: str
    detail: str


@dataclass(slots=True)
class Report:
    """What the audit saw. The books are right when `findings` is empty."""

    # As of when something is overdue: a copy is judged by the moment at which it was made.
    moment: int = field(default_factory=now)
    # Is told how far the audit has come.
    tell: Tell = to_nobody
    accounts: int = 0
    transfers: int = 0
    credits_with_customers: int = 0
    counterparties: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: str, subject: str, detail: str) -> None:
        """Note a finding; the first thousand are kept."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(kind, subject, detail))


def audit(tx: ReadTx, moment: int | None = None, tell: Tell = to_nobody) -> Report:
    """Return what re-deriving the whole ledger found; memory does not grow with its length."""
    report = Report(now() if moment is None else moment, tell)
    report.counterparties = {party.name.lower(): 0 for party in Counterparty}
    _audit_journals(tx, report)
    _audit_holds(tx, report)
    _audit_refunds(tx, report)
    total = report.credits_with_customers + sum(report.counterparties.values())
    if total != 0:
        report.add("books_do_not_balance", "all accounts", f"they sum to {total}, not to 0")
    return report


def entries(tx: ReadTx, *types: TransferType) -> Iterator[Row[str, str, int, str]]:
    """Yield id, account, amount and reference of every transfer of these types, by id."""
    yield from tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(transfers.c.id, transfers.c.account_id, transfers.c.posted, transfers.c.reference)
        .where(transfers.c.type.in_(types))
        .order_by(transfers.c.id)
    )


def count(tx: ReadTx, *types: TransferType) -> int:
    """Return how many transfers of these types there are."""
    return tx.execute(
        select(func.count()).select_from(transfers).where(transfers.c.type.in_(types))
    ).scalar_one()


_BY_ID = Given(
    """
    SELECT paid.id, paid.account_id, paid.posted, paid.reference
    FROM {given} JOIN transfers paid ON paid.id = given.id
    WHERE paid.type IN ('charge', 'capture')
    """,
    id=Id,
)


def charges_by_id(tx: ReadTx, ids: Sequence[str]) -> dict[str, tuple[str, int, str]]:
    """Return account, amount and reference of the charges and captures with these ids, by id."""
    return {id_: (*facts,) for id_, *facts in _BY_ID.run(tx, [(one,) for one in ids])}


def open_holds(tx: ReadTx) -> Iterator[Row[str, str, int, str, str | None, int]]:
    """Yield id, account, amount, reference, actor and end of every unresolved hold, by id."""
    yield from tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(
            holds.c.id,
            holds.c.account_id,
            holds.c.amount,
            transfers.c.reference,
            transfers.c.actor_id,
            holds.c.expires_at,
        )
        .join(transfers, transfers.c.id == holds.c.id)
        .where(holds.c.resolved_by.is_(None))
        .order_by(holds.c.id)
    )


def _audit_journals(tx: ReadTx, report: Report) -> None:
    journals = groupby(_stream_transfers(tx, report), key=attrgetter("account_id"))
    journal = next(journals, None)
    stored = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(accounts).order_by(accounts.c.id)
    )
    for account in stored:
        report.accounts += 1
        report.credits_with_customers += account.posted
        while journal is not None and journal[0] < account.id:
            report.add("account_missing", journal[0], "transfers without an account")
            journal = next(journals, None)
        entries: Iterator[Any] = iter(())
        if journal is not None and journal[0] == account.id:
            entries = journal[1]
        _audit_journal(account, entries, report)
        if journal is not None and journal[0] == account.id:
            journal = next(journals, None)
    if journal is not None:
        report.add("account_missing", journal[0], "transfers without an account")


def _stream_transfers(tx: ReadTx, report: Report) -> Iterator[Any]:
    """Yield all transfers, account by account, and sum up what their other sides have."""
    names = {party.value: party.name.lower() for party in Counterparty}
    total = tx.execute(select(func.sum(accounts.c.transfers))).scalar_one()
    rows = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(transfers).order_by(transfers.c.account_id, transfers.c.number)
    )
    for entry in counted(rows, "transfers", int(total or 0), report.tell):
        report.counterparties[names[entry.counterparty_id]] -= entry.posted
        yield entry


def _audit_journal(account: Any, entries: Iterator[Any], report: Report) -> None:
    posted = held = count = 0
    head = JOURNAL_START
    for entry in entries:
        count += 1
        report.transfers += 1
        posted += entry.posted
        held += entry.held
        *facts, stored_link = entry
        head = link(head, *facts)
        if stored_link != head:
            report.add("journal_broken", entry.id, "its link does not follow from its facts")
            head = stored_link
        if entry.number != count:
            report.add("journal_gap", entry.id, f"number {entry.number} stands at place {count}")
            count = entry.number
        if entry.available_after != posted - held or posted - held < 0 or held < 0:
            report.add("balance_wrong", entry.id, f"derived {posted} posted and {held} held")
        type_ = TransferType(entry.type)
        amount = abs(entry.posted) if type_ is not TransferType.HOLD else entry.held
        signed = entry.posted if type_ is TransferType.ADJUSTMENT else amount
        too_much = type_ is TransferType.CAPTURE and entry.posted < entry.held
        # The direction of a refund tells what it corrects; `_audit_refunds` looks whether it does.
        corrected = None
        if type_ is TransferType.REFUND:
            corrected = TransferType.TOP_UP if entry.posted < 0 else TransferType.CHARGE
        moved = deltas(type_, signed, hold_amount=-entry.held, corrected=corrected)
        if too_much or moved != (entry.posted, entry.held):
            report.add("transfer_wrong", entry.id, f"a {type_} cannot move credits this way")
        if entry.counterparty_id != counterparty(type_, corrected):
            report.add("transfer_wrong", entry.id, f"a {type_} has another counterparty")
    if (account.posted, account.held, account.transfers) != (posted, held, count):
        report.add(
            "account_drift",
            account.id,
            f"stored {account.posted} posted, {account.held} held, {account.transfers} transfers;"
            f" derived {posted}, {held}, {count}",
        )


def _audit_holds(tx: ReadTx, report: Report) -> None:
    overdue = report.moment - SWEEP_SECONDS * 1_000_000
    made = transfers.alias("made")
    resolved = transfers.alias("resolved")
    rows = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(
            holds,
            made.c.type.label("made_type"),
            made.c.held.label("made_held"),
            made.c.account_id.label("made_account"),
            resolved.c.id.label("resolved_id"),
            resolved.c.type.label("resolved_type"),
            resolved.c.held.label("resolved_held"),
        )
        .outerjoin(made, made.c.id == holds.c.id)
        .outerjoin(
            resolved,
            (resolved.c.hold_id == holds.c.id) & resolved.c.type.in_(sorted(RESOLVING)),
        )
    )
    for row in rows:
        made_as = (row.made_type, row.made_held, row.made_account)
        if made_as != (TransferType.HOLD, row.amount, row.account_id):
            report.add("hold_orphan", row.id, "no transfer of the same account and amount made it")
        if row.resolved_by != row.resolved_id:
            report.add("hold_orphan", row.id, "what resolved it is not in the journal")
        elif row.resolved_id is not None and row.resolved_held != -row.amount:
            report.add("hold_orphan", row.id, "it was not resolved whole")
        if row.resolved_by is None and row.expires_at <= overdue:
            report.add("hold_overdue", row.id, "its time has passed and nobody released it")
    lost = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(transfers.c.id)
        .outerjoin(holds, holds.c.id == transfers.c.id)
        .where(transfers.c.type == TransferType.HOLD, holds.c.id.is_(None))
    )
    for row in lost:
        report.add("hold_missing", row.id, "its transfer stands, so its credits stay held for ever")


def _audit_refunds(tx: ReadTx, report: Report) -> None:
    back, sold = transfers.alias("back"), transfers.alias("sold")
    rows = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(back.c.account_id, back.c.corrects)
        .outerjoin(
            sold,
            (sold.c.id == back.c.corrects)
            & (sold.c.account_id == back.c.account_id)
            & sold.c.type.in_(sorted(CORRECTABLE))
            & ((sold.c.posted < 0) == (back.c.posted > 0)),
        )
        .where(back.c.type == TransferType.REFUND)
        .group_by(back.c.corrects, back.c.account_id)
        .having(
            (func.count(sold.c.id) < func.count(back.c.id))
            | (func.max(func.abs(sold.c.posted)) < func.sum(func.abs(back.c.posted)))
        )
    )
    for row in rows:
        report.add(
            "refund_wrong",
            row.corrects or row.account_id,
            "more went back than was taken, or nothing was",
        )
