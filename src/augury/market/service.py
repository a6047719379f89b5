"""The market data of a house: prices and indicators by name, in memory as they are asked for."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from heapq import nlargest

import numpy as np

from augury.kit.db import Database
from augury.market import store
from augury.market.refusals import SeriesNotFound
from augury.market.series import Entry, Kind, spelled
from augury.risk.series import Days, Floats, Indicator, Series

_MOST_BYTES = 64 * 2**20
# So often at most is the database asked whether something has changed.
_LOOK_AGAIN_SECONDS = 1.0
_LEAST_ALIKE = 0.5
_TITLED = 0.9

_Key = tuple[Kind, str]
_Content = Series | Indicator


class HouseMarkets:
    """Prices and indicators of a house; any number of threads may ask.

    Who asks for a name sees one state of the room, whole: it is exchanged in one assignment. A
    content is read when it is first asked for, and forgotten again when others need the room.
    """

    def __init__(self, db: Database, most_bytes: int = _MOST_BYTES) -> None:
        """Start empty; the first question reads what there is."""
        self._db = db
        self._most_bytes = most_bytes
        self._looking, self._changing = threading.Lock(), threading.Lock()
        self._revision = -1
        self._looked_at = float("-inf")
        self._entries: Mapping[_Key, Entry] = {}
        self._symbols: Sequence[str] = ()
        self._loaded: OrderedDict[_Key, tuple[Entry, _Content]] = OrderedDict()
        self._bytes = 0

    def prices(self, symbol: str) -> Series | None:
        """Return all prices of an asset; None if there is none of this name."""
        found = self._find("price", symbol)
        assert not isinstance(found, Indicator)  # noqa: S101 -- of its kind
        return found

    def indicator(self, name: str) -> Indicator | None:
        """Return all values of an indicator; None if there is none of this name."""
        found = self._find("indicator", name)
        assert not isinstance(found, Series)  # noqa: S101 -- of its kind
        return found

    def symbols(self) -> Sequence[str]:
        """Return the names of all assets, sorted."""
        self._look_if_never()
        return self._symbols

    def entry(self, symbol: str, kind: Kind = "price") -> Entry | None:
        """Return what is known of a series besides its values; None if there is none."""
        self._look_if_never()
        return self._entries.get((kind, symbol))

    def require(self, symbol: str, kind: Kind = "price") -> Entry:
        """Return what is known of a series, or raise `SeriesNotFound` with the nearest names."""
        found = self.entry(symbol, kind)
        if found is None:
            near = ", ".join(self.nearest(symbol, kind=kind)) or "–"
            raise SeriesNotFound(symbol=symbol[:80], nearest=near)
        return found

    def newest(self, symbol: str, kind: Kind, most: int) -> tuple[Entry, Days, Floats]:
        """Return a series with its last days int32 [n] and values float64 [n], n at `most`.

        Days of an indicator are the ends of its periods. Raises `SeriesNotFound`.
        """
        entry = self.require(symbol, kind)
        found = self._find(kind, symbol)
        if found is None:
            raise SeriesNotFound(symbol=symbol, nearest="–")  # it was removed just now
        if isinstance(found, Series):
            return entry, found.days[-most:], found.closes[-most:]
        ends = found.known - np.int32(entry.labels.lag_days)
        return entry, ends[-most:], found.values[-most:]

    def nearest(self, symbol: str, most: int = 3, *, kind: Kind = "price") -> list[str]:
        """Return the names that look most like one that is not there, the nearest first.

        Titles count too: who asks for Apple is told AAPL.
        """
        self._look_if_never()
        asked = spelled(symbol)[:80]
        matcher = SequenceMatcher(b=asked)
        scored = [
            (score, one.symbol)
            for one in self._entries.values()
            if one.kind == kind and (score := _alike(matcher, asked, one)) >= _LEAST_ALIKE
        ]
        return [name for _, name in nlargest(most, scored, key=lambda pair: pair[0])]

    def search(
        self, *, text: str = "", kind: Kind | None = None, after: tuple[str, str] = ("", "")
    ) -> Iterator[Entry]:
        """Yield series by name, those behind `(symbol, kind)`, whose name or title has a text."""
        self._look_if_never()
        wanted = text.strip().casefold()
        for one in self._entries.values():
            if (one.symbol, one.kind) <= after or kind not in {None, one.kind}:
                continue
            titles = (one.symbol, one.labels.title_en, one.labels.title_ru)
            if any(wanted in title.casefold() for title in titles if title):
                yield one

    def refresh(self) -> bool:
        """Take over what has changed in the room; return whether anything had."""
        with self._looking:
            looked_at = time.monotonic()
            with self._db.read() as tx:
                number = store.revision(tx)
                changed = number != self._revision
                found = store.entries(tx) if changed else []
            if changed:
                with self._changing:
                    self._entries = {(one.kind, one.symbol): one for one in found}
                    self._symbols = tuple(one.symbol for one in found if one.kind == "price")
                    self._revision = number
                    self._forget_old()
            self._looked_at = looked_at
            return changed

    def _look_if_never(self) -> None:
        if self._revision < 0:
            self.refresh()

    def _find(self, kind: Kind, symbol: str) -> _Content | None:
        key = (kind, symbol)
        with self._changing:
            if loaded := self._loaded.get(key):
                self._loaded.move_to_end(key)
                return loaded[1]
        entry = self._entries.get(key)
        if entry is None and time.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
            self.refresh()
            entry = self._entries.get(key)
        return None if entry is None else self._load(key, entry)

    def _load(self, key: _Key, entry: Entry) -> _Content | None:
        """Read a content; one that was replaced at this moment is looked for anew."""
        with self._db.read() as tx:
            found = store.content(tx, entry.digest)
        if found is None:
            self.refresh()
            later = self._entries.get(key)
            return None if later in {None, entry} else self._find(*key)
        content = _as_asked(entry, *found)
        with self._changing:
            if self._entries.get(key) == entry and key not in self._loaded:
                self._loaded[key] = entry, content
                self._bytes += _size(content)
            while self._bytes > self._most_bytes and len(self._loaded) > 1:
                _, (_, oldest) = self._loaded.popitem(last=False)
                self._bytes -= _size(oldest)
        return content

    def _forget_old(self) -> None:
        for key, (entry, content) in list(self._loaded.items()):
            if self._entries.get(key) != entry:
                del self._loaded[key]
                self._bytes -= _size(content)


def _as_asked(entry: Entry, days: Days, values: Floats) -> _Content:
    if entry.kind == "price":
        return Series(days, values)
    # Days of indicators are the ends of their periods.
    known = days + days.dtype.type(entry.labels.lag_days)
    known.setflags(write=False)
    return Indicator(known, values)


def _size(content: _Content) -> int:
    if isinstance(content, Series):
        return content.days.nbytes + content.closes.nbytes
    return content.known.nbytes + content.values.nbytes


def _alike(matcher: "SequenceMatcher[str]", asked: str, entry: Entry) -> float:
    """Return from 0 to 1 how much a name or its title is like what was asked for."""
    matcher.set_seq1(entry.symbol)
    titles = [one.upper() for one in (entry.labels.title_en, entry.labels.title_ru) if one]
    if asked and any(asked in title for title in titles):
        return _TITLED
    # Cheap bounds first: most names are nothing like it.
    quick = matcher.real_quick_ratio() >= _LEAST_ALIKE and matcher.quick_ratio() >= _LEAST_ALIKE
    return matcher.ratio() if quick else 0.0
