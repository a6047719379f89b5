"""What compose.yaml puts together sells, hides what it must, and is seen by Prometheus."""

import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import promql_parser
import pytest

from support.composed import Composed, composed
from support.databases import postgres_database
from support.deployment import ROOT, expressions
from support.houses import APPLICANT, PASSWORD, fund, sign_in

MODELS = ["credit-catboost", "credit-logistic-regression", "credit-random-forest"]
# Prometheus makes these itself.
ITS_OWN = {"up"}


@pytest.fixture(scope="module")
def house(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    with (
        postgres_database(postgres) as url,
        composed(tmp_path_factory.mktemp("composed"), url) as found,
    ):
        yield found


class Outside:
    """Somebody outside, who knows the proxy only."""

    def __init__(self, house: Composed, host: str) -> None:
        context = ssl.create_default_context(cafile=house.authority())
        self._client = httpx2.Client(verify=context, trust_env=False, timeout=90)
        self._host = host
        self._address = f"https://127.0.0.1:{house.ports['HTTPS_PORT']}"

    def ask(self, method: str, path: str, **content: Any) -> httpx2.Response:
        headers = {"Host": self._host, **content.pop("headers", {})}
        name = self._host.partition(":")[0]
        return self._client.request(
            method,
            self._address + path,
            headers=headers,
            extensions={"sni_hostname": name},
            **content,
        )

    def post(self, path: str, **content: Any) -> httpx2.Response:
        return self.ask("POST", path, **content)

    def get(self, path: str, **content: Any) -> httpx2.Response:
        return self.ask("GET", path, **content)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def shop(house: Composed) -> Iterator[Outside]:
    with closing(Outside(house, house.api_host)) as found:
        yield found


@pytest.fixture(scope="module")
def anna(house: Composed, shop: Outside) -> dict[str, str]:
    """Who has credits to spend, by the headers that speak for her."""
    form = {"username": "anna", "email": "anna@example.com", "password": PASSWORD}
    user = shop.post("/v1/auth/register", json=form)
    assert user.status_code == 201, user.text
    fund(house.secrets["augury_database_url"], user.json()["id"], 100_000)
    return sign_in(shop, "anna")


def buy(shop: Outside, who: dict[str, str], model: str) -> httpx2.Response:
    body = {"model": model, "inputs": [APPLICANT]}
    return shop.post("/v1/predictions", json=body, headers=who)


def scrape(house: Composed, name: str, **headers: str) -> httpx2.Response:
    address = f"{house.address(name)}/metrics"
    return httpx2.get(address, headers=headers, trust_env=False, timeout=90)


def credentials(house: Composed) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.secrets['augury_metrics_token']}"}


@pytest.fixture(scope="module")
def told(house: Composed, shop: Outside, anna: dict[str, str]) -> str:
    """What all processes tell Prometheus after sales and refusals of every API."""
    for model in MODELS:
        for _ in range(4):
            assert buy(shop, anna, model).status_code == 201
    assert shop.get("/v1/nothing").status_code == 404
    texts = [scrape(house, name, **credentials(house)).text for name in ("api-1", "api-2")]
    texts += [scrape(house, name).text for name in ("inference-1", "inference-2")]
    return "\n".join(texts)


