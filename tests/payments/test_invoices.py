"""A bank statement pays exactly the invoices that it pays, once, and everything else is shown."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.ledger.refusals import BalanceTooLarge
from augury.payments import bank, bank_imports, invoices, reconcile, settle, top_ups
from augury.payments.bank_imports import Summary, import_file
from augury.payments.desk import ProviderUnknown
from augury.payments.invoices import (
    Outcome,
    find_invoice,
    list_lines,
    mark_paid,
)
from augury.payments.providers.protocol import Event, NotificationRefused
from payments.bank.files import camt, document, entry, lines_of, onec
from payments.bank.office import Office, number_of, open_office, paying
from support.payments import ANY_ACTOR, Crash

DAY = 24 * 3600


@pytest.fixture
def office(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office; after the test its books must be right."""
    with open_office(database_url, tmp_path, monkeypatch) as opened:
        yield opened


def test_a_statement_pays_an_invoice(office: Office) -> None:
    """And the credits come, with a top-up that names the invoice."""
    top_up = office.bill()
    assert office.come(onec(paying(top_up))) == [Summary(1, 0, {Outcome.MATCHED: 1})]
    assert office.credited(top_up) == 1000
    invoice = find_invoice(office.desk.db, number_of(top_up))
    (line,) = list_lines(office.desk.db, limit=10)
    assert invoice.paid_by_line == line.line.id
    assert invoice.paid_at is not None
    assert invoice.paid_by_actor is None
    assert (line.outcome, line.invoice_number) == (Outcome.MATCHED, invoice.number)
    assert line.imported_by == ANY_ACTOR.user_id


def test_a_european_statement_pays_in_its_currency(office: Office) -> None:
    """Euros by camt.053, to the same book of invoices."""
    roubles, euros = office.bill(), office.bill(currency="EUR")
    office.come(camt(entry("11.00", f"Invoice {number_of(euros)}")))
    assert (office.credited(roubles), office.credited(euros)) == (0, 1000)


def test_a_file_imported_twice_changes_nothing(office: Office) -> None:
    """Every line is known the second time."""
    top_up = office.bill()
    content = onec(paying(top_up), document("депозит"))
    first, second = office.come(content, content)
    assert first == Summary(2, 0, {Outcome.MATCHED: 1, Outcome.UNMATCHED: 1})
    assert second == Summary(2, 2, {})
    assert office.credited(top_up) == 1000


def test_files_that_overlap_bring_only_what_is_new(office: Office) -> None:
    """Yesterday's lines stand in today's file again."""
    first, second = office.bill(), office.bill()
    office.come(onec(paying(first)))
    (summary,) = office.come(onec(paying(first), paying(second)))
    assert summary == Summary(2, 1, {Outcome.MATCHED: 1})
    assert (office.credited(first), office.credited(second)) == (1000, 1000)


def test_a_customer_who_pays_twice_is_credited_once_and_shown(office: Office) -> None:
    """Two equal lines of one file, and a third on another day, are three payments."""
    top_up = office.bill()
    office.come(onec(paying(top_up), paying(top_up)), onec(paying(top_up, date="09.03.2026")))
    number = number_of(top_up)
    assert sorted(office.outcomes()) == [
        (Outcome.ALREADY_PAID, number),
        (Outcome.ALREADY_PAID, number),
        (Outcome.MATCHED, number),
    ]
    assert office.credited(top_up) == 1000


@pytest.mark.parametrize("content", [onec, camt])
def test_one_file_imported_by_several_at_one_instant_credits_once(
    office: Office, content: Callable[..., bytes]
) -> None:
    """Each line is handled by one of them."""
    bills = [office.bill(currency="RUB" if content is onec else "EUR") for _ in range(4)]
    file = (
        onec(*map(paying, bills), *[document("x")] * 3)
        if content is onec
        else camt(*[entry("11.00", number_of(one)) for one in bills], *[entry("1.00", "x")] * 3)
    )
    start = threading.Barrier(4)

    def run(_: int) -> Summary:
        start.wait()
        return import_file(office.desk, file, ANY_ACTOR)

    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(run, range(4)))
    assert sum(one.lines - one.known for one in summaries) == 7
    assert sum(one.outcomes.get(Outcome.MATCHED, 0) for one in summaries) == 4
    assert [office.credited(one) for one in bills] == [1000] * 4


