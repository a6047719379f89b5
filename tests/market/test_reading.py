"""Tables as people save them, read as series."""

import datetime as dt
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augury.files.faults import FileUnreadable
from augury.kit.errors import InvalidInput, Refusal
from augury.market import reading
from augury.market.days import iso
from augury.market.reading import MOST_FAULTS, read_series
from augury.market.series import Draft
from support.market import LABELS

THREE = [("2024-01-09", 10.5), ("2024-01-10", 11.0), ("2024-01-11", 12.25)]


def parquet(**columns: list[object]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def read(tmp_path: Path, content: str | bytes, symbol: str | None = None) -> list[Draft]:
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_series(path, LABELS, symbol)


def points(found: Draft) -> list[tuple[str, float]]:
    return [
        (iso(day), value)
        for day, value in zip(found.days.tolist(), found.values.tolist(), strict=True)
    ]


_DATES = [dt.date(2024, 1, day) for day in (9, 10, 11)]
ONE: dict[str, str | bytes] = {
    "plain": "date,close\n2024-01-09,10.5\n2024-01-10,11\n2024-01-11,12.25\n",
    "of Excel in Russia": "Дата;Цена\r\n09.01.2024;10,5\r\n10.01.2024;11\r\n11.01.2024;12,25\r\n".encode("cp1251"),
    "with a mark": "\ufeffdate\tclose\n2024-01-09\t10.5\n2024-01-10\t11\n2024-01-11\t12.25\n",
    "of Yahoo": "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-09,1,1,1,99,10.5,7\n2024-01-10,1,1,1,99,11,7\n2024-01-11,1,1,1,99,12.25,7\n",
    "of FRED": "observation_date,VIXCLS\n2024-01-09,10.5\n2024-01-10,11\n2024-01-11,12.25\n",
    "with holidays": "date,close\n2024-01-08,\n2024-01-09,10.5\n2024-01-10,11\n2024-01-11,12.25\n2024-01-12,.\n2024-01-13,NaN\n",
    "JSON Lines": "".join(json.dumps({"date": day, "close": value}) + "\n" for day, value in THREE),
    "Parquet": parquet(date=list(_DATES), close=[10.5, 11.0, 12.25]),
    "Parquet with moments": parquet(date=[dt.datetime(2024, 1, day) for day in (9, 10, 11)], close=[10.5, 11.0, 12.25]),  # noqa: DTZ001 -- as pandas writes days
    "Parquet with texts": parquet(Date=["2024-01-09", "2024-01-10", "2024-01-11"], Close=[10.5, 11.0, 12.25], Volume=[1, 2, 3]),
}  # fmt: skip


@pytest.mark.parametrize("form", ONE)
def test_one_series_is_read_in_every_form(tmp_path: Path, form: str) -> None:
    (found,) = read(tmp_path, ONE[form], "TEST")
    assert (found.symbol, points(found)) == ("TEST", THREE)


def test_a_column_a_series_gives_as_many_with_their_own_days(tmp_path: Path) -> None:
    found = read(tmp_path, "Date,brk-b,^GSPC\n2024-01-09,1,\n2024-01-10,2,20\n")
    assert [(one.symbol, points(one)) for one in found] == [
        ("BRK-B", [("2024-01-09", 1.0), ("2024-01-10", 2.0)]),
        ("^GSPC", [("2024-01-10", 20.0)]),
    ]
    assert found[0].lines is not None
    assert found[0].lines.tolist() == [2, 3]


def test_a_column_of_symbols_gives_their_series(tmp_path: Path) -> None:
    text = "symbol,date,close\nb,2024-01-09,1\nA,2024-01-09,2\nB,2024-01-10,3\n"
    found = read(tmp_path, text)
    assert [(one.symbol, [value for _, value in points(one)]) for one in found] == [
        ("A", [2.0]),
        ("B", [1.0, 3.0]),
    ]


# Content, and key and pointer of the first fault.
BAD: dict[str, tuple[str | bytes, str, str]] = {
    "no columns": ("a,b\n1,2\n", "fault.market_columns", "/file"),
    "only days": ("date\n2024-01-09\n", "fault.market_columns", "/file"),
    "no name": ("date,close\n2024-01-09,1\n", "fault.market_symbol_needed", "/symbol"),
    "a name that is none": ("date,A B\n2024-01-09,1\n", "fault.market_symbol", "/file/A B"),
    "a name in a column": ("symbol,date,close\n../x,2024-01-09,1\n", "fault.market_symbol", "/file/2"),
    "no day": ("date,X\n2024-01-09,1\n09/01/2024,1\n", "fault.market_day", "/file/3"),
    "an empty day": ("date,X\n,1\n", "fault.market_day", "/file/2"),
    "no number": ("date,X\n2024-01-09,dear\n", "fault.market_value", "/file/2"),
    "an infinite number": ("date,X\n2024-01-09,1e999\n", "fault.market_value", "/file/2"),
    "too few cells": ("date,X,Y\n2024-01-09,1,1\n2024-01-10,1\n", "fault.file_cells", "/file/3"),
    "no rows": ("date,X\n", "fault.file_no_rows", "/file"),
    "no values": ("date,X\n2024-01-09,\n", "fault.file_no_rows", "/file"),
    "nothing": ("", "fault.file_empty", "/file"),
    "a zip": (b"PK\x03\x04" + b"\0" * 50, "fault.file_packed", "/file"),
    "half a Parquet": (parquet(date=list(_DATES), X=[1.0, 2.0, 3.0])[:-30], "fault.file_parquet", "/file"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_table_of_series_is_refused_with_its_place(tmp_path: Path, bad: str) -> None:
    content, key, pointer = BAD[bad]
    with pytest.raises(Refusal) as caught:
        read(tmp_path, content)
    assert isinstance(caught.value, InvalidInput | FileUnreadable)
    first = caught.value.faults[0]
    assert (first.key, first.pointer) == (key, pointer)


def test_a_file_of_nothing_but_faults_is_told_in_a_few(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, "date,X\n" + "never,1\n" * 10_000)
    assert len(caught.value.faults) == MOST_FAULTS


def test_a_file_has_only_so_many_series_and_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SERIES_IN_FILE", 2)
    for text in ("date,A,B,C\n2024-01-09,1,1,1\n", "symbol,date,close\n" + "".join(f"{one},2024-01-09,1\n" for one in "ABC")):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            read(tmp_path, text)
        assert caught.value.faults[0].key == "fault.market_file_series"
    monkeypatch.setattr(reading, "MOST_CELLS", 3)
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, "date,A,B\n2024-01-09,1,1\n2024-01-10,1,1\n")
    assert caught.value.faults[0].key == "fault.market_file_cells"
    monkeypatch.setattr(reading, "MOST_POINTS", 1)
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, "date,A\n2024-01-09,1\n2024-01-10,1\n")
    assert caught.value.faults[0].key == "fault.market_points"
