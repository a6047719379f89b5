"""Predictions that were sold at some time, straight into the tables, with the versions they name."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import insert

from augury.audit_log.service import Actor
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import first_id, new_id
from augury.predictions.outcomes import Reporter
from augury.predictions.tables import predictions
from augury.registry.tables import models, versions
from support.tiny_models import ROWS, manifest_of

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


def publish(db: Database, model: str = "tiny", version: int = 1, **changes: Any) -> None:
    """Put a version with a tiny manifest into the registry; its artefact is nowhere."""
    manifest = manifest_of(name=model, **changes)
    with db.write() as tx:
        if version == 1:
            tx.execute(insert(models).values(name=model, status="active", created_at=1))
        tx.execute(
            insert(versions).values(
                model=model,
                version=version,
                status="active",
                digest=f"{version:064x}",
                price=1,
                artifact_sha256="0" * 64,
                manifest=msgspec.json.encode(manifest).decode(),
                card_en="",
                card_ru="",
                created_at=1,
            )
        )


def sale(
    probabilities: Sequence[float],
    *,
    user_id: str | None = None,
    version: int = 1,
    model: str = "tiny",
    at: int | None = None,
    seconds: float = 0.001,
    inputs: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a sale as it is stored; `at` is when it was made."""
    moment = now() if at is None else at
    outputs = [{"default_probability": one, "decision": "review"} for one in probabilities]
    return {
        "id": first_id(moment)[:18] + new_id()[18:],
        "user_id": user_id or new_id(),
        "model": model,
        "version": version,
        "status": "succeeded",
        "rows": len(probabilities),
        "price": 1,
        "inputs": json.dumps(inputs or [ROWS[0]] * len(probabilities)),
        "outputs": json.dumps(outputs),
        "warnings": "[]",
        "transfer_id": new_id(),
        "created_at": moment,
        "completed_at": moment + round(seconds * 1_000_000),
    }


def sold(db: Database, sales: Sequence[dict[str, Any]]) -> list[str]:
    """Store sales and return their ids."""
    with db.write() as tx:
        tx.execute(insert(predictions), list(sales))
    return [one["id"] for one in sales]


def customer(user_id: str) -> Reporter:
    """Return a customer who reports."""
    return Reporter(Actor(user_id), is_admin=False)


def administrator() -> Reporter:
    """Return an administrator who reports."""
    return Reporter(Actor(new_id(), "192.0.2.1", "request-1"), is_admin=True)
