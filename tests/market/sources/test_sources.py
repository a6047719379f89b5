"""Live sources against a local server that replays their formats: one contract for all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pytest
import yfinance
from curl_cffi import requests as curl
from yfinance.data import YfData

from augury.market.checks import examine
from augury.market.days import iso
from augury.market.series import is_symbol
from augury.market.sources import KNOWN, yahoo
from augury.market.sources.cbr import Cbr
from augury.market.sources.fred import Fred
from augury.market.sources.http import Http, Unanswered
from augury.market.sources.moex import Moex
from augury.market.sources.protocol import Source, SourceFailed
from augury.market.sources.yahoo import Yahoo
from market.sources.replay import CLOSES, COUNT, DAYS, HOLIDAY, Replay, replaying
from support.market import day

# What yfinance asks of pandas is between the two of them.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.PandasChangeWarning")


class Elsewhere(curl.Session[Any]):
    """A session that asks the local server whatever is asked of Yahoo."""

    address = ""

    def request(self, method: Any, url: str, *args: Any, **rest: Any) -> Any:
        path = urlsplit(url).path
        return super().request(method, f"{self.address}{path}", *args, **rest)


@pytest.fixture
def replay() -> Iterator[Replay]:
    with replaying() as server:
        yield server


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine, and no folder of the person that runs the tests."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    yfinance.set_tz_cache_location(str(tmp_path))
    YfData.cache_get.cache_clear()


class Case(NamedTuple):
    """How a source is opened, what it is asked for, and what comes of it."""

    open: Callable[[str, Http], Source]
    symbol: str
    named: str
    kind: str
    unit: str
    title: str | None


def _yahoo(address: str, _http: Http) -> Source:
    session = Elsewhere()
    session.address = address
    return Yahoo(session)


CASES = {
    "yahoo": Case(_yahoo, "ko", "KO", "price", "USD", "The Coca-Cola Company"),
    "moex": Case(Moex, "sber", "SBER", "price", "RUB", "Сбербанк России ПАО ао"),
    "cbr": Case(Cbr, "usd", "USDRUB", "price", "RUB", "USD, official rate in roubles"),
    "cbr by the ten": Case(Cbr, "CNY", "CNYRUB", "price", "RUB", "CNY, official rate in roubles"),
    "cbr key rate": Case(Cbr, "KEY_RATE", "KEY_RATE", "indicator", "%", "Key rate of the Bank of Russia"),
    "fred": Case(Fred, "dgs10", "DGS10", "indicator", "", None),
}  # fmt: skip
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
BY_HTTP = pytest.mark.parametrize(
    "case", [case for name, case in CASES.items() if name != "yahoo"], ids=[n for n in CASES if n != "yahoo"]
)  # fmt: skip


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def http(pauses: list[float]) -> Http:
    return Http(pause=pauses.append)


def test_every_known_source_is_among_the_cases() -> None:
    assert {name.partition(" ")[0] for name in CASES} == set(KNOWN)


@EACH
def test_a_source_gives_the_whole_series(replay: Replay, http: Http, case: Case) -> None:
    """Every page, every day but the one without a value, as the house spells it."""
    found = case.open(replay.address, http).fetch(case.symbol)
    labels = found.labels
    assert (found.symbol, labels.kind, labels.unit) == (case.named, case.kind, case.unit)
    assert case.title in {labels.title_en, labels.title_ru}
    assert labels.source
    assert labels.licence
    assert is_symbol(found.symbol)
    assert found.days.dtype == np.dtype(np.int32)
    assert found.values.dtype == np.dtype(np.float64)
    checked = examine(
        found.days,
        found.values,
        today=day("2026-01-01"),
        kind=labels.kind,
        frequency=labels.frequency,
    )
    assert checked.faults == []
    expected = [one for at, one in enumerate(zip(DAYS, CLOSES, strict=True)) if at != HOLIDAY]
    days = [iso(one) for one in checked.days.tolist()]
    assert days == [one for one, _ in expected]
    assert checked.values.tolist() == pytest.approx([value for _, value in expected], abs=1e-9)
    assert len(days) == COUNT - 1


@EACH
def test_a_name_that_the_source_does_not_know_is_said(
    replay: Replay, http: Http, case: Case
) -> None:
    with pytest.raises(SourceFailed, match="NONE"):
        case.open(replay.address, http).fetch("none")


@EACH
def test_nonsense_in_place_of_data_is_a_failure_and_no_crash(
    replay: Replay, http: Http, case: Case
) -> None:
    for replay.instead in (
        b"",
        b"<html>We will be right back</html>",
        b"\xff\xfe\x00",
        b"{}",
        b"[]",
        b'{"chart": {"result": [{}]}}',
        b'{"description": {}, "boards": {}}',
        b"observation_date,DGS10\nnever,1\n",
        b"observation_date,DGS10\n",
        b"<?xml version='1.0'?><ValCurs/>",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
    ):
        with pytest.raises(SourceFailed):
            case.open(replay.address, http).fetch(case.symbol)


@EACH
def test_a_source_that_is_not_there_is_said(http: Http, case: Case) -> None:
    with pytest.raises(SourceFailed):
        case.open("http://127.0.0.1:1", http).fetch(case.symbol)


@BY_HTTP
def test_a_source_that_is_busy_is_asked_again(
    replay: Replay, http: Http, pauses: list[float], case: Case
) -> None:
    """As late as it says, or ever later."""
    replay.troubles = [429, 503, 500]
    found = case.open(replay.address, http).fetch(case.symbol)
    assert len(found.days) >= COUNT - 1
    assert pauses == [7.0, 2.0, 4.0]


@BY_HTTP
def test_one_that_stays_busy_is_left_after_a_few_tries(
    replay: Replay, http: Http, pauses: list[float], case: Case
) -> None:
    replay.troubles = [503] * 99
    with pytest.raises(SourceFailed, match="HTTP 503"):
        case.open(replay.address, http).fetch(case.symbol)
    assert (len(replay.asked), pauses) == (4, [1.0, 2.0, 4.0])


def test_a_refusal_is_not_asked_again(replay: Replay, http: Http, pauses: list[float]) -> None:
    replay.troubles = [403]
    with pytest.raises(Unanswered, match="HTTP 403"):
        http.ask(replay.address)
    assert (len(replay.asked), pauses) == (1, [])


def test_an_answer_without_end_is_cut_off(replay: Replay, pauses: list[float]) -> None:
    replay.instead = b"1" * 100_000
    with pytest.raises(Unanswered, match="more than 99999 bytes"):
        Http(pauses.append, most_bytes=99_999).ask(replay.address)
    assert len(Http(pauses.append, most_bytes=100_000).ask(replay.address)) == 100_000


def test_the_exchange_is_asked_page_by_page(replay: Replay, http: Http) -> None:
    Moex(replay.address, http).fetch("SBER")
    starts = [one.rpartition("start=")[2] for one in replay.asked if "/history/" in one]
    assert starts == ["0", "100", "200"]


def test_without_the_library_yahoo_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yahoo, "find_spec", lambda _name: None)
    with pytest.raises(SourceFailed, match=r"augury\[live\]"):
        Yahoo().fetch("KO")


@pytest.mark.parametrize(
    ("step", "frequency", "lag_days"),
    [(1, "daily", 7), (7, "weekly", 10), (30.4375, "monthly", 31), (91.3, "quarterly", 60), (365.25, "yearly", 180)],
)  # fmt: skip
def test_fred_tells_no_rhythm_so_it_is_found_out(
    replay: Replay, http: Http, step: float, frequency: str, lag_days: int
) -> None:
    days = (day("1990-01-01") + np.floor(step * np.arange(30))).astype(int)
    rows = "".join(f"{iso(int(one))},{at}\n" for at, one in enumerate(days))
    replay.instead = f"observation_date,GDP\n{rows}".encode()
    labels = Fred(replay.address, http).fetch("GDP").labels
    assert (labels.frequency, labels.lag_days) == (frequency, lag_days)
