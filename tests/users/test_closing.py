"""The end of an account: nothing of it in doubt, nothing left of who it was, books in order."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from augury import bootstrap
from augury.audit_log.service import HOUSE
from augury.bootstrap import House
from augury.client import ApiError, Client, Transaction
from augury.kit.clock import SECOND, now
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.payments.tables import top_ups
from augury.users.closing import AccountBusy
from augury.users.tables import users
from client.shop import Shop
from support.houses import APPLICANT, PASSWORD
from users.houses import house_on, log_of

MODEL = "credit-logistic-regression"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """A house that sells, on either database; in the end its books are right."""
    folder = tmp_path_factory.mktemp("house")
    with house_on(request, folder, webhook_private_networks="127.0.0.0/8") as (http, house):
        yield Shop(http, house)


def code_of(work: Any) -> str:
    with pytest.raises(ApiError) as refused:
        work()
    return refused.value.code


def everything(client: Client) -> list[Transaction]:
    return list(client.each_transaction())


def test_a_closed_account_has_nothing_left_but_its_history(shop: Shop) -> None:
    """Sessions, keys, endpoints, methods and the standing order end; name and address are gone."""
    anna = shop.customer()
    me = anna.me()
    bought = anna.predict(MODEL, APPLICANT)
    key = anna.api_keys.create("nightly").key
    anna.webhooks.add_endpoint("http://127.0.0.1:9/hook")
    shop.pay(anna.money.start_top_up(1000, save_method=True))
    (method,) = anna.money.payment_methods()
    anna.money.set_automatic_top_up(
        method.id, below=100, credits=1000, currency="RUB", monthly_cap_minor=1_000_000
    )
    token = anna.token
    assert code_of(lambda: anna.account.close("wrong", forfeit_credits=True)) == "wrong_password"
    assert code_of(lambda: anna.account.close(PASSWORD)) == "credits_left"
    anna.account.close(PASSWORD, forfeit_credits=True)
    for credential in (token, key):
        gone = shop.guest().acting_as(credential)
        assert code_of(gone.me) == "unauthenticated"
        assert code_of(lambda gone=gone: gone.predict(MODEL, APPLICANT)) == "unauthenticated"
    for name in (me.username, me.email, f"closed:{me.id}", ""):
        assert code_of(lambda name=name: shop.guest().sign_in(name, PASSWORD)) in {
            "invalid_credentials",
            "invalid_input",
        }
    told = shop.admin().admin.user(me.id)
    assert (told.username, told.email, told.status) == (f"closed:{me.id}", "", "blocked")
    assert (told.balance.available, told.balance.held) == (0, 0)
    closed = next(one for one in log_of(shop.house, me.id) if one.action == "user.closed")
    assert closed.details == {
        "forfeited": 6000 - bought.price,
        "webhook_endpoints": 1,
        "payment_methods": 1,
        "sessions": 1,
        "api_keys": 1,
    }
    assert me.username not in str(log_of(shop.house, me.id))


def test_the_name_is_free_again_and_nothing_of_before_comes_with_it(shop: Shop) -> None:
    """Somebody new may take name and address."""
    anna = shop.customer()
    me = anna.me()
    anna.account.close(PASSWORD, forfeit_credits=True)
    again = shop.guest()
    again.register(me.username, me.email, PASSWORD)
    again.sign_in(me.username, PASSWORD)
    assert again.me().id != me.id
    assert [one.type for one in everything(again)] == ["promotion"]


def test_nobody_lets_in_again_or_pays_who_has_left(shop: Shop) -> None:
    """Not even an administrator."""
    anna, boss = shop.customer(), shop.admin()
    me = anna.me()
    anna.account.close(PASSWORD, forfeit_credits=True)
    assert code_of(lambda: boss.admin.set_status(me.id, "active")) == "invalid_input"
    assert code_of(lambda: boss.admin.adjust(me.id, 10, "a present")) == "account_closed"


def test_an_account_with_an_unpaid_top_up_stays(shop: Shop) -> None:
    """Its money may be on the way; when it has failed, the account can be closed."""
    anna = shop.customer()
    begun = anna.money.start_top_up(1000, save_method=True)
    anna.webhooks.add_endpoint("http://127.0.0.1:9/hook")
    before = everything(anna)
    with pytest.raises(ApiError) as refused:
        anna.account.close(PASSWORD, forfeit_credits=True)
    assert refused.value.code == "account_busy"
    assert len(anna.webhooks.endpoints()) == 1
    assert everything(anna) == before
    shop.pay(begun)
    anna.account.close(PASSWORD, forfeit_credits=True)


def test_money_that_comes_too_late_is_shown_to_administrators(shop: Shop) -> None:
    """It cannot be credited any more, and is not lost from sight."""
    anna = shop.customer()
    begun = anna.money.start_top_up(1000)
    _age(shop.house, begun.id)
    anna.account.close(PASSWORD, forfeit_credits=True)
    with pytest.raises(AssertionError):
        shop.pay(begun)  # the provider is refused, and says it again
    with shop.house.db.read() as tx:
        row = tx.execute(select(top_ups).where(top_ups.c.id == begun.id)).one()
    assert (row.status, row.attention) == ("expired", "account_closed")


def _age(house: House, top_up_id: str) -> None:
    with house.db.write() as tx:
        expired = {"status": "expired", "expires_at": 1, "check_at": None}
        tx.execute(top_ups.update().where(top_ups.c.id == top_up_id).values(**expired))


def test_a_hold_that_is_just_being_made_keeps_the_account(shop: Shop) -> None:
    """Whoever closes waits for it, sees it, and closes nothing."""
    anna = shop.customer()
    user_id = anna.me().id
    hold = Instruction(
        new_id(), TransferType.HOLD, user_id, 100, "work", expires_at=now() + 3600 * SECOND
    )
    made, begun = threading.Event(), threading.Event()

    def work() -> None:
        with shop.house.db.write() as tx:
            ledger.post(tx, [hold])
            made.set()
            assert begun.wait(60)

    def leave() -> None:
        bootstrap.close_account(shop.house, user_id, PASSWORD, HOUSE, forfeits=True)

    with ThreadPoolExecutor(2) as pool:
        working = pool.submit(work)
        assert made.wait(60)
        leaving = pool.submit(leave)
        begun.set()
        working.result()
        refused = leaving.exception()
    assert isinstance(refused, AccountBusy)
    assert refused.values["held"] == 100
    assert anna.me().balance.held == 100
    with shop.house.db.write() as tx:
        back = Instruction(new_id(), TransferType.RELEASE, user_id, 0, "work", hold_id=hold.id)
        ledger.post(tx, [back])
    leave()


def test_sales_at_the_same_moment_are_before_it_or_are_none(shop: Shop) -> None:
    """What was sold was paid, what was left was given up, and nothing was sold afterwards."""
    anna = shop.customer()
    user_id, begun = anna.me().id, threading.Event()

    def buy() -> list[str]:
        mine = shop.guest().acting_as(anna.token)
        outcomes: list[str] = []
        while set(outcomes) <= {"succeeded"}:  # however late the other comes
            try:
                outcomes.append(mine.predict(MODEL, APPLICANT).status)
            except ApiError as refused:
                outcomes.append(refused.code)
            if len(outcomes) == 3:
                begun.set()
        return outcomes

    def leave() -> None:
        assert begun.wait(60)
        bootstrap.close_account(shop.house, user_id, PASSWORD, HOUSE, forfeits=True)

    with ThreadPoolExecutor(5) as pool:
        buying = [pool.submit(buy) for _ in range(4)]
        pool.submit(leave).result()
        outcomes = [one for work in buying for one in work.result()]
    refused = {"account_closed", "insufficient_credits", "unauthenticated"}
    assert {"succeeded"} < set(outcomes) <= {"succeeded"} | refused
    sold = 10 * outcomes.count("succeeded")
    closed = next(one for one in log_of(shop.house, user_id) if one.action == "user.closed")
    assert closed.details["forfeited"] == 5000 - sold
    with shop.house.db.read() as tx:
        assert ledger.balances(tx, [user_id])[user_id].available == 0


def test_the_last_administrator_stays(shop: Shop) -> None:
    """Somebody has to look after the house; of two, one may go."""
    boss, heir = shop.admin(), shop.customer()

    def leave(who: Client) -> None:
        who.account.close(PASSWORD, forfeit_credits=True)

    assert code_of(lambda: leave(boss)) == "last_administrator"
    with shop.house.db.write() as tx:
        tx.execute(users.update().where(users.c.id == heir.me().id).values(role="admin"))
    leave(heir)
    assert code_of(lambda: leave(boss)) == "last_administrator"
