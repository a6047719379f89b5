"""What administrators see of one customer's account."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from augury.client.answers import Page, Prediction, StatementMonth, Transaction, Usage
from augury.client.connection import Connection, path_of, pieces, present
from augury.client.keys import ApiKey
from augury.client.money import MEDIA_TYPES, Form


class CustomerCalls:
    """The part of a client that reads somebody's account; each look is in the audit log."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def transactions(
        self, user_id: str, *, limit: int = 20, cursor: str | None = None
    ) -> Page[Transaction]:
        """Return one page of the movements on a customer's balance, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call(
            "GET", _path(user_id, "transactions"), Page[Transaction], params=query
        )

    def predictions(
        self, user_id: str, *, limit: int = 20, cursor: str | None = None
    ) -> Page[Prediction]:
        """Return one page of a customer's predictions, newest first, without what they say."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call(
            "GET", _path(user_id, "predictions"), Page[Prediction], params=query
        )

    def usage(
        self,
        user_id: str,
        *,
        group_by: Literal["day", "model"] = "day",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Usage:
        """Return what a customer bought by day or by model: of the last 30 days unless told."""
        moments = {"from": since, "to": until}
        query = {name: moment.isoformat() for name, moment in moments.items() if moment}
        return self._connection.call(
            "GET", _path(user_id, "usage"), Usage, params={"group_by": group_by, **query}
        )

    def api_keys(self, user_id: str, *, limit: int = 20, cursor: str | None = None) -> Page[ApiKey]:
        """Return one page of a customer's keys that are not revoked, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", _path(user_id, "api-keys"), Page[ApiKey], params=query)

    def statements(
        self, user_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StatementMonth]:
        """Return one page of the months in which a customer's credits moved, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call(
            "GET", _path(user_id, "statements"), Page[StatementMonth], params=query
        )

    def statement_pieces(self, user_id: str, month: str, form: Form) -> Iterator[bytes]:
        """Return a month of a customer as a file that arrives while it is read."""
        response = self._connection.send(
            "GET",
            _path(user_id, "statements", month),
            headers={"Accept": MEDIA_TYPES[form]},
            stream=True,
        )
        return pieces(response)


def _path(user_id: str, *parts: str) -> str:
    return path_of("admin", "users", user_id, *parts)
