"""Invoices over HTTP: asked for, read, paid by a statement or by hand, and shown."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.api.frame import MOST_BODY_BYTES
from augury.bootstrap import House
from augury.kit.ids import new_id
from payments.bank.files import camt, document, entry, onec
from payments.providers.test_invoice import SELLER
from support.houses import findings, open_house, settings_for, sign_in, sign_up
from support.problems import is_problem
from support.quick import quicken_passwords

Shop = tuple[TestClient, House]
BUYER = {"name": "ООО «Ромашка»", "tax_id": "7728168971", "address": "Москва, Тверская, 1"}


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A house that takes bank transfers; its books are right in the end."""
    quicken_passwords(monkeypatch)
    for name, value in SELLER.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "none").mkdir()
    settings = settings_for(
        database_url,
        tmp_path,
        welcome_credits=0,
        models_dir=tmp_path / "none",
        payment_providers="invoice",
    )
    with open_house(settings) as opened:
        yield opened
    assert findings(database_url) == []


@pytest.fixture
def client(shop: Shop) -> TestClient:
    """Its API."""
    return shop[0]


@pytest.fixture
def anna(client: TestClient) -> dict[str, str]:
    """A customer."""
    return sign_up(client)


@pytest.fixture
def admin(client: TestClient) -> dict[str, str]:
    """The administrator."""
    return sign_in(client, "admin")


