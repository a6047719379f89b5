"""E-mail as it is written, and what no text in it can do."""

import stat
import string
from email.message import EmailMessage
from pathlib import Path

import pytest

from augury.kit.texts import LANGUAGES, texts
from augury.notices.answer import Answer
from augury.notices.leases import Parcel
from augury.notices.mail import Mailer, shown
from notices.letters import CABINET, FROM, LOW, MAILS, TOP_UP, letter, read


def filed(folder: Path, parcel: Parcel, email: str, language: str = "en") -> EmailMessage:
    """Write a mail into a folder and read it back."""
    mailer = Mailer("", FROM, folder / "outbox", CABINET)
    assert mailer.send(parcel, email, language) == Answer(None, "filed", delivered=True)
    (path,) = (folder / "outbox").iterdir()
    return read(path.read_bytes())


def test_without_a_server_mails_are_files(tmp_path: Path) -> None:
    """The name is moment and id, only the owner can read it, and an eye can."""
    parcel = letter()
    message = filed(tmp_path, parcel, "anna@example.com", "ru")
    (path,) = (tmp_path / "outbox").iterdir()
    assert path.name == f"20260202T024000Z-{parcel.id}.eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "Доступно кредитов: 12\N{NO-BREAK SPACE}345" in path.read_text()
    assert message["To"] == "anna@example.com"
    assert message["From"] == FROM
    assert message["Subject"] == "Кредиты заканчиваются: осталось 12\N{NO-BREAK SPACE}345"
    assert message["Content-Language"] == "ru"
    assert message["Message-ID"] == f"<{parcel.id}@augury.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert CABINET in message.get_content()


def test_a_repetition_replaces_the_file(tmp_path: Path) -> None:
    """A crash after writing makes no second letter."""
    parcel = letter()
    mailer = Mailer("", "", tmp_path, CABINET)
    for _ in range(3):
        mailer.send(parcel, "anna@example.com", "en")
    (path,) = tmp_path.iterdir()
    assert read(path.read_bytes())["From"] == "Augury <augury@localhost>"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mail", MAILS)
def test_every_mail_is_written_in_every_language(tmp_path: Path, mail: str, language: str) -> None:
    """Subject and body are there, with every value filled in."""
    message = filed(tmp_path, letter(mail), "anna@example.com", language)
    body = message.get_content()
    assert message["Subject"]
    assert len(body) > 100
    assert "{" not in body + message["Subject"]
    assert "None" not in body
    assert any("а" <= sign <= "я" for sign in body) == (language == "ru")


def test_every_text_belongs_to_a_mail_and_both_languages_have_all() -> None:
    """No catalogue lacks a text or a value that the other has."""
    wanted = {f"{mail}.{part}" for mail in MAILS for part in ("subject", "body")}
    values: list[dict[str, set[str | None]]] = []
    for language in LANGUAGES:
        catalogue = texts("mail", language)
        assert catalogue.keys == wanted
        plain = {key: catalogue._translations.gettext(key) for key in wanted}
        values.append(
            {
                key: {name for _, name, _, _ in string.Formatter().parse(plain[key])} - {None}
                for key in wanted
            }
        )
    assert values[0] == values[1]


def test_values_are_shown_as_the_reader_writes_them() -> None:
    """Numbers and money have the reader's form, also inside other values; nothing is a blank."""
    english, russian = shown(TOP_UP, "en"), shown(TOP_UP, "ru")
    assert english["money"] == "RUB\N{NO-BREAK SPACE}4,750.50"
    assert russian["money"].replace("\N{NO-BREAK SPACE}", " ") == "4 750,50 ₽"
    assert english["refunded_credits"] == "1,000"
    assert english["refunded_money"].endswith("950.00")
    assert english["reason"] == ""
    yen = {"money": {"amount_minor": 9007199254740993, "currency": "JPY"}}
    assert shown(yen, "en")["money"] == "¥9,007,199,254,740,993"


@pytest.mark.parametrize(
    "email",
    [
        "anna,boris@example.com",
        'a"b@example.com',
        "a<b>@example.com",
        "a;b:c@example.com",
        "(comment)anna@example.com",
        "a\\b@example.com",
    ],
)
def test_an_odd_local_part_stays_one_address(tmp_path: Path, email: str) -> None:
    """No spelling of an address makes a second recipient or another header."""
    message = filed(tmp_path, letter(), email)
    (address,) = message["To"].addresses
    assert f"{address.username}@{address.domain}" == email
    assert message.keys().count("To") == 1


@pytest.mark.parametrize(
    "email",
    [
        "anna@example.com\r\nBcc: everybody@example.com",
        "anna@example.com\nSubject: other",
        "anna\r\nBcc: everybody@example.com",
        "an\rna@example.com",
        "anna@exa\rmple.com",
        "anna@example.com,boris",
        "anna@exa<mple>.com",
        "anna@",
        "anna",
        "",
        f"anna@{'a' * 64}.com",
        "anna@example..com",
    ],
)
def test_what_is_no_address_gets_no_mail(tmp_path: Path, email: str) -> None:
    """A line break or worse ends the delivery, not the header."""
    mailer = Mailer("", FROM, tmp_path / "outbox", CABINET)
    refused = Answer(None, "address_malformed", final=True)
    assert mailer.send(letter(), email, "en") == refused
    assert not (tmp_path / "outbox").exists()


def test_a_line_break_in_a_value_makes_no_header(tmp_path: Path) -> None:
    """Values come from events, and a subject is one line whatever they hold."""
    data = LOW | {"available": "1\r\nBcc: everybody@example.com"}
    with pytest.raises(ValueError, match="."):
        filed(tmp_path, letter(data=data), "anna@example.com")
