"""The pages that a payer sees: the sandbox's bank, and what became of the top-up."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from augury.api.deps import TheHouse
from augury.api.pages import render_page
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.texts import texts
from augury.papers.language import money, number
from augury.payments import top_ups
from augury.payments.providers import sandbox
from augury.payments.providers.protocol import Money
from augury.payments.providers.sandbox import Choice, Sandbox

router = APIRouter(include_in_schema=False)

# While nothing is decided the page of a top-up looks again; nobody pays faster than that.
_LOOK_AGAIN_SECONDS = 2


@router.get("/sandbox/{reference}")
def bank(reference: str, house: TheHouse, request: Request) -> HTMLResponse:
    """Show the sandbox's bank page."""
    bill = _bank(house).bill(reference)
    language = request.state.language
    return render_page("bank.html", language, bill=bill, amount=_shown(bill.money, language))


@router.post("/sandbox/{reference}")
def decide(
    reference: str,
    choice: Annotated[Choice, Form()],
    house: TheHouse,
) -> RedirectResponse:
    """Pay, or decline, at the sandbox's bank; its notification goes out beside the answer."""
    the_bank = _bank(house)
    bill = the_bank.bill(reference)
    the_bank.notify(choice, the_bank.decide(reference, choice))
    return RedirectResponse(bill.return_url, HTTPStatus.SEE_OTHER)


def _shown(money_: Money, language: str) -> str:
    return money(money_.amount_minor, money_.currency, language)


def _bank(house: TheHouse) -> Sandbox:
    provider = house.desk.providers.get(sandbox.NAME)
    if not isinstance(provider, Sandbox):
        raise NotFound
    return provider


@router.get("/top-ups/{top_up_id}")
def returned(top_up_id: str, house: TheHouse, request: Request) -> HTMLResponse:
    """Show what became of a top-up to whoever knows its id; it says nothing of the customer."""
    if not is_id(top_up_id):
        raise NotFound
    with house.db.read() as tx:
        top_up = top_ups.read(tx, top_up_id)
    language = request.state.language
    return render_page(
        "top_up.html",
        language,
        refresh_seconds=_LOOK_AGAIN_SECONDS if top_up.status == "pending" else None,
        top_up=top_up,
        amount=_shown(top_up.money, language),
        credits=texts("pages", language).count(
            "return.credits", top_up.credits, shown=number(top_up.credits, language)
        ),
        cabinet=house.settings.ui_url,
    )
