"""The audit: clean on clean books, and every planted corruption is found, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from typer.testing import CliRunner

from augury.bootstrap import audit_books
from augury.cli import app
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.core import Instruction, TransferType, counterparty, link
from augury.ledger.tables import accounts, holds, transfers
from support.houses import SECRET
from support.quick import quicken_tracebacks

_PREDICTION = text(
    "INSERT INTO predictions (id, user_id, model, version, status, rows, price, inputs, outputs,"
    " warnings, transfer_id, created_at, completed_at) VALUES (:id, :user_id, 'm', 1, 'succeeded',"
    " 1, :price, '[]', '[]', '[]', :transfer_id, 1, 1)"
)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command run in this process points the log at a terminal that ends with it."""
    yield
    quicken_tracebacks()


def _predict(tx: WriteTx, user_id: str, transfer_id: str, prediction_id: str, price: int) -> None:
    tx.execute(
        _PREDICTION,
        {"id": prediction_id, "user_id": user_id, "price": price, "transfer_id": transfer_id},
    )


_JOB = text(
    "INSERT INTO jobs (id, user_id, model, version, explain, language, rows, price, inputs,"
    " warnings, hold_id, status, attempts, next_at, deadline_at, created_at) VALUES (:id, :user_id,"
    " 'm', 1, false, 'en', 1, :price, '[]', '[]', :hold_id, 'queued', 0, 1, :deadline_at, 1)"
)


def _order(tx: WriteTx, user_id: str, hold_id: str, job_id: str, price: int) -> None:
    told = {"id": job_id, "user_id": user_id, "price": price, "hold_id": hold_id}
    tx.execute(_JOB, told | {"deadline_at": now() + 1800 * SECOND})


_TOP_UP = text(
    "INSERT INTO top_ups (id, user_id, origin, provider, status, credits, amount_minor, currency,"
    " save_method, refunded_credits, refunded_minor, transfer_id, checks, created_at, expires_at)"
    " VALUES (:id, :user_id, 'customer', 'sandbox', 'succeeded', :credits, 1, 'RUB', false, 0, 0,"
    " :transfer_id, 0, 1, 1)"
)


def _top_up(tx: WriteTx, user_id: str, credits_: int) -> Instruction:
    """Store a paid top-up and return the instruction that credits it."""
    top_up, transfer = new_id(), new_id()
    row = {"id": top_up, "user_id": user_id, "credits": credits_, "transfer_id": transfer}
    tx.execute(_TOP_UP, row)
    return Instruction(transfer, TransferType.TOP_UP, user_id, credits_, reference=top_up)


@pytest.fixture
def books(db: Database) -> Database:
    """Two customers with a little history of every kind."""
    accounts = sorted(new_id() for _ in range(2))
    with db.write() as tx:
        service.open_accounts(tx, accounts)
        for account_id in accounts:
            holds = [new_id() for _ in range(2)]
            capture, prediction, job = new_id(), new_id(), new_id()
            soon = now() + 3600 * SECOND
            asked = [
                _top_up(tx, account_id, 1000),
                Instruction(holds[0], TransferType.HOLD, account_id, 70, expires_at=soon),
                Instruction(
                    capture, TransferType.CAPTURE, account_id, 40, prediction, hold_id=holds[0]
                ),
                Instruction(holds[1], TransferType.HOLD, account_id, 30, job, expires_at=soon),
                Instruction(new_id(), TransferType.ADJUSTMENT, account_id, -5, reason="why"),
            ]
            service.post(tx, asked)
            _predict(tx, account_id, capture, prediction, 40)
            _order(tx, account_id, holds[1], job, 30)
            for _ in range(3):
                charge, prediction = new_id(), new_id()
                one = Instruction(charge, TransferType.CHARGE, account_id, 10, reference=prediction)
                service.post(tx, [one])
                _predict(tx, account_id, charge, prediction, 10)
    return db


