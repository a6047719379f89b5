"""What can go wrong in a call: the API said no, or there was no API to ask."""

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One fault of one field, `pointer` being a JSON pointer into the request body."""

    pointer: str = ""
    message: str = ""


class Shortage(Struct, frozen=True):
    """How many credits something costs and how many there are; `top_up_url` is the way to more."""

    required: int | None = None
    available: int | None = None
    top_up_url: str | None = None


class ClientError(Exception):
    """Every error that a call of this client raises on purpose."""


class ApiError(ClientError):
    """The API refused; `code` is stable, `detail` is a sentence in the caller's language.

    When it is credits that are missing, `shortage` says how many, and `top_up_url` is where more
    can be bought.
    """

    def __init__(
        self,
        code: str,
        status: int,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        shortage: Shortage | None = None,
    ) -> None:
        """Keep the refusal's parts as attributes."""
        super().__init__(f"{status} {code}: {detail}")
        self.code = code
        self.status = status
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.shortage = shortage or Shortage()
        self.top_up_url = self.shortage.top_up_url


class Unreachable(ClientError):
    """No answer came: the API is down, or the way to it is."""
