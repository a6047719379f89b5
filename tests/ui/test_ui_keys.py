"""The page of API keys, in front of a real API."""

import pytest
from streamlit.testing.v1 import AppTest

from augury.client import ApiError
from augury.ui.visit import LANGUAGE_KEY
from ui.pages import press, words
from ui.real import Cabinet


def make_key(page: AppTest, name: str = "nightly") -> str:
    """Fill the form in, send it, and return the key that is shown."""
    page.text_input[0].set_value(name)
    press(page, "Create key")
    assert not page.exception
    shown: str = page.code[0].value
    return shown


def test_a_key_is_shown_until_it_is_saved_and_then_no_more(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("keys")
    assert "You have no keys yet" in words(page)
    key = make_key(page)
    assert key.startswith("aug_")
    assert client.acting_as(key).me() == client.me()
    page.run()
    page.session_state[LANGUAGE_KEY] = "ru"
    page.run()
    assert page.title[0].value == "Ключи API"
    assert page.code[0].value == key
    press(page, "Сохранено")
    assert key not in words(page)
    assert [one.value for one in page.code] == []
    assert "keys/secret" not in page.session_state
    assert key[:16] in words(page)


def test_while_a_new_key_is_shown_there_is_no_second_form(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("keys")
    make_key(page)
    assert "Create key" not in [one.label for one in page.button]
    assert len(list(client.api_keys.list())) == 1


def test_a_new_key_is_not_shown_to_whoever_comes_next(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("keys")
    key = make_key(page)
    cabinet.customer()
    page.run()
    assert not page.code
    assert key[:16] not in words(page)


def test_scopes_end_and_limit_are_those_of_the_form(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("keys")
    page.checkbox[1].set_value(False)
    page.selectbox[0].set_value(30)
    page.number_input[0].set_value(250)
    key = make_key(page, "a *bold* name")
    assert "credit-catboost" in page.code[1].value
    (made,) = client.api_keys.list()
    assert (made.name, made.scopes, made.credit_limit) == ("a *bold* name", ("predict",), 250)
    assert made.expires_at is not None
    assert (made.expires_at - made.created_at).days in {29, 30}
    assert key.startswith(made.start)
    said = words(page)
    assert "a *bold* name" in said
    assert "never used" in said


def test_what_was_typed_stays_when_a_key_is_refused(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("keys")
    page.number_input[0].set_value(-5)
    page.text_input[0].set_value("nightly")
    press(page, "Create key")
    assert "Credit limit" in page.error[0].value
    assert page.text_input[0].value == "nightly"
    page.text_input[0].set_value(" ")
    press(page, "Create key")
    assert "Give the key a name" in page.error[0].value


def test_a_key_is_revoked_after_a_second_click(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("keys")
    key = make_key(page)
    press(page, "I have saved it")
    press(page, "Revoke")
    assert "cannot be undone" in words(page)
    press(page, "No")
    assert "cannot be undone" not in words(page)
    press(page, "Revoke")
    press(page, "Revoke")
    assert "You have no keys yet" in words(page)
    with pytest.raises(ApiError, match="unauthenticated"):
        client.acting_as(key).me()
