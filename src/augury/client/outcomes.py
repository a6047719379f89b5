"""What a customer does about outcomes: tell what became of the cases that were predicted."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from augury.client.connection import Connection, path_of, present


class Outcomes(Struct, frozen=True):
    """What is known of a prediction's rows: 1, 0, or None where nothing is known."""

    prediction_id: str
    model: str
    version: int
    outcomes: tuple[int | None, ...]
    reported: int
    reported_at: datetime | None


class OutcomeImport(Struct, frozen=True):
    """Rows of an import that were new, that replaced others, and that were known already."""

    stored: int
    changed: int
    unchanged: int


class OutcomeCalls:
    """The part of a client that is about outcomes: 1, the event happened; 0, it did not.

    Reporting the same again changes nothing, so a lost answer is asked for again by itself.
    """

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def report_outcome(
        self, prediction_id: str, outcome: int, *, row: int | None = None
    ) -> Outcomes:
        """Tell what happened in one row, and return what is known of the prediction.

        Rows are counted from 0; `row` may be left out where there is only one. What was told
        before is replaced.
        """
        return self._report(prediction_id, {"outcome": outcome, "row": row})

    def report_outcomes(self, prediction_id: str, outcomes: Sequence[int | None]) -> Outcomes:
        """Tell what happened in every row; None where it is not known yet."""
        return self._report(prediction_id, {"outcomes": list(outcomes)})

    def outcomes(self, prediction_id: str) -> Outcomes:
        """Return what is known of a prediction's rows."""
        return self._connection.call(
            "GET", path_of("predictions", prediction_id, "outcome"), Outcomes
        )

    def import_outcomes(self, outcomes: Iterable[tuple[str, int, int]]) -> OutcomeImport:
        """Tell what happened in many predictions, as `(prediction_id, row, outcome)`.

        All of them are taken, or none: then `ApiError` has a field error for each line that is
        wrong, counted from 2.
        """
        lines = "".join(f"{id_},{row},{outcome}\n" for id_, row, outcome in outcomes)
        return self.import_file(f"prediction_id,row,outcome\n{lines}".encode())

    def import_file(self, content: bytes) -> OutcomeImport:
        """Tell what happened in many predictions by a CSV file, with the columns named above."""
        return self._connection.call(
            "POST",
            "/v1/outcomes",
            OutcomeImport,
            files={"file": ("outcomes.csv", content, "text/csv")},
            repeatable=True,
        )

    def _report(self, prediction_id: str, report: dict[str, object]) -> Outcomes:
        path = path_of("predictions", prediction_id, "outcome")
        return self._connection.call("POST", path, Outcomes, json=present(report), repeatable=True)
