"""Members of a document: one table that describes them, and finds every fault in them.

A document is decoded in one go by a class that knows its types. Only when that fails is it looked
at member by member, because a customer wants to see all faults and not the first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from math import isfinite
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from augury.inference.signature import MOST_FAULTS, MOST_ROWS, rows_of
from augury.kit.errors import Fault, InvalidInput, escaped, invalid
from augury.kit.texts import LANGUAGES, texts

_LONGEST_SHOWN = 80

T = TypeVar("T")
# The faults of a value at a pointer.
Check = Callable[[object, str], list[Fault]]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a document: its JSON Schema, and what finds its faults."""

    schema: Mapping[str, Any]
    check: Check
    required: bool = False


def schema_of(
    room: str, members: Mapping[str, Member], example: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON Schema of a document; the texts are `<room>.<member>` in `risk.po`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            name: {**member.schema, **titles(f"{room}.{name}")} for name, member in members.items()
        },
        "required": [name for name, member in members.items() if member.required],
        "additionalProperties": False,
        "examples": [example],
    }


def titles(key: str) -> dict[str, Any]:
    """Return title and description of a member, in both languages."""
    told = {language: texts("risk", language) for language in LANGUAGES}
    title = {language: one.text(key) for language, one in told.items()}
    about = {language: one.text(f"{key}.about") for language, one in told.items()}
    return {
        "title": title["en"],
        "description": about["en"],
        "x-title": title,
        "x-description": about,
    }


def value_titles(name: str, values: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what people call each value of an enumeration, in both languages, by value."""
    return {
        value: {language: texts("risk", language).text(f"{name}.{value}") for language in LANGUAGES}
        for value in values
    }


class Reader(Generic[T]):
    """Reads documents of one class, whose faults beyond types and limits `look` finds."""

    def __init__(
        self, kind: type[T], members: Mapping[str, Member], look: Callable[[T], list[Fault]]
    ) -> None:
        """Take what a document is; `look` gives faults with pointers that begin at it."""
        self._kind, self._members, self._look = kind, members, look
        several = Annotated[list[kind], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type]
        self._decoder = msgspec.json.Decoder(several)

    def read(self, inputs: bytes | msgspec.Raw) -> list[T]:
        """Return the documents of a JSON array of 1..1000; `InvalidInput` has all faults."""
        try:
            documents: list[T] = self._decoder.decode(inputs)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = rows_of(bytes(inputs), lambda at, row: faults_of(row, self._members, at))
            documents = self._converted(rows)
        faults = [
            Fault(f"/inputs/{place}{fault.pointer}", fault.key, fault.values)
            for place, one in enumerate(documents)
            for fault in self._look(one)
        ]
        if faults:
            raise InvalidInput(faults=faults[:MOST_FAULTS])
        return documents

    def read_row(self, row: Mapping[str, Any]) -> T | list[Fault]:
        """Return the document in a row of a file, or its faults."""
        try:
            document = msgspec.convert(row, self._kind)
        except msgspec.ValidationError:
            return faults_of(dict(row), self._members, "") or [Fault("", "fault.not_object", {})]
        return self._look(document) or document

    def _converted(self, rows: list[dict[str, Any]]) -> list[T]:
        try:
            return [msgspec.convert(row, self._kind) for row in rows]
        except msgspec.ValidationError:  # what the table of members takes and the class does not
            raise invalid("/inputs", "fault.not_object") from None


def faults_of(row: object, members: Mapping[str, Member], pointer: str) -> list[Fault]:
    """Return everything that is wrong with one document; a null stands for a member left out."""
    if not isinstance(row, dict):
        return [Fault(pointer, "fault.not_object", {})]
    unknown = (name for name in row if name not in members)
    found = [
        Fault(f"{pointer}/{escaped(name)}", "fault.unknown_field", {"name": shown(name)})
        for name in islice(unknown, MOST_FAULTS)
    ]
    for name, member in members.items():
        value, place = row.get(name), f"{pointer}/{name}"
        if value is not None:
            found += member.check(value, place)
        elif member.required:
            found.append(Fault(place, "fault.missing", {}))
    return found


def text(most: int) -> Check:
    """Return the check of a text of 1 to so many characters."""

    def check(value: object, pointer: str) -> list[Fault]:
        fine = isinstance(value, str) and 1 <= len(value) <= most and value.isprintable()
        return [] if fine else [Fault(pointer, "fault.name", {"most": most, "value": shown(value)})]

    return check


def one_of(*allowed: Any) -> Check:
    """Return the check of a value that is one of a few."""

    def check(value: object, pointer: str) -> list[Fault]:
        if not isinstance(value, bool) and value in allowed:
            return []
        told: dict[str, object] = {"allowed": ", ".join(map(str, allowed)), "value": shown(value)}
        return [Fault(pointer, "fault.category", told)]

    return check


def number(low: float, high: float) -> Check:
    """Return the check of a finite number within limits."""

    def check(value: object, pointer: str) -> list[Fault]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [Fault(pointer, "fault.number", {"value": shown(value)})]
        if not isinstance(value, int) and not isfinite(value):
            return [Fault(pointer, "fault.not_finite", {})]
        if not low <= value <= high:
            told: dict[str, object] = {
                "minimum": f"{low:g}",
                "maximum": f"{high:g}",
                "value": shown(value),
            }
            return [Fault(pointer, "fault.range", told)]
        return []

    return check


def day(value: object, pointer: str) -> list[Fault]:
    """Return what is wrong with a date `YYYY-MM-DD`."""
    try:
        msgspec.convert(value, date)
    except msgspec.ValidationError:
        return [Fault(pointer, "fault.date", {"value": shown(value)})]
    return []


def numbers_by_name(most: int, names: Check, values: Check) -> Check:
    """Return the check of an object from names to numbers."""

    def check(value: object, pointer: str) -> list[Fault]:
        if not isinstance(value, dict) or len(value) > most:
            return [Fault(pointer, "fault.numbers_by_name", {"most": most})]
        found = []
        for name, one in value.items():
            place = f"{pointer}/{escaped(name)}"
            found += names(name, place) or values(one, place)
        return found

    return check


def list_of(least: int, most: int, each: Check, key: str) -> Check:
    """Return the check of a list; `key` says that it is none, or too short or too long."""

    def check(value: object, pointer: str) -> list[Fault]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            count = len(value) if isinstance(value, list) else 0
            return [Fault(pointer, key, {"least": least, "most": most, "count": count})]
        found: list[Fault] = []
        for place, one in enumerate(value):
            found += each(one, f"{pointer}/{place}")
            if len(found) >= MOST_FAULTS:
                break
        return found

    return check


def object_of(members: Mapping[str, Member]) -> Check:
    """Return the check of an object that has members of its own."""
    return lambda value, pointer: faults_of(value, members, pointer)


def shown(value: object) -> str:
    """Return a little of a value that may be anything."""
    told = repr(value)
    return told if len(told) <= _LONGEST_SHOWN else told[:_LONGEST_SHOWN] + "…"
