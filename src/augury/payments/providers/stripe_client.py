"""How Stripe is spoken to: by the SDK's client, patiently for a few seconds, without quoting it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

import stripe

from augury.kit.log import logger
from augury.payments.providers.protocol import ProviderRefused, ProviderUnavailable

# One method of ours begins no attempt later than this, and an attempt lasts no longer than getting
# a connection and an answer. A repetition names the same key, so that nothing is done twice.
_PATIENCE_SECONDS = 5
_TIMEOUT_SECONDS = (2, 4)
_REPETITIONS = 2
_RETRY_AFTER_SECONDS = 30

_give_up_at: ContextVar[float] = ContextVar("give_up_at")


class _Http(stripe.RequestsClient):
    """The SDK's HTTP client, which begins no attempt when the method's time is over."""

    def request(  # type: ignore[override]  # the SDK's own subclasses return bytes, too
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: object = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if monotonic() > _give_up_at.get():
            message = "no time left"
            raise stripe.APIConnectionError(message)  # type: ignore[no-untyped-call]  # the SDK's
        return super().request(method, url, headers, post_data)


def open_client(key: str, api_url: str) -> stripe.StripeClient:
    """Return the SDK's client; what it does happens inside `asking`."""
    # The SDK would keep a file in the home folder, to tell Stripe whose calls belong together.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        key,
        base_addresses={"api": api_url},
        http_client=_Http(timeout=_TIMEOUT_SECONDS),
        max_network_retries=_REPETITIONS,
    )


@contextmanager
def asking() -> Iterator[None]:
    """Give a method its time, and turn what the SDK raises into a refusal of ours.

    The SDK's exceptions quote whole answers, with people's names in them: only codes leave here.
    """
    token = _give_up_at.set(monotonic() + _PATIENCE_SECONDS)
    log = logger("payments")
    try:
        yield
    except stripe.CardError as error:
        raise ProviderRefused(reason=why(error.error)) from None
    except stripe.InvalidRequestError as error:
        reason = error.code or "invalid_request"
        log.warning("stripe_refused", reason=reason, param=error.param, request_id=error.request_id)
        raise ProviderRefused(reason=reason) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        log.error(  # noqa: TRY400 -- a traceback would quote the answer
            "stripe_key_refused", status=error.http_status, request_id=error.request_id
        )
        raise unavailable() from None
    except stripe.StripeError as error:
        # No answer, 429, 5xx, a key that is at work in another process: nothing is known.
        log.warning("stripe_unavailable", error=type(error).__name__, status=error.http_status)
        raise unavailable() from None
    finally:
        _give_up_at.reset(token)


def unavailable() -> ProviderUnavailable:
    """Return the refusal that tells to come back in half a minute."""
    return ProviderUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS)


def why(error: object) -> str:
    """Return the bank's code of a decline, or else Stripe's of the error."""
    code = getattr(error, "decline_code", None) or getattr(error, "code", None)
    return str(code or "declined")
