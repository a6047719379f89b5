"""Counts what this process has sold, for Prometheus. The books are elsewhere: in the ledger."""

from typing import Final

from prometheus_client import Counter

_OF: Final = ("model", "version")
_PREDICTIONS: Final = Counter("augury_predictions_sold", "Predictions made and paid", _OF)
_ROWS: Final = Counter("augury_rows_sold", "Rows of predictions that were made and paid", _OF)
_CREDITS: Final = Counter("augury_credits_taken", "Credits that were taken for them", _OF)
# Looking a child up takes longer than counting.
_children: dict[tuple[str, int], tuple[Counter, Counter, Counter]] = {}


def count_sale(model: str, version: int, rows: int, credits_: int) -> None:
    """Count one prediction of a version that has been paid, after its commit."""
    found = _children.get((model, version))
    if found is None:
        labels = (model, str(version))
        found = (_PREDICTIONS.labels(*labels), _ROWS.labels(*labels), _CREDITS.labels(*labels))
        _children[model, version] = found
    predictions, row_count, taken = found
    predictions.inc()
    row_count.inc(rows)
    taken.inc(credits_)
