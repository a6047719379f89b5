"""The rules of the ledger as statements: instruction, outcome, and what it did to the account.

Each case is a story of one account, one line an instruction: what is asked, what comes of it, and
`posted/held` afterwards. Every story is told twice: by the pure rules, and by the SQL on both
databases, one instruction at a time and all in one batch.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.audit import audit
from augury.ledger.core import (
    Balance,
    Book,
    Instruction,
    Posted,
    Refused,
    Replayed,
    TransferType,
    amount_is_valid,
    apply,
)

MOST = 2**53 - 1

# asked | outcome | posted/held afterwards. `@name` gives a transfer a name; `of=name` refers to it;
# `key=k/f` sends key k with fingerprint f; `late` makes a hold whose time has passed.
STORIES: dict[str, str] = {
    "top-up": """
        top_up 100            | posted 100             | 100/0
        top_up 1              | posted 101             | 101/0
    """,
    "promotion": """
        promotion 5000        | posted 5000            | 5000/0
    """,
    "charge": """
        top_up 100            | posted 100             | 100/0
        charge 30             | posted 70              | 70/0
        charge 71             | insufficient_credits   | 70/0
        charge 70             | posted 0               | 0/0
        charge 1              | insufficient_credits   | 0/0
    """,
    "charge of an empty account": """
        charge 1              | insufficient_credits   | 0/0
    """,
    "a hold is not spent and not available": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        charge 41             | insufficient_credits   | 100/60
        charge 40             | posted 0               | 60/60
        hold 1                | insufficient_credits   | 60/60
    """,
    "capture in full": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        capture 60 of=work    | posted 40              | 40/0
    """,
    "capture of a part releases the rest": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        capture 25 of=work    | posted 75              | 75/0
        capture 35 of=work    | hold_resolved          | 75/0
    """,
    "capture of more than was held": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        capture 61 of=work    | hold_too_small         | 100/60
        capture 60 of=work    | posted 40              | 40/0
    """,
    "release": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        release 0 of=work     | posted 100             | 100/0
        release 0 of=work     | hold_resolved          | 100/0
        capture 1 of=work     | hold_resolved          | 100/0
    """,
    "a hold resolves once, in either order": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        capture 60 of=work    | posted 40              | 40/0
        release 0 of=work     | hold_resolved          | 40/0
        capture 60 of=work    | hold_resolved          | 40/0
    """,
    "a late hold is released and not captured": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work late    | posted 40              | 100/60
        capture 60 of=work    | hold_expired           | 100/60
        release 0 of=work     | posted 100             | 100/0
    """,
    "holds that do not exist": """
        top_up 100 @money     | posted 100             | 100/0
        capture 1 of=nothing  | hold_unknown           | 100/0
        release 0 of=nothing  | hold_unknown           | 100/0
        capture 1 of=money    | hold_unknown           | 100/0
    """,
    "two holds are apart": """
        top_up 100            | posted 100             | 100/0
        hold 30 @one          | posted 70              | 100/30
        hold 50 @two          | posted 20              | 100/80
        capture 10 of=two     | posted 60              | 90/30
        release 0 of=one      | posted 90              | 90/0
    """,
    "refund of a charge": """
        top_up 100            | posted 100             | 100/0
        charge 80 @sale       | posted 20              | 20/0
        refund 80 of=sale     | posted 100             | 100/0
        refund 1 of=sale      | nothing_to_refund      | 100/0
    """,
    "refund in parts": """
        top_up 100            | posted 100             | 100/0
        charge 80 @sale       | posted 20              | 20/0
        refund 50 of=sale     | posted 70              | 70/0
        refund 31 of=sale     | nothing_to_refund      | 70/0
        refund 30 of=sale     | posted 100             | 100/0
        refund 1 of=sale      | nothing_to_refund      | 100/0
    """,
    "refund of a capture is limited to what it took": """
        top_up 100            | posted 100             | 100/0
        hold 60 @work         | posted 40              | 100/60
        capture 25 @done of=work | posted 75           | 75/0
        refund 26 of=done     | nothing_to_refund      | 75/0
        refund 25 of=done     | posted 100             | 100/0
    """,
    "refund of a top-up takes its credits, if they are there": """
        top_up 100 @money     | posted 100             | 100/0
        top_up 50             | posted 150             | 150/0
        charge 30             | posted 120             | 120/0
        refund 101 of=money   | nothing_to_refund      | 120/0
        refund 60 of=money    | posted 60              | 60/0
        refund 41 of=money    | nothing_to_refund      | 60/0
        hold 30               | posted 30              | 60/30
        refund 40 of=money    | insufficient_credits   | 60/30
        refund 30 of=money    | posted 0               | 30/30
        refund 11 of=money    | nothing_to_refund      | 30/30
    """,
    "nothing else is refunded": """
        promotion 100 @money  | posted 100             | 100/0
        hold 10 @work         | posted 90              | 100/10
        refund 10 of=money    | nothing_to_refund      | 100/10
        refund 10 of=work     | nothing_to_refund      | 100/10
        refund 10 of=nothing  | nothing_to_refund      | 100/10
        adjustment -5 @less   | posted 85              | 95/10
        refund 5 of=less      | nothing_to_refund      | 95/10
    """,
    "adjustments go both ways and never below zero": """
        adjustment 50         | posted 50              | 50/0
        adjustment -20        | posted 30              | 30/0
        hold 20               | posted 10              | 30/20
        adjustment -11        | insufficient_credits   | 30/20
        adjustment -10        | posted 0               | 20/20
    """,
    "a key is the same instruction again": """
        top_up 100            | posted 100             | 100/0
        charge 30 key=a/x     | posted 70              | 70/0
        charge 30 key=a/x     | replayed               | 70/0
        charge 31 key=a/y     | key_conflict           | 70/0
        charge 30 key=b/x     | posted 40              | 40/0
        charge 30 key=a/x     | replayed               | 40/0
    """,
    "a key is replayed when the money has run out": """
        top_up 30             | posted 30              | 30/0
        charge 30 key=a/x     | posted 0               | 0/0
        charge 30 key=a/x     | replayed               | 0/0
        charge 1              | insufficient_credits   | 0/0
    """,
    "a refused instruction does not use up its key": """
        charge 30 key=a/x     | insufficient_credits   | 0/0
        top_up 30             | posted 30              | 30/0
        charge 30 key=a/x     | posted 0               | 0/0
    """,
    "keys of holds and refunds": """
        top_up 100            | posted 100             | 100/0
        hold 10 @work key=h/x | posted 90              | 100/10
        hold 10 key=h/x       | replayed               | 100/10
        capture 10 of=work key=c/x | posted 90         | 90/0
        capture 10 of=work key=c/x | replayed          | 90/0
        top_up 5 key=h/z      | key_conflict           | 90/0
    """,
    "amounts that are no amounts": """
        top_up 0              | amount_invalid         | 0/0
        top_up -1             | amount_invalid         | 0/0
        charge 0              | amount_invalid         | 0/0
        charge -5             | amount_invalid         | 0/0
        hold 0                | amount_invalid         | 0/0
        refund -1 of=nothing  | amount_invalid         | 0/0
        capture 0 of=nothing  | amount_invalid         | 0/0
        release 5 of=nothing  | amount_invalid         | 0/0
        adjustment 0          | amount_invalid         | 0/0
        top_up 9007199254740992 | amount_invalid       | 0/0
    """,
    "a balance has a limit": """
        top_up 9007199254740991 | posted 9007199254740991 | 9007199254740991/0
        top_up 1              | balance_too_large      | 9007199254740991/0
        adjustment 1          | balance_too_large      | 9007199254740991/0
        promotion 1           | balance_too_large      | 9007199254740991/0
        charge 1 @sale        | posted 9007199254740990 | 9007199254740990/0
        refund 1 of=sale      | posted 9007199254740991 | 9007199254740991/0
    """,
    "held credits count towards the limit": """
        top_up 9007199254740991 | posted 9007199254740991 | 9007199254740991/0
        hold 9007199254740991 @all | posted 0          | 9007199254740991/9007199254740991
        top_up 1              | balance_too_large      | 9007199254740991/9007199254740991
        release 0 of=all      | posted 9007199254740991 | 9007199254740991/0
    """,
}


