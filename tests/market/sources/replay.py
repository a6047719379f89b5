"""A local server that replays what live sources really send, page by page, and their troubles."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from support.market import walk, working_days

COUNT = 250
DAYS = [str(one) for one in working_days("2023-01-02", COUNT).astype("datetime64[D]")]
CLOSES = np.round(walk(COUNT), 2).tolist()
# A day on which nothing was traded, or nothing was published.
HOLIDAY = 17

Answer = tuple[int, str, bytes]


class Replay(ThreadingHTTPServer):
    """The server; `troubles` are statuses that it answers first, and it keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.troubles: list[int] = []
        self.instead: bytes | None = None
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, query: dict[str, str], body: bytes) -> Answer:
        """Return status, media type and body."""
        if self.troubles:
            return self.troubles.pop(0), "text/plain", b"busy"
        if self.instead is not None:
            return 200, "text/plain", self.instead
        for form, told in _ROUTES.items():
            if path.startswith(form):
                return told(path, query, body)
        return _UNKNOWN


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replay

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by its base
        pass

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.server.asked.append(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        status, media_type, content = self.server.answer(url.path, query, body)
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        if status == 429:
            self.send_header("retry-after", "7")
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()


@contextmanager
def replaying() -> Iterator[Replay]:
    """Give a server that runs until the block ends."""
    server = Replay()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(content: Any) -> Answer:
    return 200, "application/json; charset=utf-8", json.dumps(content).encode()


def _xml(text: str, encoding: str) -> Answer:
    return 200, "application/xml", text.encode(encoding)


def _fred(name: str) -> Answer:
    if name != "DGS10":
        return 404, "text/html", b"<!DOCTYPE html><html></html>"
    lines = [
        f"{day},{'' if at == HOLIDAY else value}"
        for at, (day, value) in enumerate(zip(DAYS, CLOSES, strict=True))
    ]
    content = "\n".join(["observation_date,DGS10", *lines, ""])
    return 200, "application/csv", content.encode()


def _security(path: str) -> dict[str, Any]:
    known = path.endswith("/SBER.json")
    boards = [
        ["EQBR", "shares", "stock", 0],
        ["TQBR", "shares", "stock", 1],
        ["SMAL", "shares", "stock", 0],
    ]
    return {
        "description": {
            "columns": ["name", "value"],
            "data": [["SECID", "SBER"], ["NAME", "Сбербанк России ПАО ао"]] if known else [],
        },
        "boards": {
            "columns": ["boardid", "market", "engine", "is_primary"],
            "data": boards if known else [],
        },
    }


def _history(path: str, start: int) -> dict[str, Any]:
    expected = "/iss/history/engines/stock/markets/shares/boards/TQBR/securities/SBER.json"
    total = COUNT if path == expected else 0
    rows = [
        [DAYS[at], None if at == HOLIDAY else CLOSES[at]]
        for at in range(start, min(start + 100, total))
    ]
    return {
        "history": {"columns": ["TRADEDATE", "CLOSE"], "data": rows},
        "history.cursor": {
            "columns": ["INDEX", "TOTAL", "PAGESIZE"],
            "data": [[start, total, 100]],
        },
    }


_CURRENCIES = """<?xml version="1.0" encoding="windows-1251"?>
<Valuta name="Foreign Currency Market Lib">
<Item ID="R01235"><Name>Доллар США</Name><EngName>US Dollar</EngName><Nominal>1</Nominal>\
<ParentCode>R01235    </ParentCode><ISO_Num_Code>840</ISO_Num_Code><ISO_Char_Code>USD</ISO_Char_Code></Item>
<Item ID="R01375"><Name>Китайский юань</Name><EngName>China Yuan</EngName><Nominal>10</Nominal>\
<ParentCode>R01375    </ParentCode><ISO_Num_Code>156</ISO_Num_Code><ISO_Char_Code>CNY</ISO_Char_Code></Item>
</Valuta>"""


def _rates(query: dict[str, str]) -> str:
    assert re.fullmatch(r"\d\d/\d\d/\d{4}", query["date_req1"])
    # A yuan used to be told by the ten.
    nominal = 10 if query["VAL_NM_RQ"] == "R01375" else 1
    records = "".join(
        f'<Record Date="{".".join(reversed(day.split("-")))}" Id="{query["VAL_NM_RQ"]}">'
        f"<Nominal>{nominal}</Nominal><Value>{_comma(value * nominal)}</Value>"
        f"<VunitRate>{_comma(value)}</VunitRate></Record>"
        for at, (day, value) in enumerate(zip(DAYS, CLOSES, strict=True))
        if at != HOLIDAY
    )
    return (
        '<?xml version="1.0" encoding="windows-1251"?>'
        f'<ValCurs ID="{query["VAL_NM_RQ"]}" DateRange1="{query["date_req1"]}"'
        f' DateRange2="{query["date_req2"]}" name="Динамика официального курса">{records}</ValCurs>'
    )


def _comma(value: float) -> str:
    return f"{value:.4f}".replace(".", ",")


def _key_rates() -> str:
    records = "".join(
        f"<KR><DT>{day}T00:00:00+03:00</DT><Rate>{value:.2f}</Rate></KR>"
        for at, (day, value) in reversed(list(enumerate(zip(DAYS, CLOSES, strict=True))))
        if at != HOLIDAY
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<KeyRateXMLResponse xmlns="http://web.cbr.ru/"><KeyRateXMLResult>'
        f'<KeyRate xmlns="">{records}</KeyRate></KeyRateXMLResult></KeyRateXMLResponse>'
        "</soap:Body></soap:Envelope>"
    )


def _chart(name: str) -> Answer:
    if name != "KO":
        problem = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        content = json.dumps({"chart": {"result": None, "error": problem}})
        return 404, "application/json", content.encode()
    # The exchange opens at 14:30 UTC.
    opened = 14 * 3600 + 1800
    moments = [int(np.datetime64(day).astype("datetime64[s]").astype(int)) + opened for day in DAYS]
    closes = [None if at == HOLIDAY else value * 2 for at, value in enumerate(CLOSES)]
    adjusted = [None if at == HOLIDAY else value for at, value in enumerate(CLOSES)]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes)
    meta = {
        "currency": "USD", "symbol": "KO", "exchangeName": "NYQ", "fullExchangeName": "NYSE",
        "instrumentType": "EQUITY", "firstTradeDate": moments[0], "regularMarketTime": moments[-1],
        "gmtoffset": -18000, "timezone": "EST", "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": CLOSES[-1] * 2, "longName": "The Coca-Cola Company",
        "shortName": "Coca-Cola Company (The)", "chartPreviousClose": 1.0, "priceHint": 2,
        "dataGranularity": "1d", "range": "max", "validRanges": ["1d", "5d", "max"],
        "currentTradingPeriod": {},
    }  # fmt: skip
    result = {
        "meta": meta,
        "timestamp": moments,
        "indicators": {
            "quote": [quote | {"volume": [1000] * COUNT}],
            "adjclose": [{"adjclose": adjusted}],
        },
    }
    return _json({"chart": {"result": [result], "error": None}})


_UNKNOWN: Answer = (404, "text/html", b"<html>Not Found</html>")
_ROUTES: dict[str, Callable[[str, dict[str, str], bytes], Answer]] = {
    "/graph/fredgraph.csv": lambda _path, query, _body: _fred(query["id"]),
    "/iss/securities/": lambda path, _query, _body: _json(_security(path)),
    "/iss/history/": lambda path, query, _body: _json(_history(path, int(query["start"]))),
    "/scripts/XML_valFull.asp": lambda *_: _xml(_CURRENCIES, "cp1251"),
    "/scripts/XML_dynamic.asp": lambda _path, query, _body: _xml(_rates(query), "cp1251"),
    "/DailyInfoWebServ/DailyInfo.asmx": lambda _path, _query, body: (
        _xml(_key_rates(), "utf-8") if b"<KeyRateXML " in body else _UNKNOWN
    ),
    "/v8/finance/chart/": lambda path, _query, _body: _chart(path.rpartition("/")[2]),
    "/v1/test/getcrumb": lambda *_: (200, "text/plain", b"a.crumb"),
}
