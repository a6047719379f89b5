"""The administrator's page of models, in front of a real API."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from augury.client import Client
from augury.kit.ids import new_id
from augury.registry import change
from client.shop import Shop
from support.quick import quicken_quarantine
from support.tiny_models import ROWS, Tiny
from support.uploads import version
from ui.pages import press, spoken, words
from ui.real import Cabinet

PATH = "admin-models"
REFERENCE: dict[str, Any] = {
    "rows": 1000,
    "fields": {
        "age": {"shares": [0.5, 0.5], "edges": [40.0], "missing": 0.1},
        "home": {"shares": [0.2, 0.5, 0.3]},
    },
    "score": {"shares": [0.4, 0.6], "edges": [0.3]},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes begin soon, and quarantine opens what comes here."""
    monkeypatch.setattr(change, "NOTICE", 1000)
    quicken_quarantine(monkeypatch)


@pytest.fixture
def admin(cabinet: Cabinet) -> Client:
    """The administrator, at the browser too."""
    return cabinet.admin()


@pytest.fixture
def name(shop: Shop, admin: Client, tmp_path: Path) -> str:
    """A model on sale: version 1 is the champion, version 2 is spare."""
    name = f"tiny-{new_id()[-8:]}"
    publish(admin, version(tmp_path, name=name, reference=REFERENCE))
    second = version(tmp_path, 2.0, name=name, price=5)
    admin.registry.publish_version(
        name, msgspec.json.encode(second.manifest), second.path.read_bytes()
    )
    admin.registry.set_status(name, "active")
    return name


def publish(admin: Client, tiny: Tiny) -> None:
    admin.registry.publish(
        msgspec.json.encode(tiny.manifest), tiny.path.read_bytes(), card_en="# Tiny\n\nA card."
    )


def open_part(cabinet: Cabinet, name: str, part: str) -> AppTest:
    page = cabinet.open(PATH, model=name)
    page.button_group[0].set_value(part).run()
    assert not page.exception
    return page


def sure(page: AppTest, label: str) -> None:
    """Press a button, read what it would do, and say yes."""
    press(page, label)
    press(page, "Yes, do it")
    assert not page.exception
    assert not page.error


def told(page: AppTest) -> str:
    return spoken(page.success[0].value)


def test_every_model_is_listed_with_status_price_and_champion(cabinet: Cabinet, name: str) -> None:
    page = cabinet.open(PATH)
    said = words(page)
    assert not page.exception
    for expected in ("Credit score: CatBoost", "Nothing sold in 30 days", "Publish a model"):
        assert expected in said
    assert f"open/{name}" in {button.key for button in page.button}


def test_a_model_that_is_not_there_is_said_to_be_unknown(cabinet: Cabinet, admin: Client) -> None:
    assert admin.registry.model("nothing") is None
    assert "There is no model nothing." in spoken(
        cabinet.open(PATH, model="nothing").warning[0].value
    )


def test_customers_see_none_of_it(cabinet: Cabinet, name: str) -> None:
    cabinet.customer()
    page = cabinet.open(PATH, model=name)
    assert page.error
    assert "Retire" not in words(page)


def upload(page: AppTest, manifest: bytes, artifact: Path) -> None:
    page.file_uploader[0].set_value(("manifest.json", manifest, "application/json"))
    page.file_uploader[1].set_value(
        (artifact.name, artifact.read_bytes(), "application/octet-stream")
    )
    page.run()
    press(page, "Examine and publish")


def test_an_upload_becomes_a_draft_with_its_verdict_and_then_a_version(
    cabinet: Cabinet, admin: Client, tmp_path: Path
) -> None:
    name = f"new-{new_id()[-8:]}"
    first, second = (version(tmp_path, gain, name=name) for gain in (1.0, 2.0))
    page = cabinet.open(PATH)
    upload(page, msgspec.json.encode(first.manifest), first.path)
    assert f"{name}, version 1: quarantine passed" in told(page)
    said = words(page)
    for expected in ("gives the promised probabilities", "Self-test is off by", "put the model on"):
        assert expected in said
    found = admin.registry.model(name)
    assert found is not None
    assert (found.status, found.champion) == ("draft", 1)
    # The files are out of their fields, and a manifest of a known name is a new version.
    assert not page.file_uploader[1].value
    upload(page, msgspec.json.encode(second.manifest), second.path)
    assert f"{name}, version 2: quarantine passed" in told(page)


