"""Codes that a bank's app reads from an invoice, so that nobody types an account number."""

import re
from dataclasses import dataclass
from io import BytesIO

import segno
from babel.numbers import get_currency_precision

# Whoever reads the code takes the first that no value contains.
_SEPARATORS = "|^~*#"
# The most that the European code may ask for: 999,999,999.99.
_MOST_CENTS = 99_999_999_999


@dataclass(frozen=True, slots=True)
class Transfer:
    """A bank transfer that is asked for. `account` is an IBAN in the European code."""

    name: str
    account: str
    bic: str
    amount_minor: int
    purpose: str
    bank: str = ""
    correspondent_account: str = ""
    tax_id: str = ""
    kpp: str = ""


def russian(transfer: Transfer) -> str:
    """Return the content of a code of GOST R 56042-2014 (`ST00012`): roubles, in UTF-8."""
    fields = [
        ("Name", transfer.name, 160),
        ("PersonalAcc", transfer.account, 20),
        ("BankName", transfer.bank, 45),
        ("BIC", transfer.bic, 9),
        # The five that every code has; an account at the central bank itself has no other behind.
        ("CorrespAcc", transfer.correspondent_account or "0", 20),
        ("Sum", str(transfer.amount_minor), 18),
        ("Purpose", transfer.purpose, 210),
        ("PayeeINN", transfer.tax_id, 12),
        ("KPP", transfer.kpp, 9),
    ]
    filled = [f"{name}={_line(value)[:most]}" for name, value, most in fields if value]
    taken = "".join(filled)
    separator = next(one for one in _SEPARATORS if one not in taken)
    return f"ST00012{separator}" + separator.join(filled)


def european(transfer: Transfer) -> str | None:
    """Return the content of a code of EPC069-12 (SEPA credit transfer): euros, in UTF-8.

    Nothing when the amount is more than such a code may ask for.
    """
    if not 0 < transfer.amount_minor <= _MOST_CENTS:
        return None
    whole, cents = divmod(transfer.amount_minor, 10 ** get_currency_precision("EUR"))
    return "\n".join(
        [
            "BCD",
            "002",
            "1",
            "SCT",
            transfer.bic,
            _line(transfer.name)[:70],
            transfer.account,
            f"EUR{whole}.{cents:02d}",
            "",  # a code of the purpose
            "",  # a reference with a structure of its own
            _line(transfer.purpose)[:140],
        ]
    )


def picture(content: str) -> str:
    """Return a code as SVG, dark on nothing, with the quiet margin that readers need."""
    drawn = BytesIO()
    code = segno.make(content, encoding="utf-8", error="m", boost_error=False, micro=False)
    code.save(drawn, kind="svg", border=4, xmldecl=False, nl=False)
    return drawn.getvalue().decode()


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
