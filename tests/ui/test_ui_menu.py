"""The menu, in front of a real API."""

from ui.pages import words
from ui.real import Cabinet


def test_the_menu_of_administrators_is_not_shown_to_customers(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open()
    assert not page.exception
    assert page.session_state["owner"].role == "customer"
    cabinet.admin()
    assert cabinet.open().session_state["owner"].role == "admin"


def test_a_page_of_the_cabinet_shows_what_the_api_has(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("models")
    assert "Credit score: CatBoost" in words(page)


def test_the_values_of_an_input_have_names(cabinet: Cabinet) -> None:
    """Nobody has to know what the API calls them."""
    cabinet.customer()
    said = words(cabinet.open("models", model="investment-risk"))
    assert "Lowest cost, Lowest volatility, Smallest losses at worst" in said
    assert "lowest_cost" not in said
