"""Every text of the cabinet comes from the catalogues, and the catalogues agree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import augury.ui
from augury.kit.texts import LANGUAGES, files_of, texts

UI = Path(augury.ui.__file__).parent
FILES = sorted(UI.rglob("*.py"))

# Keys that code puts together from a prefix and a word of the API or of a place.
PREFIXES = (
    "place.",
    "section.",
    "language.",
    "field.",
    "task.",
    "metric.",
    "status.",
    "transaction.",
    "about_transaction.",
    "filter.",
    "output.",
    "decision.",
    "provider.",
    "way_to_pay.",
    "refusal.",
    "top_up_status.",
    "download_refused.",
    "horizon.",
    "objective.",
    "feature.",
    "aim.",
    "hedge.",
    "parts.",
    "what_if.",
    "risk.by.",
    "portfolio.by.",
    "portfolio.column.",
    "portfolio.limit.",
    "portfolio.about.",
    "queue.",
    "worker.",
    "look_back.",
    "popularity.",
    "finding.",
    "setting.",
    "origin.",
    "attention.",
    "attention_help.",
    "refund_status.",
    "bank_outcome.",
    "voucher_status.",
    "audit_event.",
    "detail.",
    "audit.stage.",
    "counterparty.",
    "books.",
    "load.per.",
    "trial_mode.",
    "trial_about.",
    "trial_share.",
    "trial_runs.",
    "trial_effect.",
    "overview.step.",
    "overview.about_step.",
    "usage.period.",
    "usage.csv.",
    "keys.scope.",
    "keys.scope_short.",
    "event.",
    "endpoint_state.",
    "delivery_status.",
    "no_answer.",
)
WORDS = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]{2,}|[А-Яа-яЁё]")
PLACEHOLDER = re.compile(r"{(\w+)}")


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """Return the last part of the called name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def used_keys() -> set[str]:
    """Return every key that the code names in full."""
    return {
        argument.value
        for path in FILES
        for call in calls(ast.parse(path.read_text("utf-8")))
        if called(call) in {"text", "count"} and call.args
        for argument in ast.walk(call.args[0])
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        if not argument.value.endswith(".")
    }


def listed_keys() -> set[str]:
    """Return keys that the code keeps in tuples and looks up later."""
    in_lists = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                in_lists.add(node.value)
    return in_lists


def source(language: str) -> str:
    """Return the cabinet's catalogues of one language, one after the other."""
    return "\n".join(path.read_text("utf-8") for path in files_of("ui", language))


def test_no_key_stands_twice() -> None:
    keys = re.findall(r'^msgid "(.+)"$', source("en"), re.MULTILINE)
    assert sorted(keys) == sorted(set(keys))


def test_all_languages_have_the_same_keys() -> None:
    english, *others = (texts("ui", language).keys for language in LANGUAGES)
    for other in others:
        assert english ^ other == set()


def test_every_key_in_the_code_has_a_text() -> None:
    missing = used_keys() - texts("ui", "en").keys
    assert missing == set()


def test_every_text_is_used() -> None:
    named = used_keys() | listed_keys()
    tails = {word for word in named if "." not in word}
    unused = {
        key
        for key in texts("ui", "en").keys
        if key not in named and not key.startswith(PREFIXES) and key.rsplit(".", 1)[-1] not in tails
    }
    assert unused == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_left_in_another_language(language: str) -> None:
    catalogue = source(language)
    assert not re.findall(r'^msgstr(?:\[\d\])? ""$(?!\n")', catalogue, re.MULTILINE)
    own = [line for line in catalogue.splitlines() if line.startswith("msgstr")]
    cyrillic = [line for line in own if re.search("[А-Яа-я]", line)]
    if language == "en":
        assert cyrillic == ['msgstr "Русский"']
    else:
        assert len(cyrillic) > len(own) * 0.9


def test_translations_fill_in_the_same_values() -> None:
    entries = [
        dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE))
        for text in (source(language) for language in LANGUAGES)
    ]
    english, russian = entries
    for key, sentence in english.items():
        assert set(PLACEHOLDER.findall(sentence)) == set(PLACEHOLDER.findall(russian[key])), key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_sentence_stands_in_the_code(path: Path) -> None:
    """What is shown through Streamlit is never written on the spot."""
    shown = [
        part.value
        for call in calls(ast.parse(path.read_text("utf-8")))
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"st", "reader"}
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    assert [text for text in shown if WORDS.search(text)] == []
