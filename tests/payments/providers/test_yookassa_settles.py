"""From the customer's payment at YooKassa to credits in the ledger, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from augury.kit.clock import SECOND, now
from augury.payments import reconcile, refunds, settle, top_ups
from augury.payments.desk import Desk
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import NotificationRefused
from augury.payments.settle import receive
from augury.payments.values import TopUp
from payments.providers.yookassa_bank import YooKassaBank, open_bank, told
from support.payments import ANY_ACTOR, BUYER, PACKS, Till


@pytest.fixture
def bank() -> Iterator[YooKassaBank]:
    with open_bank() as opened:
        yield opened


def desk(till: Till, bank: YooKassaBank) -> Desk:
    prices = PriceList(PACKS)
    return Desk(till.db, {"yookassa": bank.provider}, prices, "https://augury.example", 60)


def begin(till: Till, bank: YooKassaBank, user_id: str) -> TopUp:
    wish = top_ups.Wish(user_id, 1000, BUYER, "ru", currency="RUB")
    return top_ups.start_top_up(desk(till, bank), wish)[0]


def stored(till: Till, top_up: TopUp) -> TopUp:
    with till.db.read() as tx:
        return top_ups.read(tx, top_up.id)


def captures(bank: YooKassaBank) -> int:
    return sum(b'"payment.succeeded"' in body for body in bank.server.sent)


def test_a_payment_is_taken_and_credited_once_however_it_is_told(
    till: Till, bank: YooKassaBank
) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    bank.server.pay(top_up.reference or "")
    (waiting,) = bank.server.sent
    with ThreadPoolExecutor(4) as pool:
        told_at_once = [told(waiting)] * 4
        list(pool.map(lambda one: receive(desk(till, bank), "yookassa", one), told_at_once))
    for body in reversed(bank.server.sent):
        receive(desk(till, bank), "yookassa", told(body))
    assert till.available(anna) == 1000
    assert stored(till, top_up).status == "succeeded"
    assert captures(bank) == 1


def test_a_payment_of_another_amount_is_neither_taken_nor_credited(
    till: Till, bank: YooKassaBank
) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    reference = top_up.reference or ""
    bank.server.payments[reference]["amount"] = {"value": "1.00", "currency": "RUB"}
    bank.server.pay(reference)
    with pytest.raises(NotificationRefused):
        receive(desk(till, bank), "yookassa", told(bank.server.sent[-1]))
    assert till.available(anna) == 0
    assert stored(till, top_up).attention == settle.DIFFERS
    assert bank.server.payments[reference]["status"] == "waiting_for_capture"


def test_a_payment_that_was_never_told_of_is_found_taken_and_credited(
    till: Till, bank: YooKassaBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    bank.server.pay(top_up.reference or "")
    monkeypatch.setattr(reconcile, "now", lambda: now() + 120 * SECOND)
    reconcile.reconcile_due(desk(till, bank))
    assert till.available(anna) == 1000
    assert captures(bank) == 1
    for body in bank.server.sent:
        receive(desk(till, bank), "yookassa", told(body))
    assert till.available(anna) == 1000


def test_a_refund_takes_credits_and_money_and_its_notification_changes_nothing(
    till: Till, bank: YooKassaBank
) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    bank.server.pay(top_up.reference or "")
    receive(desk(till, bank), "yookassa", told(bank.server.sent[-1]))
    refund, _ = refunds.refund(
        desk(till, bank), top_up.id, 400, "Ошибка", actor=ANY_ACTOR, key=None
    )
    assert refund.status == "succeeded"
    assert bank.refunded_minor(top_up.reference or "") == refund.money.amount_minor == 40_000
    for body in bank.server.sent:
        assert receive(desk(till, bank), "yookassa", told(body)) != settle.REFUNDED_ELSEWHERE
    assert till.available(anna) == 600
    assert stored(till, top_up).attention is None
