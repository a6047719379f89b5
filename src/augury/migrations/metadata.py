"""All tables of the house in one place, for migrations and nothing else."""

from augury.audit_log import tables as audit_log
from augury.kit.db import metadata
from augury.ledger import tables as ledger
from augury.market import tables as market
from augury.notices import tables as notices
from augury.payments import tables as payments
from augury.predictions import tables as predictions
from augury.registry import tables as registry
from augury.users import tables as users
from augury.vouchers import tables as vouchers

ROOMS = (audit_log, ledger, market, notices, payments, predictions, registry, users, vouchers)

__all__ = ["ROOMS", "metadata"]