@dataclass(frozen=True)
class Line:
    """One line of a story."""

    instruction: Instruction
    outcome: Any
    balance: Balance


def read(story: str, account_id: str) -> list[Line]:
    """Return the lines of a story about an account."""
    named: dict[str, str] = {}
    stored: dict[str, str] = {}
    lines = []
    for row in story.strip().splitlines():
        asked, expected, balance = (part.strip() for part in row.split("|"))
        type_, amount, *rest = asked.split()
        id_ = new_id()
        more: dict[str, Any] = {}
        for word in rest:
            if word.startswith("@"):
                named[word[1:]] = id_
            elif word.startswith("of="):
                subject = named.get(word[3:]) or new_id()
                more["corrects" if type_ == "refund" else "hold_id"] = subject
            elif word.startswith("key="):
                more["key"], more["fingerprint"] = word[4:].split("/")
        if type_ == "hold":
            more["expires_at"] = 1 if "late" in rest else now() + 3600 * SECOND
        one = Instruction(id_, TransferType(type_), account_id, int(amount), reference=id_, **more)
        outcome: Any
        if expected.startswith("posted"):
            outcome = Posted(id_, one.amount, int(expected.split()[1]))
            if one.key:
                stored[one.key] = id_
        elif expected == "replayed":
            outcome = Replayed(stored[one.key or ""])
        else:
            outcome = Refused(expected)
        posted, held = balance.split("/")
        lines.append(Line(one, outcome, Balance(int(posted), int(held))))
    return lines


