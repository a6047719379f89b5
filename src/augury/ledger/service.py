"""The ledger in SQL: carries out instructions, many at a time, inside the caller's transaction.

How `post` stays right under storms: it first locks the accounts it will touch, in the order of
their ids, so that two batches never wait for each other in a circle and nobody else changes an
account, its holds or its keys meanwhile. Then one guarded statement decides whether the balance
allows the move. What it returns is the verdict; what was read before never is.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import insert, select

from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx, insert_rows
from augury.kit.ids import new_id
from augury.ledger import alerts, guards
from augury.ledger.alerts import Level
from augury.ledger.core import (
    JOURNAL_START,
    RESOLVING,
    Balance,
    Counterparty,
    Instruction,
    Outcome,
    Posted,
    Refused,
    Replayed,
    TransferType,
    amount_is_valid,
    counterparty,
    deltas,
    link,
)
from augury.ledger.tables import accounts, holds, idempotency_keys, transfers

# These only take and need nothing looked up, so one account's can be decided by their sum.
_JOINABLE = frozenset({TransferType.CHARGE, TransferType.HOLD})


def open_accounts(tx: WriteTx, account_ids: Iterable[str]) -> None:
    """Open empty accounts for new customers; the ids are the customers' own."""
    moment = now()
    rows = [
        {"id": id_, "posted": 0, "held": 0, "transfers": 0, "opened_at": moment}
        for id_ in account_ids
    ]
    tx.execute(insert(accounts), rows)


def balances(tx: ReadTx, account_ids: Iterable[str]) -> dict[str, Balance]:
    """Return the balance of each account that exists. A look, not a verdict."""
    found = tx.execute(
        select(accounts.c.id, accounts.c.posted, accounts.c.held).where(
            accounts.c.id.in_(list(account_ids))
        )
    )
    return {row.id: Balance(row.posted, row.held) for row in found}


def replays(tx: ReadTx, asked: Sequence[tuple[str, str, str]]) -> list[Replayed | Refused | None]:
    """Return what is stored under each `(account, key, fingerprint)`: nothing when it is new."""
    return guards.replays(tx, asked)


def lock_accounts(tx: WriteTx, account_ids: Iterable[str]) -> None:
    """Keep others from moving anything on these accounts until the transaction ends."""
    guards.lock_accounts(tx, account_ids)


def expire_holds(db: Database, most: int = 1000) -> int:
    """Release up to `most` holds whose time has passed; return how many were released."""
    with db.read() as tx:
        overdue = tx.execute(
            select(holds.c.id, holds.c.account_id)
            .where(holds.c.resolved_by.is_(None), holds.c.expires_at <= now())
            .order_by(holds.c.expires_at)
            .limit(most)
        ).all()
    releases = [
        Instruction(new_id(), TransferType.RELEASE, row.account_id, 0, "expired", hold_id=row.id)
        for row in overdue
    ]
    if not releases:
        return 0
    with db.write() as tx:
        return sum(isinstance(outcome, Posted) for outcome in post(tx, releases))


def post(tx: WriteTx, instructions: Sequence[Instruction]) -> list[Outcome]:
    """Carry out many instructions, each for itself, and return their outcomes in order.

    A refused instruction moves nothing and does not spoil its neighbours. The result is the same
    as if they had come one by one in this order.
    """
    batch = _Batch(tx, now())
    guards.lock_accounts(tx, {one.account_id for one in instructions})
    queues: dict[str, deque[Instruction]] = {}
    for one in instructions:
        if not amount_is_valid(one):
            batch.outcomes[one.id] = Refused.AMOUNT_INVALID
        else:
            queues.setdefault(one.account_id, deque()).append(one)
    # One round is enough unless an account has several instructions that depend on each other.
    while queues:
        _round(batch, [one for queue in queues.values() for one in _take(queue)])
        queues = {account_id: queue for account_id, queue in queues.items() if queue}
    _name_strangers(batch, instructions)
    alerts.tell(tx, batch.levels.values())
    return [batch.outcomes[one.id] for one in instructions]


def _name_strangers(batch: "_Batch", instructions: Sequence[Instruction]) -> None:
    """Tell who has no account from who has no credits; the guard refuses both alike."""
    refused = [
        one
        for one in instructions
        if isinstance(batch.outcomes[one.id], Refused)
        and batch.outcomes[one.id] is not Refused.AMOUNT_INVALID
    ]
    if refused:
        known = guards.known_accounts(batch.tx, {one.account_id for one in refused})
        for one in refused:
            if one.account_id not in known:
                batch.outcomes[one.id] = Refused.ACCOUNT_UNKNOWN


@dataclass(slots=True)
class _Batch:
    """What one call of `post` knows so far."""

    tx: WriteTx
    moment: int
    heads: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    entries: list[tuple[str | int | None, ...]] = field(default_factory=list)
    written: list[Instruction] = field(default_factory=list)
    levels: dict[str, Level] = field(default_factory=dict)


class _Move(NamedTuple):
    """An instruction with what it adds to its account."""

    instruction: Instruction
    posted: int
    held: int
    counterparty: Counterparty


def _take(queue: deque[Instruction]) -> list[Instruction]:
    """Take from an account's queue what can be decided together, at least one."""
    group = [queue.popleft()]
    keys = {group[0].key}
    while (
        queue
        and group[-1].type in _JOINABLE
        and queue[0].type in _JOINABLE
        and (queue[0].key is None or queue[0].key not in keys)
    ):
        keys.add(queue[0].key)
        group.append(queue.popleft())
    return group


