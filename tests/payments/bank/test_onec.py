"""Statements of 1C are read exactly, or refused with the line that is wrong."""

import codecs

import pytest

from augury.payments.bank import BankStatementUnreadable, read_statement
from payments.bank.files import ACCOUNT, IBAN, document, example, lines_of, onec


def fault_of(content: bytes, account: str = ACCOUNT) -> tuple[str, object]:
    """Return which fault a file is refused for, and its line."""
    with pytest.raises(BankStatementUnreadable) as refusal:
        read_statement(content, account, IBAN)
    (fault,) = refusal.value.faults
    assert fault.pointer.startswith("/file")
    return fault.key.removeprefix("fault.bank_"), refusal.value.values["line"]


def test_only_money_that_came_to_us_is_taken_with_exact_amounts() -> None:
    found = lines_of(example("kl_to_1c.cp1251.txt"))
    assert [(one.booked_on, one.amount_minor, one.currency, one.payer) for one in found] == [
        ("2026-03-05", 100_000, "RUB", "ООО «Ромашка»"),
        ("2026-03-06", 475_000, "RUB", "АО «Лютик»"),
        ("2026-03-06", 150_000, "RUB", "ИП Иванов И. И."),
    ]
    assert found[0].purpose == (
        "Оплата по счёту № AUG-2026-000001 от 01.03.2026. НДС не облагается"
    )


def test_the_same_payment_has_the_same_id_in_every_encoding_and_extract() -> None:
    windows, utf8 = map(lines_of, map(example, ("kl_to_1c.cp1251.txt", "kl_to_1c.utf8.txt")))
    assert utf8 == windows[1:]


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "utf-8", "utf-8-sig"])
def test_the_letters_are_found_out_whatever_the_file_says(encoding: str) -> None:
    purpose = "Счёт AUG-2026-000001"
    written = document(purpose).replace("«", '"').replace("»", '"')
    (line,) = lines_of(onec(written, encoding=encoding))
    assert line.purpose == purpose


def test_a_file_that_names_no_encoding_is_windows() -> None:
    content = onec(document("Счёт")).replace("Кодировка=Windows\n".encode("cp1251"), b"")
    assert lines_of(content)[0].purpose == "Счёт"


def test_equal_lines_of_one_file_are_two_payments_and_the_same_two_again() -> None:
    twice, once = lines_of(onec(document("x"), document("x"))), lines_of(onec(document("x")))
    assert len({line.id for line in twice}) == 2
    assert once[0].id == twice[0].id


@pytest.mark.parametrize(
    "other",
    [
        document("y"),
        document("x", number="2"),
        document("x", amount="1000.01"),
        document("x", date="06.03.2026"),
        document("x").replace("0000099", "0000098"),
    ],
)
def test_lines_that_differ_in_anything_have_different_ids(other: str) -> None:
    (first,), (second,) = lines_of(onec(document("x"))), lines_of(onec(other))
    assert first.id != second.id


@pytest.mark.parametrize(
    ("written", "minor"),
    [("1500.00", 150_000), ("1500,5", 150_050), ("1500", 150_000), ("0.01", 1), ("1.10000", 110)],
)
def test_amounts_are_exact(written: str, minor: int) -> None:
    assert lines_of(onec(document("x", amount=written)))[0].amount_minor == minor


@pytest.mark.parametrize(
    "written", ["", "-1.00", "1 500.00", "1500.001", "1e3", "١٥", "1500.", "9" * 16, "nan"]
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    key, line = fault_of(onec(document("x"), document("x", amount=written), encoding="utf-8"))
    assert key == ("amount" if written else "missing")
    assert line == 13


@pytest.mark.parametrize("written", ["31.02.2026", "2026/03/05", "5.3.26", "yesterday"])
def test_what_is_no_day_is_refused(written: str) -> None:
    assert fault_of(onec(document("x", date=written))) == ("date", 4)


def test_the_receiver_may_stand_in_either_field() -> None:
    content = onec(document("x").replace("ПолучательСчет", "ПолучательРасчСчет"))
    assert len(lines_of(content)) == 1


def test_a_purpose_in_parts_is_put_together() -> None:
    parts = "НазначениеПлатежа1=Счёт AUG-2026-\nНазначениеПлатежа2=000001"
    (line,) = lines_of(onec(document("x").replace("НазначениеПлатежа=x", parts)))
    assert line.purpose == "Счёт AUG-2026- 000001"


def test_control_characters_do_not_reach_the_database() -> None:
    (line,) = lines_of(onec(document("a\x00b\tc")))
    assert line.purpose == "a b c"


def test_nobody_elses_money_is_taken() -> None:
    assert lines_of(onec(document("x", account="40702810500000000099"))) == []


def test_an_order_that_has_not_arrived_brings_nothing() -> None:
    given = onec(document("x")).decode("cp1251").replace("ДатаПоступило=", "Дата=")
    assert lines_of(given.encode("cp1251")) == []


def test_a_statement_of_another_account_is_refused() -> None:
    assert fault_of(onec(document("x")), "40702810900000000018") == ("other_account", 0)


def test_without_a_rouble_account_nothing_is_read() -> None:
    assert fault_of(onec(document("x")), "") == ("no_account", 0)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("КонецФайла", ""), ("cut_off", 14)),
        (("КонецДокумента\n", ""), ("cut_off", 4)),
        (("КонецДокумента\n", "СекцияДокумент=Ордер\nКонецДокумента\n"), ("cut_off", 4)),
        (("Номер=1", "Номер"), ("line", 5)),
        (("Номер=1", "Номер=1\nНомер=2"), ("twice", 6)),
        (("Номер=1\n", ""), ("missing", 4)),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(
    change: tuple[str, str], fault: tuple[str, int]
) -> None:
    whole = onec(document("x")).decode("cp1251")
    assert change[0] in whole
    assert fault_of(whole.replace(*change, 1).encode("cp1251")) == fault


def test_bytes_that_are_no_letters_are_refused_with_their_line() -> None:
    assert fault_of(onec(document("x@")).replace(b"@", b"\x98")) == ("letters", 11)
    utf8 = onec(document("x@"), encoding="utf-8").replace(b"@", b"\xff")
    assert fault_of(utf8) == ("letters", 11)


@pytest.mark.parametrize(
    "content",
    [b"", b"x", codecs.BOM_UTF8, b"%PDF-1.7", b"PK\x03\x04", b"\x00" * 100, b"date;amount\n1;2"],
)
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    assert fault_of(content) == ("format", 0)


def test_a_file_of_six_megabytes_is_refused_before_it_is_read() -> None:
    assert fault_of(onec(document("x" * 6_000_000))) == ("too_long", 0)


def test_more_lines_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augury.payments.bank.lines.MOST_LINES", 2)
    assert len(lines_of(onec(document("x"), document("x")))) == 2
    assert fault_of(onec(*[document("x")] * 3)) == ("too_many_lines", 22)
