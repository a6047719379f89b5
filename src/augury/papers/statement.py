"""The statement of a month: every movement of a customer's credits, on paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from augury.kit.errors import Refusal
from augury.papers.language import minute, month, number, sentences, signed, words
from augury.papers.render import pdf

# The press takes a second and 300 MB for that many.
MOST_LINES = 5_000


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A movement: `type` is the ledger's word for it (`top_up`), `when` in microseconds."""

    when: int
    type: str
    reference: str
    amount: int
    balance_after: int


@dataclass(frozen=True, slots=True)
class StatementTotal:
    """All movements of a type together."""

    type: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class StatementPaper:
    """A month (`2026-03`) of one customer; `lines` are oldest first, times are UTC.

    `final` says that the month is over, so that nothing can be added any more. `seller` is the
    name of the house, where the operator gave it one.
    """

    owner_name: str
    owner_email: str
    month: str
    opening: int
    closing: int
    lines: Sequence[StatementLine]
    totals: Sequence[StatementTotal]
    final: bool
    seller: str = ""


class PaperTooLong(Refusal):
    """There are more lines than a paper may have; other forms of the same have no such limit."""

    code = "paper_too_long"
    status = 406


def render_statement(paper: StatementPaper, language: str) -> bytes:
    """Return the statement as a PDF; raises `PaperTooLong`, and `Overloaded` as `pdf` does."""
    if len(paper.lines) > MOST_LINES:
        raise PaperTooLong(lines=len(paper.lines), most_lines=MOST_LINES)
    catalogue = sentences(language)
    types = words(language, "type")
    title = month(paper.month, language)
    values = {
        "language": language,
        "words": words(language, "paper", "statement"),
        "seller": paper.seller,
        "subtitle": title[0].upper() + title[1:],
        "footer": catalogue.text("footer.statement", month=title, owner=paper.owner_name),
        "owner": [paper.owner_name, paper.owner_email],
        "final": paper.final,
        "opening": number(paper.opening, language),
        "incoming": signed(sum(line.amount for line in paper.lines if line.amount > 0), language),
        "outgoing": signed(sum(line.amount for line in paper.lines if line.amount < 0), language),
        "closing": number(paper.closing, language),
        "totals": [
            [types[total.type], number(total.count, language), signed(total.amount, language)]
            for total in paper.totals
        ],
        "lines": [
            [
                minute(line.when, language),
                types[line.type],
                line.reference,
                signed(line.amount, language),
                number(line.balance_after, language),
            ]
            for line in paper.lines
        ],
    }
    return pdf("statement.typ", values)
