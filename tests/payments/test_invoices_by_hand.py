"""What administrators do about invoices by hand: mark, assign, refund, and look through them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from augury.audit_log.service import Actor
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.payments import reconcile, top_ups
from augury.payments.invoices import (
    BankLineNotAssignable,
    Outcome,
    assign,
    find_invoice,
    list_invoices,
    list_lines,
    mark_paid,
)
from augury.payments.refunds import refund
from augury.payments.values import TopUp
from payments.bank.files import document, onec
from payments.bank.office import Office, number_of, open_office, paying
from support.payments import ANY_ACTOR


@pytest.fixture
def office(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office; after the test its books must be right."""
    with open_office(database_url, tmp_path, monkeypatch) as opened:
        yield opened


def test_an_administrator_marks_an_invoice_as_paid_once(office: Office) -> None:
    """Who was first stays, and a line that comes later is shown as one too many."""
    top_up = office.bill()
    other = Actor(new_id())
    first = mark_paid(office.desk, number_of(top_up), ANY_ACTOR)
    assert mark_paid(office.desk, number_of(top_up), other) == first
    assert first.paid_by_actor == ANY_ACTOR.user_id
    assert office.credited(top_up) == 1000
    office.come(onec(paying(top_up)))
    assert office.outcomes() == [(Outcome.ALREADY_PAID, number_of(top_up))]
    assert office.credited(top_up) == 1000


def test_marking_and_importing_at_one_instant_credit_once(office: Office) -> None:
    """Whoever is first."""
    bills = [office.bill() for _ in range(4)]

    def mark(top_up: TopUp) -> None:
        mark_paid(office.desk, number_of(top_up), ANY_ACTOR)

    with ThreadPoolExecutor(5) as pool:
        imported = pool.submit(office.come, onec(*map(paying, bills)))
        list(pool.map(mark, bills))
        imported.result()
    assert [office.credited(one) for one in bills] == [1000] * 4


def test_nobody_marks_what_is_not_there(office: Office) -> None:
    """Nor looks at it, nor lets a line pay it."""
    with pytest.raises(NotFound):
        mark_paid(office.desk, "AUG-2026-000001", ANY_ACTOR)
    with pytest.raises(NotFound):
        find_invoice(office.desk.db, "AUG-2026-000001")
    with pytest.raises(NotFound):
        assign(office.desk, "0" * 64, number_of(office.bill()), ANY_ACTOR)


def test_a_line_without_number_is_assigned_by_hand(office: Office) -> None:
    """Once, however often it is said; the invoice names both the line and who said so."""
    top_up, other = office.bill(), office.bill()
    office.come(onec(document("за услуги")))
    (shown,) = list_lines(office.desk.db, limit=10, outcome=Outcome.UNMATCHED)
    for _ in range(2):
        assigned = assign(office.desk, shown.line.id, number_of(top_up), ANY_ACTOR)
        assert (assigned.outcome, assigned.invoice_number) == (Outcome.MATCHED, number_of(top_up))
    invoice = find_invoice(office.desk.db, number_of(top_up))
    assert (invoice.paid_by_line, invoice.paid_by_actor) == (shown.line.id, ANY_ACTOR.user_id)
    assert office.credited(top_up) == 1000
    with pytest.raises(BankLineNotAssignable) as refusal:
        assign(office.desk, shown.line.id, number_of(other), ANY_ACTOR)
    assert refusal.value.values["reason"] == Outcome.MATCHED
    assert office.credited(other) == 0


def test_a_line_for_two_invoices_pays_the_one_that_is_said(office: Office) -> None:
    """An ambiguous line can be assigned like an unmatched one."""
    first, second = office.bill(), office.bill()
    office.come(onec(document(f"{number_of(first)}, {number_of(second)}")))
    (shown,) = list_lines(office.desk.db, limit=10)
    assign(office.desk, shown.line.id, number_of(second), ANY_ACTOR)
    assert (office.credited(first), office.credited(second)) == (0, 1000)


