"""What is removed when it has been kept for long enough, in small transactions."""

import threading

from augury.bootstrap import House
from augury.kit.lots import by_lots
from augury.ledger.keys import purge_keys
from augury.notices.leases import KEPT, purge
from augury.predictions import batch_purge, expiry, shadow


def expire_predictions(house: House, stop: threading.Event) -> int:
    """Remove the contents of old predictions; return of how many."""
    return expiry.expire(house.db, house.settings.keep_prediction_days, stop)


def purge_old_keys(house: House, stop: threading.Event) -> int:
    """Delete old idempotency keys; return how many."""
    return purge_keys(house.db, house.settings.keep_key_days, stop)


def purge_deliveries(house: House, stop: threading.Event) -> int:
    """Delete old deliveries to webhooks and mailboxes; return how many."""
    kept = min(KEPT, _longest(house))
    return by_lots(lambda: purge(house.db, kept=kept) or None, stop)


def purge_scores(house: House, stop: threading.Event) -> int:
    """Delete old scores of challengers; return how many."""
    return shadow.purge(house.db, stop, min(shadow.KEPT, _longest(house)))


def purge_batches(house: House, stop: threading.Event) -> int:
    """Delete files of old batches and what uploads that broke off left behind; return how many."""
    settings = house.settings
    purged = batch_purge.purge(house.db, settings.keep_batch_days, stop)
    deleted = house.batches.keeper.delete_unnamed(stop)
    return purged + deleted + batch_purge.sweep_drafts([settings.files_dir, settings.data_dir])


def _longest(house: House) -> int:
    """Return for how long anything that repeats a prediction is kept: no longer than itself."""
    days = house.settings.keep_prediction_days
    return days * expiry.DAY if days else KEPT
