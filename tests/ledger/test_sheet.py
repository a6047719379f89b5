"""The statement as a spreadsheet: safe to open, readable, and never whole in memory."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.kit.spreadsheets import harmless
from augury.kit.texts import LANGUAGES, texts
from augury.ledger import history, service
from augury.ledger.core import Instruction, TransferType
from augury.ledger.history import Movement
from augury.ledger.sheet import COLUMNS, sheet
from augury.ledger.statement import Month, chunks, find_statement
from support.months import START, Clock, items, open_account, top_up


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_speaks_the_readers_language(db: Database, clock: Clock, language: str) -> None:
    """Heading and types are the reader's, after a mark that spreadsheets know UTF-8 by."""
    account_id = open_account(db)
    top_up(db, account_id, clock, [START])
    found, moved = items(db, account_id, Month(2024, 1))
    content = b"".join(sheet(found, [moved], language))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    words = texts("sheets", language)
    assert rows[0] == [words.text(f"column.{name}") for name in COLUMNS]
    assert [row[1] for row in rows[1:]] == [
        words.text("balance.opening"),
        texts("papers", language).text("type.top_up"),
        words.text("balance.closing"),
    ]


def test_the_sheet_of_a_month_under_way_ends_now(db: Database) -> None:
    """Its closing balance carries no moment that is still to come."""
    month = Month.of(now())
    found, _ = items(db, open_account(db), month)
    last = b"".join(sheet(found, [], "en")).decode().splitlines()[-1]
    told = datetime.fromisoformat(last.partition(",")[0]).replace(tzinfo=UTC)
    assert told <= datetime.now(UTC)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+7 900", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "＋1", "－1", "＠a"],
)  # fmt: skip
def test_a_formula_is_made_text(text: str) -> None:
    """Whoever writes a reason cannot make the accountant's spreadsheet compute."""
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "1-2", "a=b", "Возврат", "'=1", "voucher:1", "«=»"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Only what begins like a formula is touched."""
    assert harmless(text) == text


def test_reasons_go_into_the_sheet_harmless_and_whole(db: Database, clock: Clock) -> None:
    """Commas, quotes and lines survive; a formula does not; amounts below zero stay numbers."""
    account_id = open_account(db)
    reasons = ['a "quoted", one\r\nin two lines', "=HYPERLINK(1)", "Возврат за сбой", "-5"]
    top_up(db, account_id, clock, [START] * 9)
    with db.write() as tx:
        service.post(
            tx,
            [
                Instruction(
                    new_id(), TransferType.ADJUSTMENT, account_id, -1, reference="-r", reason=reason
                )
                for reason in reasons
            ],
        )
    found, moved = items(db, account_id, Month(2024, 1))
    text = b"".join(sheet(found, [moved], "en")).decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row[7] == "adjustment"]
    assert [row[5] for row in rows] == [reasons[0], "'=HYPERLINK(1)", reasons[2], "'-5"]
    assert {row[4] for row in rows} == {"'-r"}
    assert {row[2] for row in rows} == {"-1"}
    assert ",-1," in text


def test_movements_are_read_only_when_they_are_asked_for(
    db: Database, journal: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a statement is, a lot of it is in memory, and no transaction waits for the
    reader."""
    account_id, _ = journal
    asked: list[int] = []
    read = history.journal

    def counted(*args: Any, **values: Any) -> list[Movement]:
        asked.append(values["last"] - values["after"])
        return read(*args, **values)

    monkeypatch.setattr(history, "journal", counted)
    found = find_statement(db, account_id, Month(2024, 1))
    pieces = sheet(found, chunks(db, found), "en")
    assert asked == []
    next(pieces)  # heading and opening balance
    assert asked == []
    next(pieces)
    assert asked == [3]
    with db.write() as tx:  # a reader who stops here keeps nobody from writing
        service.open_accounts(tx, [new_id()])
    assert len(list(pieces)) == 17  # 16 more lots, and the closing balance
    assert asked == [3] * 16 + [2]