def families(text: str) -> dict[str, str]:
    """Return the kind of every metric."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def series(text: str) -> set[str]:
    """Return the name of everything that can be asked for, told of or not yet."""
    found = set(families(text))
    for name, kind in families(text).items():
        if kind == "histogram":
            found |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    return found


def total(text: str, start: str) -> float:
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start)
    )


def test_a_sale_goes_through_the_proxy_and_the_models_run_elsewhere(
    shop: Outside, anna: dict[str, str], house: Composed
) -> None:
    before = total(scrape(house, "inference-1").text, "augury_inference_rows_total")
    before += total(scrape(house, "inference-2").text, "augury_inference_rows_total")
    sold = buy(shop, anna, "credit-catboost")
    assert sold.status_code == 201, sold.text
    assert sold.json()["charge"]["amount"] == 100
    after = total(scrape(house, "inference-1").text, "augury_inference_rows_total")
    after += total(scrape(house, "inference-2").text, "augury_inference_rows_total")
    assert after == before + 1


def test_nobody_outside_sees_the_metrics_and_inside_the_token_decides(
    shop: Outside, house: Composed
) -> None:
    assert shop.get("/metrics", headers=credentials(house)).status_code == 404
    assert scrape(house, "api-1").status_code == 401
    assert scrape(house, "api-1", Authorization="Bearer wrong").status_code == 401
    assert scrape(house, "api-1", **credentials(house)).status_code == 200


def test_what_a_client_says_about_its_address_is_not_believed(
    shop: Outside, anna: dict[str, str], house: Composed
) -> None:
    admin = sign_in(shop, "admin", house.secrets["augury_admin_password"])
    anna_id = shop.get("/v1/me", headers=anna).json()["id"]
    gift = {"amount": 1, "reason": "a gift"}
    for address, headers in (
        ("through", {"X-Forwarded-For": "203.0.113.7"}),
        ("inside", {"X-Forwarded-For": "203.0.113.9"}),
    ):
        path = f"/v1/admin/users/{anna_id}/adjustments"
        if address == "through":
            given = shop.post(path, json=gift, headers=admin | headers)
        else:
            given = httpx2.post(
                house.address("api-2") + path,
                json=gift,
                headers=admin | headers,
                trust_env=False,
                timeout=90,
            )
        assert given.is_success, given.text
    events = shop.get("/v1/admin/audit-events", headers=admin).json()["items"]
    # The newest first: what the cabinet's network says is believed, what the internet says is not.
    assert [event["address"] for event in events[:2]] == ["203.0.113.9", "127.0.0.1"]


def test_the_cabinet_behind_the_proxy_keeps_its_cookies_for_tls(house: Composed) -> None:
    with closing(Outside(house, house.ui_host)) as cabinet:
        assert cabinet.get("/_stcore/health").status_code == 200
        answer = cabinet.post(
            "/session/language", data={"language": "ru"}, headers={"Sec-Fetch-Site": "same-origin"}
        )
    assert answer.status_code == 204
    assert "secure" in answer.headers["set-cookie"].lower()


def test_every_expression_is_promql(told: str) -> None:
    for where, expression in expressions():
        try:
            promql_parser.parse(expression)
        except ValueError as error:
            pytest.fail(f"{where}: {error}")


def test_everything_that_is_asked_for_is_told(told: str) -> None:
    recorded = set(
        re.findall(
            r"record: (\S+)", (ROOT / "deploy/prometheus/rules.yaml").read_text(), re.MULTILINE
        )
    )
    known = series(told) | recorded | ITS_OWN
    for where, expression in expressions():
        bare = re.sub(r'"[^"]*"', '""', expression)
        names = set(re.findall(r"\b(?:(?:augury|process|python)[_:][a-z0-9_:]*|up)\b", bare))
        assert names, where
        assert names <= known, (where, names - known)


def test_every_label_that_is_asked_for_is_told(told: str) -> None:
    labels = set(re.findall(r'[{,](\w+)="', told)) | {"job", "instance", "namespace"}
    for where, expression in expressions():
        by = re.findall(r"by \(([^)]*)\)", expression)
        asked = {name.strip() for group in by for name in group.split(",")}
        asked |= set(re.findall(r'[{,] ?(\w+)(?:=~|!=|=)"', expression))
        assert asked <= labels, (where, asked - labels)


def test_every_metric_has_a_row_in_the_docs_and_no_row_is_left_over(told: str) -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    rows = re.findall(r"^\| `(augury_[a-z_]+)` \|", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == {name for name in families(told) if name.startswith("augury_")}


def test_no_label_has_a_value_that_callers_choose(told: str, anna: dict[str, str]) -> None:
    assert "anna" not in told
    assert "/v1/nothing" not in told
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-", told) == []


def test_what_was_sold_is_what_was_counted(told: str) -> None:
    for model in MODELS:
        assert total(told, f'augury_predictions_sold_total{{model="{model}"') >= 4
    assert total(told, "augury_credits_taken_total") >= 4 * (10 + 50 + 100)


def test_the_dashboard_is_what_grafana_takes_and_asks_its_datasource() -> None:
    board = json.loads((ROOT / "deploy/grafana/dashboards/augury.json").read_text())
    source = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    assert f"uid: {board['panels'][1]['datasource']['uid']}\n" in source
    assert all(panel.get("description") for panel in board["panels"] if panel["type"] != "row")


def test_sales_go_on_when_an_api_and_an_inference_process_die(
    shop: Outside, anna: dict[str, str], house: Composed, told: str
) -> None:
    dead = ("inference-2", "api-1")
    for name in dead:
        house.processes[name].kill()
        house.processes[name].wait()
    try:
        deadline = time.monotonic() + 90
        sold = 0
        while sold < 5 and time.monotonic() < deadline:
            sold += buy(shop, anna, "credit-logistic-regression").status_code == 201
        assert sold == 5
    finally:
        house.start(*dead)  # the other tests come in any order
