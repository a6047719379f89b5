"""Live sources of market data, one file each. All are off until the settings name them."""

from collections.abc import Callable, Mapping

from augury.market.sources.cbr import Cbr
from augury.market.sources.fred import Fred
from augury.market.sources.moex import Moex
from augury.market.sources.protocol import Source
from augury.market.sources.yahoo import Yahoo

KNOWN: Mapping[str, Callable[[], Source]] = {
    "yahoo": Yahoo,
    "moex": Moex,
    "cbr": Cbr,
    "fred": Fred,
}
