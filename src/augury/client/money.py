"""What a customer does about money: top-ups, vouchers, usage, statements, saved methods."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, to_builtins

from augury.client.answers import (
    AutomaticTopUp,
    BalanceAlert,
    Packs,
    Page,
    PaymentMethod,
    Statement,
    StatementMonth,
    TopUp,
    Usage,
    Voucher,
)
from augury.client.connection import Connection, keyed, path_of, pieces, present

Form = Literal["csv", "pdf", "json"]
# How a request asks for each form.
MEDIA_TYPES: Final = {"csv": "text/csv", "pdf": "application/pdf", "json": "application/json"}


class Buyer(Struct, frozen=True, omit_defaults=True):
    """Who pays, as an invoice has to name it."""

    name: str
    tax_id: str = ""
    address: str = ""


class MoneyCalls:
    """The part of a client that is about money."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def packs(self) -> Packs:
        """Return what credits cost and who takes the money; this needs no sign-in."""
        return self._connection.call("GET", "/v1/top-ups/packs", Packs)

    def start_top_up(
        self,
        credits: int,  # noqa: A002 - the unit has this name, here as in the API
        *,
        provider: str | None = None,
        currency: str | None = None,
        save_method: bool = False,
        buyer: Buyer | None = None,
        idempotency_key: str | None = None,
    ) -> TopUp:
        """Begin to buy credits, and return the top-up with the address where to pay.

        All tries of one call carry one idempotency key, so that a lost answer is fetched again
        and no second payment is begun. Pass your own key to make that hold across restarts too.
        """
        wish = {
            "credits": credits,
            "provider": provider,
            "currency": currency,
            "save_method": save_method,
            "buyer": to_builtins(buyer),
        }
        return self._connection.call(
            "POST", "/v1/top-ups", TopUp, json=present(wish), headers=keyed(idempotency_key)
        )

    def top_up(self, top_up_id: str) -> TopUp:
        """Return one top-up."""
        return self._connection.call("GET", path_of("top-ups", top_up_id), TopUp)

    def top_ups(
        self, *, limit: int = 50, cursor: str | None = None, status: str | None = None
    ) -> Page[TopUp]:
        """Return one page of the user's top-ups, newest first."""
        query = present({"limit": limit, "cursor": cursor, "status": status})
        return self._connection.call("GET", "/v1/top-ups", Page[TopUp], params=query)

    def each_top_up(self, *, status: str | None = None) -> Iterator[TopUp]:
        """Yield all of the user's top-ups, newest first, page by page."""
        query = present({"limit": 200, "status": status})
        yield from self._connection.walk("/v1/top-ups", Page[TopUp], query)

    def receipt(self, top_up_id: str) -> bytes:
        """Return the receipt of a paid top-up as a PDF."""
        return self._connection.send("GET", path_of("top-ups", top_up_id, "receipt")).content

    def redeem_voucher(self, code: str, *, idempotency_key: str | None = None) -> Voucher:
        """Turn a code into credits; a lost answer is fetched again like that of a top-up."""
        return self._connection.call(
            "POST",
            "/v1/vouchers/redeem",
            Voucher,
            json={"code": code},
            headers=keyed(idempotency_key),
        )

    def usage(
        self,
        *,
        group_by: Literal["day", "model"] = "day",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Usage:
        """Return what was bought by day or by model: of the last 30 days unless told."""
        query = {"group_by": group_by, "from": _moment(since), "to": _moment(until)}
        return self._connection.call("GET", "/v1/usage", Usage, params=present(query))

    def statements(self, *, limit: int = 50, cursor: str | None = None) -> Page[StatementMonth]:
        """Return one page of the months in which credits moved, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", "/v1/statements", Page[StatementMonth], params=query)

    def statement(self, month: str) -> Statement:
        """Return a month like `2026-03` with all of its movements."""
        return self._connection.call(
            "GET", path_of("statements", month), Statement, headers={"Accept": MEDIA_TYPES["json"]}
        )

    def statement_file(self, month: str, form: Form) -> bytes:
        """Return a month as a file: `csv` and `json` have any length, `pdf` has a longest."""
        return b"".join(self.statement_pieces(month, form))

    def statement_pieces(self, month: str, form: Form) -> Iterator[bytes]:
        """Return a month as a file that arrives while it is read; refusals come at once."""
        response = self._connection.send(
            "GET", path_of("statements", month), headers={"Accept": MEDIA_TYPES[form]}, stream=True
        )
        return pieces(response)

    def balance_alert(self) -> int | None:
        """Return below how many credits one is told that few are left; None: never."""
        return self._connection.call("GET", "/v1/balance/alert", BalanceAlert).below

    def set_balance_alert(self, below: int | None) -> None:
        """Be told whenever fewer than `below` credits are left; None: never."""
        self._connection.send("PUT", "/v1/balance/alert", json={"below": below})

    def payment_methods(self) -> tuple[PaymentMethod, ...]:
        """Return the saved payment methods, newest first."""
        path = "/v1/payment-methods"
        return tuple(self._connection.walk(path, Page[PaymentMethod], {}))

    def remove_payment_method(self, method_id: str) -> None:
        """Forget a payment method, and the automatic top-up that uses it."""
        self._connection.send("DELETE", path_of("payment-methods", method_id))

    def automatic_top_up(self) -> AutomaticTopUp:
        """Return the automatic top-up; ApiError `not_found` when there is none."""
        return self._connection.call("GET", "/v1/top-ups/automatic", AutomaticTopUp)

    def set_automatic_top_up(
        self,
        payment_method_id: str,
        *,
        below: int,
        credits: int,  # noqa: A002 - the unit has this name, here as in the API
        currency: str,
        monthly_cap_minor: int,
    ) -> AutomaticTopUp:
        """Buy `credits` by a saved payment method whenever fewer than `below` are left.

        In a calendar month it costs `monthly_cap_minor` (kopecks, cents) at the most. It replaces
        the automatic top-up before.
        """
        order = {
            "payment_method_id": payment_method_id,
            "below": below,
            "credits": credits,
            "currency": currency,
            "monthly_cap_minor": monthly_cap_minor,
        }
        return self._connection.call("PUT", "/v1/top-ups/automatic", AutomaticTopUp, json=order)

    def remove_automatic_top_up(self) -> None:
        """End the automatic top-up."""
        self._connection.send("DELETE", "/v1/top-ups/automatic")


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
