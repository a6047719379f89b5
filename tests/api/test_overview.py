"""All credits at a glance: they add up, whatever happened to them."""

from pathlib import Path

from starlette.testclient import TestClient

from augury.bootstrap import House
from support.deeds import Stage
from support.houses import order

PATH = "/v1/admin/ledger/overview"


def test_what_came_in_less_what_was_spent_is_there(
    client: TestClient, house: House, tmp_path: Path
) -> None:
    """After a top-up, a refund of a part, an adjustment and a sale; nobody else may look."""
    stage = Stage(client, house, tmp_path)
    before = stage.ask("GET", PATH)
    top_up = stage.top_up()
    refund = {"credits": 100, "reason": "a part"}
    stage.ask("POST", f"/v1/admin/top-ups/{top_up}/refunds", json=refund)
    adjusted = {"amount": -5, "reason": "a part"}
    stage.ask("POST", f"/v1/admin/users/{stage.anna_id}/adjustments", json=adjusted)
    typed = stage.anna | {"Content-Type": "application/json"}
    assert client.post("/v1/predictions", content=order(rows=2), headers=typed).status_code == 201
    after = stage.ask("GET", PATH)
    grown = {name: after[name] - before[name] for name in after if isinstance(after[name], int)}
    assert grown == {
        "accounts": 0, "in_circulation": 1000 - 100 - 5 - 20, "held": 0, "spent": 20,
        "given_back": 0, "sold": 1000, "sold_back": 100,
    }  # fmt: skip
    assert after["adjustments"]["taken"] - before["adjustments"]["taken"] == 5
    (sandbox,) = (one for one in after["by_provider"] if one["provider"] == "sandbox")
    assert sandbox["money"]["currency"] == "RUB"
    assert sandbox["refunded_credits"] >= 100
    promotions, adjustments = after["promotions"], after["adjustments"]
    came = after["sold"] - after["sold_back"] + promotions["given"] - promotions["taken"]
    came += adjustments["given"] - adjustments["taken"] + after["given_back"]
    assert after["in_circulation"] == came - after["spent"]
    assert client.get(PATH, headers=stage.anna).status_code == 403
