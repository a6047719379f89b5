"""The catalogues: every sentence that the code asks for is there, in both languages alike."""

import re
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import augury
from augury.kit.errors import Refusal, all_refusals
from augury.kit.texts import LANGUAGES, files_of, preferred_language, texts

_SOURCE = Path(augury.__file__).parent


def _import_every_room() -> None:
    """Import whatever may define a refusal, so that the list is closed."""
    import_module("augury.files.faults")  # the rest of that room may need libraries of extras
    for package in ("api", "inference", "kit", "ledger", "predictions", "registry", "users"):
        room = import_module(f"augury.{package}")
        for found in walk_packages(room.__path__, f"{room.__name__}."):
            import_module(found.name)


def _refusals() -> list[type[Refusal]]:
    _import_every_room()
    return [found for found in all_refusals() if found.__module__.startswith("augury.")]


@pytest.mark.parametrize("refusal", _refusals(), ids=lambda refusal: refusal.code)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_its_words(refusal: type[Refusal], language: str) -> None:
    """A refusal has a title and a sentence in each language."""
    keys = texts("api", language).keys
    assert {f"title.{refusal.code}", f"refusal.{refusal.code}"} <= keys


def test_codes_of_refusals_are_unique() -> None:
    """One code means one thing, and an HTTP status goes with it."""
    codes = [refusal.code for refusal in _refusals()]
    assert len(codes) == len(set(codes)) > 15
    assert all(400 <= refusal.status < 600 for refusal in _refusals())


def _fault_keys() -> set[str]:
    found: set[str] = set()
    for path in _SOURCE.rglob("*.py"):
        found |= set(re.findall(r'"(fault\.[a-z_]+)"', path.read_text(encoding="utf-8")))
    # These are made from the type that was expected.
    return found | {f"fault.{kind}" for kind in ("integer", "number", "text", "truth")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_has_its_words(language: str) -> None:
    """Each fault that the code can name has a sentence, and no sentence is left over."""
    used = _fault_keys()
    written = {key for key in texts("api", language).keys if key.startswith("fault.")}
    assert used == written
    assert len(used) > 10


def test_no_words_for_refusals_that_do_not_exist() -> None:
    """The catalogue has no sentence for a refusal that nobody raises."""
    codes = {refusal.code for refusal in _refusals()}
    rooms = "".join(path.read_text() for path in sorted((_SOURCE / "predictions").glob("*.py")))
    for key in texts("api", "en").keys:
        kind, _, code = key.partition(".")
        if kind in {"failure", "batch_failure"}:  # why work in the background came to nothing
            assert f'"{code}"' in rooms, key
        else:
            assert kind in {"fault", "note"} or code in codes, key


def _sentences(domain: str, language: str) -> dict[str, list[str]]:
    catalogues = [
        read_po(BytesIO(path.read_bytes()), locale=language) for path in files_of(domain, language)
    ]
    return {
        message.id if isinstance(message.id, str) else message.id[0]: [
            *([message.string] if isinstance(message.string, str) else message.string or ())
        ]
        for catalogue in catalogues
        for message in catalogue
        if message.id
    }


def _placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("domain", ["api", "ui"])
def test_both_languages_say_the_same_things(domain: str) -> None:
    """Both catalogues have the same keys, no empty sentence, and the same {names} in each."""
    english, russian = _sentences(domain, "en"), _sentences(domain, "ru")
    assert english.keys() == russian.keys()
    for key, sentences in english.items():
        names = {frozenset(_placeholders(one)) for one in (*sentences, *russian[key])}
        assert all((*sentences, *russian[key])), key
        # A plural form may leave its number out ("one row").
        bare = {frozenset(name - {"number"}) for name in names}
        assert len(bare) == 1, key


def test_the_russian_catalogue_is_russian() -> None:
    """No sentence was left in English."""
    for key, sentences in _sentences("api", "ru").items():
        assert all(re.search("[а-яё]", sentence.lower()) for sentence in sentences), key


def test_values_are_filled_in_and_not_interpreted() -> None:
    """Braces in a value stay as they are: a customer's text is never a template."""
    said = texts("api", "en").text("refusal.model_not_found", model="{model.__class__} {0}")
    assert "{model.__class__} {0}" in said


def test_an_unknown_key_is_an_error() -> None:
    """A key without a sentence does not reach a reader as a bare key."""
    with pytest.raises(KeyError, match="no_such"):
        texts("api", "en").text("refusal.no_such")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("EN-gb, ru", "en"),
        ("de, fr;q=0.9, ru;q=0.3", "ru"),
        ("de", "en"),
        ("*", "en"),
        (",,;;q=x", "en"),
        ("de," * 5000 + "ru", "en"),
    ],
)
def test_the_language_of_an_answer(header: str, language: str) -> None:
    """The first language that has a catalogue wins; nonsense and unknown languages mean English."""
    assert preferred_language(header) == language