def _unlock(tx: WriteTx) -> None:
    """Take away what keeps transfers from being changed, as an intruder would."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("DROP TRIGGER transfers_immutable ON transfers"))
    else:
        for verb in ("update", "delete"):
            tx.execute(text(f"DROP TRIGGER transfers_no_{verb}"))


def _first(tx: WriteTx, condition: str) -> str:
    found: str = tx.execute(
        text(f"SELECT id FROM transfers WHERE {condition} ORDER BY account_id, number LIMIT 1")
    ).scalar_one()
    return found


def _on_transfer(change: str, condition: str) -> Callable[[WriteTx], None]:
    def corrupt(tx: WriteTx) -> None:
        _unlock(tx)
        changed = tx.execute(text(change), {"id": _first(tx, condition)})
        assert changed.rowcount == 1

    return corrupt


def _run(statement: str) -> Callable[[WriteTx], None]:
    def corrupt(tx: WriteTx) -> None:
        assert tx.execute(text(statement)).rowcount >= 1

    return corrupt


def _hold_without_transfer(tx: WriteTx) -> None:
    account = tx.execute(text("SELECT id FROM accounts LIMIT 1")).scalar_one()
    tx.execute(
        text(
            "INSERT INTO holds (id, account_id, amount, expires_at) VALUES (:id, :account, 5, :at)"
        ),
        {"id": new_id(), "account": account, "at": now() + 3600 * SECOND},
    )


def _prediction_without_charge(tx: WriteTx) -> None:
    account = tx.execute(text("SELECT id FROM accounts LIMIT 1")).scalar_one()
    _predict(tx, account, new_id(), new_id(), 10)


_SET = "UPDATE transfers SET {} WHERE id = :id"
_DELETE = "DELETE FROM transfers WHERE id = :id"
CORRUPTIONS: dict[str, tuple[Callable[[WriteTx], None], str]] = {
    "an amount": (_on_transfer(_SET.format("posted = posted + 1"), "number = 1"), "journal_broken"),
    "an amount at the end": (
        _on_transfer(_SET.format("posted = posted + 1"), "number = 8"), "journal_broken"),
    "a reference": (_on_transfer(_SET.format("reference = 'x'"), "number = 3"), "journal_broken"),
    "a reason": (_on_transfer(_SET.format("reason = 'x'"), "type = 'adjustment'"), "journal_broken"),
    "a moment": (_on_transfer(_SET.format("created_at = 1"), "number = 2"), "journal_broken"),
    "a balance after": (
        _on_transfer(_SET.format("available_after = 0"), "number = 2"), "balance_wrong"),
    "a link": (_on_transfer(_SET.format("link = 'x'"), "number = 2"), "journal_broken"),
    "a type": (
        _on_transfer(_SET.format("type = 'promotion'"), "type = 'top_up'"), "transfer_wrong"),
    "a transfer deleted at the start": (_on_transfer(_DELETE, "number = 1"), "journal_gap"),
    "a transfer deleted in the middle": (_on_transfer(_DELETE, "number = 5"), "journal_gap"),
    "a transfer deleted at the end": (_on_transfer(_DELETE, "number = 8"), "account_drift"),
    "a balance": (_run("UPDATE accounts SET posted = posted + 1000"), "account_drift"),
    "what is held": (_run("UPDATE accounts SET held = 0"), "account_drift"),
    "a count": (_run("UPDATE accounts SET transfers = transfers - 1"), "account_drift"),
    "an overdue hold": (
        _run("UPDATE holds SET expires_at = 1 WHERE resolved_by IS NULL"), "hold_overdue"),
    "a hold without transfer": (_hold_without_transfer, "hold_orphan"),
    "a hold of another amount": (_run("UPDATE holds SET amount = amount + 1"), "hold_orphan"),
    "a hold that looks resolved": (
        _run("UPDATE holds SET resolved_by = id WHERE resolved_by IS NULL"), "hold_orphan"),
    "a hold that looks open": (_run("UPDATE holds SET resolved_by = NULL"), "hold_orphan"),
    "a transfer without hold": (_run("DELETE FROM holds WHERE resolved_by IS NULL"), "hold_missing"),
    "a prediction without charge": (_prediction_without_charge, "prediction_without_charge"),
    "a charge without prediction": (_run("DELETE FROM predictions"), "charge_without_prediction"),
    "a prediction of another price": (_run("UPDATE predictions SET price = 9"), "charge_differs"),
    "predictions of another user": (
        _run(f"UPDATE predictions SET user_id = '{new_id()}'"), "charge_differs"),
    "a capture without prediction": (
        _run("DELETE FROM predictions WHERE price = 40"), "charge_without_prediction"),
    "a hold without job": (_run("DELETE FROM jobs"), "hold_without_job"),
    "a hold of a finished job": (_run("UPDATE jobs SET status = 'failed'"), "hold_without_job"),
    "a job whose hold is resolved": (
        _run("UPDATE holds SET resolved_by = id WHERE resolved_by IS NULL"), "job_without_hold"),
    "a job of another price": (_run("UPDATE jobs SET price = 9"), "job_hold_differs"),
    "a job of another user": (
        _run(f"UPDATE jobs SET user_id = '{new_id()}'"), "job_hold_differs"),
    "a job that outlives its hold": (
        _run(f"UPDATE jobs SET deadline_at = {2**60}"), "job_hold_differs"),
    "an overdue job": (_run("UPDATE jobs SET deadline_at = 1"), "job_overdue"),
}  # fmt: skip


def _forge(tx: WriteTx, type_: TransferType, posted: int, **more: Any) -> None:
    """Append a transfer the way one who knows the ledger would: chained, and with its account."""
    account = tx.execute(select(accounts).order_by(accounts.c.id).limit(1)).one()
    last = tx.execute(
        select(transfers.c.available_after, transfers.c.link).where(
            transfers.c.account_id == account.id, transfers.c.number == account.transfers
        )
    ).one()
    row: dict[str, Any] = dict.fromkeys(
        column.name for column in transfers.c if column.name != "link"
    )
    row |= {"id": new_id(), "account_id": account.id, "number": account.transfers + 1, "held": 0}
    corrected = TransferType.CHARGE if type_ is TransferType.REFUND else None
    other = counterparty(type_, corrected)
    row |= {"type": str(type_), "counterparty_id": str(other), "posted": posted}
    row |= {"reference": "forged", "created_at": now()} | more
    row["available_after"] = last.available_after + posted - row["held"]
    tx.execute(insert(transfers), row | {"link": link(last.link, *row.values())})
    tx.execute(
        update(accounts)
        .where(accounts.c.id == account.id)
        .values(
            posted=account.posted + posted,
            held=account.held + row["held"],
            transfers=account.transfers + 1,
        )
    )
    if type_ is TransferType.CAPTURE:
        tx.execute(update(holds).where(holds.c.id == row["hold_id"]).values(resolved_by=row["id"]))


def _refund_of_nothing(tx: WriteTx) -> None:
    _forge(tx, TransferType.REFUND, 5, corrects=None)


def _refund_of_too_much(tx: WriteTx) -> None:
    _forge(tx, TransferType.REFUND, 11, corrects=_first(tx, "type = 'charge'"))


def _refunds_of_too_much(tx: WriteTx) -> None:
    for amount in (6, 5):
        _forge(tx, TransferType.REFUND, amount, corrects=_first(tx, "type = 'charge'"))


def _refund_of_anothers(tx: WriteTx) -> None:
    theirs = tx.execute(
        text("SELECT id FROM transfers WHERE type = 'charge' ORDER BY account_id DESC LIMIT 1")
    ).scalar_one()
    _forge(tx, TransferType.REFUND, 5, corrects=theirs)


def _refund_of_a_top_up(tx: WriteTx) -> None:
    _forge(tx, TransferType.REFUND, 5, corrects=_first(tx, "type = 'top_up'"))


def _capture_of_too_much(tx: WriteTx) -> None:
    account_id = tx.execute(select(accounts.c.id).order_by(accounts.c.id).limit(1)).scalar_one()
    hold = tx.execute(
        select(holds).where(holds.c.account_id == account_id, holds.c.resolved_by.is_(None))
    ).one()
    _forge(tx, TransferType.CAPTURE, -hold.amount - 1, held=-hold.amount, hold_id=hold.id)


# What no link and no balance betrays: only the rules of the ledger do.
FORGERIES: dict[str, tuple[Callable[[WriteTx], None], str]] = {
    "a refund of nothing": (_refund_of_nothing, "refund_wrong"),
    "a refund of too much": (_refund_of_too_much, "refund_wrong"),
    "refunds that are too much together": (_refunds_of_too_much, "refund_wrong"),
    "a refund of another's charge": (_refund_of_anothers, "refund_wrong"),
    "a refund of a top-up": (_refund_of_a_top_up, "refund_wrong"),
    "a capture of too much": (_capture_of_too_much, "transfer_wrong"),
}


# A forged capture has no prediction and takes a job's hold away, which other rooms notice.
_SEEN_ELSEWHERE = {"charge_without_prediction", "job_without_hold"}


def _kinds(db: Database) -> set[str]:
    with db.read() as tx:
        return {finding.kind for finding in audit_books(tx).findings}


def test_clean_books_are_clean(books: Database) -> None:
    """Right books have no findings, and the report adds up."""
    with books.read() as tx:
        report = audit_books(tx)
    assert report.findings == []
    assert (report.accounts, report.transfers) == (2, 16)
    assert report.credits_with_customers == 2 * (1000 - 40 - 5 - 30)
    assert report.counterparties == {
        "payments": -2000, "revenue": 140, "promotions": 0, "adjustments": 10,
    }  # fmt: skip


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_planted_corruption_is_found(books: Database, corruption: str) -> None:
    """Whatever is changed behind the ledger's back, the audit names it."""
    corrupt, kind = CORRUPTIONS[corruption]
    assert _kinds(books) == set()
    with books.write() as tx:
        corrupt(tx)
    assert kind in _kinds(books)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_transfer_is_found(books: Database, forgery: str) -> None:
    """A transfer that breaks a rule is named, even if it is chained and booked as it should be."""
    forge, kind = FORGERIES[forgery]
    with books.write() as tx:
        forge(tx)
    assert _kinds(books) - _SEEN_ELSEWHERE == {kind}


def test_a_transfer_that_breaks_no_rule_is_no_finding(books: Database) -> None:
    """The forger's way of appending leaves nothing to find by itself: a full refund is right."""
    with books.write() as tx:
        _forge(tx, TransferType.REFUND, 10, corrects=_first(tx, "type = 'charge'"))
        _forge(tx, TransferType.PROMOTION, 5)
    assert _kinds(books) == set()


def test_the_command_tells_right_from_wrong(
    books: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`augury ledger audit` exits 0 on clean books and 1, naming what is wrong, on others."""
    monkeypatch.setenv("AUGURY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUGURY_SECRET_KEY", SECRET)
    command = ["ledger", "audit", "--data-dir", str(tmp_path)]
    clean = CliRunner().invoke(app, command)
    assert clean.exit_code == 0, clean.output
    assert "books are right" in clean.output
    with books.write() as tx:
        _prediction_without_charge(tx)
    wrong = CliRunner().invoke(app, command)
    assert wrong.exit_code == 1
    assert "prediction_without_charge" in wrong.output
    assert "books are right" not in wrong.output
