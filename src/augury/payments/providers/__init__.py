"""The payment providers. A new one is one file here and one line below.

Each file has an `open_provider(context)` that returns the provider, or nothing when the secrets it
needs are not set: a provider without its secrets is off.
"""

from collections.abc import Iterable
from importlib import import_module

from pydantic_settings import BaseSettings

from augury.kit.log import logger
from augury.payments.providers.protocol import Context, Provider

# Loaded by name, when they are configured: a provider's SDK takes 20 MB and has to be there only
# for those who use it.
KNOWN = ("sandbox", "stripe", "yookassa", "invoice")


def open_providers(names: list[str], context: Context) -> dict[str, Provider]:
    """Return the providers that are switched on and have their secrets, in the order given."""
    opened: dict[str, Provider] = {}
    for name in names:
        provider: Provider | None = import_module(f"{__name__}.{name}").open_provider(context)
        if provider is None:
            logger("payments").warning("provider_off", provider=name, reason="it has no secrets")
        else:
            opened[name] = provider
    return opened


def settings_of(names: Iterable[str]) -> list[BaseSettings]:
    """Return what the operator has decided about providers, as their environment says it."""
    modules = (import_module(f"{__name__}.{name}") for name in names)
    kinds = (
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, BaseSettings)
        and kind.__module__ == module.__name__
    )
    return [kind() for kind in kinds]
