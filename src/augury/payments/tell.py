"""Tells the customer what became of a top-up, in the transaction in which it became so."""

from augury.kit.db import WriteTx
from augury.notices import service as notices
from augury.notices.service import EventType
from augury.payments import top_ups
from augury.payments.schemas import TopUpOut


def tell(tx: WriteTx, top_up_id: str, type_: EventType, *, mail: str | None) -> None:
    """Publish an event about a top-up as it is now, with an e-mail of that name if there is one."""
    top_up = top_ups.read(tx, top_up_id)
    data = TopUpOut.of(top_up).model_dump()
    notices.publish(tx, [notices.Event(type_, top_up.user_id, data, mail=mail)])
