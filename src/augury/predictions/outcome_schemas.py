"""What travels over the wire about what became of the cases that were predicted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from augury.inference.signature import MOST_ROWS

Happened = Annotated[
    int, Field(strict=True, ge=0, le=1, description="1: the event happened; 0: it did not.")
]


class OutcomeIn(BaseModel):
    """What happened in one case, `outcome`, or in every case of the prediction, `outcomes`."""

    model_config = ConfigDict(extra="forbid")

    outcome: Happened | None = None
    row: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        None, description="Which row, counted from 0; may be left out where there is only one."
    )
    outcomes: list[Happened | None] | None = Field(
        None, max_length=MOST_ROWS, description="One entry a row; null where it is not known yet."
    )


class OutcomesOut(BaseModel):
    """What is known of a prediction's cases."""

    prediction_id: str
    model: str
    version: int
    outcomes: list[int | None] = Field(description="One entry a row; null where nothing is known.")
    reported: int = Field(description="Of how many rows something is known.")
    reported_at: str | None = Field(description="When the last of it was reported.")


class OutcomeImportOut(BaseModel):
    """What an import did: rows that are new, that replaced others, and that were known already."""

    stored: int
    changed: int
    unchanged: int
