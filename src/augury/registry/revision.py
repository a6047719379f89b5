"""The number of the registry's changes, which every process watches."""

from sqlalchemy import update

from augury.kit.db import WriteTx
from augury.registry.tables import registry_state


def changing(tx: WriteTx) -> None:
    """Count a change of what is on sale; who changes something else at once waits for this one."""
    tx.execute(update(registry_state).values(revision=registry_state.c.revision + 1))
