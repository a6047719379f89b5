"""A customer's latest top-ups, which are looked at again while a payment is awaited."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import streamlit as st

from augury.client import ClientError, TopUp
from augury.ui.parts.colours import OF_AWAITED
from augury.ui.parts.elements import (
    list_row,
    plain,
    show_refused_download,
    show_way_to_download,
    show_way_to_pay,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_receipt
from augury.ui.web.sessions import SignedOut

_SHOWN: Final = 10
_LOOK_AGAIN_SECONDS: Final = 4
# Who has not paid by then pays tomorrow, or never: an open tab need not ask all night.
_AWAITED_FOR: Final = timedelta(hours=1)

_PAID: Final = ("succeeded", "refunded")


def read_latest(visit: Visit) -> tuple[TopUp, ...]:
    """Return the visitor's latest top-ups, newest first."""
    return visit.ask(lambda api: api.money.top_ups(limit=_SHOWN)).items


def show_latest(visit: Visit, latest: Sequence[TopUp]) -> None:
    """Show them with what became of each; the page is drawn anew as soon as that changes."""
    reader = visit.reader
    st.header(reader.text("top_up.latest"), anchor=False)
    show_refused_download(reader)
    if not latest:
        st.markdown(reader.text("top_up.none"))
    for one in latest:
        _show_row(reader, one)
    if any(_is_awaited(one) for one in latest):
        st.caption(reader.text("top_up.awaiting"))
        st.fragment(_watch, run_every=_LOOK_AGAIN_SECONDS)(visit, _states(latest), count())


def _watch(visit: Visit, known: Mapping[str, str], turns: Iterator[int]) -> None:
    if next(turns) == 0:
        # They have just been read and drawn.
        return
    try:
        latest = read_latest(visit)
    except ClientError:
        return
    except SignedOut:
        st.rerun()
    # The whole page: the balance changes, too, and when nothing is awaited nobody watches.
    if _states(latest) != known or not any(_is_awaited(one) for one in latest):
        st.rerun()


def _states(top_ups: Sequence[TopUp]) -> dict[str, str]:
    return {one.id: one.status for one in top_ups}


def _is_awaited(top_up: TopUp) -> bool:
    return top_up.status == "pending" and datetime.now(UTC) - top_up.created_at < _AWAITED_FOR


def _show_row(reader: Reader, one: TopUp) -> None:
    with list_row(f"top-up/{one.id}"):
        credits_ = reader.count("credits", one.credits)
        st.markdown(
            f"**{plain(credits_)}** · {plain(reader.money(one.money))}  \n"
            f":gray[{plain(_facts(reader, one))}]"
        )
        status = plain(reader.named("top_up_status", one.status))
        st.badge(status, color=OF_AWAITED.get(one.status, "gray"))
        label = reader.named("way_to_pay", one.provider, reader.text("top_up.pay"))
        show_way_to_pay(one.checkout_url, label, key=f"pay/{one.id}")
        if one.status in _PAID:
            receipt = reader.text("top_up.receipt")
            show_way_to_download(path_of_receipt(one.id), receipt, key=f"receipt/{one.id}")


def _facts(reader: Reader, one: TopUp) -> str:
    facts = [reader.moment(one.created_at)]
    if one.origin == "automatic":
        facts.append(reader.text("top_up.by_itself"))
    if one.refunded is not None and one.refunded.money.amount_minor:
        facts.append(reader.text("top_up.given_back", money=reader.money(one.refunded.money)))
    return " · ".join(facts)