def test_two_lines_for_one_invoice_at_one_instant_credit_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked and saw it unpaid; the row decides."""
    top_up = office.bill()
    lines = lines_of(onec(paying(top_up, number="1"), paying(top_up, number="2")))
    with office.desk.db.read() as tx:
        judged = bank_imports._judge(tx, lines)
    assert [one.outcome for one in judged] == [Outcome.MATCHED] * 2
    file = bank_imports._Import(ANY_ACTOR, "digest", len(lines))
    outcomes = [bank_imports._pay_by(office.desk, one, file) for one in judged]
    assert outcomes == [[Outcome.MATCHED], [Outcome.ALREADY_PAID]]
    assert [one for one, _ in office.outcomes()] == [Outcome.MATCHED, Outcome.ALREADY_PAID]
    assert office.credited(top_up) == 1000


@pytest.mark.parametrize("amount", ["999.99", "1000.01", "10000.00", "0.01"])
def test_another_amount_pays_nothing_and_is_shown(office: Office, amount: str) -> None:
    """To the unit."""
    top_up = office.bill()
    office.come(onec(paying(top_up, amount)))
    assert office.outcomes() == [(Outcome.AMOUNT_DIFFERS, number_of(top_up))]
    assert office.credited(top_up) == 0


def test_another_currency_pays_nothing(office: Office) -> None:
    """A thousand euros are not a thousand roubles."""
    top_up = office.bill()
    office.come(camt(entry("1000.00", number_of(top_up))))
    assert office.outcomes() == [(Outcome.AMOUNT_DIFFERS, number_of(top_up))]


def test_two_invoices_in_one_purpose_are_not_chosen_between(office: Office) -> None:
    """Even when the amount fits one of them; the same number twice is one invoice."""
    first, second = office.bill(), office.bill()
    both = f"{number_of(first)} и {number_of(second)}"
    office.come(onec(document(both)))
    assert office.outcomes() == [(Outcome.AMBIGUOUS, None)]
    office.come(onec(document(f"{number_of(first)} {number_of(first)}")))
    assert office.outcomes()[-1] == (Outcome.MATCHED, number_of(first))
    assert (office.credited(first), office.credited(second)) == (1000, 0)


def test_numbers_that_are_no_invoices_of_ours_do_not_disturb(office: Office) -> None:
    """A contract's number may look like one."""
    top_up = office.bill()
    office.come(onec(document(f"договор DOG-2026-000001, счёт {number_of(top_up)}")))
    assert office.credited(top_up) == 1000


@pytest.mark.parametrize("purpose", ["", "депозит", "счёт AUG-2026-999999", "AUG-2026-00001"])
def test_an_unknown_number_is_shown(office: Office, purpose: str) -> None:
    """And pays nothing, though the amount would fit."""
    top_up = office.bill()
    office.come(onec(document(purpose)))
    assert office.outcomes() == [(Outcome.UNMATCHED, None)]
    assert office.credited(top_up) == 0


def test_a_purpose_with_more_numbers_than_anybody_writes_is_ambiguous(office: Office) -> None:
    """So that what was not looked at pays nothing."""
    top_up = office.bill()
    many = " ".join(f"X-2026-{n:06d}" for n in range(60))
    office.come(onec(document(f"{number_of(top_up)} {many}")))
    assert office.outcomes() == [(Outcome.AMBIGUOUS, None)]