def _round(batch: _Batch, asked: list[Instruction]) -> None:
    """Check, decide and write a group of instructions for each of several accounts."""
    keyed = [one for one in asked if one.key is not None]
    stored = guards.replays(
        batch.tx, [(one.account_id, one.key or "", one.fingerprint or "") for one in keyed]
    )
    for one, verdict in zip(keyed, stored, strict=True):
        if verdict is not None:
            batch.outcomes[one.id] = verdict
    asked = [one for one in asked if one.id not in batch.outcomes]
    resolving = [one for one in asked if one.type in RESOLVING]
    refunding = [one for one in asked if one.type is TransferType.REFUND]
    held_by = guards.resolve_holds(batch.tx, resolving, batch.moment)
    corrected_by = guards.refundable(batch.tx, refunding)
    moves: dict[str, list[_Move]] = {}
    for one in asked:
        hold_amount = held_by.get(one.id, 0)
        corrected = corrected_by.get(one.id)
        if isinstance(hold_amount, Refused):
            batch.outcomes[one.id] = hold_amount
        elif isinstance(corrected, Refused):
            batch.outcomes[one.id] = corrected
        else:
            posted, held = deltas(
                one.type, one.amount, hold_amount=hold_amount, corrected=corrected
            )
            other = counterparty(one.type, corrected)
            moves.setdefault(one.account_id, []).append(_Move(one, posted, held, other))
    _decide(batch, moves)
    _write(batch)


def _decide(batch: _Batch, moves: dict[str, list[_Move]]) -> None:
    """Ask the guard for each account's moves together; where it refuses, for one after another."""
    sums = [
        (id_, sum(one.posted for one in group), sum(one.held for one in group), len(group))
        for id_, group in moves.items()
    ]
    allowed = guards.move(batch.tx, sums)
    for account_id, group in moves.items():
        if account_id in allowed:
            _journal(batch, group, allowed[account_id])
        elif len(group) == 1:
            batch.outcomes[group[0].instruction.id] = _refusal_of(group[0])
        else:
            _decide_in_turn(batch, account_id, group)


def _decide_in_turn(batch: _Batch, account_id: str, group: list[_Move]) -> None:
    refused = None
    for one in group:
        # What was too much a moment ago is too much still: nothing has come in meanwhile.
        hopeless = refused is not None and one.instruction.amount >= refused
        move = (account_id, one.posted, one.held, 1)
        allowed = {} if hopeless else guards.move(batch.tx, [move])
        if account_id in allowed:
            _journal(batch, [one], allowed[account_id])
        else:
            batch.outcomes[one.instruction.id] = Refused.INSUFFICIENT_CREDITS
            refused = one.instruction.amount


def _refusal_of(move: _Move) -> Refused:
    if move.instruction.type in RESOLVING:
        # Its hold was resolved a statement ago and must cover it: the books do not add up.
        message = f"account {move.instruction.account_id} does not cover its own hold"
        raise AssertionError(message)
    return Refused.BALANCE_TOO_LARGE if move.posted > 0 else Refused.INSUFFICIENT_CREDITS


def _journal(batch: _Batch, group: list[_Move], moved: guards.Moved) -> None:
    """Make the journal entries of moves that the guard has allowed, from what it left behind."""
    available = moved.available - sum(move.posted - move.held for move in group)
    number = moved.transfers - len(group)
    account_id = group[0].instruction.account_id
    head = batch.heads.get(account_id) or moved.newest_link or JOURNAL_START
    if moved.alert_below is not None:
        first = batch.levels.get(account_id)
        before = available if first is None else first.before
        batch.levels[account_id] = Level(account_id, before, moved.available, moved.alert_below)
    for move in group:
        one = move.instruction
        available += move.posted - move.held
        number += 1
        facts = (
            one.id,
            account_id,
            number,
            one.type.value,
            move.counterparty.value,
            move.posted,
            move.held,
            available,
            one.reference,
            one.hold_id,
            one.corrects,
            one.actor_id,
            one.reason,
            batch.moment,
        )
        head = link(head, *facts)
        batch.entries.append((*facts, head))
        batch.written.append(one)
        batch.outcomes[one.id] = Posted(one.id, one.amount, available)
    batch.heads[account_id] = head


_ENTRY = tuple(column.name for column in transfers.c)
_HOLD = ("id", "account_id", "amount", "expires_at")
_KEY = ("account_id", "key", "fingerprint", "reference", "created_at")


def _write(batch: _Batch) -> None:
    """Write the journal entries of this round with their holds and keys."""
    tx = batch.tx
    insert_rows(tx, transfers, _ENTRY, batch.entries)
    made = [one for one in batch.written if one.type is TransferType.HOLD]
    insert_rows(
        tx, holds, _HOLD, [(one.id, one.account_id, one.amount, one.expires_at) for one in made]
    )
    keyed = [one for one in batch.written if one.key is not None]
    insert_rows(
        tx,
        idempotency_keys,
        _KEY,
        [(one.account_id, one.key, one.fingerprint, one.reference, batch.moment) for one in keyed],
    )
    batch.entries.clear()
    batch.written.clear()
