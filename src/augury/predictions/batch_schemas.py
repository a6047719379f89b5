"""What travels over the wire about batches."""

from typing import Literal

from pydantic import BaseModel, Field

BatchStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class BatchErrorOut(BaseModel):
    """Why a batch came to nothing. Nothing was charged for it."""

    code: str
    message: str


class BatchOut(BaseModel):
    """A file that is predicted row by row, as it is now."""

    id: str
    status: BatchStatus
    model: str
    version: int
    explain: bool
    rows: int
    rows_done: int = Field(description="Rows for which there is a result.")
    rows_failed: int = Field(description="Rows that could not be predicted. They cost nothing.")
    price_per_row: int
    credits_held: int = Field(description="What is held for it now; nothing once it is over.")
    credits_captured: int = Field(description="What it has cost, once it is over.")
    error: BatchErrorOut | None
    created_at: str
    completed_at: str | None


class BatchPage(BaseModel):
    """Batches, newest first."""

    items: list[BatchOut]
    next_cursor: str | None


class BatchBalance(BaseModel):
    """What can be spent, and what is held for unfinished work."""

    available: int
    held: int


class BatchRowFault(BaseModel):
    """What is wrong with a row of a file."""

    line: int = Field(description="Where it begins in the file; of Parquet, the row's number.")
    message: str


class BatchQuoteOut(BaseModel):
    """What a file is and what it would cost at the most, without ordering anything."""

    model: str
    version: int
    format: Literal["csv", "jsonl", "parquet"]
    rows: int
    rows_failed: int = Field(description="Rows that cannot be read at all. They cost nothing.")
    columns: list[str] = Field(description="Those of the file that the model takes.")
    missing_columns: list[str] = Field(description="With any of these the file is refused.")
    other_columns: list[str] = Field(description="They come back in the results as they are.")
    price_per_row: int
    price: int = Field(description="What would be held: every row that can be read succeeds.")
    balance: BatchBalance
    affordable: bool
    rows_checked: int = Field(
        default=0, description="So many rows from the first on were checked as they would be sold."
    )
    rows_bad: int = Field(
        default=0, description="Of those checked, the rows that would fail. They cost nothing."
    )
    faults: list[BatchRowFault] = Field(
        default_factory=list, description="What is wrong with the first 20 of them."
    )
    first_rows: list[dict[str, str | None]] = Field(
        default_factory=list, description="The first five rows as they were read, cut for showing."
    )
