"""What travels over the wire about invoices and bank statements."""

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.payments.bank_imports import Foreseen, Summary
from augury.payments.invoices import Invoice, Outcome, StoredLine
from augury.payments.providers.protocol import Money
from augury.payments.schemas import MoneyOut


class PayerOut(BaseModel):
    """Who is to pay an invoice."""

    name: str
    email: str
    tax_id: str
    address: str


class InvoiceOut(BaseModel):
    """An invoice as administrators see it."""

    number: str
    status: Literal["unpaid", "paid"]
    top_up_id: str
    money: MoneyOut
    buyer: PayerOut
    pdf_url: str = Field(description="Opens without signing in, for whoever has the address.")
    created_at: str
    due_at: str
    paid_at: str | None
    paid_by_line: str | None = Field(description="The line of a bank statement that paid it.")
    paid_by_actor: str | None = Field(description="The administrator who says that it is paid.")

    @classmethod
    def of(cls, invoice: Invoice, pdf_url: str) -> "InvoiceOut":
        """Return an invoice for the wire."""
        buyer = invoice.buyer
        return cls(
            number=invoice.number,
            status="unpaid" if invoice.paid_at is None else "paid",
            top_up_id=invoice.top_up_id,
            money=MoneyOut.of(invoice.money),
            buyer=PayerOut(
                name=buyer.name, email=buyer.email, tax_id=buyer.tax_id, address=buyer.address
            ),
            pdf_url=pdf_url,
            created_at=rfc3339(invoice.created_at),
            due_at=rfc3339(invoice.due_at),
            paid_at=None if invoice.paid_at is None else rfc3339(invoice.paid_at),
            paid_by_line=invoice.paid_by_line,
            paid_by_actor=invoice.paid_by_actor,
        )


class InvoicePage(BaseModel):
    """Invoices, newest first."""

    items: list[InvoiceOut]
    next_cursor: str | None


class ImportOut(BaseModel):
    """What came of a bank statement."""

    lines: int = Field(description="Payments to our account in the file.")
    known: int = Field(description="How many of them were imported before; they changed nothing.")
    outcomes: dict[Outcome, int] = Field(description="What came of the others.")

    @classmethod
    def of(cls, summary: Summary) -> "ImportOut":
        """Return a summary for the wire."""
        counts = {outcome: summary.outcomes.get(outcome, 0) for outcome in Outcome}
        return cls(lines=summary.lines, known=summary.known, outcomes=counts)


class ForeseenLineOut(BaseModel):
    """What importing a line would do."""

    booked_on: str = Field(examples=["2026-03-05"])
    money: MoneyOut
    payer: str
    purpose: str
    outcome: Outcome
    invoice: str | None = Field(description="The number of the one invoice that it names, if any.")
    known: bool = Field(description="Imported before: it would change nothing.")

    @classmethod
    def of(cls, found: Foreseen) -> "ForeseenLineOut":
        """Return a line for the wire."""
        line = found.line
        return cls(
            booked_on=line.booked_on,
            money=MoneyOut.of(Money(line.amount_minor, line.currency)),
            payer=line.payer,
            purpose=line.purpose,
            outcome=found.outcome,
            invoice=found.number,
            known=found.is_known,
        )


class PreviewOut(BaseModel):
    """What importing a bank statement would do; the first lines of the file are told."""

    lines: int
    known: int
    outcomes: dict[Outcome, int] = Field(description="Of lines that are not known.")
    items: list[ForeseenLineOut]

    @classmethod
    def of(cls, found: list[Foreseen], most: int) -> "PreviewOut":
        """Return what was foreseen for the wire, up to `most` lines of it."""
        new = [one for one in found if not one.is_known]
        counts = Counter(one.outcome for one in new)
        return cls(
            lines=len(found),
            known=len(found) - len(new),
            outcomes={outcome: counts[outcome] for outcome in Outcome},
            items=[ForeseenLineOut.of(one) for one in found[:most]],
        )


class BankLineOut(BaseModel):
    """A line of a bank statement, and what came of it."""

    id: str
    booked_on: str = Field(examples=["2026-03-05"])
    money: MoneyOut
    payer: str
    purpose: str
    outcome: Outcome
    invoice: str | None = Field(description="The number of the one invoice that it names, if any.")
    imported_by: str
    imported_at: str

    @classmethod
    def of(cls, stored: StoredLine) -> "BankLineOut":
        """Return a line for the wire."""
        line = stored.line
        return cls(
            id=line.id,
            booked_on=line.booked_on,
            money=MoneyOut.of(Money(line.amount_minor, line.currency)),
            payer=line.payer,
            purpose=line.purpose,
            outcome=stored.outcome,
            invoice=stored.invoice_number,
            imported_by=stored.imported_by,
            imported_at=rfc3339(stored.imported_at),
        )


class BankLinePage(BaseModel):
    """Lines of bank statements, the last imported first."""

    items: list[BankLineOut]
    next_cursor: str | None


class AssignmentIn(BaseModel):
    """The invoice that a line pays, as an administrator says."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=32, examples=["AUG-2026-000123"])
