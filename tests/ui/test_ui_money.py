"""Buying credits in the cabinet, and what stands beside it, against an API in memory."""

from itertools import count
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from augury.ui.parts import intents, latest_top_ups
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.cookies import LANGUAGE_COOKIE
from augury.ui.web.hub import Hub
from augury.ui.web.sessions import SignedOut
from ui.answers import problem
from ui.pages import Open, links, press, spoken, words
from ui.stub_api import StubApi
from ui.stub_money import method, provider, top_up

START = "POST /v1/top-ups"
pytestmark = pytest.mark.usefixtures("signed_in")


def choose(page: AppTest, credits_: int) -> None:
    """Choose a pack, or 0 for another number."""
    packs = next(one for one in page.radio if str(one.key).startswith("top-up/pack"))
    packs.set_value(credits_).run()


def field(page: AppTest, label: str) -> Any:
    """Return the number field with a label."""
    return next(one for one in page.number_input if one.label == label)


def test_packs_are_offered_with_price_and_discount(open_page: Open) -> None:
    page = open_page("top-up")
    (packs,) = page.radio
    assert packs.options == [
        "**1,000 credits**",
        "**5,000 credits** :green-badge[5% off]",
        "**Another number**",
    ]
    assert [spoken(one) for one in packs.captions] == [
        "RUB 1,000.00",
        "RUB 4,750.00",
        "as many as you like",
    ]
    assert "Buy 1,000 credits for RUB 1,000.00" in words(page)
    assert "No top-ups yet." in words(page)


def test_russians_read_it_in_russian(open_page: Open, cookies: dict[str, str]) -> None:
    cookies[LANGUAGE_COOKIE] = "ru"
    page = open_page("top-up")
    choose(page, 5000)
    assert "Купить 5 000 кредитов за 4 750,00 ₽" in words(page)


