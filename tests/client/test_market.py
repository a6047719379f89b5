"""The client's calls about market data, each against the real API."""

from typing import Any

import pytest

from augury.client import ApiError, Client
from client.shop import Shop
from support.market import table

SAID: dict[str, Any] = {"source": "a test", "licence": "free"}


@pytest.fixture
def admin(shop: Shop) -> Client:
    """The administrator."""
    return shop.admin()


def test_series_are_brought_seen_and_removed(anna: Client, admin: Client) -> None:
    content = table(["TRY-A", "TRY-B"]).encode()
    tried = admin.market.import_file(content, dry_run=True, **SAID)
    assert (tried.dry_run, [one.outcome for one in tried.series]) == (True, ["new", "new"])
    done = admin.market.import_file(content, title_en="A try", lag_days=3, **SAID)
    assert [(one.symbol, one.outcome, one.points) for one in done.series] == [
        ("TRY-A", "new", 80),
        ("TRY-B", "new", 80),
    ]
    found = list(anna.market.series("a try"))
    assert [(one.symbol, one.first, one.lag_days) for one in found] == [
        ("TRY-A", "2024-01-01", 3),
        ("TRY-B", "2024-01-01", 3),
    ]
    chart = anna.market.values("try-a", limit=3)
    assert (len(chart.days), len(chart.values), chart.last) == (3, 3, chart.days[-1])
    for name in ("TRY-A", "TRY-B"):
        admin.market.remove(name)
    assert list(anna.market.series("a try")) == []


def test_a_name_that_is_not_there_and_a_bad_file_are_refused(anna: Client, admin: Client) -> None:
    with pytest.raises(ApiError) as caught:
        anna.market.values("APPL")
    assert caught.value.code == "series_not_found"
    with pytest.raises(ApiError) as caught:
        admin.market.import_file(b"date,X\nnever,1\n", **SAID)
    assert caught.value.code == "invalid_input"
    with pytest.raises(ApiError) as caught:
        anna.market.remove("SP500")
    assert caught.value.code == "forbidden"