def test_what_is_longer_than_we_keep_is_cut_after_it_was_read(office: Office) -> None:
    """The number at the end still counts."""
    top_up = office.bill()
    office.come(onec(document("ы" * 5000 + " " + number_of(top_up)).replace("Ромашка", "р" * 500)))
    (stored,) = list_lines(office.desk.db, limit=10)
    assert len(stored.line.purpose) == 1000
    assert len(stored.line.payer) == 200
    assert stored.line.purpose.endswith("…")
    assert office.credited(top_up) == 1000


def test_a_file_that_cannot_be_read_imports_nothing(office: Office) -> None:
    """Not even the good lines before the bad one."""
    top_up = office.bill()
    with pytest.raises(bank.BankStatementUnreadable):
        office.come(onec(paying(top_up), document("x", amount="many")))
    assert office.outcomes() == []
    assert office.credited(top_up) == 0


def test_without_the_provider_nothing_is_imported(office: Office) -> None:
    """Its settings say which account is ours."""
    with pytest.raises(ProviderUnknown):
        import_file(replace(office.desk, providers={}), onec(), ANY_ACTOR)


def test_a_long_statement_is_imported_in_parts(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same result."""
    monkeypatch.setattr(bank_imports, "_AT_ONCE", 2)
    top_up = office.bill()
    content = onec(document("a"), document("b"), document("c"), paying(top_up), document("d"))
    assert office.come(content) == [Summary(5, 0, {Outcome.MATCHED: 1, Outcome.UNMATCHED: 4})]
    assert office.credited(top_up) == 1000


def test_a_crash_between_paid_and_credited_is_healed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reconciliation finds the invoice paid, also when it had given the top-up up."""
    top_up = office.bill()
    late = now() + 60 * DAY * SECOND
    for moved in (reconcile, settle, invoices, top_ups):
        monkeypatch.setattr(moved, "now", lambda: late)
    reconcile.reconcile_due(office.desk)
    with office.desk.db.read() as tx:
        assert top_ups.read(tx, top_up.id).status == "expired"
    assert reconcile.reconcile_due(office.desk) == 0

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as dying:
        dying.setattr(invoices, "settle", crash)
        with pytest.raises(Crash):
            office.come(onec(paying(top_up)))
    assert office.credited(top_up) == 0
    assert office.come(onec(paying(top_up))) == [Summary(1, 1, {})]
    late += 61 * SECOND
    assert reconcile.reconcile_due(office.desk) == 1
    assert office.credited(top_up) == 1000
    mark_paid(office.desk, number_of(top_up), ANY_ACTOR)
    assert office.credited(top_up) == 1000


@pytest.mark.parametrize("refusal", [BalanceTooLarge(), NotificationRefused()])
def test_one_invoice_that_cannot_be_credited_stops_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    """It stays paid for an administrator to look at."""
    first, second = office.bill(), office.bill()

    def refuse_first(db: Database, provider: str, event: Event) -> str:
        if event.payment.top_up_id == first.id:
            raise refusal
        return settle.settle(db, provider, event)

    monkeypatch.setattr(invoices, "settle", refuse_first)
    (summary,) = office.come(onec(paying(first), paying(second)))
    assert summary.outcomes == {Outcome.MATCHED: 2}
    assert (office.credited(first), office.credited(second)) == (0, 1000)


def test_money_that_comes_late_is_money(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice can be paid after its top-up has expired."""
    top_up = office.bill()
    monkeypatch.setattr(reconcile, "now", lambda: top_up.expires_at + 61 * SECOND)
    reconcile.check_top_up(office.desk, top_up.id)
    with office.desk.db.read() as tx:
        assert top_ups.read(tx, top_up.id).status == "expired"
    office.come(onec(paying(top_up)))
    assert office.credited(top_up) == 1000


def test_no_lines_are_no_trouble(office: Office) -> None:
    """A day without money."""
    assert office.come(onec()) == [Summary(0, 0, {})]
