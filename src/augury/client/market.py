"""What can be done about market data: customers look, administrators bring and remove."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct, field

from augury.client.answers import Page
from augury.client.connection import Connection, path_of, present

# A large file is read and looked at before the server answers.
_IMPORT_SECONDS: Final = 300.0

Kind = Literal["price", "indicator"]


class MarketSeries(Struct, frozen=True, kw_only=True):
    """A series that the house keeps; days are `YYYY-MM-DD`."""

    symbol: str
    kind: str
    title: Mapping[str, str | None]
    source: str
    licence: str
    unit: str
    frequency: str
    lag_days: int
    first: str = field(name="from")
    last: str = field(name="to")
    points: int


class MarketValues(MarketSeries, frozen=True, kw_only=True):
    """A series with its last values, the oldest first."""

    days: tuple[str, ...]
    values: tuple[float, ...]


class MarketFinding(Struct, frozen=True):
    """One thing that was found about a series, and where."""

    pointer: str
    message: str


class MarketImported(Struct, frozen=True, kw_only=True):
    """What became of a series: it is `new`, `changed`, `unchanged` or, in a dry run, `refused`."""

    symbol: str
    kind: str
    outcome: str
    points: int
    faults: tuple[MarketFinding, ...] = ()
    notes: tuple[MarketFinding, ...] = ()


class MarketImport(Struct, frozen=True):
    """What an import did, or would do."""

    dry_run: bool
    series: tuple[MarketImported, ...]


class MarketCalls:
    """The part of a client that is about market data."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def series(self, search: str = "", *, kind: Kind | None = None) -> Iterator[MarketSeries]:
        """Yield the series that the house keeps whose name or title has a text, by name."""
        query = present({"search": search or None, "kind": kind, "limit": 200})
        return self._connection.walk("/v1/market/series", Page[MarketSeries], query)

    def values(self, symbol: str, *, kind: Kind = "price", limit: int = 250) -> MarketValues:
        """Return a series with its last values; ApiError `series_not_found` names the nearest."""
        query = {"kind": kind, "limit": limit}
        return self._connection.call(
            "GET", path_of("market", "series", symbol), MarketValues, params=query
        )

    def import_file(
        self, content: bytes, *, source: str, licence: str, dry_run: bool = False, **said: Any
    ) -> MarketImport:
        """Take all series of a CSV, Parquet or JSON Lines file, or with a fault none.

        `said` may have `symbol`, `kind`, `unit`, `frequency`, `lag_days`, `title_en` and
        `title_ru`. It takes an administrator; ApiError `invalid_input` lists the faults.
        """
        told = {"source": source, "licence": licence, **said}
        return self._connection.call(
            "POST",
            "/v1/admin/market/series",
            MarketImport,
            params={"dry_run": dry_run},
            files={"file": ("series", content, "application/octet-stream")},
            data={name: str(value) for name, value in told.items() if value is not None},
            timeout=_IMPORT_SECONDS,
            repeatable=True,
        )

    def remove(self, symbol: str, *, kind: Kind = "price") -> None:
        """Remove a series; it takes an administrator."""
        path = path_of("admin", "market", "series", symbol)
        self._connection.send("DELETE", path, params={"kind": kind})
