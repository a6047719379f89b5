"""What every use case of the payments needs at hand."""

from collections.abc import Mapping
from dataclasses import dataclass

from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import Provider


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
