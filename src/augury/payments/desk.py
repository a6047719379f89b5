"""What every use case of the payments needs at hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import Provider, ProviderUnavailable

# Whoever asks a provider holds a thread of the server, for ten seconds if the provider is slow. So
# only a part of the threads may, or one slow company would keep everybody from everything.
_MOST_ASKING = 12
_RETRY_AFTER_SECONDS = 2


class ProviderUnknown(Refusal):
    """There is no such provider, or it is switched off."""

    code = "provider_unknown"
    status = 422


@dataclass(frozen=True, slots=True)
class Desk:
    """The providers that are switched on, the first one usual; the prices; and the database."""

    db: Database
    providers: Mapping[str, Provider]
    prices: PriceList
    public_url: str
    check_seconds: int
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_MOST_ASKING))

    @contextmanager
    def asking(self, name: str) -> Iterator[Provider]:
        """Give a provider to ask something; all questions to all providers have few places.

        Raises `ProviderUnknown`, and `ProviderUnavailable` when every place is taken.
        """
        provider = self.provider(name)
        if not self._places.acquire(blocking=False):
            raise ProviderUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS)
        try:
            yield provider
        finally:
            self._places.release()

    def provider(self, name: str) -> Provider:
        """Return a provider that is switched on, or raise `ProviderUnknown`."""
        try:
            return self.providers[name]
        except KeyError:
            known = ", ".join(self.providers) or "-"
            raise ProviderUnknown(provider=name[:32], known=known) from None

    def return_url(self, top_up_id: str) -> str:
        """Return the page where a customer sees what became of a top-up."""
        return f"{self.public_url.rstrip('/')}/top-ups/{top_up_id}"
