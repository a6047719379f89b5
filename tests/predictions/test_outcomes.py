"""Outcomes: who may report what, what is replaced, and what the audit log keeps."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from augury.audit_log.service import AuditEvent, events
from augury.kit.db import Database
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.predictions import outcomes
from augury.predictions.outcome_schemas import OutcomeImportOut, OutcomeIn
from augury.predictions.tables import outcomes as table
from support.cases import administrator, customer, publish, sale, sold

ANNA, BORIS = new_id(), new_id()
HEAD = "prediction_id,row,outcome\n"


def bought(db: Database, *probabilities: float, user_id: str = ANNA) -> str:
    """Return the id of a prediction that somebody bought."""
    (id_,) = sold(db, [sale(probabilities, user_id=user_id)])
    return id_


def log(db: Database) -> list[AuditEvent]:
    with db.read() as tx:
        return events(tx, limit=10)


def faults_of(error: pytest.ExceptionInfo[InvalidInput]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.key.removeprefix("fault.")) for fault in error.value.faults]


@pytest.fixture(autouse=True)
def _published(db: Database) -> None:
    publish(db)


def test_one_row_is_reported_and_read_back(db: Database) -> None:
    """What is stored has the model's probability of that row and the time of the sale."""
    id_ = bought(db, 0.25)
    known, is_new = outcomes.report(db, customer(ANNA), id_, OutcomeIn(outcome=1))
    assert is_new
    assert (known.model, known.version, known.outcomes, known.reported) == ("tiny", 1, [1], 1)
    assert outcomes.find(db, customer(ANNA), id_) == known
    with db.read() as tx:
        (row,) = tx.execute(select(table)).all()
    assert (row.prediction_id, row.row_index, row.outcome) == (id_, 0, 1)
    assert (row.probability, row.reported_by) == (0.25, ANNA)
    assert row.sold_at < row.reported_at


def test_many_rows_are_reported_as_they_become_known(db: Database) -> None:
    """A row that is null stays as it is: unknown, or what was said before."""
    id_, by = bought(db, 0.1, 0.2, 0.3), customer(ANNA)
    assert outcomes.find(db, by, id_).outcomes == [None, None, None]
    assert outcomes.find(db, by, id_).reported_at is None
    first, _ = outcomes.report(db, by, id_, OutcomeIn(outcomes=[0, None, None]))
    assert first.outcomes == [0, None, None]
    second, is_new = outcomes.report(db, by, id_, OutcomeIn(outcomes=[None, None, 1]))
    assert (second.outcomes, second.reported, is_new) == ([0, None, 1], 2, True)
    third, is_new = outcomes.report(db, by, id_, OutcomeIn(row=1, outcome=0))
    assert (third.outcomes, is_new) == ([0, 0, 1], True)
    with db.read() as tx:
        found = tx.execute(select(table.c.row_index, table.c.probability)).all()
    assert {tuple(row) for row in found} == {(0, 0.1), (1, 0.2), (2, 0.3)}


def test_the_same_again_changes_nothing_and_another_replaces(db: Database) -> None:
    id_, by = bought(db, 0.5), customer(ANNA)
    first, _ = outcomes.report(db, by, id_, OutcomeIn(outcome=0))
    again, is_new = outcomes.report(db, by, id_, OutcomeIn(row=0, outcome=0))
    assert (again, is_new) == (first, False)
    other, is_new = outcomes.report(db, by, id_, OutcomeIn(outcome=1))
    assert (other.outcomes, is_new) == ([1], True)
    nothing, is_new = outcomes.report(db, by, id_, OutcomeIn(outcomes=[None]))
    assert (nothing, is_new) == (other, False)