def test_a_refused_upload_says_where_it_is_wrong_and_stores_nothing(
    cabinet: Cabinet, admin: Client, tmp_path: Path
) -> None:
    name = f"bad-{new_id()[-8:]}"
    tiny = version(tmp_path, name=name)
    page = cabinet.open(PATH)
    wrong = msgspec.to_builtins(tiny.manifest) | {"price": "much"}
    upload(page, msgspec.json.encode(wrong), tiny.path)
    assert "$.price" in spoken(page.error[0].value)
    assert "nothing was stored" in words(page)
    assert admin.registry.model(name) is None
    # What was chosen is still there.
    assert page.file_uploader[0].value


def test_a_model_is_taken_off_sale_and_put_back(cabinet: Cabinet, admin: Client, name: str) -> None:
    page = cabinet.open(PATH, model=name)
    press(page, "Take off sale")
    assert "Nobody can buy" in words(page)
    assert found(admin, name).status == "active"
    press(page, "Yes, do it")
    assert told(page) == f"{name} is off sale."
    assert found(admin, name).status == "retired"
    sure(page, "Put on sale")
    assert found(admin, name).status == "active"


def found(admin: Client, name: str) -> Any:
    model = admin.registry.model(name)
    assert model is not None
    return model


def test_versions_stand_side_by_side_and_the_champion_moves_there_and_back(
    cabinet: Cabinet, admin: Client, name: str
) -> None:
    page = open_part(cabinet, name, "versions")
    table = page.table[0].value
    assert list(table.columns)[1:] == ["Version 2", "Version 1 (champion)"]
    assert "ROC AUC" in list(table.iloc[:, 0])
    press(page, "Make version 2 the champion")
    assert "pay 5 credits per row instead of 3 credits" in words(page)
    press(page, "Yes, do it")
    assert told(page) == "The champion is version 2 now; it was 1."
    assert found(admin, name).champion == 2
    sure(page, "Make version 1 the champion")
    assert found(admin, name).champion == 1


def test_a_move_is_announced_for_a_day_to_come_and_for_no_other(
    cabinet: Cabinet, admin: Client, name: str
) -> None:
    page = open_part(cabinet, name, "versions")
    for odd in ("someday", "2020-01-01"):
        page.text_input[0].set_value(odd).run()
        assert "is not a day to come" in spoken(page.error[0].value)
    page.text_input[0].set_value("2099-01-31").run()
    press(page, "Make version 2 the champion")
    press(page, "Yes, do it")
    assert "version 2" in told(page)
    (alias,) = found(admin, name).aliases
    assert (alias.version, alias.next_version) == (1, 2)
    assert alias.begins_at == datetime(2099, 1, 31, tzinfo=UTC)


def test_other_aliases_are_set_and_removed(cabinet: Cabinet, admin: Client, name: str) -> None:
    page = open_part(cabinet, name, "versions")
    field = next(one for one in page.text_input if one.label == "Alias")
    field.set_value("Champion!").run()
    assert "Not a name for an alias" in page.error[0].value
    next(one for one in page.text_input if one.label == "Alias").set_value("next").run()
    sure(page, "Point there")
    assert {one.alias for one in found(admin, name).aliases} == {"champion", "next"}
    sure(page, "Remove next")
    assert {one.alias for one in found(admin, name).aliases} == {"champion"}


