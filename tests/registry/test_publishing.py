"""Publishing: from an upload to a draft, to a version on sale, to a paid prediction."""

import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House, audit_books
from augury.registry import publish
from support.houses import sign_up
from support.problems import is_problem
from support.quick import quicken_quarantine
from support.tiny_models import Tiny
from support.uploads import NAME, Registrar, buy, parts, version


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A tiny scorecard."""
    return version(tmp_path)


def test_an_upload_becomes_a_draft_that_nobody_can_buy(
    client: TestClient, admin: Registrar, tiny: Tiny
) -> None:
    """The answer has the verdict of quarantine; customers do not see the model yet."""
    answer = admin.publish(tiny)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["name"], told["version"], told["status"], told["price"]) == (NAME, 1, "draft", 3)
    assert told["verdict"]["rows_tried"] > 0
    assert client.get("/v1/models").json()["items"] == []
    anna = sign_up(client)
    assert is_problem(buy(client, anna))["code"] == "model_not_found"
    assert is_problem(client.get(f"/v1/models/{NAME}"))["code"] == "model_not_found"


def test_a_model_goes_from_upload_to_a_paid_prediction(
    client: TestClient, house: House, admin: Registrar, tiny: Tiny
) -> None:
    """Once active it is in the catalogue with its card and examples, and sells at its price."""
    admin.publish(tiny)
    assert admin.patch(status="active").json()["status"] == "active"
    (listed,) = client.get("/v1/models").json()["items"]
    assert (listed["name"], listed["price"], listed["version"]) == (NAME, 3, 1)
    assert listed["card"] == {"en": "# A card", "ru": "# Карточка"}
    sold = buy(client, sign_up(client)).json()
    assert (sold["price"], sold["version"], sold["charge"]["balance_after"]) == (3, 1, 4997)
    with house.db.read() as tx:
        assert audit_books(tx).findings == []


def test_the_same_name_cannot_be_published_twice(admin: Registrar, tmp_path: Path) -> None:
    """The second upload is told that the name is taken, and nothing changes."""
    admin.publish(version(tmp_path))
    again = is_problem(admin.publish(version(tmp_path, 2.0)))
    assert (again["status"], again["code"]) == (409, "model_exists")
    assert len(admin.ask("GET", f"/{NAME}").json()["versions"]) == 1


def pass_together(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let so many uploads pass quarantine at the same moment, whenever each of them came."""
    quicken_quarantine(monkeypatch)
    together, keep = threading.Barrier(count), publish.keep_artifact

    def kept(*given: Any) -> None:
        keep(*given)
        together.wait(90)

    monkeypatch.setattr(publish, "keep_artifact", kept)


def test_of_two_who_publish_a_name_at_once_one_has_it(
    admin: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight at the same moment: one model with one version, seven refusals."""
    pass_together(monkeypatch, 8)
    drafts = [version(tmp_path, 1.0 + n) for n in range(8)]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(admin.publish(one)))
        for one in drafts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(admin.ask("GET", f"/{NAME}").json()["versions"]) == 1


def test_versions_published_at_once_get_numbers_of_their_own(
    admin: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six different versions at the same moment are numbered 2 to 7, none lost."""
    admin.publish(version(tmp_path))
    pass_together(monkeypatch, 6)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(admin.add(one)))
        for one in [version(tmp_path, 2.0 + n) for n in range(6)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6, 7]


def test_the_same_content_is_the_same_version(admin: Registrar, tiny: Tiny) -> None:
    """A version that exists is refused with its number, so a repeated upload changes nothing."""
    admin.publish(tiny)
    again = is_problem(admin.add(tiny))
    assert (again["code"], again["version"]) == ("version_exists", 1)


def test_a_version_of_another_name_is_refused(admin: Registrar, tmp_path: Path) -> None:
    """The manifest's name and the address must agree."""
    admin.publish(version(tmp_path))
    other = version(tmp_path, 2.0, name="other")
    problem = is_problem(admin.add(other))
    assert (problem["code"], problem["reason_code"]) == ("bad_model", "other_name")
    assert is_problem(admin.add(other, name="other"))["code"] == "model_not_found"


def test_a_model_has_at_most_ten_versions_on_sale(
    admin: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eleventh is refused until one is retired."""
    quicken_quarantine(monkeypatch)
    admin.publish(version(tmp_path))
    for n in range(9):
        assert admin.add(version(tmp_path, 2.0 + n)).status_code == 201
    eleventh = version(tmp_path, 20.0)
    assert is_problem(admin.add(eleventh))["code"] == "too_many_versions"
    retired = admin.ask("PATCH", f"/{NAME}/versions/2", json={"status": "retired"})
    assert retired.status_code == 200
    assert admin.add(eleventh).json()["version"] == 11


@pytest.mark.parametrize(
    ("part", "sent", "code"),
    [
        ("manifest", (None, b"{"), "bad_model"),
        ("manifest", ("manifest.json", b"\xff\xfe"), "bad_model"),
        ("manifest", (None, b"x" * 1_100_000), "invalid_input"),
        ("manifest", None, "invalid_input"),
        ("artifact", None, "invalid_input"),
        ("artifact", (None, b"a text and no file"), "invalid_input"),
        ("artifact", ("model.onnx", b""), "bad_model"),
        ("artifact", ("model.onnx", b"\x80\x04N."), "bad_model"),
        ("card_ru", ("card.md", b"\xff"), "invalid_input"),
    ],
)
def test_a_bad_upload_is_refused_and_leaves_nothing(
    admin: Registrar, tiny: Tiny, part: str, sent: Any, code: str
) -> None:
    """Each with a reason; the registry stays empty."""
    files = parts(tiny) | {part: sent}
    if sent is None:
        del files[part]
    answer = admin.client.post("/v1/admin/models", files=files, headers=admin.headers)
    assert is_problem(answer)["code"] == code, answer.text
    assert admin.ask("GET", "").json()["items"] == []


def test_who_is_no_administrator_publishes_nothing(client: TestClient, tiny: Tiny) -> None:
    """Customers are forbidden, strangers are asked to sign in; the upload is not even read."""
    anna = sign_up(client)
    refused = client.post("/v1/admin/models", files=parts(tiny), headers=anna)
    assert is_problem(refused)["code"] == "forbidden"
    stranger = client.post("/v1/admin/models", files=parts(tiny))
    assert is_problem(stranger)["code"] == "unauthenticated"


def test_a_reason_is_told_in_the_readers_language(admin: Registrar, tiny: Tiny) -> None:
    """An administrator who reads Russian reads why in Russian."""
    admin.headers["Accept-Language"] = "ru"
    lie = tiny.but(artifact={"file": "tiny.onnx", "sha256": "0" * 64, "bytes": 3})
    problem = is_problem(admin.publish(tiny, manifest=lie))
    assert problem["detail"].startswith("Ничего не опубликовано")
    assert problem["reason"]
