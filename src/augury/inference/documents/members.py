"""Members of a document: one table that describes them, and finds every fault in them.

A document is decoded in one go by a class that knows its types. Only when that fails is it looked
at member by member, because a customer wants to see all faults and not the first.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from math import isfinite
from typing import Any, TypeVar

import msgspec

from augury.inference.signature import MOST_ROWS
from augury.kit.errors import Fault, InvalidInput, escaped, invalid
from augury.kit.texts import LANGUAGES, texts

_MOST_FAULTS = 100
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


def documents_of(inputs: bytes | msgspec.Raw, members: Mapping[str, Member]) -> list[Any]:
    """Return the documents of a JSON array, or raise `InvalidInput` with all their faults."""
    try:
        # Decoded first: given bytes, the reader would let half a surrogate pass.
        rows = json.loads(bytes(inputs).decode())
    except (ValueError, RecursionError):
        raise invalid("/inputs", "fault.not_json") from None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise invalid("/inputs", "fault.rows", most=MOST_ROWS)
    faults: list[Fault] = []
    for place, row in enumerate(rows):
        faults += faults_of(row, members, f"/inputs/{place}")
        if len(faults) >= _MOST_FAULTS:
            break
    if faults:
        raise InvalidInput(faults=faults[:_MOST_FAULTS])
    return rows


def converted(rows: object, kind: type[T]) -> T:
    """Return what was looked at and is fine as what it stands for; raises `InvalidInput`."""
    try:
        return msgspec.convert(rows, kind)
    except msgspec.ValidationError:  # what the table of members takes and the class does not
        raise invalid("/inputs", "fault.not_object") from None


def faults_of(row: object, members: Mapping[str, Member], pointer: str) -> list[Fault]:
    """Return everything that is wrong with one document; a null stands for a member left out."""
    if not isinstance(row, dict):
        return [Fault(pointer, "fault.not_object", {})]
    unknown = (name for name in row if name not in members)
    found = [
        Fault(f"{pointer}/{escaped(name)}", "fault.unknown_field", {"name": shown(name)})
        for name in islice(unknown, _MOST_FAULTS)
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
            if len(found) >= _MOST_FAULTS:
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
