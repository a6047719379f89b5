"""The receipt of a top-up: who paid what, how, for how many credits, and what went back."""

from dataclasses import dataclass

from augury.papers.language import minute, money, number, sentences, words
from augury.papers.render import pdf


@dataclass(frozen=True, slots=True)
class ReceiptPaper:
    """A paid top-up; `provider` by its name in the settings, `paid_at` in microseconds."""

    number: str
    paid_at: int
    payer_name: str
    payer_email: str
    credits: int
    amount_minor: int
    currency: str
    provider: str
    reference: str
    refunded_credits: int = 0
    refunded_minor: int = 0
    seller: str = ""


def render_receipt(paper: ReceiptPaper, language: str) -> bytes:
    """Return the receipt as a PDF; raises `Overloaded` as `pdf` does."""
    catalogue = sentences(language)
    titles = words(language, "provider")
    went_back = [
        [catalogue.text("back.money"), money(paper.refunded_minor, paper.currency, language)],
        [catalogue.text("back.credits"), number(paper.refunded_credits, language)],
        [
            catalogue.text("back.left"),
            money(paper.amount_minor - paper.refunded_minor, paper.currency, language),
        ],
    ]
    values = {
        "language": language,
        "words": words(language, "paper", "receipt"),
        "seller": paper.seller,
        "subtitle": catalogue.text("numbered", number=paper.number),
        "footer": catalogue.text("footer.receipt", number=paper.number),
        "owner": [paper.payer_name, paper.payer_email],
        "paid_at": catalogue.text("utc", moment=minute(paper.paid_at, language)),
        "provider": titles.get(paper.provider, paper.provider),
        "reference": paper.reference,
        "item": catalogue.text("item", credits=number(paper.credits, language)),
        "total": money(paper.amount_minor, paper.currency, language),
        "refunded": went_back if paper.refunded_minor else [],
    }
    return pdf("receipt.typ", values)