def test_others_see_nothing_and_report_nothing(db: Database) -> None:
    id_ = bought(db, 0.5)
    for unknown in (id_, new_id(), "not-an-id"):
        with pytest.raises(NotFound):
            outcomes.report(db, customer(BORIS), unknown, OutcomeIn(outcome=1))
        with pytest.raises(NotFound):
            outcomes.find(db, customer(BORIS), unknown)
    assert outcomes.find(db, customer(ANNA), id_).reported == 0


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"outcome": 1}, ("/row", "outcome_row_needed")),
        ({"outcome": 1, "row": 2}, ("/row", "outcome_row")),
        ({"outcomes": [1]}, ("/outcomes", "outcomes_length")),
        ({"outcomes": [1, 0, 1]}, ("/outcomes", "outcomes_length")),
        ({"outcomes": [1, 0], "row": 0}, ("", "outcome_one_way")),
        ({"outcomes": [1, 0], "outcome": 0}, ("", "outcome_one_way")),
        ({"row": 0}, ("", "outcome_one_way")),
        ({}, ("", "outcome_one_way")),
    ],
)
def test_a_row_must_be_named_and_exist(
    db: Database, form: dict[str, object], fault: tuple[str, str]
) -> None:
    id_ = bought(db, 0.1, 0.2)
    with pytest.raises(InvalidInput) as refused:
        outcomes.report(db, customer(ANNA), id_, OutcomeIn.model_validate(form))
    assert faults_of(refused) == [fault]
    assert outcomes.find(db, customer(ANNA), id_).reported == 0


@pytest.mark.parametrize("told", [None, "high", True, {}])
def test_a_row_without_a_probability_cannot_be_reported(db: Database, told: object) -> None:
    """What gave no number cannot be judged, by a form or by a file."""
    made = sale([0.5], user_id=ANNA)
    made["outputs"] = '[{"decision":"review"}]' if told is None else made["outputs"]
    if told is not None:
        shown = {"True": "true", "{}": "{}", "high": '"high"'}[str(told)]
        made["outputs"] = f'[{{"default_probability":{shown}}}]'
    (id_,) = sold(db, [made])
    with pytest.raises(InvalidInput) as refused:
        outcomes.report(db, customer(ANNA), id_, OutcomeIn(outcome=1))
    assert faults_of(refused) == [("/outcome", "outcome_no_probability")]
    with pytest.raises(InvalidInput) as refused:
        outcomes.import_file(db, customer(ANNA), f"{HEAD}{id_},0,1".encode())
    assert faults_of(refused) == [("/file/2", "outcome_no_probability")]


def test_each_version_says_where_its_probability_stands(db: Database) -> None:
    publish(db, version=2, outputs={"probability": "risk"})
    made = sale([0.5], user_id=ANNA, version=2) | {"outputs": '[{"a":[1,{}],"risk":0.75}]'}
    old, new = sold(db, [sale([0.5], user_id=ANNA), made])
    file = f"{HEAD}{old},,0\n{new},,1\n".encode()
    assert outcomes.import_file(db, customer(ANNA), file).stored == 2
    with db.read() as tx:
        found = tx.execute(select(table.c.version, table.c.probability)).all()
    assert {tuple(row) for row in found} == {(1, 0.5), (2, 0.75)}


def test_what_an_administrator_changes_is_in_the_audit_log(db: Database) -> None:
    """With what it was before; a customer's word, and a word that changes nothing, is not."""
    id_, admin = bought(db, 0.5, 0.6), administrator()
    outcomes.report(db, customer(ANNA), id_, OutcomeIn(outcomes=[0, 0]))
    assert log(db) == []
    outcomes.report(db, admin, id_, OutcomeIn(outcomes=[0, 1]))
    outcomes.report(db, admin, id_, OutcomeIn(outcomes=[0, 1]))
    (event,) = log(db)
    assert (event.actor_id, event.action) == (admin.actor.user_id, "outcomes.reported")
    assert (event.subject, event.address) == (f"prediction:{id_}", "192.0.2.1")
    change = {"prediction_id": id_, "row": 1, "from": 0, "to": 1}
    assert event.details == {"rows": 1, "changes": [change]}


def test_an_import_counts_what_is_new_changed_and_known(db: Database) -> None:
    one, two = bought(db, 0.1), bought(db, 0.2, 0.3, user_id=BORIS)
    admin = administrator()
    outcomes.report(db, customer(ANNA), one, OutcomeIn(outcome=0))
    outcomes.report(db, customer(BORIS), two, OutcomeIn(row=0, outcome=0))
    file = f"{HEAD}{one},,0\n{two},0,1\n{two},1,1\n".encode()
    done = outcomes.import_file(db, admin, file)
    assert done == OutcomeImportOut(stored=1, changed=1, unchanged=1)
    assert outcomes.find(db, customer(BORIS), two).outcomes == [1, 1]
    again = outcomes.import_file(db, admin, file)
    assert again == OutcomeImportOut(stored=0, changed=0, unchanged=3)
    latest, first = log(db)
    assert latest.details["changes"] == []
    assert (first.action, first.actor_id) == ("outcomes.imported", admin.actor.user_id)
    assert first.subject == latest.subject
    assert first.details["stored"] == first.details["changed"] == 1
    assert [change["from"] for change in first.details["changes"]] == [0, None]


