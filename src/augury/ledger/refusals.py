"""How the ledger says no to people."""

from augury.kit.errors import Refusal
from augury.ledger.core import Refused


class InsufficientCredits(Refusal):
    """The balance does not cover it; nothing has moved."""

    code = "insufficient_credits"
    status = 402


class BalanceTooLarge(Refusal):
    """The balance would pass the largest number that every reader keeps exact."""

    code = "balance_too_large"
    status = 409


class IdempotencyConflict(Refusal):
    """The key was used before for another input."""

    code = "idempotency_conflict"
    status = 409


class AccountClosed(Refusal):
    """There is no account to charge: it was closed, or the token speaks for no customer here."""

    code = "account_closed"
    status = 403


def refusal_of(refused: Refused, *, required: int, available: int) -> Exception:
    """Return what tells a person what the ledger refused.

    It returns even what nobody should have been able to ask for, so that one odd instruction does
    not spoil its neighbours.
    """
    if refused is Refused.INSUFFICIENT_CREDITS:
        return InsufficientCredits(required=required, available=available)
    if refused is Refused.BALANCE_TOO_LARGE:
        return BalanceTooLarge()
    if refused is Refused.KEY_CONFLICT:
        return IdempotencyConflict()
    if refused is Refused.ACCOUNT_UNKNOWN:
        return AccountClosed()
    return AssertionError(f"nobody should have been able to ask for this: {refused}")