def _customer(db: Database) -> str:
    account_id = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [account_id])
    return account_id


def _books_are_right(db: Database) -> None:
    with db.read() as tx:
        found = [one for one in audit(tx).findings if one.kind != "hold_overdue"]
    assert found == []


@pytest.mark.parametrize("story", STORIES)
def test_the_rules(story: str) -> None:
    """By the pure rules, every instruction of a story comes out as its statement says."""
    account_id = new_id()
    book = Book().with_account(account_id)
    for line in read(STORIES[story], account_id):
        before = book
        book, outcome = apply(book, line.instruction, now())
        assert outcome == line.outcome
        assert book.balances[account_id] == line.balance
        if not isinstance(outcome, Posted):
            assert book == before


@pytest.mark.parametrize("story", STORIES)
def test_the_sql_one_by_one(db: Database, story: str) -> None:
    """In SQL, each instruction in a transaction of its own, the statement is the same."""
    account_id = _customer(db)
    for line in read(STORIES[story], account_id):
        with db.write() as tx:
            (outcome,) = service.post(tx, [line.instruction])
        assert outcome == line.outcome
        with db.read() as tx:
            assert service.balances(tx, [account_id])[account_id] == line.balance
    _books_are_right(db)


@pytest.mark.parametrize("story", STORIES)
def test_the_sql_in_one_batch(db: Database, story: str) -> None:
    """All instructions of a story in one call come out as if they had come one by one."""
    account_id = _customer(db)
    lines = read(STORIES[story], account_id)
    with db.write() as tx:
        outcomes = service.post(tx, [line.instruction for line in lines])
    assert outcomes == [line.outcome for line in lines]
    with db.read() as tx:
        assert service.balances(tx, [account_id])[account_id] == lines[-1].balance
    _books_are_right(db)


def test_every_type_has_a_story() -> None:
    """No transfer type and no refusal is missing in the statements."""
    told = "\n".join(STORIES.values())
    assert all(f"{type_} " in told for type_ in TransferType)
    assert all(str(refused) in told for refused in set(Refused) - {Refused.ACCOUNT_UNKNOWN})


@pytest.mark.parametrize(
    "amount", [True, False, 1.0, 1.5, "1", None, float("nan"), MOST + 1, -MOST - 1]
)
@pytest.mark.parametrize("type_", list(TransferType))
def test_only_whole_numbers_are_amounts(type_: TransferType, amount: Any) -> None:
    """No float, text, boolean or oversized number ever becomes an amount."""
    assert not amount_is_valid(Instruction(new_id(), type_, new_id(), amount))
