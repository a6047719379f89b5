"""All tables of the house in one place, for migrations and nothing else."""

from augury.kit.db import metadata
from augury.ledger import tables as ledger
from augury.predictions import tables as predictions
from augury.registry import tables as registry
from augury.users import tables as users

ROOMS = (ledger, predictions, registry, users)

__all__ = ["ROOMS", "metadata"]
