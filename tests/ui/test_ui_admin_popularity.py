"""What sells, in front of a real API: the page, and the file to take away."""

import csv
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from support.houses import APPLICANT
from ui.pages import links, words
from ui.real import Cabinet


@pytest.fixture
def routes(cabinet: Cabinet) -> Iterator[TestClient]:
    """A browser in front of the routes, with an administrator signed in."""
    cabinet.admin()
    with TestClient(Starlette(routes=DOWNLOADS), follow_redirects=False) as client:
        client.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
        yield client


def test_what_was_sold_is_shown_by_model(cabinet: Cabinet) -> None:
    """Customers are counted at once for a week, and for a month when asked for."""
    for _ in range(2):
        cabinet.customer().predict("credit-random-forest", [APPLICANT, APPLICANT])
    admin = cabinet.admin()
    (sold,) = (
        one
        for one in admin.admin.model_sales(with_customers=True).items
        if one.model == "credit-random-forest"
    )
    page = cabinet.open("admin-popularity")
    assert not page.exception
    assert "Customers" not in words(page).replace("Count customers", "")
    page.toggle[0].set_value(True).run()
    assert not page.exception
    (row,) = (
        row
        for row in page.table[0].value.to_dict("records")
        if row["Model"] == "Credit score\\: random forest"
    )
    assert row["Customers"] == str(sold.customers)
    assert row["Revenue, credits"] == str(sold.revenue)
    assert links(page) == {"Table as a file, CSV": "/sales/month.csv"}


def test_the_file_says_the_same(cabinet: Cabinet, routes: TestClient) -> None:
    cabinet.customer().predict("credit-random-forest", APPLICANT)
    answer = routes.get("/sales/week.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(answer.text.removeprefix("\ufeff").splitlines()))
    told = cabinet.admin().admin.model_sales(with_customers=True)
    assert [(one["model"], one["revenue"], one["customers"]) for one in lines] == [
        (one.model, str(one.revenue), str(one.customers)) for one in told.items
    ]
    assert sum(float(one["share"]) for one in lines) == pytest.approx(1, abs=0.001)


def test_nobody_but_administrators_gets_the_file(cabinet: Cabinet, routes: TestClient) -> None:
    cabinet.customer()
    routes.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
    answer = routes.get("/sales/week.csv")
    assert answer.headers["Location"] == "/admin-popularity?download_refused=forbidden"
    assert routes.get("/sales/decade.csv").headers["Location"] == "/admin-popularity"
