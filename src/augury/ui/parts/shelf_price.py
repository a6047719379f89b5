"""The price of a model, and what the last 30 days would have brought at another."""

from collections.abc import Sequence

import streamlit as st

from augury.client import ModelOnShelf, ModelSales
from augury.ui.parts.deeds import ask_first, carry_out
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.shelf_choice import ask_for_day
from augury.ui.reader import Reader
from augury.ui.visit import Visit


def show_price(visit: Visit, model: ModelOnShelf) -> None:
    """Show the price in force, a new one with its effect, and the way to set it."""
    reader = visit.reader
    st.header(reader.text("shelf_part.price"), anchor=False)
    champion = model.version(model.champion)
    price = plain(reader.count("credits", champion.price))
    st.markdown(reader.text("pricing.present", version=champion.version, credits=price))
    change = champion.price_change
    if change is not None:
        told = reader.text(
            "pricing.announced",
            moment=reader.moment(change.begins_at),
            credits=reader.count("credits", change.price),
        )
        st.info(plain(told), icon=":material/schedule:")
    typed = st.number_input(
        reader.text("pricing.new"),
        value=None,
        step=1,
        format="%d",
        # Another price is in force now: what was typed was about the one before.
        key=f"pricing/{model.name}/{champion.version}/{champion.price}",
        persist_state="session",
    )
    moment, is_day = ask_for_day(reader, f"pricing/{model.name}/day")
    new = int(typed or 0)
    if new < 1 or not is_day:
        st.caption(reader.text("pricing.incomplete"))
        return
    sales = visit.ask(lambda api: api.admin.model_sales()).items
    _show_effect(_of(sales, model.name), champion.price, new, reader)
    effect = reader.text(
        "pricing.effect",
        version=champion.version,
        old=price,
        new=plain(reader.count("credits", new)),
    )
    if moment is not None:
        effect = f"{plain(reader.text('shelf.effect_from', moment=reader.moment(moment)))} {effect}"
    deed, label = f"price/{model.name}", reader.text("pricing.ask")
    if ask_first(reader, deed, label, effect, order=f"{new}/{moment}", icon=":material/sell:"):
        new_price = reader.count("credits", new)
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.set_price(model.name, new, begins_at=moment),
            lambda _now: (
                reader.text("pricing.is_set", credits=new_price)
                if moment is None
                else reader.text(
                    "pricing.is_announced", moment=reader.moment(moment), credits=new_price
                )
            ),
        )


def _of(sales: Sequence[ModelSales], name: str) -> ModelSales | None:
    return next((one for one in sales if one.model == name and one.rows), None)


def _show_effect(sales: ModelSales | None, old: int, new: int, reader: Reader) -> None:
    if sales is None:
        st.markdown(reader.text("pricing.no_sales"))
        return
    before, after = sales.rows * old, sales.rows * new
    rows = [
        (reader.text("pricing.really"), reader.number(sales.revenue), ""),
        (
            reader.text("pricing.at", credits=reader.count("credits", old)),
            reader.number(before),
            "",
        ),
        (
            reader.text("pricing.at", credits=reader.count("credits", new)),
            reader.number(after),
            _difference(before, after, reader),
        ),
    ]
    st.markdown(reader.text("pricing.rows", rows=plain(reader.count("rows", sales.rows))))
    titles = ("pricing.what", "pricing.brought", "pricing.difference")
    show_table([reader.text(key) for key in titles], [tuple(map(plain, row)) for row in rows])
    if new > old:
        lost = reader.percent(1 - old / new)
        st.markdown(reader.text("pricing.break_even_up", share=plain(lost)))
    elif new < old:
        more = reader.percent(old / new - 1)
        st.markdown(reader.text("pricing.break_even_down", share=plain(more)))
    st.caption(reader.text("pricing.caution"))


def _difference(before: int, after: int, reader: Reader) -> str:
    if not before:
        return reader.signed(after - before)
    sign = "+" if after >= before else ""
    return f"{reader.signed(after - before)} ({sign}{reader.percent((after - before) / before)})"
