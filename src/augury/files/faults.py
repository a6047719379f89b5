"""Why a file is refused, or one of its rows: sentences stand in `api.po`."""

from collections.abc import Sequence
from difflib import get_close_matches

from augury.kit.errors import Fault, Refusal, escaped

_MOST_NAMES_SHOWN = 30
_LONGEST_SHOWN = 40


class FileUnreadable(Refusal):
    """The file is no table that can be read to its end."""

    code = "file_unreadable"
    status = 422


class ColumnsMissing(Refusal):
    """The file lacks columns that the model needs."""

    code = "columns_missing"
    status = 422


class FileTooLarge(Refusal):
    """The file has more bytes than a file may have."""

    code = "file_too_large"
    status = 413


def unreadable(key: str, line: int = 0, **values: object) -> FileUnreadable:
    """Return the refusal of a file, for what is wrong with it and in which line (0: in none)."""
    return FileUnreadable(faults=[fault_of_row(key, line, **values)], line=line)


def fault_of_row(key: str, line: int, **values: object) -> Fault:
    """Return what is wrong with one row, by the line on which it begins."""
    return Fault(f"/file/{line}" if line else "/file", key, {"line": line, **values})


def columns_missing(missing: Sequence[str], columns: Sequence[str]) -> ColumnsMissing:
    """Return the refusal of a file without some columns; it names the nearest that there are."""
    folded = {name.strip().casefold(): name.strip() for name in columns}
    faults = []
    for name in missing:
        near = get_close_matches(name.casefold(), folded, n=1)
        values: dict[str, object] = {"name": name}
        if near:
            values["nearest"] = shown(folded[near[0]])
        key = "fault.file_column_nearest" if near else "fault.file_column"
        faults.append(Fault(f"/file/{escaped(name)}", key, values))
    return ColumnsMissing(
        faults=faults, missing=", ".join(missing), columns=_listed([shown(one) for one in columns])
    )


def shown(text: str) -> str:
    """Return a text of a stranger short enough for a sentence, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_SHOWN else flat[:_LONGEST_SHOWN] + "…"


def _listed(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > _MOST_NAMES_SHOWN else []
    return ", ".join([*names[:_MOST_NAMES_SHOWN], *more])
