"""Files of visitors: as spreadsheets save them, with every fault at its line."""

import pytest

from augury.ui.parts.own_files import MOST_TROUBLES, Unread, read_positions, read_prices


@pytest.mark.parametrize(
    "content",
    [
        b"date,close\n2026-01-02,1234.5\n2026-01-05,1236\n",
        "\ufeffDate;Close\n05.01.2026;1 236,00\n\n02.01.2026;1\u00a0234,50\n".encode(),
        "Дата\tЦена\n2026-01-02 00:00:00\t1.234,5\n2026-01-05\t1236\n".encode("cp1251"),
        b'Date,Open,Adj Close\n2026-01-02,7,"1,234.50"\n2026-01-05,8,1236\n',
    ],
)
def test_prices_are_read_as_people_save_them(content: bytes) -> None:
    assert read_prices(content) == [
        {"date": "2026-01-02", "close": 1234.5},
        {"date": "2026-01-05", "close": 1236.0},
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", [("file.no_date", 0, "date, day")]),
        (b"date,price in dollars\n", [("file.no_close", 0, "adj close, adj_close")]),
        (b"date,close\n", [("file.empty", 0, "")]),
        (b"date,close\n01/02/2026,1\n", [("file.not_a_date", 2, "01/02/2026")]),
        (b"date,close\n2026-02-30,1\n", [("file.not_a_date", 2, "2026-02-30")]),
        (
            b"date,close\n2026-01-02,1\n\nx,n/a\n2026-01-05\n",
            [
                ("file.not_a_date", 4, "x"),
                ("file.not_a_number", 4, "n/a"),
                ("file.not_a_number", 5, ""),
            ],
        ),
        (b"date,close\n2026-01-02,nan\n", [("file.not_a_number", 2, "nan")]),
        (b'date,close\n"' + b"x" * 200_000, [("file.unreadable", 0, "")]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    content: bytes, found: list[tuple[str, int, str]]
) -> None:
    with pytest.raises(Unread) as caught:
        read_prices(content)
    told = [(one.key, one.line, one.value) for one in caught.value.troubles]
    assert [(key, line if key != "file.unreadable" else 0, v) for key, line, v in told] == found


def test_a_hundred_faults_are_told_by_the_first_of_them() -> None:
    with pytest.raises(Unread) as caught:
        read_prices(b"date,close\n" + b"x,1\n" * 100)
    assert len(caught.value.troubles) == MOST_TROUBLES


@pytest.mark.parametrize(
    "content",
    [
        b"symbol,weight\nAAPL,0.6\nXOM,0.4\n",
        b"Ticker;Weight\nAAPL;60%\nXOM;40%\n",
        "тикер;вес\nAAPL;60\nXOM;40\n".encode("cp1251"),
    ],
)
def test_weights_are_shares_however_they_are_written(content: bytes) -> None:
    assert read_positions(content) == (
        "weight",
        [{"symbol": "AAPL", "weight": 0.6}, {"symbol": "XOM", "weight": 0.4}],
    )


def test_positions_may_have_values_instead() -> None:
    assert read_positions(b'symbol,value\nAAPL,"6,000.00"\n') == (
        "value",
        [{"symbol": "AAPL", "value": 6000.0}],
    )
    with pytest.raises(Unread) as caught:
        read_positions(b"symbol,weight\n,0.5\n")
    assert [one.key for one in caught.value.troubles] == ["file.empty_symbol"]
