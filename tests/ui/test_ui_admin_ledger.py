"""The page of the books, in front of a real API."""

import ast
import re
import threading
from pathlib import Path

import augury
from augury.audit_log.chain import seal
from augury.bootstrap import audit_books
from augury.kit.texts import LANGUAGES, texts
from support.houses import APPLICANT
from ui.pages import press, words
from ui.real import Cabinet

ROOT = Path(augury.__file__).parent


def test_the_books_are_shown_and_audited_at_a_button(cabinet: Cabinet) -> None:
    """What is clean says what was checked, and how much of it."""
    buyer = cabinet.customer()
    cabinet.shop.pay(buyer.money.start_top_up(1000))
    buyer.predict("credit-catboost", APPLICANT)
    admin = cabinet.admin()
    told = admin.admin.ledger_overview()
    page = cabinet.open("admin-ledger")
    assert not page.exception
    shown = {one.label: one.value for one in page.metric}
    assert shown["In circulation"] == f"{told.in_circulation:,} credits"
    assert "Sandbox" in words(page)
    assert not page.success
    press(page, "Audit now")
    assert not page.exception
    said = words(page)
    assert "The books are right" in page.success[0].value
    found = admin.admin.audit_ledger()
    assert f"{found.transfers:,} movements" in said
    assert f"{found.accounts:,} accounts" in said


def test_every_stage_of_an_audit_has_words(cabinet: Cabinet) -> None:
    """Those that the bar shows while the audit goes on, and no others."""
    cabinet.customer().predict("credit-catboost", APPLICANT)
    house = cabinet.shop.house
    seal(house.db, threading.Event())
    told: set[str] = set()
    with house.db.read() as tx:
        audit_books(tx, tell=lambda stage, _done, _total: told.add(f"audit.stage.{stage}"))
    for language in LANGUAGES:
        known = {key for key in texts("ui", language).keys if key.startswith("audit.stage.")}
        assert known == told


def test_every_finding_has_words() -> None:
    """Also those whose kind is put together from what they are about."""
    found: set[str] = set()
    for path in [*ROOT.glob("*/audit.py"), ROOT / "predictions/batch_audit.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add" and node.args:
                kind = node.args[0]
                if isinstance(kind, ast.Constant):
                    found.add(str(kind.value))
                elif isinstance(kind, ast.JoinedStr):
                    found.add(ast.unparse(kind).strip("f'\""))
    whose = {"kind": ("top_up", "refund", "prediction", "batch"), "work.kind": ("job", "batch")}
    known = texts("ui", "en").keys
    for pattern in found:
        names = re.findall(r"{(.+?)}", pattern)
        kinds = [pattern.replace(f"{{{name}}}", one) for name in names for one in whose[name]]
        named = [kind for kind in kinds or [pattern] if f"finding.{kind}" in known]
        assert named, pattern
    assert len(found) > 20
