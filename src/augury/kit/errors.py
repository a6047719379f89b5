"""Every expected "no" is a `Refusal`; sentences for it stand in `locale/<language>/api.po`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (a JSON pointer) and which text tells what to do."""

    pointer: str
    key: str
    values: dict[str, object]


class Refusal(Exception):
    """An expected "no": a stable code, an HTTP status, and values for the text `refusal.<code>`.

    `values` also go into the answer as extra members (RFC 9457), so they hold nothing secret.
    """

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        *,
        faults: Sequence[Fault] = (),
        retry_after_seconds: int | None = None,
        **values: object,
    ) -> None:
        """Refuse with the values that the text needs, and the faults when the input has some."""
        super().__init__(self.code)
        self.faults = tuple(faults)
        self.retry_after_seconds = retry_after_seconds
        self.values = values

    def told(self, language: str) -> dict[str, object]:  # noqa: ARG002 -- a refusal may need it
        """Return the values of the answer; one that quotes a sentence quotes the reader's."""
        return self.values


class InvalidInput(Refusal):
    """The input has faults, all listed with their pointers."""

    code = "invalid_input"
    status = 422


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403


class NotFound(Refusal):
    """There is no such thing, or it is not the caller's."""

    code = "not_found"
    status = 404


class LedgerUnavailable(Refusal):
    """The database cannot be reached or is too busy, so nothing can be sold."""

    code = "ledger_unavailable"
    status = 503


def invalid(pointer: str, key: str, **values: object) -> InvalidInput:
    """Return the refusal for a single fault."""
    return InvalidInput(faults=[Fault(pointer, key, values)])


def escaped(name: object) -> str:
    """Return a name as a part of a JSON pointer, however strange or long it is."""
    shown = repr(name)[1:-1] if isinstance(name, str) else str(name)
    return shown[:_LONGEST_NAME_SHOWN].replace("~", "~0").replace("/", "~1")


_LONGEST_NAME_SHOWN = 80


def all_refusals() -> list[type[Refusal]]:
    """Return every refusal class known so far, by code: the closed list that the docs describe."""

    def below(cls: type[Refusal]) -> list[type[Refusal]]:
        return [found for sub in cls.__subclasses__() for found in (sub, *below(sub))]

    return sorted(below(Refusal), key=lambda refusal: refusal.code)
