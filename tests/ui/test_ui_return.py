"""A session that ends in the middle of a form: the same person goes on, nobody else does."""

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import augury.ui
from augury.ui.web.cookies import SESSION_COOKIE, session_cookie
from support.houses import PASSWORD
from ui.pages import DRAWN_WITHIN_SECONDS, press, words
from ui.real import Cabinet


def end_session(cabinet: Cabinet) -> None:
    """Sign out in another tab of the browser."""
    for session_id in list(cabinet.hub.sessions._live):
        session = cabinet.hub.sessions.find(session_id)
        assert session is not None
        cabinet.hub.sessions.forget(session_id)
        session.end()


def ran(page: AppTest, code: str) -> bool:
    """Tell whether the page has told the browser to do something."""
    return any(code in one.proto.body for one in page.get("html"))


def sign_in_again(page: AppTest, password: str = PASSWORD) -> None:
    """Fill in the form that stands in for the page; the name is there already."""
    assert page.title[0].value == "Sign in"
    page.text_input[1].set_value(password)
    press(page, "Sign in")


@pytest.mark.parametrize("path", ["predict", "risk", "portfolio", "top-up"])
def test_numbers_that_were_typed_are_there_after_signing_in_again(
    cabinet: Cabinet, path: str
) -> None:
    """The button is pressed, the session is over, and the form comes back as it was sent."""
    cabinet.customer()
    page = cabinet.open(path, **({"model": "credit-catboost"} if path == "predict" else {}))
    if path == "top-up":
        page.radio[-1].set_value(0).run()
    button = next(one for one in page.button if re.match("Predict for|Buy ", one.label))
    # What stands in another form is sent with that form's button only.
    sent = [one for one in page.number_input if one.form_id in ("", button.form_id)]
    typed = {one.key: float(27 + n) for n, one in enumerate(sent)}
    assert typed
    for one in sent:
        one.set_value(int(typed[one.key]) if isinstance(one.value, int) else typed[one.key])
    end_session(cabinet)
    button.click().run()
    assert "Your session has ended" in words(page)
    assert "What you have typed is kept" in words(page)
    assert not page.number_input
    sign_in_again(page, "not the password")
    assert "password" in page.error[0].value
    sign_in_again(page)
    kept = {one.key: one.value for one in page.number_input}
    assert {key: kept[key] for key in typed} == typed
    assert not page.error


def test_nothing_is_bought_by_coming_back(cabinet: Cabinet) -> None:
    """The click that met the end of the session is not carried out later."""
    client = cabinet.customer()
    page = cabinet.open("predict", model="credit-catboost")
    end_session(cabinet)
    press(page, "Predict for")
    sign_in_again(page)
    assert client.predictions().items == ()
    press(page, "Predict for")
    assert len(client.predictions().items) == 1


def test_somebody_else_finds_nothing_of_who_was_there(cabinet: Cabinet) -> None:
    """Another name at the same form: the page is loaded anew, with a session of its own."""
    cabinet.customer()
    page = cabinet.open("predict", model="credit-catboost")
    page.number_input[0].set_value(77)
    end_session(cabinet)
    press(page, "Predict for")
    page.text_input[0].set_value("admin")
    sign_in_again(page)
    assert not page.number_input
    assert ran(page, "/session/accept")
    assert "Signed in as" not in words(page)


def test_a_tab_that_wakes_up_as_somebody_else_is_emptied(cabinet: Cabinet) -> None:
    """Its line was cut, and meanwhile the browser's cookie has become another person's."""
    cabinet.customer()
    page = cabinet.open("predict", model="credit-catboost")
    press(page, "Predict for")
    assert "Charged" in words(page)
    cabinet.customer()
    page.run()
    assert "Charged" not in words(page)
    assert not page.number_input
    assert ran(page, "location.reload()")


def test_the_same_person_wakes_up_where_they_were(cabinet: Cabinet) -> None:
    """A newer session of the same person takes over what stands there."""
    client = cabinet.customer()
    page = cabinet.open("predict", model="credit-catboost")
    page.number_input[0].set_value(77)
    press(page, "Predict for")
    tokens = cabinet.hub.api.acting_as(None).sign_in(client.me().username, PASSWORD)
    session = cabinet.hub.sessions.start(tokens)
    cabinet.cookies[SESSION_COOKIE] = session_cookie(cabinet.hub, session)
    page.run()
    assert page.number_input[0].value == 77
    assert "Charged" in words(page)


def test_what_was_typed_into_a_table_is_there_though_the_page_was_not_drawn(
    cabinet: Cabinet,
) -> None:
    """The edit and the end of the session come in the same moment."""
    cabinet.customer()
    page = cabinet.open("portfolio")
    end_session(cabinet)
    state = page.session_state
    given = state["portfolio/weight/given"]
    state["edits"] = {
        "edited_rows": {0: {"symbol": "MSFT"}},
        "deleted_rows": [1],
        "added_rows": [{"symbol": "NVDA", "weight": 5.0}],
    }
    assert [row["symbol"] for row in given] == ["AAPL", "JPM", "XOM"]
    script = """
from augury.ui.screens import portfolio
portfolio._note("portfolio/weight", "edits", ("symbol", "weight"))
"""
    noted = AppTest.from_string(script, default_timeout=DRAWN_WITHIN_SECONDS)
    for name in ("edits", "portfolio/weight/given"):
        noted.session_state[name] = state[name]
    noted.run()
    assert noted.session_state["portfolio/weight/rows"] == [
        {"symbol": "MSFT", "weight": 50.0},
        {"symbol": "XOM", "weight": 20.0},
        {"symbol": "NVDA", "weight": 5.0},
    ]


# A password is typed again, and so is what closes an account; filters stand in the address.
FORGET = ("sign_in.py", "register.py", "closing.py", "filters.py")
TYPED = ("text_input", "text_area", "number_input", "date_input", "time_input")


def test_every_field_that_is_typed_into_keeps_it() -> None:
    """A widget that is not drawn for a while forgets what it has, unless it is told to keep it."""
    forgetful = [
        f"{path.name}:{call.lineno}"
        for path in Path(augury.ui.__file__).parent.rglob("*.py")
        if path.name not in FORGET
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in TYPED
        and "persist_state" not in {keyword.arg for keyword in call.keywords}
        and not any(
            keyword.arg == "type" and ast.unparse(keyword.value) == "'password'"
            for keyword in call.keywords
        )
    ]
    assert forgetful == []
