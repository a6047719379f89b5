"""The `Accept` header: who asks for a form gets it, who cannot be served is told what there is."""

import pytest

from augury.api.negotiation import NotAcceptable, choose

JSON, CSV, PDF = "application/json", "text/csv", "application/pdf"

_LIKED: list[tuple[str | None, str | None]] = [
    (None, JSON),
    ("", JSON),
    ("  ", JSON),
    ("*/*", JSON),
    ("application/json", JSON),
    ("APPLICATION/PDF", PDF),
    ("text/csv", CSV),
    ("text/csv; charset=utf-8; header=present", CSV),
    ("text/*", CSV),
    ("application/*", JSON),
    ("text/csv, */*", CSV),
    ("*/*, application/pdf", PDF),
    ("text/csv;q=0.5, application/pdf;q=0.9", PDF),
    ("text/csv;q=0.5, application/pdf;q=0.9, */*", JSON),
    ("application/json;q=0.1, text/csv ; q=0.2", CSV),
    ("application/json;q=0, */*;q=0.1", CSV),
    ("application/json;q=0, text/csv;q=0.000, */*;q=0.1", PDF),
    ("*/*;q=0, text/csv", CSV),
    ("application/pdf, text/csv", CSV),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", JSON),
    ("image/png, text/csv;q=0.3", CSV),
    ("nonsense, text/csv", CSV),
    ("text/csv;q=much", CSV),
    (", ,text/csv,", CSV),
    (",".join(["image/png"] * 49 + ["text/csv"]), CSV),
    (",".join(["image/png"] * 50 + ["text/csv"]), None),
    ("image/png", None),
    ("nonsense", None),
    ("*", None),
    ("*/csv", None),
    ("text/csv;q=0", None),
    ("*/*;q=0", None),
    (",", None),
]


@pytest.mark.parametrize(("accept", "chosen"), _LIKED)
def test_the_form_that_is_liked_best_is_chosen(accept: str | None, chosen: str | None) -> None:
    """Weights decide, then exactness, then our own order; a weight of zero excludes."""
    if chosen is None:
        with pytest.raises(NotAcceptable) as refused:
            choose(accept, (JSON, CSV, PDF))
        assert refused.value.values == {"offered": "application/json, text/csv, application/pdf"}
    else:
        assert choose(accept, (JSON, CSV, PDF)) == chosen
