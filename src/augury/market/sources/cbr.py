"""Bank of Russia: its official exchange rates, and its key rate."""

from datetime import date
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from augury.market.days import iso, read_day, today
from augury.market.series import Draft, Labels, spelled
from augury.market.sources.http import Http, Unanswered
from augury.market.sources.protocol import FIRST_DAY, SourceFailed

_ADDRESS = "https://www.cbr.ru"
_SOURCE, _LICENCE = "Bank of Russia", "free with reference to the source"
_KEY_RATE = "KEY_RATE"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<KeyRateXML xmlns="http://web.cbr.ru/"><fromDate>{first}</fromDate><ToDate>{last}</ToDate>'
    "</KeyRateXML></soap:Body></soap:Envelope>"
)
_ACTION = '"http://web.cbr.ru/KeyRateXML"'


class Cbr:
    """`USD` gives roubles for a dollar as the price USDRUB, `KEY_RATE` the indicator."""

    def __init__(self, address: str = _ADDRESS, http: Http | None = None) -> None:
        """Prepare to ask a server."""
        self._address = address
        self._http = http or Http()

    def fetch(self, symbol: str) -> Draft:
        """Return the whole series that the source calls so; raises `SourceFailed`."""
        name = spelled(symbol)
        try:
            if name == _KEY_RATE:
                labels = Labels(
                    _SOURCE,
                    _LICENCE,
                    kind="indicator",
                    unit="%",
                    title_en="Key rate of the Bank of Russia",
                    title_ru="Ключевая ставка Банка России",
                )
                return _draft(name, labels, self._key_rates())
            labels = Labels(
                _SOURCE,
                _LICENCE,
                unit="RUB",
                title_en=f"{name}, official rate in roubles",
                title_ru=f"{name}, официальный курс в рублях",
            )
            return _draft(f"{name}RUB", labels, self._rates(name))
        except Unanswered as error:
            raise SourceFailed("cbr", name, str(error)) from None
        except (ParseError, DefusedXmlException, ValueError):
            raise SourceFailed("cbr", name, "the answer is not of the known form") from None

    def _rates(self, currency: str) -> list[tuple[int, float]]:
        query = {
            "date_req1": f"{FIRST_DAY:%d/%m/%Y}",
            "date_req2": f"{date.fromisoformat(iso(today())):%d/%m/%Y}",
            "VAL_NM_RQ": self._code(currency),
        }
        found = self._read(self._http.ask(f"{self._address}/scripts/XML_dynamic.asp", params=query))
        # A rate may be that of ten or a hundred units of the currency.
        return [
            (
                _day(record.get("Date", "")),
                _number(record.findtext("Value")) / _number(record.findtext("Nominal")),
            )
            for record in found.iter("Record")
        ]

    def _code(self, currency: str) -> str:
        """Return what the bank itself calls a currency; raises `Unanswered` if it knows none."""
        body = self._http.ask(f"{self._address}/scripts/XML_valFull.asp", params={"d": 0})
        for item in self._read(body).iter("Item"):
            if (item.findtext("ISO_Char_Code") or "").strip() == currency:
                return str(item.get("ID", "")).strip()
        message = "there is no currency of this name"
        raise Unanswered(message)

    def _key_rates(self) -> list[tuple[int, float]]:
        envelope = _ENVELOPE.format(first=FIRST_DAY.isoformat(), last=iso(today()))
        body = self._http.ask(
            f"{self._address}/DailyInfoWebServ/DailyInfo.asmx",
            method="POST",
            content=envelope.encode(),
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": _ACTION},
        )
        return [
            (_day(record.findtext("DT") or ""), _number(record.findtext("Rate")))
            for record in self._read(body).iter("KR")
        ]

    @staticmethod
    def _read(body: bytes) -> Any:
        # It says itself that it is windows-1251, which the parser knows.
        return fromstring(body, forbid_dtd=True)


def _draft(name: str, labels: Labels, points: list[tuple[int, float]]) -> Draft:
    if not points:
        message = "there are no values"
        raise Unanswered(message)
    days = np.array([day for day, _ in points], np.int32)
    return Draft(name, labels, days, np.array([value for _, value in points]))


def _day(text: str) -> int:
    found = read_day(text)
    if found is None:
        raise ValueError(text)
    return found


def _number(text: str | None) -> float:
    return float((text or "").strip().replace("\u00a0", "").replace(",", "."))
