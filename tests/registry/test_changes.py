"""Changing what is on sale: prices, aliases, retirement, texts; refusals change nothing."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.audit_log.service import HOUSE
from augury.bootstrap import House, audit_books
from augury.kit.clock import SECOND, now, rfc3339
from augury.registry import catalogue, change
from support.houses import sign_up
from support.problems import is_problem
from support.uploads import NAME, ROW, Registrar, buy, version

GAINS = (1.0, 2.0, 3.0)


@pytest.fixture
def three(admin: Registrar, tmp_path: Path) -> Registrar:
    """A model on sale with three versions, the first of them the champion."""
    first, *others = [version(tmp_path, gain) for gain in GAINS]
    assert admin.publish(first).status_code == 201
    for other in others:
        assert admin.add(other).status_code == 201
    assert admin.patch(status="active").status_code == 200
    return admin


def chance(answer: Any) -> float:
    """Return the probability of the only row."""
    assert answer.status_code == 201, answer.text
    found: float = answer.json()["outputs"][0]["default_probability"]
    return found


def test_the_champion_is_what_customers_get(client: TestClient, three: Registrar) -> None:
    """Moving the alias is the roll-out, moving it back the roll-back; a number pins a version."""
    anna = sign_up(client)
    first = chance(buy(client, anna))
    moved = three.point(3).json()
    assert moved["aliases"] == [
        {"alias": "champion", "version": 3, "next_version": None, "begins_at": None}
    ]
    third = buy(client, anna)
    assert third.json()["version"] == 3
    assert chance(third) != first
    assert chance(buy(client, anna, f"{NAME}@1")) == first
    three.point(1)
    assert chance(buy(client, anna)) == first


def test_an_alias_of_ones_own_names_a_version(client: TestClient, three: Registrar) -> None:
    """A new alias is there at once, can be bought by, and can be dropped; the champion cannot."""
    anna = sign_up(client)
    assert is_problem(buy(client, anna, f"{NAME}@next"))["code"] == "model_not_found"
    assert three.point(2, "next").status_code == 200
    assert buy(client, anna, f"{NAME}@next").json()["version"] == 2
    assert three.ask("DELETE", f"/{NAME}/aliases/next").status_code == 200
    assert is_problem(buy(client, anna, f"{NAME}@next"))["code"] == "model_not_found"
    gone = is_problem(three.ask("DELETE", f"/{NAME}/aliases/next"))
    assert gone["code"] == "alias_not_found"
    kept = is_problem(three.ask("DELETE", f"/{NAME}/aliases/champion"))
    assert kept["code"] == "champion_needed"


def test_an_announced_price_is_seen_before_it_takes_effect(
    client: TestClient, house: House, three: Registrar
) -> None:
    """Until its moment the old price is charged and the new one shown; from then on it is charged."""
    anna = sign_up(client)
    moment = now() + 3600 * SECOND
    answer = three.patch(price=8, price_from=rfc3339(moment))
    assert answer.status_code == 200, answer.text
    listed = client.get(f"/v1/models/{NAME}").json()
    assert listed["price"] == 3
    assert listed["price_change"] == {"price": 8, "begins_at": rfc3339(moment)}
    assert buy(client, anna).json()["price"] == 3
    assert three.patch(price=9).json()["versions"][-1]["price"] == 9
    assert buy(client, anna).json()["price"] == 9
    body = {"model": NAME, "inputs": [ROW]}
    assert client.post("/v1/quotes", json=body, headers=anna).json()["price"] == 9
    with house.db.read() as tx:
        assert audit_books(tx).findings == []


def test_a_price_belongs_to_its_version(client: TestClient, three: Registrar) -> None:
    """Re-pricing the champion changes no other version, and coming back brings its price back."""
    anna = sign_up(client)
    three.patch(price=11)
    assert buy(client, anna, f"{NAME}@2").json()["price"] == 3
    three.point(2)
    assert buy(client, anna).json()["price"] == 3
    three.point(1)
    assert buy(client, anna).json()["price"] == 11


def test_what_was_sold_keeps_its_price(client: TestClient, three: Registrar) -> None:
    """A prediction read after the change still says what was paid for it."""
    anna = sign_up(client)
    sold = buy(client, anna).json()
    three.patch(price=500)
    assert client.get(f"/v1/predictions/{sold['id']}", headers=anna).json()["price"] == 3


def test_a_model_off_sale_is_not_found_and_its_history_stays(
    client: TestClient, three: Registrar
) -> None:
    """Retired: nobody can buy; what was bought is there; active again, it sells."""
    anna = sign_up(client)
    sold = buy(client, anna).json()
    assert three.ask("DELETE", f"/{NAME}").json()["status"] == "retired"
    assert is_problem(buy(client, anna))["code"] == "model_not_found"
    assert is_problem(buy(client, anna, f"{NAME}@1"))["code"] == "model_not_found"
    assert client.get(f"/v1/predictions/{sold['id']}", headers=anna).status_code == 200
    three.patch(status="active")
    assert buy(client, anna).status_code == 201


def test_an_alias_never_points_to_a_version_that_cannot_be_sold(
    client: TestClient, three: Registrar
) -> None:
    """A retired version, one that does not exist, and a model that does not exist are refused."""
    retired = three.ask("PATCH", f"/{NAME}/versions/2", json={"status": "retired"})
    assert retired.status_code == 200
    assert is_problem(three.point(2))["code"] == "version_retired"
    assert is_problem(three.point(9))["code"] == "version_not_found"
    assert is_problem(three.point(1, name="nobody"))["code"] == "model_not_found"
    assert is_problem(three.ask("PUT", f"/{NAME}/aliases/7", json={"version": 1}))["status"] == 422
    anna = sign_up(client)
    assert buy(client, anna).json()["version"] == 1
    assert is_problem(buy(client, anna, f"{NAME}@2"))["code"] == "model_not_found"
    back = three.ask("PATCH", f"/{NAME}/versions/2", json={"status": "active"})
    assert back.status_code == 200
    assert buy(client, anna, f"{NAME}@2").status_code == 201


def test_a_version_in_use_cannot_be_retired(three: Registrar) -> None:
    """The champion, and the version of a trial."""
    champion = is_problem(three.ask("PATCH", f"/{NAME}/versions/1", json={"status": "retired"}))
    assert (champion["code"], champion["used_by"]) == ("version_in_use", "champion")
    trial = {"version": 2, "mode": "shadow", "share_percent": 50}
    assert three.ask("PUT", f"/{NAME}/challenger", json=trial).status_code == 200
    tried = is_problem(three.ask("PATCH", f"/{NAME}/versions/2", json={"status": "retired"}))
    assert tried["used_by"] == "challenger"
    three.point(3)
    assert three.ask("PATCH", f"/{NAME}/versions/1", json={"status": "retired"}).status_code == 200


def test_texts_are_changed_for_customers(client: TestClient, three: Registrar) -> None:
    """Title and description are the model's own from then on, whatever the version says."""
    title = {"en": "Better", "ru": "Лучше"}
    three.patch(title=title)
    three.point(2)
    listed = client.get(f"/v1/models/{NAME}").json()
    assert listed["title"] == title
    assert listed["description"]["en"] == "For tests."


