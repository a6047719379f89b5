"""Vouchers, in front of a real API."""

from augury.client import AuditFilter
from ui.pages import press, spoken, words
from ui.real import Cabinet


def test_codes_are_made_shown_once_redeemed_and_stopped(cabinet: Cabinet) -> None:
    admin = cabinet.admin()
    page = cabinet.open("admin-vouchers")
    assert not page.exception
    assert not any(one.label.startswith("Make codes") for one in page.button)
    page.text_input(key="admin-vouchers/name").set_value("Conference").run()
    page.number_input(key="admin-vouchers/codes").set_value(3).run()
    press(page, "Make codes")
    assert "Makes 3 codes, each worth 500 credits: 1,500 credits in all" in words(page)
    assert all(one.name != "Conference" for one in admin.admin.vouchers.page().items)
    press(page, "Yes, do it")
    assert not page.exception
    codes = page.code[0].value.split()
    assert len(codes) == 3
    (batch,) = (one for one in admin.admin.vouchers.page().items if one.name == "Conference")
    made = admin.admin.audit.page(AuditFilter(action="voucher_batch.made"), limit=1).items[0]
    assert made.subject == f"voucher_batch:{batch.id}"
    press(page, "I have them")
    assert not page.code

    buyer = cabinet.shop.customer()
    buyer.money.redeem_voucher(codes[0])
    one = cabinet.open("admin-vouchers", id=batch.id)
    said = words(one)
    assert buyer.me().username in said
    assert "redeemed: 1 of 3" in said
    press(one, "Stop")
    assert "uses that are left: 2" in words(one)
    press(one, "Yes, do it")
    assert "Stopped" in spoken(one.success[0].value)
    assert admin.admin.vouchers.batch(batch.id).status == "stopped"
    assert not any(button.label == "Stop" for button in one.button)


def test_codes_are_not_shown_to_who_signs_in_next(cabinet: Cabinet) -> None:
    """In the same tab, as somebody else."""
    cabinet.admin()
    page = cabinet.open("admin-vouchers")
    page.text_input(key="admin-vouchers/name").set_value("Fair").run()
    press(page, "Make codes")
    press(page, "Yes, do it")
    assert page.code
    cabinet.admin()
    page.run()
    assert not page.code


def test_an_offer_that_the_api_refuses_stays_in_the_form(cabinet: Cabinet) -> None:
    cabinet.admin()
    page = cabinet.open("admin-vouchers")
    page.text_input(key="admin-vouchers/name").set_value("Too many").run()
    page.number_input(key="admin-vouchers/codes").set_value(1_000_000).run()
    press(page, "Make codes")
    press(page, "Yes, do it")
    assert page.error
    assert page.number_input(key="admin-vouchers/codes").value == 1_000_000