def test_a_top_up_begins_with_one_click_and_is_paid_with_the_next(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("top-up")
    choose(page, 5000)
    press(page, "Buy 5,000")
    wish = {"credits": 5000, "provider": "sandbox", "currency": "RUB", "save_method": False}
    assert api.money.wishes == [wish]
    assert "Ready to be paid: 5,000 credits for RUB 4,750.00." in words(page)
    assert links(page) == {
        "Pay RUB 4,750.00": "https://bank.test/t1",
        "Pay": "https://bank.test/t1",
    }
    assert "Waiting for payment" in words(page)
    # The way to pay has taken the button's place.
    assert not [one for one in page.button if one.label.startswith("Buy")]


def test_the_way_to_pay_belongs_to_what_was_chosen(open_page: Open) -> None:
    page = open_page("top-up")
    press(page, "Buy 1,000")
    choose(page, 5000)
    assert "Buy 5,000 credits" in words(page)
    choose(page, 1000)
    assert "Pay RUB 1,000.00" in links(page)


@pytest.mark.parametrize(
    ("status", "said", "has_receipt"),
    [
        ("succeeded", "Paid", True),
        ("failed", "Not paid", False),
        ("expired", "Too late to pay", False),
        ("refunded", "Money given back", True),
    ],
)
def test_a_settled_top_up_says_so_and_has_no_way_to_pay(
    open_page: Open, api: StubApi, status: str, said: str, has_receipt: bool
) -> None:
    page = open_page("top-up")
    press(page, "Buy 1,000")
    api.money.settle(status)
    page.run()
    assert said in words(page)
    assert links(page) == ({"Receipt": "/receipts/t1.pdf"} if has_receipt else {})
    assert "Buy 1,000 credits" in words(page)


def test_another_number_has_its_price_at_once(open_page: Open, api: StubApi) -> None:
    page = open_page("top-up")
    choose(page, 0)
    field(page, "Credits").set_value(1500).run()
    assert "Buy 1,500 credits for RUB 1,500.00" in words(page)
    press(page, "Buy 1,500")
    assert api.money.wishes[0]["credits"] == 1500
    assert "Pay RUB 1,500.00" in links(page)


def test_a_pack_that_is_cheaper_is_pointed_out(open_page: Open) -> None:
    page = open_page("top-up")
    choose(page, 0)
    field(page, "Credits").set_value(4900).run()
    assert "A pack is the better buy: 5,000 credits for RUB 4,750.00." in words(page)


def test_a_number_that_cannot_be_bought_is_the_apis_to_refuse(
    open_page: Open, api: StubApi
) -> None:
    fault = {"pointer": "/credits", "message": "Choose 1 to 100000000 credits."}
    api.refusals[START] = problem(422, "invalid_input", "Check the input.", errors=[fault])
    page = open_page("top-up")
    choose(page, 0)
    field(page, "Credits").set_value(0).run()
    press(page, "Buy")
    assert "**Credits**: Choose 1 to 100000000 credits." in spoken(page.error[0].value)
    assert links(page) == {}


def test_the_currency_is_the_payers_choice(open_page: Open, api: StubApi) -> None:
    page = open_page("top-up")
    currency = next(one for one in page.segmented_control if one.label == "Currency")
    currency.set_value("USD").run()
    press(page, "Buy 1,000 credits for $12.00".replace("$", r"\$"))
    assert api.money.wishes[0]["currency"] == "USD"
    assert "Pay $12.00" in links(page)


def test_a_pack_that_another_currency_lacks_is_not_kept(open_page: Open, api: StubApi) -> None:
    api.money.packs = {"RUB": {1000: 100_000, 5000: 475_000}, "USD": {1000: 1200, 7000: 8000}}
    page = open_page("top-up")
    choose(page, 5000)
    next(one for one in page.segmented_control if one.label == "Currency").set_value("USD").run()
    assert not page.exception
    assert "Buy 1,000 credits for $12.00" in words(page)


def test_several_providers_are_a_choice_and_each_has_its_currencies(
    open_page: Open, api: StubApi
) -> None:
    api.money.providers = [provider("yookassa", "RUB"), provider("new_one", "USD")]
    page = open_page("top-up")
    chosen = next(one for one in page.radio if one.label == "How to pay")
    assert chosen.options == ["Card, SBP or wallet (YooKassa)", r"new\_one"]
    chosen.set_value("new_one").run()
    press(page, "Buy")
    assert (api.money.wishes[0]["provider"], api.money.wishes[0]["currency"]) == ("new_one", "USD")


def test_remembering_is_offered_where_the_provider_can(open_page: Open, api: StubApi) -> None:
    page = open_page("top-up")
    page.checkbox[0].check().run()
    press(page, "Buy")
    assert api.money.wishes[0]["save_method"] is True
    api.money.providers = [provider("sandbox", saves_methods=False)]
    assert not open_page("top-up").checkbox


def test_an_invoice_names_who_pays(open_page: Open, api: StubApi) -> None:
    api.money.providers = [provider("invoice", "RUB", saves_methods=False)]
    page = open_page("top-up")
    press(page, "Buy")
    assert "Fill in who pays" in page.error[0].value
    assert api.money.wishes == []
    name = next(one for one in page.text_input if one.label == "Who pays")
    name.set_value(" Heron & Co ").run()
    press(page, "Buy")
    assert api.money.wishes[0]["buyer"] == {"name": "Heron & Co"}
    assert links(page) == {"Open the invoice": "https://bank.test/t1"}


def test_nothing_is_sold_without_a_provider(open_page: Open, api: StubApi) -> None:
    api.money.providers = []
    page = open_page("top-up")
    assert "cannot be bought here" in page.info[0].value
    assert not [one for one in page.button if one.label.startswith("Buy")]


@pytest.mark.parametrize(("double_click_seconds", "begun"), [(3600.0, 1), (0.0, 2)])
def test_a_double_click_is_one_top_up(
    open_page: Open,
    api: StubApi,
    monkeypatch: pytest.MonkeyPatch,
    double_click_seconds: float,
    begun: int,
) -> None:
    monkeypatch.setattr(intents, "_DOUBLE_CLICK_SECONDS", double_click_seconds)
    page = open_page("top-up")
    press(page, "Buy")
    # The second click was on its way when the first one's answer came.
    page.session_state["top-up/begun"] = None
    page.run()
    press(page, "Buy")
    assert len(api.money.top_ups) == begun


def test_after_silence_the_next_click_goes_on_with_the_same_payment(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("top-up")
    api.refusals[START] = problem(503, "provider_unavailable", "Use the same Idempotency-Key.")
    press(page, "Buy")
    assert "it will be the same payment" in spoken(page.error[0].value)
    first = page.session_state["intent/top-up"].idempotency_key
    press(page, "Buy")
    assert list(api.money.keys) == [first]


def test_after_a_clear_no_the_next_click_is_a_new_payment(open_page: Open, api: StubApi) -> None:
    page = open_page("top-up")
    api.refusals[START] = problem(409, "provider_refused", "The bank said no.")
    press(page, "Buy")
    assert page.error[0].value == "The bank said no."
    # The key of the refused one would only bring its failure back.
    assert "intent/top-up" not in page.session_state
    press(page, "Buy")
    assert len(api.money.top_ups) == 1


def test_a_way_to_pay_that_is_no_web_address_is_not_shown(open_page: Open, api: StubApi) -> None:
    api.money.top_ups = [top_up("t1", 1000, 100_000, checkout_url="javascript:alert(1)")]
    page = open_page("top-up")
    assert "Waiting for payment" in words(page)
    assert links(page) == {}


def test_what_went_back_and_who_began_it_is_said(open_page: Open, api: StubApi) -> None:
    back = {"credits": 400, "money": {"amount_minor": 40_000, "currency": "RUB"}}
    api.money.top_ups = [
        top_up("t1", 1000, 100_000, status="succeeded", origin="automatic", refunded=back)
    ]
    said = words(open_page("top-up"))
    assert "automatic · given back: RUB 400.00" in said


def test_what_the_api_calls_things_is_shown_letter_by_letter(open_page: Open, api: StubApi) -> None:
    api.money.top_ups = [top_up("t1", 1000, 100_000, status="*new*", checkout_url=None)]
    api.money.methods = [method("[1](x)")]
    page = open_page("top-up")
    assert any(r"\*new\*" in one.value for one in page.markdown)
    assert any(r"\[1\]" in one.value for one in page.markdown)


class Reruns:
    """Stands in for `st.rerun` and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> None:
        self.made += 1


@pytest.fixture
def reruns(monkeypatch: pytest.MonkeyPatch) -> Reruns:
    """The reruns of the whole page that were asked for."""
    counted = Reruns()
    monkeypatch.setattr(st, "rerun", counted)
    return counted


@pytest.fixture
def visit(hub: Hub) -> Visit:
    """A visit of somebody who is signed in."""
    session = hub.sessions.start(hub.api.acting_as(None).sign_in("ann", "correct horse"))
    return Visit(Reader("en"), session, {})


def test_the_page_is_drawn_anew_when_a_payment_comes_and_not_before(
    api: StubApi, visit: Visit, reruns: Reruns
) -> None:
    api.money.top_ups = [top_up("t1", 1000, 100_000)]
    turns = count()
    known = {"t1": "pending"}
    asked = len(api.calls)
    latest_top_ups._watch(visit, known, turns)
    assert len(api.calls) == asked
    latest_top_ups._watch(visit, known, turns)
    assert (len(api.calls), reruns.made) == (asked + 1, 0)
    api.money.settle("succeeded")
    latest_top_ups._watch(visit, known, turns)
    assert reruns.made == 1


def test_nobody_watches_for_a_payment_of_yesterday(
    api: StubApi, visit: Visit, reruns: Reruns, open_page: Open
) -> None:
    old = top_up("t1", 1000, 100_000, created_at="2026-01-01T00:00:00Z")
    api.money.top_ups = [old]
    assert "looks by itself" not in words(open_page("top-up"))
    turns = count(1)
    latest_top_ups._watch(visit, {"t1": "pending"}, turns)
    assert reruns.made == 1


def test_watching_outlives_an_api_that_is_away(api: StubApi, visit: Visit, reruns: Reruns) -> None:
    api.is_down = True
    latest_top_ups._watch(visit, {}, count(1))
    assert reruns.made == 0


def test_whoever_was_signed_out_meanwhile_is_told_by_the_whole_page(
    visit: Visit, reruns: Reruns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(_: object) -> None:
        raise SignedOut

    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    monkeypatch.setattr(latest_top_ups, "read_latest", over)
    monkeypatch.setattr(st, "rerun", stop)
    with pytest.raises(Stop):
        latest_top_ups._watch(visit, {}, count(1))
