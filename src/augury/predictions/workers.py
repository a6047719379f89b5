"""Who works in the background: every such process says so itself, every few seconds.

The leases do not tell: a process with nothing to do holds none. See decision 43.
"""

import os
import socket
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import delete, insert, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx
from augury.kit.ids import new_id
from augury.predictions.tables import workers

# `embedded` serves as well, `apart` looks for work by itself, `rung` is told of it by a broker.
Kind = Literal["embedded", "apart", "rung"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

SAY_SECONDS: Final = 10.0
# Two reports may be late or fail before a process counts as gone.
ALIVE_SECONDS: Final = 35
_FORGOTTEN: Final = 3600 * SECOND
_LONGEST_HOST: Final = 255


@dataclass(frozen=True, slots=True)
class Live:
    """A process that works in the background, as it last said."""

    id: str
    kind: Kind
    host: str
    pid: int
    started_at: int
    seen_at: int


class Presence:
    """What one process says of itself."""

    def __init__(self, db: Database, kind: Kind) -> None:
        """Prepare; nothing is said yet."""
        self._db = db
        self._id = new_id()
        self._facts = {
            "kind": kind,
            "host": socket.gethostname()[:_LONGEST_HOST],
            "pid": os.getpid(),
            "started_at": now(),
        }

    def say(self) -> int:
        """Write down that this process is there; return how many that are long gone it forgot."""
        moment = now()
        with self._db.write() as tx:
            seen = update(workers).where(workers.c.id == self._id).values(seen_at=moment)
            if not tx.execute(seen).rowcount:
                row = {"id": self._id, "seen_at": moment, **self._facts}
                tx.execute(insert(workers).values(row))
            # Who is there after all has locked its row, and may be about to forget this one.
            silent = select(workers.c.id).where(workers.c.seen_at < moment - _FORGOTTEN)
            gone = delete(workers).where(workers.c.id.in_(silent.with_for_update(skip_locked=True)))
            return tx.execute(gone).rowcount

    def leave(self) -> None:
        """Take back what was said: this process ends."""
        with self._db.write() as tx:
            tx.execute(delete(workers).where(workers.c.id == self._id))


def live(tx: ReadTx) -> list[Live]:
    """Return the processes that have said of late that they are there, the oldest first."""
    found = (
        select(workers)
        .where(workers.c.seen_at >= now() - ALIVE_SECONDS * SECOND)
        .order_by(workers.c.started_at, workers.c.id)
    )
    return [Live(**row._asdict()) for row in tx.execute(found)]
