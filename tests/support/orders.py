"""Orders of the till: made, and waiting to be paid."""

from augury.kit.clock import now
from augury.kit.ids import new_id
from augury.predictions.till import Order


def order(
    user_id: str, price: int = 10, key: str | None = None, api_key_id: str | None = None
) -> Order:
    """Return an order of one row."""
    return Order(
        id=new_id(),
        user_id=user_id,
        model="m",
        version=1,
        rows=1,
        price=price,
        inputs='[{"a":1}]',
        outputs='[{"b":2}]',
        warnings="[]",
        transfer_id=new_id(),
        created_at=now(),
        key=key,
        fingerprint=None if key is None else "f",
        api_key_id=api_key_id,
    )
