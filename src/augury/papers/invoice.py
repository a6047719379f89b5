"""The invoice for a bank transfer: parties, requisites, the amount, and a code for bank apps."""

from dataclasses import dataclass, replace

from augury.papers import qr
from augury.papers.language import amount, date_of, day, money, number, sentences, words
from augury.papers.render import pdf
from augury.papers.spelling import in_russian_words


@dataclass(frozen=True, slots=True)
class Seller:
    """Who is to be paid, and where: an account with its bank, or an IBAN, or both."""

    name: str
    tax_id: str = ""
    kpp: str = ""
    address: str = ""
    bank: str = ""
    bic: str = ""
    account: str = ""
    correspondent_account: str = ""
    iban: str = ""
    swift: str = ""
    vat_note: str = ""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is to pay; without a name it is called by its e-mail address."""

    email: str
    name: str = ""
    tax_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """An invoice; moments in microseconds since 1970."""

    number: str
    issued_at: int
    due_at: int
    seller: Seller
    payer: Payer
    credits: int
    amount_minor: int
    currency: str


def render_invoice(paper: InvoicePaper, language: str) -> bytes:
    """Return the invoice as a PDF; raises `Overloaded` as `pdf` does."""
    catalogue = sentences(language)
    content = code(paper, language)
    total = money(paper.amount_minor, paper.currency, language)
    values = {
        "language": language,
        "words": words(language, "paper", "invoice"),
        "seller": paper.seller.name,
        "title": catalogue.text("titled", number=paper.number),
        "subtitle": catalogue.text("dated", day=day(paper.issued_at, language)),
        "footer": catalogue.text("footer.invoice", number=paper.number, seller=paper.seller.name),
        "due": day(paper.due_at, language),
        "from": _seller(paper.seller, language),
        "to": _payer(paper.payer, language),
        "account": _account(paper, language),
        "purpose": purpose(paper, language),
        "code": qr.picture(content) if content else "",
        "currency": catalogue.text("in_currency", currency=paper.currency),
        "item": catalogue.text("item", credits=number(paper.credits, language)),
        "amount": amount(paper.amount_minor, paper.currency, language),
        "total": total,
        "in_words": (in_russian_words(paper.amount_minor, paper.currency) or "")
        if language == "ru"
        else "",
        "vat_note": paper.seller.vat_note,
    }
    return pdf("invoice.typ", values)


def purpose(paper: InvoicePaper, language: str) -> str:
    """Return what the payer should write: the number is what the payment is recognised by."""
    if not _to_account(paper):
        # Banks that know accounts by IBAN take short texts of Latin letters.
        return sentences("en").text("purpose_short", number=paper.number)
    day_ = date_of(paper.issued_at, language)
    text = sentences(language).text("purpose", number=paper.number, day=day_)
    return f"{text} {paper.seller.vat_note}".strip()


def code(paper: InvoicePaper, language: str) -> str | None:
    """Return what a bank's app reads; nothing where there is no standard for the currency."""
    seller = paper.seller
    transfer = qr.Transfer(
        name=seller.name,
        account=seller.account,
        bic=seller.bic,
        amount_minor=paper.amount_minor,
        purpose=purpose(paper, language),
        bank=seller.bank,
        correspondent_account=seller.correspondent_account,
        tax_id=seller.tax_id,
        kpp=seller.kpp,
    )
    if _to_account(paper):
        return qr.russian(transfer)
    if paper.currency == "EUR" and seller.iban:
        return qr.european(replace(transfer, account=seller.iban, bic=seller.swift))
    return None


def _to_account(paper: InvoicePaper) -> bool:
    """Tell whether the payment goes to a Russian account, and not to an IBAN."""
    return paper.currency == "RUB" and bool(paper.seller.account)


def _seller(seller: Seller, language: str) -> list[list[str]]:
    return _named(
        [
            ("name", seller.name),
            ("tax_id", seller.tax_id),
            ("kpp", seller.kpp),
            ("address", seller.address),
        ],
        language,
    )


def _payer(payer: Payer, language: str) -> list[list[str]]:
    return _named(
        [
            ("name", payer.name or payer.email),
            ("tax_id", payer.tax_id),
            ("address", payer.address),
            ("email", payer.email if payer.name else ""),
        ],
        language,
    )


def _account(paper: InvoicePaper, language: str) -> list[list[str]]:
    seller = paper.seller
    if _to_account(paper):
        pairs = [
            ("receiver", seller.name),
            ("account", seller.account),
            ("bank", seller.bank),
            ("bic", seller.bic),
            ("correspondent_account", seller.correspondent_account),
        ]
    else:
        iban = " ".join(seller.iban[n : n + 4] for n in range(0, len(seller.iban), 4))
        pairs = [("receiver", seller.name), ("iban", iban), ("swift", seller.swift)]
    return _named(pairs, language)


def _named(pairs: list[tuple[str, str]], language: str) -> list[list[str]]:
    labels = words(language, "label")
    return [[labels[key], value] for key, value in pairs if value]
