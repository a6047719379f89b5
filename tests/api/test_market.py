"""Market data over HTTP: what administrators bring is what customers see, and nothing half."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.market import reading
from support.market import table
from support.problems import is_problem

ADMIN, ALL = "/v1/admin/market/series", "/v1/market/series"
SAID = {"source": "a test", "licence": "free"}
Headers = dict[str, str]


@pytest.fixture(autouse=True)
def _tidy(client: TestClient, admin: Headers) -> Iterator[None]:
    """Take away what a test has brought."""
    yield
    for one in client.get(ADMIN, params={"search": "TRY-", "limit": 200}, headers=admin).json()["items"]:  # fmt: skip
        client.delete(f"{ADMIN}/{one['symbol']}?kind={one['kind']}", headers=admin)


def bring(client: TestClient, who: Headers, content: str | bytes, *, query: str = "", **said: Any) -> Any:  # fmt: skip
    return client.post(
        ADMIN + query, files={"file": ("x.csv", content)}, data=SAID | said, headers=who
    )


def test_what_is_brought_is_seen_by_customers_at_once(
    client: TestClient, admin: Headers, anna: Headers
) -> None:
    said = {"unit": "RUB", "title_ru": "Проба"}
    answer = bring(client, admin, table(["TRY-A", "TRY-B"]), **said)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(one["symbol"], one["outcome"], one["points"]) for one in told["series"]] == [
        ("TRY-A", "new", 80),
        ("TRY-B", "new", 80),
    ]
    found = client.get(ALL, params={"search": "проба"}, headers=anna).json()["items"]
    assert [(one["symbol"], one["unit"], one["from"], one["to"]) for one in found] == [
        ("TRY-A", "RUB", "2024-01-01", "2024-04-19"),
        ("TRY-B", "RUB", "2024-01-01", "2024-04-19"),
    ]
    chart = client.get(f"{ALL}/try-a?limit=2", headers=anna).json()
    assert chart["days"] == ["2024-04-18", "2024-04-19"]
    assert len(chart["values"]) == 2
    assert (chart["points"], chart["source"]) == (80, "a test")


def test_a_house_begins_with_the_series_of_packages(client: TestClient, anna: Headers) -> None:
    found = client.get(f"{ALL}/SP500?limit=1", headers=anna).json()
    assert (found["days"], found["values"]) == (["2022-12-28"], [3783.22])
    monthly = client.get(f"{ALL}/core_cpi?kind=indicator&limit=1", headers=anna).json()
    assert (monthly["days"], monthly["lag_days"]) == (["2018-11-30"], 20)


def test_pages_follow_each_other_and_end(client: TestClient, admin: Headers, anna: Headers) -> None:
    names = [f"TRY-{letter}" for letter in "EDCBA"]
    bring(client, admin, table(names))
    for path, who in ((ALL, anna), (ADMIN, admin)):
        seen: list[str] = []
        query: dict[str, Any] = {"search": "try-", "limit": 2}
        while True:
            page = client.get(path, params=query, headers=who).json()
            seen += [one["symbol"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == sorted(names)
    bad = client.get(ALL, params={"cursor": "nonsense"}, headers=anna)
    assert is_problem(bad)["errors"][0]["pointer"] == "/cursor"


def test_a_dry_run_reports_in_the_readers_language_and_takes_nothing(
    client: TestClient, admin: Headers
) -> None:
    text = table(["TRY-A"]).replace("2024-01-03", "2999-01-03")
    answer = bring(
        client, admin | {"Accept-Language": "ru"}, text + "2024-02-03,-5\n", query="?dry_run=true"
    )
    (told,) = answer.json()["series"]
    assert (answer.json()["dry_run"], told["outcome"]) == (True, "refused")
    messages = {one["pointer"]: one["message"] for one in told["faults"]}
    assert messages["/file/4/TRY-A"] == "День 2999-01-03 ещё не наступил."
    assert "цена должна быть больше 0" in messages["/file/82/TRY-A"]
    assert [one["message"][:21] for one in told["notes"]] == ["Дни шли не по порядку"]
    assert client.get(ADMIN, params={"search": "try-"}, headers=admin).json()["items"] == []


def test_with_a_fault_nothing_of_the_file_comes_in(client: TestClient, admin: Headers) -> None:
    text = table(["TRY-A", "TRY-B"]) + "2024-04-22,-5,7\n"
    problem = is_problem(bring(client, admin, text))
    assert (problem["status"], problem["code"]) == (422, "invalid_input")
    assert [one["pointer"] for one in problem["errors"]] == ["/file/82/TRY-A"]
    assert client.get(ADMIN, params={"search": "try-"}, headers=admin).json()["items"] == []


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"source": ""}, "/source"),
        ({"licence": " "}, "/licence"),
        ({"kind": "tale"}, "/kind"),
        ({"lag_days": "-1"}, "/lag_days"),
        ({"lag_days": "soon"}, "/lag_days"),
        ({"frequency": "often"}, "/frequency"),
        ({"symbol": "../etc"}, "/symbol"),
        ({"symbol": "X" * 33}, "/symbol"),
        ({"title_en": "x" * 121}, "/title_en"),
        ({"surprise": "1"}, "/surprise"),
    ],
)
def test_what_is_said_of_a_file_must_make_sense(
    client: TestClient, admin: Headers, said: dict[str, str], pointer: str
) -> None:
    problem = is_problem(bring(client, admin, table(["TRY-A"]), **said))
    assert [one["pointer"] for one in problem["errors"]] == [pointer]


def test_a_form_without_a_file_and_one_too_large_are_refused(
    client: TestClient, admin: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = client.post(ADMIN, data=SAID, files={"other": ("x", b"1")}, headers=admin)
    assert is_problem(nothing)["errors"][0]["pointer"] == "/file"
    assert is_problem(client.post(ADMIN, json=SAID, headers=admin))["status"] == 415
    large = bring(client, admin, b"1" * (reading.MOST_UPLOAD_BYTES + 1))
    assert is_problem(large)["status"] == 413


def test_an_unknown_name_is_told_the_nearest(client: TestClient, anna: Headers) -> None:
    problem = is_problem(client.get(f"{ALL}/APPL", headers=anna))
    assert (problem["status"], problem["code"]) == (404, "series_not_found")
    assert problem["nearest"].split(", ")[0] == "AAPL"
    assert is_problem(client.get(f"{ALL}/SP500?kind=indicator", headers=anna))["status"] == 404


def test_what_is_removed_is_gone_for_customers(
    client: TestClient, admin: Headers, anna: Headers, house: House
) -> None:
    bring(client, admin, table(["TRY-A"]))
    assert house.markets.prices("TRY-A") is not None
    answer = client.delete(f"{ADMIN}/try-a", headers=admin)
    assert answer.json() == {"symbol": "TRY-A", "kind": "price"}
    assert client.get(f"{ALL}/TRY-A", headers=anna).status_code == 404
    assert house.markets.prices("TRY-A") is None
    assert is_problem(client.delete(f"{ADMIN}/try-a", headers=admin))["status"] == 404


def test_strangers_see_nothing_and_customers_change_nothing(
    client: TestClient, anna: Headers
) -> None:
    for path in (ALL, f"{ALL}/SP500", ADMIN):
        assert client.get(path).status_code == 401
    assert client.get(ADMIN, headers=anna).status_code == 403
    assert bring(client, anna, table(["TRY-A"])).status_code == 403
    assert client.delete(f"{ADMIN}/SP500", headers=anna).status_code == 403
