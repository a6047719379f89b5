"""Sales by API keys: each key's credit limit holds in the transaction that takes the credits."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from augury.kit.db import WriteTx
from augury.kit.errors import Refusal
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Outcome, Posted, Replayed
from augury.users import keys


class Asked(Protocol):
    """What a customer asked for, at a price, perhaps by an API key."""

    @property
    def user_id(self) -> str:
        """Whose it is."""

    @property
    def price(self) -> int:
        """What it costs in all."""

    @property
    def api_key_id(self) -> str | None:
        """The API key that asked for it, if one did."""

    @property
    def key(self) -> str | None:
        """The idempotency key."""

    @property
    def fingerprint(self) -> str | None:
        """What tells whether it is the same that came before."""


Item = TypeVar("Item", bound=Asked)


def post(
    tx: WriteTx, asked: Sequence[Item], instruct: Callable[[Item], Instruction]
) -> list[Outcome | Refusal]:
    """Carry out the instruction of each; a refusal is that of its API key.

    What a key has spent is the sum of what came about, whatever happens at the same time.
    """
    if all(one.api_key_id is None for one in asked):
        return list(ledger.post(tx, [instruct(one) for one in asked]))
    ledger.lock_accounts(tx, {one.user_id for one in asked})
    verdicts = keys.spend(tx, [(one.api_key_id, one.price) for one in asked])
    allowed = [one for one, verdict in zip(asked, verdicts, strict=True) if verdict is None]
    posted = iter(ledger.post(tx, [instruct(one) for one in allowed]))
    outcomes = [next(posted) if verdict is None else verdict for verdict in verdicts]
    keys.give_back(
        tx,
        (
            (one.api_key_id, one.price)
            for one, outcome in zip(asked, outcomes, strict=True)
            if not isinstance(outcome, Posted | Refusal)
        ),
    )
    _replay(tx, asked, outcomes)
    return outcomes


def _replay(tx: WriteTx, asked: Sequence[Asked], outcomes: list[Outcome | Refusal]) -> None:
    """Give their first answer to those who only ask again: it costs nothing more."""
    again = [
        (place, (one.user_id, one.key, one.fingerprint or ""))
        for place, one in enumerate(asked)
        if one.key is not None and isinstance(outcomes[place], Refusal)
    ]
    found = ledger.replays(tx, [keyed for _, keyed in again])
    for (place, _), verdict in zip(again, found, strict=True):
        if isinstance(verdict, Replayed):
            outcomes[place] = verdict