def ask(client: TestClient, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    """Ask for an invoice of 1000 credits; return the top-up with the invoice's number in it."""
    wish = {"credits": 1000, "buyer": BUYER, **more}
    answer = client.post("/v1/top-ups", json=wish, headers=headers)
    assert answer.status_code == 201, answer.text
    top_up: dict[str, Any] = answer.json()
    found = re.search(r"/v1/invoices/(.+)\.pdf\?key=", top_up["checkout_url"])
    assert found is not None
    return top_up | {"number": found[1]}


def send(client: TestClient, headers: dict[str, str], content: bytes, name: str = "file") -> Any:
    """Import a statement."""
    files = {name: ("statement", content)}
    return client.post("/v1/admin/bank-statements", files=files, headers=headers)


def lines(client: TestClient, headers: dict[str, str], query: str = "") -> dict[str, Any]:
    """List what was imported."""
    answer = client.get(f"/v1/admin/bank-statements/lines{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def available(client: TestClient, headers: dict[str, str]) -> int:
    """Return what the caller can spend."""
    found: int = client.get("/v1/balance", headers=headers).json()["available"]
    return found


def test_a_company_pays_by_bank_transfer(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """From the wish to the credits, by a statement that an administrator imports."""
    top_up = ask(client, anna)
    assert top_up["status"] == "pending"
    content = onec(document(f"Оплата по счёту № {top_up['number']}"), document("депозит"))
    answer = send(client, admin, content)
    assert answer.status_code == 200, answer.text
    none = {"amount_differs": 0, "already_paid": 0, "ambiguous": 0}
    counts = {"matched": 1, "unmatched": 1, **none}
    assert answer.json() == {"lines": 2, "known": 0, "outcomes": counts}
    assert available(client, anna) == 1000
    again = send(client, admin, content).json()
    assert (again["known"], sum(again["outcomes"].values())) == (2, 0)
    (invoice,) = client.get("/v1/admin/invoices?status=paid", headers=admin).json()["items"]
    assert (invoice["number"], invoice["status"]) == (top_up["number"], "paid")
    assert invoice["buyer"] == {"email": "anna@example.com", **BUYER}
    assert invoice["pdf_url"] == top_up["checkout_url"]
    (line,) = lines(client, admin, "?outcome=matched")["items"]
    assert (line["invoice"], line["id"]) == (invoice["number"], invoice["paid_by_line"])
    assert line["money"] == {"amount_minor": 100_000, "currency": "RUB"}


def test_an_invoice_needs_to_know_who_pays(client: TestClient, anna: dict[str, str]) -> None:
    """The refusal says what to send; nothing is left to be paid."""
    answer = client.post("/v1/top-ups", json={"credits": 1000}, headers=anna)
    problem = is_problem(answer)
    assert (problem["status"], problem["code"]) == (422, "buyer_required")
    assert "buyer.name" in problem["detail"]
    (top_up,) = client.get("/v1/top-ups", headers=anna).json()["items"]
    assert (top_up["status"], top_up["reason"]) == ("failed", "buyer_required")


def test_an_invoice_opens_by_its_address_and_by_no_other(
    client: TestClient, anna: dict[str, str]
) -> None:
    """Without signing in; and no copy is kept between us and the reader."""
    top_up = ask(client, anna)
    path = top_up["checkout_url"].removeprefix("http://127.0.0.1:8000")
    paper = client.get(path)
    assert paper.status_code == 200, paper.text
    assert paper.content.startswith(b"%PDF-")
    assert paper.headers["Content-Type"] == "application/pdf"
    assert paper.headers["Cache-Control"] == "private, no-store"
    assert client.get(path).content == paper.content
    bare, _, key = path.partition("?key=")
    for wrong in (bare, f"{bare}?key=", f"{bare}?key={key[:-1]}x", f"{path[:-1]}é"):
        assert is_problem(client.get(wrong))["code"] == "not_found"
    other = path.replace("000001", "000002")
    assert is_problem(client.get(other))["code"] == "not_found"


def test_a_receipt_is_for_who_paid_and_for_administrators(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """Once there is something to confirm."""
    top_up = ask(client, anna)
    path = f"/v1/top-ups/{top_up['id']}/receipt"
    assert is_problem(client.get(path, headers=anna))["code"] == "top_up_not_paid"
    client.post(f"/v1/admin/invoices/{top_up['number']}/paid", headers=admin)
    for headers in (anna, admin):
        paper = client.get(path, headers=headers)
        assert (paper.status_code, paper.content[:5]) == (200, b"%PDF-")
    boris = sign_up(client, "boris")
    assert is_problem(client.get(path, headers=boris))["code"] == "not_found"
    assert is_problem(client.get(path))["code"] == "unauthenticated"
    for unknown in (new_id(), "x"):
        answer = client.get(f"/v1/top-ups/{unknown}/receipt", headers=anna)
        assert is_problem(answer)["code"] == "not_found"


def test_an_administrator_marks_an_invoice_as_paid(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """Once or twice: it counts once."""
    top_up = ask(client, anna)
    path = f"/v1/admin/invoices/{top_up['number']}/paid"
    first, second = (client.post(path, headers=admin).json() for _ in range(2))
    assert first == second
    assert first["status"] == "paid"
    assert first["paid_by_actor"]
    assert available(client, anna) == 1000
    unknown = client.post("/v1/admin/invoices/AUG-2026-999999/paid", headers=admin)
    assert is_problem(unknown)["code"] == "not_found"


def test_a_line_that_nothing_matched_is_assigned(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """To an invoice of its amount, and to no other."""
    small, large = ask(client, anna), ask(client, anna, credits=5000)
    send(client, admin, onec(document("за услуги")))
    (line,) = lines(client, admin, "?outcome=unmatched")["items"]
    path = f"/v1/admin/bank-statements/lines/{line['id']}/assign"
    wrong = is_problem(client.post(path, json={"number": large["number"]}, headers=admin))
    assert (wrong["code"], wrong["reason"]) == ("bank_line_not_assignable", "amount_differs")
    answer = client.post(path, json={"number": small["number"]}, headers=admin)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["outcome"], answer.json()["invoice"]) == ("matched", small["number"])
    assert available(client, anna) == 1000
    for body, unknown in (("AUG-2026-999999", path), (small["number"], path.replace("0", "1"))):
        missing = client.post(unknown, json={"number": body}, headers=admin)
        assert is_problem(missing)["code"] == "not_found"


def test_lists_come_in_pages(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """Each goes on where the page before ended, and wrong cursors are refused."""
    for _ in range(3):
        ask(client, anna)
    send(client, admin, camt(*[entry("1.00", f"x{n}") for n in range(3)]))
    for path in ("/v1/admin/invoices", "/v1/admin/bank-statements/lines"):
        first = client.get(f"{path}?limit=2", headers=admin).json()
        rest = client.get(f"{path}?limit=2&cursor={first['next_cursor']}", headers=admin).json()
        names = [one.get("number") or one["id"] for one in first["items"] + rest["items"]]
        assert len(set(names)) == 3
        assert rest["next_cursor"] is None
        answer = client.get(f"{path}?cursor=AAAA", headers=admin)
        assert is_problem(answer)["errors"][0]["pointer"] == "/cursor"
    numbers = [
        one["number"] for one in client.get("/v1/admin/invoices", headers=admin).json()["items"]
    ]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 0),
        (b"\x00\xff", 0),
        (onec(document("x"), document("x", amount="?")), 13),
        (b"<!DOCTYPE a><a/>", 1),
        (camt(entry("1.00", "a"))[:-1], 4),
    ],
)
def test_a_statement_that_cannot_be_read_says_why_and_where(
    client: TestClient, admin: dict[str, str], content: bytes, line: int
) -> None:
    """In the reader's language, and nothing is imported."""
    problem = is_problem(send(client, {**admin, "Accept-Language": "ru"}, content))
    assert (problem["status"], problem["code"]) == (422, "bank_statement_unreadable")
    assert problem["line"] == line
    (fault,) = problem["errors"]
    assert re.search("[а-я]", fault["message"])
    assert lines(client, admin)["items"] == []


def test_a_statement_may_be_larger_than_other_bodies_but_not_endless(
    client: TestClient, admin: dict[str, str]
) -> None:
    """Five megabytes are read, six are not; no other address takes as much."""
    large = onec(*[document("x" * 1000, number=str(n)) for n in range(2000)])
    assert len(large) > 2 * MOST_BODY_BYTES
    assert send(client, admin, large).json()["outcomes"]["unmatched"] == 2000
    problem = is_problem(send(client, admin, b"x" * 6_000_000))
    assert (problem["status"], problem["code"]) == (413, "payload_too_large")
    elsewhere = client.post("/v1/top-ups", content=large, headers=admin)
    assert elsewhere.status_code == 413


def test_what_is_no_upload_is_refused(client: TestClient, admin: dict[str, str]) -> None:
    """A body of another type, another name, a field instead of a file, a broken form."""
    path = "/v1/admin/bank-statements"
    bare = client.post(path, content=onec(), headers=admin)
    assert is_problem(bare)["code"] == "unsupported_media_type"
    assert is_problem(send(client, admin, onec(), "other"))["errors"][0]["pointer"] == "/file"
    boundary = {"Content-Type": "multipart/form-data; boundary=b", **admin}
    field = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
    for body in (field, b"no form at all", b""):
        answer = client.post(path, content=body, headers=boundary)
        assert is_problem(answer)["status"] == 422
    without = {"Content-Type": "multipart/form-data", **admin}
    assert is_problem(client.post(path, content=b"x", headers=without))["status"] == 422


def test_only_administrators_see_and_do_these(client: TestClient, anna: dict[str, str]) -> None:
    """A customer, or a stranger, does not even have a file read."""
    number = ask(client, anna)["number"]
    asked = [
        ("POST", "/v1/admin/bank-statements"),
        ("GET", "/v1/admin/bank-statements/lines"),
        ("POST", f"/v1/admin/bank-statements/lines/{'0' * 64}/assign"),
        ("GET", "/v1/admin/invoices"),
        ("POST", f"/v1/admin/invoices/{number}/paid"),
    ]
    for method, path in asked:
        body = {"number": number} if path.endswith("assign") else None
        assert client.request(method, path, headers=anna, json=body).status_code == 403
        assert client.request(method, path, json=body).status_code == 401
    assert send(client, anna, onec(document(number))).status_code == 403
    assert available(client, anna) == 0


def test_what_an_import_would_do_is_told_before_it_does_it(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """Of two lines that pay the same invoice only the first will; and nothing has happened yet."""
    number = ask(client, anna)["number"]
    content = onec(document(f"first {number}"), document(f"second {number}"), document("a deposit"))
    path = "/v1/admin/bank-statements/preview"
    files = {"file": ("statement", content)}
    told = client.post(path, files=files, headers=admin).json()
    assert [one["outcome"] for one in told["items"]] == ["matched", "already_paid", "unmatched"]
    assert [one["invoice"] for one in told["items"]] == [number, number, None]
    assert available(client, anna) == 0
    done = send(client, admin, content).json()
    assert (done["outcomes"], done["lines"]) == (told["outcomes"], told["lines"])
    after = client.post(path, files=files, headers=admin).json()
    assert (after["known"], sum(after["outcomes"].values())) == (3, 0)
    assert all(one["known"] for one in after["items"])
