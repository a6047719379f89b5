"""What travels over the wire about market data."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.kit.errors import Fault
from augury.market.days import iso
from augury.market.imports import Imported, Outcome
from augury.market.series import (
    LONGEST_SYMBOL,
    LONGEST_TEXT,
    LONGEST_UNIT,
    MOST_LAG_DAYS,
    Entry,
    Frequency,
    Kind,
    Labels,
)
from augury.risk.series import Days, Floats

Sentence = Callable[[Fault], str]


class ImportForm(BaseModel):
    """What is said of the series of a file, besides the file."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    source: str = Field(
        min_length=1, max_length=LONGEST_TEXT, description="Where the data come from."
    )
    licence: str = Field(
        min_length=1, max_length=LONGEST_TEXT, description="By what right they are used."
    )
    symbol: str | None = Field(
        None,
        max_length=LONGEST_SYMBOL,
        description="Of the only series. Without it columns name them, or a column `symbol`.",
    )
    kind: Kind = "price"
    unit: str = Field(
        "USD", max_length=LONGEST_UNIT, description="A currency, or what else is counted."
    )
    frequency: Frequency = "daily"
    lag_days: int = Field(
        0,
        ge=0,
        le=MOST_LAG_DAYS,
        description="How many days after the end of its period a value of an indicator is known.",
    )
    title_en: str | None = Field(None, max_length=LONGEST_TEXT)
    title_ru: str | None = Field(None, max_length=LONGEST_TEXT)

    def labels(self) -> Labels:
        """Return what is said of each series."""
        return Labels(**self.model_dump(exclude={"symbol"}))


class SeriesTitle(BaseModel):
    """The title of a series, where it has one."""

    en: str | None
    ru: str | None


class SeriesOut(BaseModel):
    """A series that the house keeps, without its values."""

    symbol: str
    kind: Kind
    title: SeriesTitle
    source: str
    licence: str
    unit: str
    frequency: Frequency
    lag_days: int = Field(description="Days from the end of a period until its value is known.")
    first: str = Field(serialization_alias="from", description="Its first day.")
    last: str = Field(serialization_alias="to", description="Its last day.")
    points: int
    updated_at: str

    @classmethod
    def of(cls, entry: Entry) -> "SeriesOut":
        """Return a series for the wire."""
        labels = entry.labels
        return cls(
            symbol=entry.symbol,
            kind=labels.kind,
            title=SeriesTitle(en=labels.title_en, ru=labels.title_ru),
            source=labels.source,
            licence=labels.licence,
            unit=labels.unit,
            frequency=labels.frequency,
            lag_days=labels.lag_days,
            first=iso(entry.first_day),
            last=iso(entry.last_day),
            points=entry.points,
            updated_at=rfc3339(entry.updated_at),
        )


class SeriesPage(BaseModel):
    """A page of series, by name."""

    items: list[SeriesOut]
    next_cursor: str | None


class SeriesValues(SeriesOut):
    """A series with its last values, the oldest first."""

    days: list[str] = Field(description="Of an indicator, the last days of its periods.")
    values: list[float]

    @classmethod
    def with_values(cls, entry: Entry, days: Days, values: Floats) -> "SeriesValues":
        """Return a series and values for the wire."""
        known = SeriesOut.of(entry).model_dump()
        return cls(**known, days=[iso(day) for day in days.tolist()], values=values.tolist())


class AdminSeriesOut(SeriesOut):
    """A series as administrators see it."""

    digest: str = Field(description="SHA-256 of its days and values.")
    revision: int = Field(description="The number of the change that brought it.")

    @classmethod
    def of(cls, entry: Entry) -> "AdminSeriesOut":
        """Return a series for the wire."""
        known = SeriesOut.of(entry).model_dump()
        return cls(**known, digest=entry.digest, revision=entry.revision)


class AdminSeriesPage(BaseModel):
    """A page of series, by name."""

    items: list[AdminSeriesOut]
    next_cursor: str | None


class SeriesRemoved(BaseModel):
    """A series that is not kept any more."""

    symbol: str
    kind: Kind


class FindingOut(BaseModel):
    """One thing that was found: where, and what."""

    pointer: str = Field(examples=["/file/17"])
    message: str


class ImportedOut(BaseModel):
    """What became, or would become, of a series."""

    symbol: str
    kind: Kind
    outcome: Outcome
    first: str | None = Field(serialization_alias="from")
    last: str | None = Field(serialization_alias="to")
    points: int
    faults: list[FindingOut] = Field(description="Why it would be refused.")
    notes: list[FindingOut] = Field(description="What was repaired, or is worth a look.")


class ImportOut(BaseModel):
    """What an import did, or would do."""

    dry_run: bool
    series: list[ImportedOut]

    @classmethod
    def of(cls, imported: Sequence[Imported], sentence: Sentence, *, dry_run: bool) -> "ImportOut":
        """Return it for the wire; `sentence` tells a finding in the reader's language."""
        return cls(dry_run=dry_run, series=[_imported(one, sentence) for one in imported])


def _imported(one: Imported, sentence: Sentence) -> ImportedOut:
    days = one.checked.days
    return ImportedOut(
        symbol=one.draft.symbol,
        kind=one.draft.labels.kind,
        outcome=one.outcome,
        first=iso(int(days[0])) if len(days) else None,
        last=iso(int(days[-1])) if len(days) else None,
        points=len(days),
        faults=_findings(one.checked.faults, sentence),
        notes=_findings(one.checked.notes, sentence),
    )


def _findings(faults: Sequence[Fault], sentence: Sentence) -> list[FindingOut]:
    return [FindingOut(pointer=fault.pointer, message=sentence(fault)) for fault in faults]