def test_a_line_of_another_amount_is_not_assigned(office: Office) -> None:
    """Neither an unmatched one nor one that names the invoice."""
    top_up = office.bill()
    office.come(onec(document("x", amount="999.99"), paying(top_up, "5.00")))
    for shown in list_lines(office.desk.db, limit=10):
        with pytest.raises(BankLineNotAssignable):
            assign(office.desk, shown.line.id, number_of(top_up), ANY_ACTOR)
    assert office.credited(top_up) == 0


def test_a_line_is_not_assigned_to_a_paid_invoice_and_stays_as_it_was(office: Office) -> None:
    """Nothing of it is done by half."""
    top_up = office.bill()
    mark_paid(office.desk, number_of(top_up), ANY_ACTOR)
    office.come(onec(document("x")))
    (shown,) = list_lines(office.desk.db, limit=10)
    with pytest.raises(BankLineNotAssignable) as refusal:
        assign(office.desk, shown.line.id, number_of(top_up), ANY_ACTOR)
    assert refusal.value.values["reason"] == Outcome.ALREADY_PAID
    assert list_lines(office.desk.db, limit=10) == [shown]


def test_one_line_assigned_to_two_invoices_at_one_instant_pays_one(office: Office) -> None:
    """The line's own row decides."""
    bills = [office.bill() for _ in range(4)]
    office.come(onec(document("x")))
    (shown,) = list_lines(office.desk.db, limit=10)

    def run(top_up: TopUp) -> bool:
        try:
            assign(office.desk, shown.line.id, number_of(top_up), ANY_ACTOR)
        except BankLineNotAssignable:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, bills)) == 1
    assert sorted(map(office.credited, bills)) == [0, 0, 0, 1000]


def test_a_paid_invoice_is_refunded_by_an_administrator(office: Office) -> None:
    """Credits go when the administrator says that the money went."""
    top_up = office.bill()
    office.come(onec(paying(top_up)))
    made, _ = refund(office.desk, top_up.id, 400, "asked", actor=ANY_ACTOR, key=None)
    assert (made.status, made.money.amount_minor) == ("succeeded", 40_000)
    assert office.credited(top_up) == 600
    reconcile.check_top_up(office.desk, top_up.id)
    with office.desk.db.read() as tx:
        assert top_ups.read(tx, top_up.id).reason is None


def test_invoices_are_listed_newest_first_by_status_and_in_pages(office: Office) -> None:
    """Each page begins where the one before ended."""
    bills = [office.bill() for _ in range(5)]
    numbers = [number_of(one) for one in reversed(bills)]
    mark_paid(office.desk, numbers[2], ANY_ACTOR)
    db = office.desk.db
    first = list_invoices(db, limit=3)
    rest = list_invoices(db, limit=3, before=(first[-1].year, first[-1].serial))
    assert [one.number for one in first + rest] == numbers
    assert [one.number for one in list_invoices(db, limit=9, status="paid")] == [numbers[2]]
    unpaid = [one.number for one in list_invoices(db, limit=9, status="unpaid")]
    assert unpaid == [one for one in numbers if one != numbers[2]]


def test_lines_are_listed_last_import_first_by_outcome_and_in_pages(office: Office) -> None:
    """Lines of one import, which share a moment, are neither lost nor shown twice."""
    top_up = office.bill()
    office.come(onec(*[document(f"x{n}") for n in range(4)]), onec(paying(top_up, "1.00")))
    db = office.desk.db
    first = list_lines(db, limit=3)
    assert first[0].outcome is Outcome.AMOUNT_DIFFERS
    rest = list_lines(db, limit=3, before=(first[-1].imported_at, first[-1].line.id))
    assert len({one.line.id for one in first + rest}) == 5
    assert len(list_lines(db, limit=9, outcome=Outcome.UNMATCHED)) == 4