def test_a_version_shows_its_verdict_and_is_retired_and_brought_back(
    cabinet: Cabinet, admin: Client, name: str
) -> None:
    page = open_part(cabinet, name, "versions")
    assert "One row alone" in words(page)
    press(page, "Retire version 1")
    press(page, "Yes, do it")
    assert "champion" in page.error[0].value
    next(one for one in page.selectbox if "/version/" in str(one.key)).set_value(2).run()
    sure(page, "Retire version 2")
    assert found(admin, name).version(2).status == "retired"
    sure(page, "Bring version 2 back")
    assert found(admin, name).version(2).status == "active"


def test_a_new_price_is_previewed_on_what_was_sold_and_then_set(
    cabinet: Cabinet, admin: Client, name: str
) -> None:
    page = open_part(cabinet, name, "price")
    page.number_input[0].set_value(6).run()
    assert "Nothing was sold in the last 30 days" in words(page)
    cabinet.shop.customer().predict(name, ROWS)
    page = open_part(cabinet, name, "price")
    page.number_input[0].set_value(6).run()
    rows = page.table[0].value.to_dict("records")
    assert [spoken(row["Credits"]) for row in rows] == ["12", "12", "24"]
    assert spoken(rows[2]["Difference"]) == "+12 (+100.0%)"
    assert "fewer than 50.0%" in words(page)
    press(page, "Set this price")
    assert "costs 6 credits per row instead of 3 credits" in words(page)
    assert found(admin, name).version(1).price == 3
    press(page, "Yes, do it")
    assert told(page) == "The price is 6 credits per row."
    assert found(admin, name).version(1).price == 6


def test_a_price_of_a_later_day_is_announced(cabinet: Cabinet, admin: Client, name: str) -> None:
    page = open_part(cabinet, name, "price")
    page.number_input[0].set_value(2).run()
    page.text_input[0].set_value("31.01.2099").run()
    sure(page, "Set this price")
    assert "Announced" in told(page)
    assert "Announced from" in words(page)
    change_ = found(admin, name).version(1).price_change
    assert (change_.price, change_.begins_at) == (2, datetime(2099, 1, 31, tzinfo=UTC))


def test_a_trial_is_begun_compared_and_ended(cabinet: Cabinet, admin: Client, name: str) -> None:
    page = open_part(cabinet, name, "trial")
    page.radio[0].set_value("canary").run()
    page.slider[0].set_value(100).run()
    press(page, "Try version 2")
    assert "answers 100% of the customers" in words(page)
    press(page, "Yes, do it")
    trial = found(admin, name).challenger
    assert (trial.version, trial.mode, trial.share_percent) == (2, "canary", 100)
    customer = cabinet.shop.customer()
    sold = customer.predict(name, ROWS)
    assert sold.version == 2
    customer.outcomes.report_outcomes(sold.id, [1, 0, 0, 1])
    page = open_part(cabinet, name, "trial")
    table = {row[""]: row for row in page.table[0].value.to_dict("records")}
    assert table["Rows"]["Challenger (2)"] == "4"
    assert table["Customers"]["Challenger (2)"] == "1"
    assert table["Rows with an outcome"]["Challenger (2)"] == "4"
    sure(page, "End the trial")
    assert found(admin, name).challenger is None


def test_drift_names_columns_and_says_when_it_cannot_tell(
    cabinet: Cabinet, admin: Client, name: str
) -> None:
    page = open_part(cabinet, name, "drift")
    box = next(one for one in page.selectbox if "/drift/" in str(one.key))
    assert box.value == 1
    assert "too few rows to tell" in page.info[0].value
    box.set_value(2).run()
    assert "does not say what its training rows looked like" in page.info[0].value
    customer = cabinet.shop.customer()
    for _ in range(3):
        customer.predict(name, ROWS[1:2] * 100)
    page = open_part(cabinet, name, "drift")
    assert spoken(page.error[0].value) == "Alarm: Score, age, home"


def test_the_card_and_examples_are_shown_as_customers_would_see_them(
    cabinet: Cabinet, name: str
) -> None:
    page = open_part(cabinet, name, "card")
    assert "A card." in words(page)
    assert len(page.code) == 2
    page.selectbox[0].set_value(2).run()
    assert "has no card" in words(page)