def test_a_patch_changes_everything_or_nothing(client: TestClient, three: Registrar) -> None:
    """One member out of range, and nothing else of the same request is done."""
    odd = ({"price": 0}, {"price": True}, {"price": "7"}, {"price_from": rfc3339(now())})
    for bad in (*odd, {"status": "sold"}, {"x": 1}):
        assert is_problem(three.patch(title={"en": "New", "ru": "Новая"}, **bad))["status"] == 422
    assert client.get(f"/v1/models/{NAME}").json()["title"]["en"] == "Tiny"


def test_versions_and_their_history_are_public(client: TestClient, three: Registrar) -> None:
    """Anybody sees which versions can be bought, at what price, and which is the champion."""
    three.ask("PATCH", f"/{NAME}/versions/2", json={"status": "retired"})
    items = client.get(f"/v1/models/{NAME}/versions").json()["items"]
    assert [(one["version"], one["aliases"]) for one in items] == [(3, []), (1, ["champion"])]
    assert all(len(one["digest"]) == 64 for one in items)


def test_every_change_is_in_the_audit_log(client: TestClient, three: Registrar) -> None:
    """Who did it, to what, from what to what; customers do not see it."""
    three.point(2)
    three.patch(price=7)
    page = client.get(
        "/v1/admin/audit-events", params={"subject": f"model:{NAME}"}, headers=three.headers
    ).json()
    me = client.get("/v1/me", headers=three.headers).json()["id"]
    told = [(one["action"], one["actor_id"]) for one in page["items"]]
    assert told == [
        ("price.announced", me),
        ("alias.moved", me),
        ("model.status", me),
        ("version.published", me),
        ("version.published", me),
        ("version.published", me),
    ]
    price = page["items"][0]["details"]
    assert (price["version"], price["from"], price["to"]) == (2, 3, 7)
    assert page["items"][0]["request_id"]
    anna = sign_up(client)
    assert is_problem(client.get("/v1/admin/audit-events", headers=anna))["code"] == "forbidden"


