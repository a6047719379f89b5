"""A year of sales, made up: a database as it looks after so many of them, and books that are right.

Rows go in as bulk, past the till: every tenth sale is one customer's, the others are spread evenly
over a tenth as many customers as there are sales. What the till would have written is written,
with the links of each account's journal, so that the audit finds nothing.
"""

import random
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.ledger.core import JOURNAL_START, Counterparty, TransferType, link

MODEL = "credit-logistic-regression"
PRICE = 10
APPLICANT: dict[str, int | float | str] = {
    "person_age": 30,
    "person_income": 50_000,
    "person_home_ownership": "RENT",
    "person_emp_length": 5,
    "loan_intent": "VENTURE",
    "loan_grade": "A",
    "loan_amnt": 10_000,
    "loan_int_rate": 5.0,
    "loan_percent_income": 0.2,
    "cb_person_default_on_file": "N",
    "cb_person_cred_hist_length": 3,
}
_DAY = 24 * 3600 * SECOND
_SPAN = 365 * _DAY
# As many days back as keys are remembered unless told otherwise.
_KEYED = 90 * _DAY
_PURSE = 10**12
_AT_ONCE = 20_000
_ONE_OF = 10
_OUTPUTS = '[{"default_probability":0.081234,"approval_probability":0.918766,"decision":"approve"}]'

Row = Sequence[str | int | None]
_TABLES = {
    "users": "id, username, email, username_key, email_key, password_hash, role, status,"
    " created_at, language",
    "accounts": "id, posted, held, transfers, opened_at",
    "transfers": "id, account_id, number, type, counterparty_id, posted, held, available_after,"
    " reference, hold_id, corrects, actor_id, reason, created_at, link",
    "predictions": "id, user_id, model, version, status, rows, price, inputs, outputs, warnings,"
    " transfer_id, created_at, completed_at",
    "idempotency_keys": "account_id, key, fingerprint, reference, created_at",
}


@dataclass(slots=True)
class History:
    """What was made up: the customer of every tenth sale, and the others; `since` is its start."""

    accounts: list[str]
    since: int
    # Of each account: the last link of its journal, and how many transfers it has.
    heads: list[str] = field(default_factory=list)
    numbers: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def heavy(self) -> str:
        """The customer with a tenth of all sales."""
        return self.accounts[0]


class _Ids:
    """Identifiers of the past."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- nothing is secret here

    def at(self, moment: int) -> str:
        """Return a new one, born at a moment."""
        born, rest = f"{moment // 1000:012x}", f"{self._random.getrandbits(74):019x}"
        variant = "89ab"[int(rest[3], 16) & 3]
        return f"{born[:8]}-{born[8:]}-7{rest[:3]}-{variant}{rest[4:7]}-{rest[7:]}"


def fill(db: Database, predictions: int, done: Callable[[int], object], seed: int = 1) -> History:
    """Fill a migrated database; `done` hears how many predictions there are more.

    On a usual machine a million takes minutes and some 1.5 GB. Another `seed` gives other
    customers.
    """
    ids, until = _Ids(seed), now()
    history = History(
        [ids.at(until - _SPAN) for _ in range(max(2, predictions // _ONE_OF))], until - _SPAN
    )
    buyers = np.random.default_rng(7).integers(1, len(history.accounts), predictions)
    buyers[::_ONE_OF] = 0
    bought = np.bincount(buyers, minlength=len(history.accounts))
    _open(db, history, bought.tolist(), ids)
    step = _SPAN / predictions
    for start in range(0, predictions, _AT_ONCE):
        some = buyers[start : start + _AT_ONCE].tolist()
        moments = (history.since + int((start + place) * step) for place in range(len(some)))
        _sell(db, history, list(zip(some, moments, strict=True)), ids, until - _KEYED)
        done(len(some))
    if db.dialect == "postgresql":
        with db.piecemeal() as tx:
            for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
                tx.exec_driver_sql(statement)
    return history


def _open(db: Database, history: History, bought: list[int], ids: _Ids) -> None:
    """Open the accounts as they will be in the end, each with a purse that suffices."""
    moment = history.since
    for start in range(0, len(bought), _AT_ONCE):
        opened = list(enumerate(history.accounts[start : start + _AT_ONCE], start))
        gifts = []
        for place, id_ in opened:
            facts = _facts(ids.at(moment), id_, 1, "welcome", moment, TransferType.PROMOTION)
            history.heads.append(link(JOURNAL_START, *facts))
            history.numbers.append(1)
            gifts.append((*facts, history.heads[place]))
        with db.write() as tx:
            _append(tx, "users", (_user(id_, moment) for _, id_ in opened))
            accounts = (
                (id_, _PURSE - PRICE * bought[place], 0, bought[place] + 1, moment)
                for place, id_ in opened
            )
            _append(tx, "accounts", accounts)
            _append(tx, "transfers", gifts)


def _user(id_: str, moment: int) -> Row:
    name = f"h-{id_}"
    email = f"{name}@example.com"
    return (id_, name, email, name, email, "none", "customer", "active", moment, "en")


def _facts(
    id_: str, account_id: str, number: int, reference: str, moment: int, type_: TransferType
) -> Row:
    """Return what a link is made of: of the gift at the beginning, or of a charge after it."""
    gift = type_ is TransferType.PROMOTION
    party = Counterparty.PROMOTIONS if gift else Counterparty.REVENUE
    posted = _PURSE if gift else -PRICE
    after = _PURSE - PRICE * (number - 1)
    return (
        *(id_, account_id, number, type_.value, party.value, posted, 0, after, reference),
        *(None, None, None, None, moment),
    )


def _sell(
    db: Database, history: History, sales: list[tuple[int, int]], ids: _Ids, keyed_from: int
) -> None:
    """Store sales, given as the place of the customer and the moment."""
    transfers: list[Row] = []
    predictions: list[Row] = []
    keys: list[Row] = []
    for place, moment in sales:
        id_, transfer_id = ids.at(moment), ids.at(moment + 1000)
        account_id = history.accounts[place]
        history.numbers[place] += 1
        facts = _facts(
            *(transfer_id, account_id, history.numbers[place], id_, moment, TransferType.CHARGE)
        )
        head = history.heads[place] = link(history.heads[place], *facts)
        transfers.append((*facts, head))
        predictions.append(
            (
                *(id_, account_id, MODEL, 1, "succeeded", 1, PRICE, _INPUTS, _OUTPUTS, "[]"),
                *(transfer_id, moment, moment + 1000),
            )
        )
        if moment >= keyed_from:
            keys.append((account_id, f"prediction:{id_}", head, id_, moment))
    with db.write() as tx:
        _append(tx, "transfers", transfers)
        _append(tx, "predictions", predictions)
        _append(tx, "idempotency_keys", keys)


_INPUTS = msgspec.json.encode([APPLICANT]).decode()


def _append(tx: WriteTx, table: str, rows: Iterable[Row]) -> None:
    """Append rows as fast as the database takes them; no text has a tab or a backslash."""
    columns, cursor = _TABLES[table], tx.connection.cursor()
    if tx.dialect.name == "postgresql":
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write("".join(map(_line, rows)))
    else:
        marks = ", ".join("?" * len(columns.split(",")))
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(rows))  # noqa: S608 -- our own tables
    cursor.close()


def _line(row: Row) -> str:
    return "\t".join("\\N" if value is None else str(value) for value in row) + "\n"