def test_customers_import_their_own_only(db: Database) -> None:
    """One line about somebody else's prediction, and nothing of the file is taken."""
    own, other = bought(db, 0.1), bought(db, 0.2, user_id=BORIS)
    file = f"{HEAD}{own},0,1\n{other},0,1\n{new_id()},0,1\n".encode()
    with pytest.raises(InvalidInput) as refused:
        outcomes.import_file(db, customer(ANNA), file)
    assert faults_of(refused) == [
        ("/file/3", "outcome_line_prediction"),
        ("/file/4", "outcome_line_prediction"),
    ]
    assert outcomes.find(db, customer(ANNA), own).reported == 0
    assert outcomes.import_file(db, customer(ANNA), f"{HEAD}{own},0,1\n".encode()).stored == 1
    assert log(db) == []


def test_every_fault_of_a_file_is_told_by_its_line(db: Database) -> None:
    """Those of form and those of meaning together, in the order of the lines."""
    one, two = bought(db, 0.1), bought(db, 0.2, 0.3)
    lines = [
        f"{one},0,1",
        f"{two},,1",
        f"{two},2,1",
        f"{one},,0",
        "nonsense,0,1",
        f"{two},0,yes",
        f"{two},x,1",
        f"{two},-1,1",
        f"{two},1",
        f"{two},1,1,1",
        f"{two},0,",
    ]
    with pytest.raises(InvalidInput) as refused:
        outcomes.import_file(db, customer(ANNA), (HEAD + "\n".join(lines)).encode())
    assert faults_of(refused) == [
        ("/file/3", "outcome_row_needed"),
        ("/file/4", "outcome_row"),
        ("/file/5", "outcome_line_twice"),
        ("/file/6", "outcome_line_id"),
        ("/file/7", "outcome_line_value"),
        ("/file/8", "outcome_line_row"),
        ("/file/9", "outcome_line_row"),
        ("/file/10", "outcome_line_cells"),
        ("/file/11", "outcome_line_cells"),
        ("/file/12", "outcome_line_value"),
    ]


def test_a_hundred_faults_are_enough(db: Database) -> None:
    file = HEAD + "nonsense,0,1\n" * 300
    with pytest.raises(InvalidInput) as refused:
        outcomes.import_file(db, customer(ANNA), file.encode())
    assert len(refused.value.faults) == 100


def test_a_file_of_many_predictions_is_taken_in_lots(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More lines than go into one statement, of predictions with one row and with many."""
    monkeypatch.setattr(outcomes, "_ROWS_AT_ONCE", 1001)
    ids = sold(db, [sale([0.1, 0.9], user_id=ANNA) for _ in range(3000)])
    (large,) = sold(db, [sale([0.5] * 1000, user_id=ANNA)])
    lines = [f"{id_},{row},{row}\n" for id_ in ids for row in (0, 1)]
    lines += [f"{large},{row},1\n" for row in range(1000)]
    done = outcomes.import_file(db, customer(ANNA), (HEAD + "".join(lines)).encode())
    assert done == OutcomeImportOut(stored=7000, changed=0, unchanged=0)
    assert outcomes.find(db, customer(ANNA), large).reported == 1000
    with db.read() as tx:
        found = tx.execute(select(table.c.row_index, table.c.probability, table.c.outcome)).all()
    assert {tuple(row) for row in found if row[1] != 0.5} == {(0, 0.1, 0), (1, 0.9, 1)}


def test_the_same_rows_reported_at_once_end_in_one_word_each(db: Database) -> None:
    """Imports side by side, in different orders, neither fail nor double a row."""
    ids = sold(db, [sale([0.5], user_id=ANNA) for _ in range(200)])

    def send(outcome: int) -> OutcomeImportOut:
        order = ids if outcome else ids[::-1]
        file = HEAD + "".join(f"{id_},0,{outcome}\n" for id_ in order)
        return outcomes.import_file(db, customer(ANNA), file.encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [0, 1, 0, 1, 0, 1, 0, 1]))
    with db.read() as tx:
        found = tx.execute(select(table.c.outcome)).scalars().all()
    assert len(found) == 200
    assert set(found) <= {0, 1}