def test_moving_to_a_version_that_cannot_be_loaded_is_refused(
    client: TestClient, three: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process cannot open it: the alias stays, and customers get the old champion."""

    def damaged(_manifest: Any, path: Path, _threads: int) -> Any:
        raise OSError(f"{path} cannot be read")

    monkeypatch.setattr(catalogue, "Model", damaged)
    assert three.add(version(tmp_path, 4.0)).status_code == 201
    assert is_problem(three.point(4))["code"] == "model_not_sellable"
    assert buy(client, sign_up(client)).json()["version"] == 1


def test_a_sale_in_flight_keeps_its_version_and_price(
    client: TestClient, house: House, three: Registrar
) -> None:
    """What was resolved before the move is answered as it was resolved."""
    before = house.shop.catalogue.resolve(NAME)
    change.move_alias(house.db, NAME, "champion", 2, HOUSE)
    house.shop.catalogue.await_moment(now() + change.NOTICE)
    after = house.shop.catalogue.resolve(NAME)
    assert (before.version.version, after.version.version) == (1, 2)
    assert before.lane is not None
    assert before.lane.model.manifest.self_test != after.version.manifest.self_test


def test_a_price_that_comes_with_a_move_is_seen_before_it_takes_effect(
    client: TestClient, admin: Registrar, tmp_path: Path
) -> None:
    """A move that is announced for later shows the coming champion's price beside today's."""
    admin.publish(version(tmp_path))
    admin.add(version(tmp_path, 2.0, price=50))
    admin.patch(status="active")
    moment = rfc3339(now() + 3600 * SECOND)
    later = {"version": 2, "begins_at": moment}
    moved = admin.ask("PUT", f"/{NAME}/aliases/champion", json=later).json()
    assert moved["aliases"][0]["next_version"] == 2
    listed = client.get(f"/v1/models/{NAME}").json()
    assert (listed["version"], listed["price"]) == (1, 3)
    assert listed["price_change"] == {"price": 50, "begins_at": moment}
    assert buy(client, sign_up(client)).json()["price"] == 3


def test_a_model_whose_champion_cannot_be_loaded_does_not_go_on_sale(
    admin: Registrar, house: House, tmp_path: Path
) -> None:
    """Its file is gone: it stays a draft, and the house stays ready."""
    tiny = version(tmp_path)
    admin.publish(tiny)
    (house.settings.artifacts_dir / f"{tiny.manifest.artifact.sha256}.onnx").unlink()
    assert is_problem(admin.patch(status="active"))["code"] == "model_not_sellable"
    assert admin.ask("GET", f"/{NAME}").json()["status"] == "draft"


def test_bringing_back_a_version_needs_room_too(admin: Registrar, tmp_path: Path) -> None:
    """Ten on sale and one retired: it comes back only when another goes."""
    admin.publish(version(tmp_path))
    admin.add(version(tmp_path, 2.0))
    admin.ask("PATCH", f"/{NAME}/versions/2", json={"status": "retired"})
    for n in range(9):
        assert admin.add(version(tmp_path, 3.0 + n)).status_code == 201
    back = admin.ask("PATCH", f"/{NAME}/versions/2", json={"status": "active"})
    assert is_problem(back)["code"] == "too_many_versions"


def test_lists_of_models_and_versions_have_pages(
    client: TestClient, three: Registrar, tmp_path: Path
) -> None:
    """One at a time, everything is there once, in order."""
    three.publish(version(tmp_path, 7.0, name="other"))
    three.patch("other", status="active")

    def walk(path: str, key: str) -> list[Any]:
        found, cursor = [], None
        while True:
            told = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
            answer = client.get(path, params=told, headers=three.headers).json()
            found += [one[key] for one in answer["items"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                return found

    assert walk("/v1/models", "name") == ["other", NAME]
    assert walk(f"/v1/models/{NAME}/versions", "version") == [3, 2, 1]
    assert walk("/v1/admin/models", "name") == ["other", NAME]
    searched = client.get("/v1/models", params={"q": "ПО-РУССКИ tiny", "task": "test"}).json()
    assert [one["name"] for one in searched["items"]] == ["other", NAME]
    assert client.get("/v1/models", params={"q": "nothing like it"}).json()["items"] == []
    assert client.get("/v1/models", params={"task": "nothing"}).json()["items"] == []
    bad = client.get("/v1/models", params={"cursor": "%%"})
    assert is_problem(bad)["code"] == "invalid_input"
