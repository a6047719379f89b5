"""Yahoo Finance, through the library yfinance, which keeps up with how Yahoo wants to be asked."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from augury.market.series import LONGEST_TEXT, LONGEST_UNIT, Draft, Labels, spelled
from augury.market.sources.protocol import SourceFailed

_TIMEOUT_SECONDS = 30


class Yahoo:
    """Daily closes of shares, funds, indices and currencies, adjusted for splits and dividends."""

    def __init__(self, session: Any = None) -> None:
        """Prepare; another `session` of curl_cffi than yfinance's own leads elsewhere."""
        self._session = session

    def fetch(self, symbol: str) -> Draft:
        """Return the whole series that the source calls so; raises `SourceFailed`."""
        name = spelled(symbol)
        if find_spec("yfinance") is None:
            raise SourceFailed("yahoo", name, "install the extra: pip install 'augury[live]'")
        # By name: it is an extra, and takes a second to import.
        yfinance = import_module("yfinance")
        yfinance.config.debug.hide_exceptions = False
        ticker = yfinance.Ticker(name, session=self._session)
        try:
            table = ticker.history(
                period="max",
                interval="1d",
                auto_adjust=True,
                actions=False,
                timeout=_TIMEOUT_SECONDS,
            )
            told = ticker.history_metadata
        # Whatever a library of that size raises, from its own errors to those of its parsers.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise SourceFailed("yahoo", name, reason) from error
        closes = table["Close"].dropna() if "Close" in table else table
        if not len(closes):
            raise SourceFailed("yahoo", name, "there are no prices of this name")
        # The index has midnights where the exchange is: what counts is the date it says.
        days = closes.index.tz_localize(None).to_numpy().astype("datetime64[D]")
        labels = Labels(
            "Yahoo Finance",
            "Yahoo terms of service, personal use",
            unit=str(told.get("currency") or "")[:LONGEST_UNIT],
            title_en=str(told.get("longName") or told.get("shortName") or "")[:LONGEST_TEXT]
            or None,
        )
        return Draft(name, labels, days.astype(np.int32), closes.to_numpy(np.float64))
