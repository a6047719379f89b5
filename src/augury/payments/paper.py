"""What of the payments goes on paper: invoices, and receipts of top-ups."""

from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.papers.invoice import InvoicePaper, Payer, Seller, render_invoice
from augury.papers.receipt import ReceiptPaper, render_receipt
from augury.payments import top_ups
from augury.payments.desk import Desk
from augury.payments.invoices import Invoice
from augury.payments.providers.invoice import Invoices
from augury.payments.values import TopUp
from augury.users import service as users


class TopUpNotPaid(Refusal):
    """Nothing was paid for the top-up, so there is nothing to confirm."""

    code = "top_up_not_paid"
    status = 409


def invoice_pdf(db: Database, invoice: Invoice) -> bytes:
    """Return an invoice as a PDF, always the same; raises `Overloaded`."""
    with db.read() as tx:
        credits_ = top_ups.read(tx, invoice.top_up_id).credits
    paper = InvoicePaper(
        invoice.number,
        invoice.created_at,
        invoice.due_at,
        _seller(invoice.seller),
        Payer(invoice.buyer.email, invoice.buyer.name, invoice.buyer.tax_id, invoice.buyer.address),
        credits_,
        invoice.money.amount_minor,
        invoice.money.currency,
    )
    return render_invoice(paper, invoice.language)


def _seller(settings: dict[str, str]) -> Seller:
    """Return the seller from the settings that an invoice keeps."""
    return Seller(
        name=settings["seller_name"],
        tax_id=settings["seller_tax_id"],
        kpp=settings["seller_kpp"],
        address=settings["seller_address"],
        bank=settings["bank_name"],
        bic=settings["bank_bic"],
        account=settings["account"],
        correspondent_account=settings["correspondent_account"],
        iban=settings["iban"],
        swift=settings["bic"],
        vat_note=settings["vat_note"],
    )


def receipt_pdf(desk: Desk, top_up: TopUp, language: str) -> bytes:
    """Return the receipt of a paid top-up as a PDF; raises `TopUpNotPaid` or `Overloaded`."""
    if top_up.transfer_id is None or top_up.completed_at is None:
        raise TopUpNotPaid(top_up_status=top_up.status)
    payer = users.user(desk.db, top_up.user_id)
    book = desk.providers.get("invoice")
    paper = ReceiptPaper(
        number=top_up.id,
        paid_at=top_up.completed_at,
        payer_name=payer.username,
        payer_email=payer.email,
        credits=top_up.credits,
        amount_minor=top_up.money.amount_minor,
        currency=top_up.money.currency,
        provider=top_up.provider,
        reference=top_up.reference or "",
        refunded_credits=top_up.refunded_credits,
        refunded_minor=top_up.refunded.amount_minor,
        # The only place where the house is told its own name.
        seller=book.settings.seller_name if isinstance(book, Invoices) else "",
    )
    return render_receipt(paper, language)
