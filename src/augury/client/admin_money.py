"""What administrators do about money: top-ups, refunds, invoices, bank statements, vouchers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from augury.client.answers import Money, Page, TopUp
from augury.client.connection import Connection, keyed, path_of, present

_STATEMENTS: Final = "/v1/admin/bank-statements"
_BATCHES: Final = "/v1/admin/voucher-batches"
# A large file is read and looked at before the server answers.
_IMPORT_SECONDS: Final = 300.0


class AdminTopUp(TopUp, frozen=True, kw_only=True):
    """A top-up with its customer, and why somebody should look at it."""

    user_id: str
    reference: str | None = None
    attention: str | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """Money that goes back for a top-up; `pending` while the provider has not decided."""

    id: str
    top_up_id: str
    status: str
    credits: int
    money: Money
    reason: str
    created_at: datetime
    completed_at: datetime | None = None


class RefundList(Struct, frozen=True):
    """Refunds of a top-up, newest first."""

    items: tuple[Refund, ...]


class ForeseenLine(Struct, frozen=True, kw_only=True):
    """What importing a line of a bank statement would do."""

    booked_on: str
    money: Money
    payer: str
    purpose: str
    outcome: str
    invoice: str | None
    known: bool


class BankImport(Struct, frozen=True, kw_only=True):
    """What came of a bank statement; what it would do, line by line, in a preview."""

    lines: int
    known: int
    outcomes: Mapping[str, int]
    items: tuple[ForeseenLine, ...] = ()


class TopUpFilter(Struct, frozen=True, kw_only=True):
    """Which top-ups are wanted; with `attention`, those that do not fit what the provider says."""

    status: str | None = None
    provider: str | None = None
    user_id: str | None = None
    since: datetime | None = None
    attention: bool = False

    def query(self) -> dict[str, str]:
        """Return it as the API takes it."""
        return present(
            {
                "status": self.status,
                "provider": self.provider,
                "user_id": self.user_id,
                "from": None if self.since is None else self.since.isoformat(),
                "attention": "true" if self.attention else None,
            }
        )


class AdminTopUpCalls:
    """The part of a client that is about everybody's top-ups, and what pays them."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def page(
        self, wanted: TopUpFilter | None = None, *, limit: int = 20, cursor: str | None = None
    ) -> Page[AdminTopUp]:
        """Return one page, newest first."""
        query = (wanted or TopUpFilter()).query() | present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", "/v1/admin/top-ups", Page[AdminTopUp], params=query)

    def one(self, top_up_id: str) -> AdminTopUp:
        """Return anybody's top-up; ApiError `not_found`."""
        return self._connection.call("GET", path_of("admin", "top-ups", top_up_id), AdminTopUp)

    def check(self, top_up_id: str) -> AdminTopUp:
        """Ask the provider about a top-up now, and return it as it is then."""
        path = path_of("admin", "top-ups", top_up_id, "check")
        return self._connection.call("POST", path, AdminTopUp, repeatable=True)

    def refund(
        self,
        top_up_id: str,
        reason: str,
        *,
        credits: int | None = None,  # noqa: A002 - the unit has this name, here as in the API
        idempotency_key: str | None = None,
    ) -> Refund:
        """Give money back for `credits` of a top-up, or for all that is left of it."""
        return self._connection.call(
            "POST",
            path_of("admin", "top-ups", top_up_id, "refunds"),
            Refund,
            json={"credits": credits, "reason": reason},
            headers=keyed(idempotency_key),
        )

    def refunds(self, top_up_id: str) -> tuple[Refund, ...]:
        """Return the refunds of a top-up, newest first."""
        path = path_of("admin", "top-ups", top_up_id, "refunds")
        return self._connection.call("GET", path, RefundList).items

    def preview_statement(self, content: bytes) -> BankImport:
        """Return what importing a bank statement would do, line by line."""
        return self._send_statement(f"{_STATEMENTS}/preview", content)

    def import_statement(self, content: bytes) -> BankImport:
        """Import a bank statement, which pays invoices; again, it changes nothing."""
        return self._send_statement(_STATEMENTS, content)

    def _send_statement(self, path: str, content: bytes) -> BankImport:
        return self._connection.call(
            "POST",
            path,
            BankImport,
            files={"file": ("statement", content, "application/octet-stream")},
            timeout=_IMPORT_SECONDS,
            repeatable=True,
        )


class VoucherBatch(Struct, frozen=True, kw_only=True):
    """A batch of codes, and how much of it was redeemed; `credits` is what one use gives."""

    id: str
    name: str
    status: str
    credits: int
    code_count: int
    uses_per_code: int
    uses_per_user: int
    total_uses: int
    redeemed: int
    redeemed_credits: int
    expires_at: datetime | None
    stopped_at: datetime | None
    stopped_by: str | None
    created_by: str
    created_at: datetime


class VoucherBatchMade(VoucherBatch, frozen=True, kw_only=True):
    """A new batch with its codes, which nobody is told again; None in a replay."""

    codes: tuple[str, ...] | None


class Redemption(Struct, frozen=True, kw_only=True):
    """A code that somebody redeemed."""

    id: str
    user_id: str
    transfer_id: str
    created_at: datetime


class VoucherBatchDetails(VoucherBatch, frozen=True, kw_only=True):
    """A batch with a page of its redemptions, newest first."""

    redemptions: Page[Redemption]


class VoucherOffer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Codes to make: what each gives, and how often they may be redeemed."""

    name: str
    credits: int
    codes: int
    uses_per_code: int = 1
    uses_per_user: int = 1
    total_uses: int | None = None
    expires_at: datetime | None = None


class VoucherCalls:
    """The part of a client that makes vouchers."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def page(self, *, limit: int = 20, cursor: str | None = None) -> Page[VoucherBatch]:
        """Return one page of batches, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", _BATCHES, Page[VoucherBatch], params=query)

    def batch(
        self, batch_id: str, *, limit: int = 20, cursor: str | None = None
    ) -> VoucherBatchDetails:
        """Return a batch with a page of its redemptions."""
        query = present({"limit": limit, "cursor": cursor})
        path = path_of("admin", "voucher-batches", batch_id)
        return self._connection.call("GET", path, VoucherBatchDetails, params=query)

    def make(self, offer: VoucherOffer, *, idempotency_key: str | None = None) -> VoucherBatchMade:
        """Make codes, and return them: nobody is told them again."""
        wish = {
            "name": offer.name,
            "credits": offer.credits,
            "codes": offer.codes,
            "uses_per_code": offer.uses_per_code,
            "uses_per_user": offer.uses_per_user,
            "total_uses": offer.total_uses,
            "expires_at": None if offer.expires_at is None else offer.expires_at.isoformat(),
        }
        return self._connection.call(
            "POST", _BATCHES, VoucherBatchMade, json=wish, headers=keyed(idempotency_key)
        )

    def stop(self, batch_id: str) -> VoucherBatch:
        """Stop a batch: from now on none of its codes can be redeemed."""
        path = path_of("admin", "voucher-batches", batch_id, "stop")
        return self._connection.call("POST", path, VoucherBatch, repeatable=True)
