"""Statements in camt.053 are read in all common versions; hostile and damaged ones are refused."""

import codecs

import pytest

from augury.payments.bank import BankStatementUnreadable, read_statement
from payments.bank.files import ACCOUNT, IBAN, camt, entry, example, lines_of

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<Document>&d;</Document>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Document>&x;</Document>"""


def fault_of(content: bytes) -> tuple[str, object]:
    """Return which fault a file is refused for, and its line."""
    with pytest.raises(BankStatementUnreadable) as refusal:
        lines_of(content)
    (fault,) = refusal.value.faults
    return fault.key.removeprefix("fault.bank_"), refusal.value.values["line"]


def told(name: str) -> list[tuple[str, int, str, str]]:
    """Return what an example tells."""
    found = lines_of(example(name))
    assert {line.currency for line in found} == {"EUR"}
    return [(one.booked_on, one.amount_minor, one.payer, one.purpose) for one in found]


def test_version_2_gives_booked_money_that_came_in_and_nothing_else() -> None:
    purpose = "Invoice AUG-2026-000003 dated 1 March 2026"
    assert told("camt.053.001.02.xml") == [("2026-03-05", 1100, "Blumen Müller GmbH", purpose)]


def test_version_4_gives_each_payment_of_a_batch() -> None:
    assert told("camt.053.001.04.xml") == [
        ("2026-03-05", 1100, "Blumen Müller GmbH", "AUG-2026-000003"),
        ("2026-03-05", 5225, "Jardin SARL", "aug-2026-000004"),
    ]


def test_version_8_has_things_in_other_places() -> None:
    assert told("camt.053.001.08.xml") == [
        ("2026-03-05", 1100, "Fleurs SA", "AUG-2026-000003"),
        ("2026-03-06", 5225, "", "Cash deposit"),
    ]


@pytest.mark.parametrize("change", [("5225", "5226"), ("5225", "525"), ("EUR", "USD")])
def test_a_batch_that_does_not_add_up_is_one_line(change: tuple[str, str]) -> None:
    """So nothing is credited by what the bank itself did not book."""
    old, new = change
    old, new = (f"{one[:-2]}.{one[-2:]}" if one.isdigit() else one for one in (old, new))
    content = example("camt.053.001.04.xml").decode()
    head, _, tail = content.rpartition('<Amt Ccy="EUR">52.25')
    (line,) = lines_of((head + '<Amt Ccy="EUR">52.25'.replace(old, new) + tail).encode())
    assert line.amount_minor == 6325
    assert line.purpose == "AUG-2026-000003 aug-2026-000004"


def test_a_batch_that_does_not_tell_its_parts_or_takes_some_is_one_line() -> None:
    content = example("camt.053.001.04.xml").decode()
    for changed in (
        content.replace('<Amt Ccy="EUR">11.00</Amt>', ""),
        content.replace("11.00</Amt><CdtDbtInd>CRDT", "11.00</Amt><CdtDbtInd>DBIT"),
    ):
        (line,) = lines_of(changed.encode())
        assert line.amount_minor == 6325


def test_a_single_payment_brought_what_was_booked_and_not_what_was_sent() -> None:
    content = example("camt.053.001.02.xml").replace(
        b'<TxAmt><Amt Ccy="EUR">11.00', b'<TxAmt><Amt Ccy="EUR">16.00'
    )
    assert lines_of(content)[0].amount_minor == 1100


def test_the_same_entry_has_the_same_id_in_another_file() -> None:
    first, second = entry("1.00", "a", reference="R1"), entry("1.00", "a", reference="R2")
    both, later = lines_of(camt(first, second)), lines_of(camt(second, first))
    assert {line.id for line in both} == {line.id for line in later}
    assert both[0].id != both[1].id
    (alone,) = lines_of(camt(second))
    assert alone.id == both[1].id


def test_equal_entries_of_one_file_are_two_payments() -> None:
    assert len({line.id for line in lines_of(camt(*[entry("1.00", "a")] * 2))}) == 2


def test_amounts_have_the_digits_of_their_currency() -> None:
    (yen,) = lines_of(camt(entry("1500", "a", currency="JPY")))
    assert (yen.amount_minor, yen.currency) == (1500, "JPY")
    assert fault_of(camt(entry("1500.5", "a", currency="JPY"))) == ("amount", 3)


def test_our_account_may_be_named_by_its_number_only() -> None:
    content = camt(entry("1.00", "a")).replace(
        f"<IBAN>{IBAN}</IBAN>".encode(), f"<Othr><Id>{ACCOUNT}</Id></Othr>".encode()
    )
    assert len(lines_of(content)) == 1


def test_of_several_statements_only_ours_is_read() -> None:
    ours, other = camt(entry("1.00", "a")), camt(entry("2.00", "b"), iban="GB82WEST12345698765432")
    start, end = (other.index(tag) for tag in (b"<Stmt>", b"</BkToCstmrStmt>"))
    both = ours.replace(b"</BkToCstmrStmt>", other[start:end] + b"</BkToCstmrStmt>")
    assert [line.amount_minor for line in lines_of(both)] == [100]
    assert fault_of(other) == ("other_account", 0)


def test_a_file_may_be_in_utf_16_and_with_a_mark_of_utf_8() -> None:
    text = camt(entry("1.00", "Müller"))
    assert lines_of(codecs.BOM_UTF8 + text)[0].purpose == "Müller"
    assert lines_of(text.decode().encode("utf-16"))[0].purpose == "Müller"


def test_with_no_account_in_settings_every_statement_is_anothers() -> None:
    with pytest.raises(BankStatementUnreadable):
        read_statement(camt(), "", "")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (LAUGHS, ("xml_entities", 2)),
        (OUTSIDE, ("xml_entities", 2)),
        (b"<!DOCTYPE Document><Document/>", ("xml_entities", 1)),
        (camt(entry("1.00", "&x;")), ("xml", 3)),
        (camt(entry("1.00", "a"))[:-5], ("xml", 4)),
        (b"<a>\n<b>", ("xml", 2)),
        (b"<", ("xml", 1)),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', ("letters", 1)),
        (camt(entry("1.00", "a@")).replace(b"@", b"\xff"), ("xml", 3)),
        (b"<html/>", ("not_camt", 0)),
        (b"<Document><BkToCstmrAcctRpt/></Document>", ("not_camt", 0)),
        (b"<Document><BkToCstmrStmt/></Document>", ("other_account", 0)),
        (camt(entry("1.00", "a"), entry("x", "a")), ("amount", 4)),
        (camt(entry("-1.00", "a")), ("amount", 3)),
        (camt(entry("1.00", "a", currency="eur")), ("missing", 3)),
        (camt(entry("1.00", "a")).replace(b"Amt", b"Amount"), ("missing", 3)),
        (camt(entry("1.00", "a")).replace(b"2026-03-05", b"2026-13-05"), ("date", 3)),
        (camt(entry("1.00", "a")).replace(b"<Dt>2026-03-05</Dt>", b""), ("missing", 3)),
    ],
)
def test_a_hostile_or_damaged_file_is_refused_with_its_line(
    content: bytes, fault: tuple[str, int]
) -> None:
    assert fault_of(content) == fault


def test_a_file_of_nothing_but_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augury.payments.bank.camt053._MOST_ELEMENTS", 1000)
    assert fault_of(camt("<a/>\n" * 1000)) == ("too_many_lines", 997)


def test_elements_within_each_other_are_no_trouble() -> None:
    assert fault_of(b"<a>" * 100_000 + b"</a>" * 100_000) == ("not_camt", 0)
