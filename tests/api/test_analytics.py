"""What administrators are told of load, of what sells, and whether the books are right."""

from starlette.testclient import TestClient

from augury.api.routes import admin as admin_routes
from augury.bootstrap import House
from support.houses import order

ROOT = "/v1/admin"


def test_what_is_sold_shows_at_once(
    client: TestClient, admin: dict[str, str], anna: dict[str, str]
) -> None:
    """Popularity, revenue and latency; widened to whole hours."""
    typed = anna | {"Content-Type": "application/json"}
    before = {
        one["model"]: one
        for one in client.get(f"{ROOT}/analytics/models", headers=admin).json()["items"]
    }.get("credit-logistic-regression", {"predictions": 0, "rows": 0, "revenue": 0})
    for rows in (1, 2):
        sold = client.post("/v1/predictions", content=order(rows=rows), headers=typed)
        assert sold.status_code == 201
    told = client.get(f"{ROOT}/analytics/models", headers=admin).json()
    (one,) = [i for i in told["items"] if i["model"] == "credit-logistic-regression"]
    grown = {name: one[name] - before[name] for name in ("predictions", "rows", "revenue")}
    assert grown == {"predictions": 2, "rows": 3, "revenue": 30}
    latency = one["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert told["from"].endswith(":00:00.000000Z")
    long_ago = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    empty = client.get(f"{ROOT}/analytics/models", headers=admin, params=long_ago).json()
    assert empty["items"] == []
    turned = {"from": "2020-02-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}
    assert client.get(f"{ROOT}/analytics/models", headers=admin, params=turned).status_code == 422


def test_load_tells_of_sales_queues_and_the_process(
    client: TestClient, admin: dict[str, str], anna: dict[str, str]
) -> None:
    """Requests are counted when they have ended."""
    typed = anna | {"Content-Type": "application/json"}
    client.post("/v1/predictions", content=order(), headers=typed)
    first = client.get(f"{ROOT}/analytics/load", headers=admin).json()
    second = client.get(f"{ROOT}/analytics/load", headers=admin).json()
    assert first["predictions"] >= 1
    assert set(first["queues"]) == {"prediction", "batch"}
    assert second["process"]["requests"] == first["process"]["requests"] + 1
    assert second["process"]["memory_bytes"] > 1_000_000
    assert second["process"]["latency_ms"]["p50"] > 0
    assert client.get(f"{ROOT}/analytics/load", headers=anna).status_code == 403
    now = client.get(f"{ROOT}/analytics/now", headers=admin).json()
    assert set(now) == set(first) - {"from", "to", "predictions", "rows", "failures", "latency_ms"}
    assert client.get(f"{ROOT}/analytics/now", headers=anna).status_code == 403


def test_hours_are_told_one_by_one(
    client: TestClient, admin: dict[str, str], anna: dict[str, str]
) -> None:
    """The last of them has what was sold just now; no more hours than a chart can show."""
    typed = anna | {"Content-Type": "application/json"}
    client.post("/v1/predictions", content=order(), headers=typed)
    path = f"{ROOT}/analytics/timeline"
    told = client.get(path, headers=admin).json()
    assert told["step"] == "hour"
    assert told["items"][-1]["predictions"] >= 1
    assert told["items"][-1]["latency_ms"]["p50"] > 0
    none = client.get(path, headers=admin, params={"model": "nobodys", "step": "day"}).json()
    assert none["items"] == []
    long = {"from": "2025-01-01T00:00:00Z", "to": "2025-03-01T00:00:00Z"}
    assert client.get(path, headers=admin, params=long).status_code == 422
    assert client.get(path, headers=admin, params=long | {"step": "day"}).status_code == 200
    assert client.get(path, headers=anna).status_code == 403


def test_customers_are_counted_when_asked_for(
    client: TestClient, admin: dict[str, str], anna: dict[str, str]
) -> None:
    """It costs reading every prediction of the time, so nobody gets it unasked."""
    typed = anna | {"Content-Type": "application/json"}
    client.post("/v1/predictions", content=order(), headers=typed)
    path = f"{ROOT}/analytics/models"
    assert client.get(path, headers=admin).json()["items"][0]["customers"] is None
    told = client.get(path, headers=admin, params={"customers": "true"}).json()
    assert told["items"][0]["customers"] >= 1


def test_the_audit_of_the_books_runs_at_a_request(
    client: TestClient, house: House, admin: dict[str, str], anna: dict[str, str]
) -> None:
    """It says that they are right; a second one at the same time is put off."""
    told = client.get(f"{ROOT}/ledger/audit", headers=admin).json()
    assert (told["is_right"], told["findings"]) == (True, [])
    assert told["transfers"] > 0
    total = told["credits_with_customers"] + sum(told["counterparties"].values())
    assert total == 0
    with admin_routes._audits.looking:
        put_off = client.get(f"{ROOT}/ledger/audit", headers=admin)
        told_off = client.get(f"{ROOT}/ledger/audit/events", headers=admin)
    for refused in (put_off, told_off):
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    for path in ("audit", "audit/events"):
        assert client.get(f"{ROOT}/ledger/{path}", headers=anna).status_code == 403
