"""Everybody who has an account: the search, and one of them with what can be done."""

from collections.abc import Mapping
from typing import Final, Literal, cast, get_args

import streamlit as st

from augury.client import AdminUser
from augury.client.admin import Status
from augury.ui.parts.customer_account import PARTS
from augury.ui.parts.customer_deeds import show_deeds
from augury.ui.parts.deeds import show_told
from augury.ui.parts.elements import Pager, list_row, plain, show_way_back, show_way_to
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_PAGE_ROWS: Final = 20
_LONGEST_SEARCH: Final = 254
_STATUSES: Final = get_args(Status)
_COLOURS: Final[Mapping[str, Literal["green", "red"]]] = {"active": "green", "blocked": "red"}
_DEEDS: Final = "deeds"


def show(visit: Visit) -> None:
    """Show the customer of the address's `id`, or the search."""
    user_id = st.query_params.get("id")
    if user_id:
        _show_one(visit, visit.ask(lambda api: api.admin.user(user_id)))
    else:
        _show_search(visit)


def _show_search(visit: Visit) -> None:
    reader = visit.reader
    st.title(reader.text("place.admin-customers"), anchor=False)
    typed = st.text_input(
        reader.text("customers.search"),
        max_chars=_LONGEST_SEARCH,
        help=reader.text("customers.about_search"),
        icon=":material/search:",
        key="customers/search",
        persist_state="session",
    )
    search = (typed or "").strip()
    status = st.segmented_control(
        reader.text("customers.status"),
        _STATUSES,
        format_func=lambda name: reader.named("user_status", name),
        key="customers/status",
    )
    pager = Pager("customers", f"{search}/{status}")
    page = visit.ask(
        lambda api: api.admin.users_page(
            search,
            status=cast("Status | None", status),
            limit=_PAGE_ROWS,
            cursor=pager.cursor,
        )
    )
    if not page.items:
        st.markdown(reader.text("customers.none"))
    for user in page.items:
        _show_row(visit, user)
    pager.show(page.next_cursor, reader)


def _show_row(visit: Visit, user: AdminUser) -> None:
    reader = visit.reader
    with list_row(f"customer/{user.id}"):
        st.markdown(f"**{plain(user.username)}**  \n:gray[{plain(user.email)}]")
        _show_badges(user, reader, also_usual=False)
        st.markdown(reader.count("credits", user.balance.available), width="content")
        show_way_to(
            visit.places["admin-customers"],
            reader.text("customers.open"),
            key=f"open/{user.id}",
            query={"id": user.id},
        )


def _show_badges(user: AdminUser, reader: Reader, *, also_usual: bool) -> None:
    if user.role == "admin":
        st.badge(reader.text("customers.admin"), color="blue")
    if also_usual or user.status != "active":
        status = plain(reader.named("user_status", user.status))
        st.badge(status, color=_COLOURS.get(user.status, "red"))


def _show_one(visit: Visit, user: AdminUser) -> None:
    reader = visit.reader
    show_way_back(
        visit.places["admin-customers"],
        reader.text("customers.back"),
        key="customers/back",
    )
    st.title(plain(user.username), anchor=False)
    with st.container(horizontal=True, gap="small"):
        _show_badges(user, reader, also_usual=True)
    st.markdown(plain(user.email))
    st.caption(plain(" · ".join(_facts(user, reader))))
    show_told(user.id)
    with st.container(horizontal=True):
        available, held = user.balance.available, user.balance.held
        st.metric(reader.text("account.available"), reader.count("credits", available), border=True)
        st.metric(reader.text("overview.held"), reader.count("credits", held), border=True)
    chosen = st.segmented_control(
        reader.text("customers.parts"),
        (_DEEDS, *PARTS),
        default=_DEEDS,
        required=True,
        format_func=lambda name: reader.text(f"customer_part.{name}"),
        key="customers/part",
        label_visibility="collapsed",
    )
    if chosen in PARTS:
        PARTS[chosen](visit, user)
    else:
        show_deeds(visit, user)


def _facts(user: AdminUser, reader: Reader) -> list[str]:
    seen = user.last_seen_at
    return [
        reader.text("customers.since", moment=reader.moment(user.created_at)),
        reader.text("customers.never_seen")
        if seen is None
        else reader.text("customers.seen", moment=reader.moment(seen)),
        user.id,
    ]
