"""Random histories of the ledger, and the oracle that holds the SQL against the pure rules."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.core import (
    CORRECTABLE,
    RESOLVING,
    Book,
    Instruction,
    TransferType,
    apply,
)

_FAR_FUTURE = 2**52
_ACCOUNTS = 2

# Often what needs an earlier one, so that holds are settled twice and charges refunded twice.
_TYPES = [
    *TransferType,
    TransferType.TOP_UP,
    TransferType.HOLD,
    TransferType.CAPTURE,
    TransferType.RELEASE,
    TransferType.REFUND,
]
# One asked-for instruction: type, account, amount, which earlier transfer, which key, which input.
_asked = st.tuples(
    st.sampled_from(_TYPES),
    st.sampled_from([0, 0, 0, 0, 1, 1, 2]),  # the last is an unknown account
    st.one_of(st.integers(1, 20), st.integers(1, 20), st.sampled_from([-3, 0, 2**53])),
    st.integers(0, 2),
    st.sampled_from([None, None, None, 0, 1]),
    st.sampled_from([0, 0, 0, 1]),
)
batches = st.lists(st.lists(_asked, min_size=1, max_size=8), min_size=2, max_size=10)


@dataclass
class Oracle:
    """Drives the same history through the pure rules and through the SQL."""

    db: Database
    accounts: list[str] = field(default_factory=lambda: [new_id() for _ in range(_ACCOUNTS)])
    book: Book = field(default_factory=Book)
    asked: list[Instruction] = field(default_factory=list)

    def open(self) -> None:
        """Open the accounts on both sides."""
        with self.db.write() as tx:
            service.open_accounts(tx, self.accounts)
        for account_id in self.accounts:
            self.book = self.book.with_account(account_id)

    def step(self, batch: list[tuple[Any, ...]]) -> None:
        """Carry out a batch on both sides and compare every outcome and every balance."""
        instructions = [self._instruction(*one) for one in batch]
        expected = []
        for instruction in instructions:
            self.book, outcome = apply(self.book, instruction, now())
            expected.append(outcome)
        with self.db.write() as tx:
            assert service.post(tx, instructions) == expected
            assert service.balances(tx, self.accounts) == dict(self.book.balances)

    def _instruction(
        self,
        type_: TransferType,
        account: int,
        amount: int,
        earlier: int,
        key: int | None,
        input_: int,
    ) -> Instruction:
        id_ = new_id()
        subject = self._earlier(type_, earlier)
        account_id = (*self.accounts, new_id())[account]
        if subject is not None and input_ == 0:
            account_id = subject.account_id
        subject_id = new_id() if subject is None else subject.id
        resolving = type_ in RESOLVING
        instruction = Instruction(
            id_,
            type_,
            account_id,
            0 if type_ is TransferType.RELEASE and amount > 0 else amount,
            reference=id_,
            hold_id=subject_id if resolving else None,
            # A past moment makes a hold that is overdue at once.
            expires_at=(_FAR_FUTURE, 1)[input_] if type_ is TransferType.HOLD else None,
            corrects=subject_id if type_ is TransferType.REFUND else None,
            key=None if key is None else f"key {key}",
            fingerprint=None if key is None else f"input {input_}",
        )
        self.asked.append(instruction)
        return instruction

    def _earlier(self, type_: TransferType, place: int) -> Instruction | None:
        """Return what an instruction of this type may name: a recent hold, or a recent charge."""
        if type_ in RESOLVING:
            wanted = {TransferType.HOLD}
        elif type_ is TransferType.REFUND:
            wanted = set(CORRECTABLE)
        else:
            return None
        found = [one for one in self.asked if one.type in wanted]
        return found[-1 - place] if place < len(found) else None
