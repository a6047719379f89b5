"""Everybody's top-ups, in front of a real API."""

from augury.client import AuditFilter, TopUpFilter
from augury.payments.providers.sandbox import Choice
from ui.pages import press, spoken, words
from ui.real import Cabinet


def test_a_top_up_is_found_checked_and_given_back(cabinet: Cabinet) -> None:
    """Each deed is asked about first, and stands in the audit log afterwards."""
    buyer = cabinet.customer()
    name = buyer.me().username
    paid = buyer.money.start_top_up(1000)
    cabinet.shop.pay(paid)
    cabinet.shop.pay(buyer.money.start_top_up(5000), Choice.DECLINE)
    admin = cabinet.admin()
    page = cabinet.open("admin-top-ups")
    assert not page.exception
    page.text_input(key="admin-top-ups/user").set_value(name).run()
    assert f"**{name}** · 1,000 credits" in words(page)
    assert f"**{name}** · 5,000 credits" in words(page)
    page.selectbox(key="admin-top-ups/status").set_value("succeeded").run()
    assert f"**{name}** · 5,000 credits" not in words(page)

    one = cabinet.open("admin-top-ups", id=paid.id)
    press(one, "Ask the provider")
    press(one, "Yes, do it")
    assert "says the same as we do: Paid" in spoken(one.success[0].value)
    assert "Give money back" not in words(one)
    one.number_input[0].set_value(300).run()
    one.text_input[0].set_value("asked for it").run()
    press(one, "Give money back")
    assert "300 credits are taken" in words(one)
    assert admin.admin.top_ups.refunds(paid.id) == ()
    press(one, "Yes, do it")
    assert not one.exception
    assert "The refund was begun" in spoken(one.success[0].value)
    (refund,) = admin.admin.top_ups.refunds(paid.id)
    assert (refund.credits, refund.reason) == (300, "asked for it")
    assert "asked for it" in words(one)
    wanted = AuditFilter(action="refund.requested", subject=f"top_up:{paid.id}")
    assert len(admin.admin.audit.page(wanted).items) == 1


def test_a_refund_that_is_refused_loses_nothing_that_was_typed(cabinet: Cabinet) -> None:
    """The customer has spent the credits; the reason is still there."""
    buyer = cabinet.customer()
    paid = buyer.money.start_top_up(1000)
    cabinet.shop.pay(paid)
    admin = cabinet.admin()
    balance = buyer.me().balance.available
    admin.admin.adjust(buyer.me().id, -balance, "spent otherwise")
    page = cabinet.open("admin-top-ups", id=paid.id)
    page.text_input[0].set_value("asked for it").run()
    press(page, "Give money back")
    press(page, "Yes, do it")
    assert page.error
    assert page.text_input[0].value == "asked for it"


def test_filters_of_the_api_leave_what_they_say(cabinet: Cabinet) -> None:
    buyer = cabinet.customer()
    begun = buyer.money.start_top_up(1000)
    admin = cabinet.admin().admin
    mine = TopUpFilter(user_id=buyer.me().id, provider="sandbox", since=begun.created_at)
    assert [one.id for one in admin.top_ups.page(mine).items] == [begun.id]
    assert admin.top_ups.page(TopUpFilter(provider="stripe")).items == ()
    assert admin.top_ups.page(TopUpFilter(attention=True)).items == ()
    assert admin.top_ups.one(begun.id).user_id == buyer.me().id


def test_where_no_invoices_are_sold_nothing_can_be_imported(cabinet: Cabinet) -> None:
    cabinet.admin()
    assert "Bank statement" not in words(cabinet.open("admin-top-ups"))
