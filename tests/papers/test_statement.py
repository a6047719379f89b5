"""The statement of a month as its reader sees it, in both languages."""

import dataclasses
import re
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from augury.kit.texts import LANGUAGES, texts
from augury.ledger.core import TransferType
from augury.papers.statement import (
    MOST_LINES,
    PaperTooLong,
    StatementLine,
    StatementPaper,
    StatementTotal,
    render_statement,
)
from support.papers import fonts, one_line, pages

MARCH = 1_772_323_200_000_000
MINUTE = 60_000_000


def a_paper(lines: int = 3, **changes: Any) -> StatementPaper:
    moved = [
        StatementLine(MARCH + n * MINUTE, "charge", f"ref-{n:04}", -100, 50_000 - n * 100)
        for n in range(1, lines + 1)
    ]
    paper = StatementPaper(
        owner_name="ООО «Ромашка»",
        owner_email="buh@romashka.example",
        month="2026-03",
        opening=50_000,
        closing=50_000 - 100 * lines,
        lines=moved,
        totals=[StatementTotal("charge", lines, -100 * lines)] if lines else [],
        final=True,
        seller="ООО «Авгур»",
    )
    return dataclasses.replace(paper, **changes)


def test_a_russian_statement_says_everything() -> None:
    text = one_line(render_statement(a_paper(), "ru"))
    for said in (
        "Выписка по кредитам",
        "Март 2026",
        "ООО «Ромашка»",
        "buh@romashka.example",
        "ООО «Авгур»",
        "Начальный остаток 50 000",
        "Списано −300",
        "Поступило 0",
        "Конечный остаток 49 700",
        "Предсказание 3 −300",
        "01.03.2026 00:01 Предсказание ref-0001 −100 49 900",
        "Страница 1 из 1",
    ):
        assert said in text


def test_an_english_statement_has_english_numbers_and_dates() -> None:
    text = one_line(render_statement(a_paper(), "en"))
    for said in (
        "Statement of credits",
        "March 2026",
        "Opening balance 50,000",
        "Closing balance 49,700",
        "Prediction 3 −300",
        "1 Mar 2026, 00:03 Prediction ref-0003 −100 49,700",
        "Page 1 of 1",
        "Coordinated Universal Time",
    ):
        assert said in text


def test_what_came_in_and_went_out_add_up_by_sign() -> None:
    lines = [
        StatementLine(MARCH, "top_up", "a", 1000, 1000),
        StatementLine(MARCH, "hold", "b", -300, 700),
        StatementLine(MARCH, "release", "b", 250, 950),
    ]
    text = one_line(render_statement(dataclasses.replace(a_paper(), lines=lines), "en"))
    assert "Came in +1,250" in text
    assert "Went out −300" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_of_transfer_has_its_words(language: str) -> None:
    lines = [StatementLine(MARCH, kind.value, "x", 1, 1) for kind in TransferType]
    totals = [StatementTotal(kind.value, 1, 1) for kind in TransferType]
    paper = dataclasses.replace(a_paper(lines=0), lines=lines, totals=totals)
    text = one_line(render_statement(paper, language))
    for kind in TransferType:
        assert texts("papers", language).text(f"type.{kind.value}") in text


def test_a_month_without_movements_says_so() -> None:
    text = one_line(render_statement(a_paper(lines=0), "en"))
    assert "Nothing moved in this month." in text
    assert "By type" not in text


def test_only_a_month_that_is_not_over_is_called_preliminary() -> None:
    assert "Preliminary" in one_line(render_statement(a_paper(final=False), "en"))
    assert "Preliminary" not in one_line(render_statement(a_paper(), "en"))


def test_a_long_statement_has_numbered_pages_each_with_the_header() -> None:
    found = pages(render_statement(a_paper(lines=200), "ru"))
    assert len(found) > 3
    for number, text in enumerate(found, 1):
        assert f"Страница {number} из {len(found)}" in text
        assert "Основание" in text
        assert "март 2026 · ООО «Ромашка»" in text
    references = re.findall(r"ref-\d{4}", " ".join(found))
    assert references == [f"ref-{n:04}" for n in range(1, 201)]


def test_more_lines_than_a_paper_may_have_are_refused() -> None:
    line = a_paper().lines[0]
    with pytest.raises(PaperTooLong) as refusal:
        render_statement(dataclasses.replace(a_paper(), lines=[line] * (MOST_LINES + 1)), "en")
    assert refusal.value.values == {"lines": MOST_LINES + 1, "most_lines": MOST_LINES}


def test_the_longest_statement_is_set() -> None:
    paper = render_statement(a_paper(lines=MOST_LINES), "ru")
    assert len(PdfReader(BytesIO(paper)).pages) > 100


def test_the_largest_balance_fits_its_column() -> None:
    most = 2**53 - 1
    lines = [StatementLine(MARCH, "capture", f"{'0' * 8}-{'0' * 27}", -most, most)]
    paper = dataclasses.replace(a_paper(), lines=lines, opening=most, closing=most)
    text = one_line(render_statement(paper, "ru"))
    assert "−9 007 199 254 740 991 9 007 199 254 740 991" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_statement_is_the_same_bytes_with_its_fonts(language: str) -> None:
    first, second = (render_statement(a_paper(), language) for _ in range(2))
    assert first == second
    assert fonts(first)
    assert all(fonts(first).values())
    title = PdfReader(BytesIO(first)).metadata
    assert title is not None
    assert title.title
    assert title.creation_date is None


def test_catalogues_of_papers_have_the_same_keys() -> None:
    english, russian = (texts("papers", language).keys for language in LANGUAGES)
    assert sorted(english ^ russian) == []
