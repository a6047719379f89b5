"""Moscow Exchange, by its Informational & Statistical Server: closes of shares and indices."""

from typing import Any

import msgspec
import numpy as np

from augury.market.days import read_day
from augury.market.series import LONGEST_TEXT, Draft, Labels, spelled
from augury.market.sources.http import Http, Unanswered
from augury.market.sources.protocol import SourceFailed

_ADDRESS = "https://iss.moex.com"
# A page has a hundred days.
_MOST_PAGES = 400


class Moex:
    """Prices in roubles, as traded: the exchange adjusts them neither for splits nor dividends."""

    def __init__(self, address: str = _ADDRESS, http: Http | None = None) -> None:
        """Prepare to ask a server."""
        self._address = address
        self._http = http or Http()

    def fetch(self, symbol: str) -> Draft:
        """Return the whole series that the source calls so; raises `SourceFailed`."""
        name = spelled(symbol)
        try:
            title, board = self._primary(name)
            points = self._closes(f"{board}/securities/{name}.json")
        except Unanswered as error:
            raise SourceFailed("moex", name, str(error)) from None
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            raise SourceFailed("moex", name, "the answer is not of the known form") from None
        if not points:
            raise SourceFailed("moex", name, "there is no security of this name")
        labels = Labels(
            "Moscow Exchange ISS", "terms of the exchange", unit="RUB", title_ru=title or None
        )
        days = np.array([day for day, _ in points], np.int32)
        return Draft(name, labels, days, np.array([close for _, close in points]))

    def _primary(self, name: str) -> tuple[str, str]:
        """Return the title of a security and the path of the board where it is mainly traded."""
        query = {
            "iss.meta": "off",
            "iss.only": "description,boards",
            "description.columns": "name,value",
            "boards.columns": "boardid,market,engine,is_primary",
        }
        told = self._ask(f"/iss/securities/{name}.json", query)
        titles = {row["name"]: str(row["value"]) for row in _rows(told["description"])}
        for row in _rows(told["boards"]):
            if row["is_primary"]:
                places = f"engines/{row['engine']}/markets/{row['market']}/boards/{row['boardid']}"
                return titles.get("NAME", "")[:LONGEST_TEXT], f"/iss/history/{places}"
        return "", ""

    def _closes(self, path: str) -> list[tuple[int, float]]:
        points: list[tuple[int, float]] = []
        if path.startswith("/securities"):
            return points  # no board, no security
        start = 0
        for _ in range(_MOST_PAGES):
            query = {"iss.meta": "off", "history.columns": "TRADEDATE,CLOSE", "start": start}
            told = self._ask(path, query)
            rows = _rows(told["history"])
            for row in rows:
                # A day without a trade has no close.
                if row["CLOSE"]:
                    day = read_day(row["TRADEDATE"])
                    if day is None:
                        raise ValueError(row["TRADEDATE"])
                    points.append((day, float(row["CLOSE"])))
            start += len(rows)
            (cursor,) = _rows(told["history.cursor"])
            if not rows or start >= int(cursor["TOTAL"]):
                return points
        message = f"more than {_MOST_PAGES} pages"
        raise Unanswered(message)

    def _ask(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        body = self._http.ask(self._address + path, params=query)
        return msgspec.json.decode(body, type=dict[str, Any])


def _rows(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(block["columns"], row, strict=True)) for row in block["data"]]
