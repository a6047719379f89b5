"""The page of settings, in front of a real API."""

from augury.kit.texts import texts
from augury.settings import Settings
from support.houses import SECRET
from ui.pages import spoken, words
from ui.real import Cabinet


def test_every_setting_is_shown_and_found(cabinet: Cabinet) -> None:
    cabinet.admin()
    page = cabinet.open("admin-settings")
    assert not page.exception
    said = words(page)
    assert "AUGURY_LOG_FORMAT" in spoken(said)
    assert "A secret that is set" in said
    assert SECRET not in said + str([one.value for one in page.code])
    page.text_input(key="admin-settings/search").set_value("payment provider").run()
    assert "AUGURY_PAYMENT_PROVIDERS" in spoken(words(page))
    assert "AUGURY_LOG_FORMAT" not in spoken(words(page))
    page.text_input(key="admin-settings/search").set_value("no such thing").run()
    assert "No setting is like that" in words(page)


def test_every_setting_of_the_house_has_a_sentence_in_every_language() -> None:
    named = {f"setting.{name}" for name in Settings.model_fields}
    assert named - texts("ui", "en").keys == set()
