"""The signature of a model version: from JSON rows to one matrix, with every fault named.

The matrix is float32 of shape [rows, fields]: a category is its place in the manifest's list, and
a missing value is NaN. float32, because the models are trained on float32: a threshold that was
learnt on one width and compared on another sends rows at the border down the wrong branch.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import astuple

from augury.inference.manifest import InputField, Manifest, RatioCheck
from augury.kit.errors import Fault, InvalidInput, escaped, invalid

Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MOST_ROWS = 1000
MOST_FAULTS = 100
# Beyond it a number would reach the model as an infinity.
LARGEST = float(np.finfo(np.float32).max)
_LONGEST_VALUE_SHOWN = 80
# Up to here whole numbers are exact as floats.
_LARGEST_EXACT = 2.0**53
# From here on the short form of a number would be an exponent.
_LEAST_SHORTENED = 1e6


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A soft check that an input row did not pass."""

    pointer: str
    check: RatioCheck


class Signature:
    """What the input rows of one model version must look like."""

    def __init__(self, manifest: Manifest) -> None:
        """Compile the fields into a decoder that checks types, ranges and categories at once."""
        self.fields = manifest.inputs
        self._checks = manifest.checks
        self._place = {field.name: place for place, field in enumerate(self.fields)}
        # Known names are whole in a pointer, and escaped as RFC 6901 says.
        self._parts = [field.name.replace("~", "~0").replace("/", "~1") for field in self.fields]
        self._checked = [
            [self._place[name] for name in (check.field, check.numerator, check.denominator)]
            for check in self._checks
        ]
        self._codes: list[dict[str | None, float] | None] = [
            {name: float(code) for code, name in enumerate(field.categories)} | {None: math.nan}
            if field.categories
            else None
            for field in self.fields
        ]
        # Of each category its place; of a field that is none, nothing.
        self.codes = [
            {name: float(code) for code, name in enumerate(field.categories or ())}
            for field in self.fields
        ]
        # A member's own name is its place: a field may have a name that Python could not.
        members = [_member(f"f{place}", field) for place, field in enumerate(self.fields)]
        row = msgspec.defstruct(
            "Row",
            members,
            rename={f"f{place}": field.name for place, field in enumerate(self.fields)},
            forbid_unknown_fields=True,
            kw_only=True,
        )
        self._decoder = msgspec.json.Decoder(
            Annotated[list[row], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type]
        )

    def decode(self, inputs: bytes | msgspec.Raw) -> Matrix:
        """Return the matrix for a JSON array of 1..1000 rows; `InvalidInput` has all faults."""
        try:
            rows = list(map(astuple, self._decoder.decode(inputs)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # The fast decoder stops at the first fault; a customer wants to see them all.
            rows = self._decode_slowly(bytes(inputs))
        return self._encode(rows)

    def sift(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Matrix, dict[int, list[Fault]]]:
        """Return the matrix of the rows without fault, and the faults of the others by place.

        The pointers of the faults begin at the row: `/age`.
        """
        faults = {place: found for place, row in enumerate(rows) if (found := self._check(row))}
        good = [
            tuple(row.get(field.name) for field in self.fields)
            for place, row in enumerate(rows)
            if place not in faults
        ]
        if not good:
            return np.empty((0, len(self.fields)), np.float32), faults
        return self._encode(good), faults

    def judge(self, columns: Sequence[npt.NDArray[np.float64]]) -> tuple[Matrix, Mask]:
        """Return the matrix of rows that came as columns, and which of them are without fault.

        A column has the values of a field: a category is its place in the manifest's list, and
        NaN is a missing value. The rows that are not sure are for `sift` to judge.
        """
        matrix = np.empty((len(columns[0]), len(self.fields)), np.float32)
        sure = np.ones(len(matrix), bool)
        for place, (field, values) in enumerate(zip(self.fields, columns, strict=True)):
            sure &= _are_fine(field, values)
            with np.errstate(over="ignore"):  # what is too large is not sure
                matrix[:, place] = values
        return matrix, sure

    def _check(self, row: Mapping[str, Any]) -> list[Fault]:
        found = (
            fault_of(field, row, f"/{part}")
            for field, part in zip(self.fields, self._parts, strict=True)
        )
        return [fault for fault in found if fault is not None]

    def _encode(self, rows: Sequence[tuple[Any, ...]]) -> Matrix:
        columns = [
            column if codes is None else [codes[value] for value in column]
            for column, codes in zip(zip(*rows, strict=True), self._codes, strict=True)
        ]
        # None becomes NaN here.
        return np.ascontiguousarray(np.array(columns, dtype=np.float32).T)

    def inconsistencies(self, matrix: Matrix) -> list[Inconsistency]:
        """Return which rows do not pass which soft check."""
        found = []
        for check, places in zip(self._checks, self._checked, strict=True):
            part = self._parts[places[0]]
            for row, (value, numerator, denominator) in enumerate(matrix[:, places].tolist()):
                # Multiplied out, so that nothing is divided by 0; a missing value is never off.
                if abs(value * denominator - numerator) > check.tolerance * denominator:
                    found.append(Inconsistency(f"/inputs/{row}/{part}", check))
        return found

    def _decode_slowly(self, inputs: bytes) -> list[tuple[Any, ...]]:
        rows = rows_of(inputs, self._faults_of_row)
        return [tuple(row.get(field.name) for field in self.fields) for row in rows]

    def _faults_of_row(self, pointer: str, row: object) -> list[Fault]:
        if not isinstance(row, dict):
            return [Fault(pointer, "fault.not_object", {})]
        unknown = [
            Fault(f"{pointer}/{escaped(name)}", "fault.unknown_field", {"name": _shown(name)})
            for name in islice((name for name in row if name not in self._place), MOST_FAULTS)
        ]
        known = [
            fault_of(field, row, f"{pointer}/{part}")
            for field, part in zip(self.fields, self._parts, strict=True)
        ]
        return unknown + [fault for fault in known if fault is not None]


def rows_of(
    inputs: bytes, faults_of_row: Callable[[str, object], list[Fault]]
) -> list[dict[str, Any]]:
    """Return the objects of a JSON array of 1..1000; `InvalidInput` has all faults, up to 100.

    `faults_of_row` tells those of the row at a pointer.
    """
    try:
        # Decoded first: given bytes, the reader would let half a surrogate pass.
        rows = json.loads(inputs.decode())
    except (ValueError, RecursionError):
        raise invalid("/inputs", "fault.not_json") from None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise invalid("/inputs", "fault.rows", most=MOST_ROWS)
    faults: list[Fault] = []
    for place, row in enumerate(rows):
        faults += faults_of_row(f"/inputs/{place}", row)
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidInput(faults=faults[:MOST_FAULTS])
    return rows


def _member(name: str, field: InputField) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Return a field as a member of the row that the fast decoder builds."""
    kind: Any
    if field.type == "category":
        kind = Literal[tuple(field.categories or ())]
    else:
        # Whole numbers are floats too: many senders write 30 as 30.0.
        step = 1 if field.type == "integer" else None
        low = -LARGEST if field.minimum is None else field.minimum
        high = LARGEST if field.maximum is None else field.maximum
        limits = msgspec.Meta(ge=low, le=high, multiple_of=step)
        kind = Annotated[float, limits]
    return (name, kind | None, None) if field.nullable else (name, kind)


def fault_of(field: InputField, row: Mapping[str, object], pointer: str) -> Fault | None:
    """Return what is wrong with one value, in the words of the catalogue; None when it is fine."""
    value = row.get(field.name)
    if value is None:
        missing = None if field.name in row else "fault.missing"
        return None if field.nullable else Fault(pointer, missing or "fault.null", {})
    if field.type == "category":
        return _fault_of_category(field, value, pointer)
    return _fault_of_number(field, value, pointer)


def _are_fine(field: InputField, values: npt.NDArray[np.float64]) -> Mask:
    """Return for which values `fault_of` finds no fault; where there is any doubt, it is asked."""
    fine: Mask
    if field.type == "category":
        fine = ~np.isnan(values)
    else:
        low = -math.inf if field.minimum is None else field.minimum
        high = math.inf if field.maximum is None else field.maximum
        fine = (values >= low) & (values <= high) & (np.abs(values) < _LARGEST_EXACT)
        # A zero below zero, which may be written as a whole number, where there is none.
        if low <= 0:
            fine &= (values != 0) | ~np.signbit(values)
        if field.type == "integer":
            fine &= np.floor(values) == values
    if field.nullable:
        fine |= np.isnan(values)
    return fine


def _fault_of_category(field: InputField, value: object, pointer: str) -> Fault | None:
    allowed = field.categories or []
    if isinstance(value, str) and value in allowed:
        return None
    told: dict[str, object] = {"allowed": ", ".join(allowed), "value": _shown(value)}
    return Fault(pointer, "fault.category", told)


def _fault_of_number(field: InputField, value: object, pointer: str) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fault(pointer, f"fault.{field.type}", {"value": _shown(value)})
    if not abs(value) <= LARGEST:  # NaN is not either
        return Fault(pointer, "fault.not_finite", {})
    if field.type == "integer" and value != int(value):
        return Fault(pointer, "fault.integer", {"value": _shown(value)})
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        limits = {"minimum": _plain(low), "maximum": _plain(high)}
        return Fault(pointer, "fault.range", {**limits, "value": _shown(value)})
    return None


def _plain(limit: float | None) -> str:
    if limit is None:
        return "…"
    return f"{limit:g}" if abs(limit) < _LEAST_SHORTENED else f"{limit:.0f}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE_SHOWN else text[:_LONGEST_VALUE_SHOWN] + "…"
