"""The audit log has every change that an administrator makes over HTTP, once, and nothing else."""

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from augury.api.routes import audit_events
from augury.kit.clock import rfc3339
from augury.registry import change
from payments.providers.test_invoice import SELLER
from support.databases import postgres_database, sqlite_database
from support.deeds import DEEDS, WORDS, Deed, Stage
from support.houses import findings, open_house, settings_for
from support.quick import quicken_passwords, quicken_quarantine

READING = {"get", "head", "options", "parameters"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One house for all deeds, on either database; its books are right in the end."""
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        quicken_passwords(patch)
        quicken_quarantine(patch)
        patch.setattr(change, "NOTICE", 1000)
        for name, value in SELLER.items():
            patch.setenv(name, value)
        if request.param == "sqlite":
            yield from _staged(sqlite_database(folder), folder)
        else:
            with postgres_database(request.getfixturevalue("postgres")) as url:
                yield from _staged(url, folder)


def _staged(url: str, folder: Path) -> Iterator[Stage]:
    (folder / "none").mkdir()
    settings = settings_for(
        url,
        folder,
        models_dir=folder / "none",
        payment_providers="sandbox,invoice",
        sandbox_beside_real=True,
    )
    with open_house(settings) as (client, house):
        yield Stage(client, house, folder)
    assert findings(url) == []


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.prepare.__name__)
def test_what_an_administrator_changes_is_written_down_once(stage: Stage, deed: Deed) -> None:
    """Who, what and to whom; a refusal, a stranger and a replay leave no line."""
    asked = deed.prepare(stage)
    before = stage.log()
    for who, status in ((stage.anna, 403), ({}, 401)):
        assert deed.ask(stage, asked, who).status_code == status
    wrong = deed.ask(stage, asked, stage.admin, is_wrong=True)
    assert wrong.status_code in {402, 404, 409, 422}, wrong.text
    assert stage.log() == before
    keyed = stage.admin | {"Idempotency-Key": deed.prepare.__name__}
    answer = deed.ask(stage, asked, keyed)
    assert answer.is_success, answer.text
    after = stage.log()
    assert after[len(after) - len(before) :] == before
    new = after[: len(after) - len(before)]
    told = answer.json()
    assert [(one.action, one.subject) for one in new] == [
        (action, subject.format(**told)) for action, subject in asked.events
    ]
    request_id = answer.headers["X-Request-ID"]
    for one in new:
        who_and_where = (one.actor_id, one.address, one.request_id)
        assert who_and_where == (stage.admin_id, "testclient", request_id)
        details = msgspec.json.encode(one.details).decode()
        secrets = [WORDS, "anna", stage.admin["Authorization"], *(told.get("codes") or [])]
        assert not [secret for secret in secrets if secret in details]
    if deed.can_replay:
        deed.ask(stage, asked, keyed)
        assert stage.log() == after


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET actor_id = NULL", "DELETE FROM audit_events"]
)
def test_the_database_refuses_to_change_a_line(stage: Stage, statement: str) -> None:
    """Whoever asks, and all lines stay."""
    stage.batch()
    before = stage.log()
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        stage.house.db.write() as tx,
    ):
        tx.execute(text(statement))
    assert stage.log() == before != []


def test_every_operation_that_changes_something_is_among_the_deeds(stage: Stage) -> None:
    """A new one below `/v1/admin/` has to say what the audit log keeps of it."""
    paths = stage.client.get("/openapi.json").json()["paths"]
    changing = {
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        if path.startswith("/v1/admin/")
        for method in operations
        if method not in READING
    }
    assert changing == {deed.operation for deed in DEEDS}


def test_events_are_found_by_request_and_by_time(stage: Stage) -> None:
    """Exactly as they stand in an event; before it there was none."""
    stage.batch()
    newest = stage.log()[0]
    path = "/v1/admin/audit-events"
    born = rfc3339(newest.created_at)
    for query in ({"request_id": newest.request_id}, {"from": born}):
        (found,) = stage.client.get(path, headers=stage.admin, params=query).json()["items"]
        assert found["id"] == newest.id
    before = stage.client.get(path, headers=stage.admin, params={"to": born}).json()["items"]
    assert newest.id not in [one["id"] for one in before]


def test_the_log_goes_out_as_a_file_and_says_so(stage: Stage) -> None:
    """What the filters leave, newest first, in pages of any size; nobody else gets it."""
    path = "/v1/admin/audit-events/export"
    for _ in range(3):
        stage.batch()
    batches = [one.id for one in stage.log() if one.action == "voucher_batch.made"]
    asked = {"action": "voucher_batch.made"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_events, "_EXPORTED_AT_ONCE", 1)
        answer = stage.client.get(path, headers=stage.admin, params=asked)
    lines = list(csv.DictReader(answer.text.removeprefix("\ufeff").splitlines()))
    assert [one["id"] for one in lines] == batches
    newest = stage.log()[0]
    assert (newest.action, newest.details) == ("audit_log.exported", asked)
    nobody = stage.client.get(path, headers=stage.admin, params={"actor_id": "nobody"})
    assert nobody.text.splitlines()[1:] == []
    assert stage.client.get(path, headers=stage.anna).status_code == 403


def test_the_chain_is_verified_at_a_request(stage: Stage) -> None:
    """An end that was noted must be in it; a second one at the same time is put off."""
    path = "/v1/admin/audit-events/verify"
    told = stage.ask("GET", path)
    assert (told["is_whole"], told["faults"]) == (True, [])
    never = stage.ask("GET", f"{path}?known=1:{'f' * 64}")
    assert [one["kind"] for one in never["faults"]] == ["audit_head_lost"]
    assert stage.client.get(f"{path}?known=x", headers=stage.admin).status_code == 422
    with audit_events._verdicts.looking:
        for way in (path, f"{path}/events"):
            assert stage.client.get(way, headers=stage.admin).status_code == 503
    for way in (path, f"{path}/events"):
        assert stage.client.get(way, headers=stage.anna).status_code == 403
    told = stage.client.get(f"{path}/events?known=1:{'f' * 64}", headers=stage.admin)
    assert told.headers["content-type"].startswith("text/event-stream")
    assert "event: result" in told.text
    assert "audit_head_lost" in told.text
