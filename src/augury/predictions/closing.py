"""Hours that can change no more: when one begins, and how long after its end it is closed."""

from sqlalchemy import select

from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.kit.ids import first_id
from augury.predictions.periods import EARLIER
from augury.predictions.tables import predictions

HOUR = 3600 * SECOND
# So long after its order a prediction in the background is given up.
DEADLINE_SECONDS = 3600
# A clock may be wrong by as much, and a commit take as long.
PATIENCE = DEADLINE_SECONDS * SECOND + 600 * SECOND


def hour_of(moment: int) -> int:
    """Return when the hour of a moment begins."""
    return moment - moment % HOUR


def next_hour(tx: ReadTx, begun: int) -> int | None:
    """Return the first hour from `begun` on in which anything was sold."""
    found = (
        select(predictions.c.created_at)
        .where(predictions.c.id >= first_id(max(begun - EARLIER, 0)))
        .where(predictions.c.created_at >= begun)
        .order_by(predictions.c.id)
        .limit(1)
    )
    moment = tx.execute(found).scalar()
    # The next by its identifier may be a little later than the next by its moment.
    return None if moment is None else max(begun, hour_of(moment - EARLIER))
