"""E-mail handed to a real SMTP server, and what that says."""

import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from augury.kit.texts import LANGUAGES, texts
from augury.notices.answer import Answer
from augury.notices.mail import Mailer, mailer_of, shown
from augury.settings import Settings
from notices.certificates import make_ca
from notices.letters import CABINET, FROM, MAILS, letter, read
from support.postbox import Postbox, smtp_server


def _check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    right = (
        isinstance(data, LoginPassword) and data.login == b"us" and data.password == b"p@ss word"
    )
    return AuthResult(success=right, handled=False)


@pytest.fixture
def postbox() -> Postbox:
    """A postbox that takes everything."""
    return Postbox()


def mailer(url: str, trust: ssl.SSLContext | None = None) -> Mailer:
    """Return a mailer with a server."""
    return Mailer(url, FROM, Path("never"), CABINET, trust)


def test_a_mail_is_handed_to_the_server(postbox: Postbox) -> None:
    """Sender, recipient and text arrive, in Cyrillic as in Latin."""
    with smtp_server(postbox) as port:
        sent = mailer(f"smtp://127.0.0.1:{port}").send(letter(), "anna@пример.рф", "ru")
    assert sent == Answer(None, "accepted", delivered=True)
    (envelope,) = postbox.envelopes
    assert envelope.mail_from == "billing@augury.test"
    assert envelope.rcpt_tos == ["anna@xn--e1afmkfd.xn--p1ai"]
    message = read(envelope.content)
    assert message["Subject"] == "Кредиты заканчиваются: осталось 12\N{NO-BREAK SPACE}345"
    assert "Доступно кредитов" in message.get_content()
    assert envelope.content.isascii()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mail", MAILS)
def test_every_subject_survives_the_wire(postbox: Postbox, mail: str, language: str) -> None:
    """However it is folded, no letter and no space is lost, and no line is too long."""
    data = MAILS[mail] | {"available": 12345678901234}
    with smtp_server(postbox) as port:
        mailer(f"smtp://127.0.0.1:{port}").send(letter(mail, data), "anna@example.com", language)
    (envelope,) = postbox.envelopes
    values = shown(data, language)
    assert read(envelope.content)["Subject"] == texts("mail", language).text(
        f"{mail}.subject", **values
    )
    assert max(map(len, envelope.content.splitlines())) <= 78


def test_an_odd_address_reaches_one_recipient(postbox: Postbox) -> None:
    """The envelope names the one mailbox, quoted."""
    with smtp_server(postbox) as port:
        mailer(f"smtp://127.0.0.1:{port}").send(letter(), "anna,boris@example.com", "en")
    assert postbox.envelopes[0].rcpt_tos == ['"anna,boris"@example.com']


def test_tls_is_used_when_the_server_offers_it(postbox: Postbox, tmp_path: Path) -> None:
    """And its certificate is verified: with a stranger's nothing is sent, and it is tried again."""
    ca = make_ca(tmp_path)
    options = {"tls_context": ca.server("localhost"), "require_starttls": True}
    with smtp_server(postbox, **options) as port:
        url = f"smtp://localhost:{port}"
        assert mailer(url, ca.trust()).send(letter(), "anna@example.com", "en").delivered
        refused = mailer(url).send(letter(), "anna@example.com", "en")
    assert (refused.status, refused.delivered, refused.final) == (None, False, False)
    assert refused.text == "SSLCertVerificationError"
    assert postbox.secure == [True]


def test_the_password_of_the_settings_is_given(postbox: Postbox, tmp_path: Path) -> None:
    """Over TLS, with its special characters; a wrong one is the operator's to mend."""
    ca = make_ca(tmp_path)
    options = {
        "tls_context": ca.server("localhost"),
        "authenticator": _check,
        "auth_required": True,
    }
    with smtp_server(postbox, **options) as port:
        good = mailer(f"smtp://us:p%40ss%20word@localhost:{port}", ca.trust())
        assert good.send(letter(), "anna@example.com", "en").delivered
        bad = mailer(f"smtp://us:wrong@localhost:{port}", ca.trust())
        refused = bad.send(letter(), "anna@example.com", "en")
    assert (refused.status, refused.delivered, refused.final) == (535, False, False)
    assert postbox.secure == [True]


def test_a_password_never_travels_in_the_clear(postbox: Postbox) -> None:
    """A server that offers no TLS does not get it, nor the mail."""
    options = {"authenticator": _check, "auth_require_tls": False}
    with smtp_server(postbox, **options) as port:
        url = f"smtp://us:p%40ss%20word@127.0.0.1:{port}"
        refused = mailer(url).send(letter(), "anna@example.com", "en")
    assert refused == Answer(None, "SMTPNotSupportedError")
    assert postbox.envelopes == []


def test_smtps_is_tls_from_the_start(postbox: Postbox, tmp_path: Path) -> None:
    """With the scheme `smtps` not even the greeting is in the clear."""
    ca = make_ca(tmp_path)
    with smtp_server(postbox, ssl_context=ca.server("127.0.0.1", "localhost")) as port:
        url = f"smtps://localhost:{port}"
        assert mailer(url, ca.trust()).send(letter(), "anna@example.com", "en").delivered
    assert len(postbox.envelopes) == 1


@pytest.mark.parametrize(
    ("reply", "status", "final"),
    [("550 no such user", 550, True), ("450 mailbox busy", 450, False)],
)
def test_a_refused_recipient_is_final_when_the_server_says_so(
    postbox: Postbox, reply: str, status: int, final: bool
) -> None:
    """5xx is for good, 4xx is for now."""
    postbox.refuse_recipient = reply
    with smtp_server(postbox) as port:
        answer = mailer(f"smtp://127.0.0.1:{port}").send(letter(), "anna@example.com", "en")
    assert answer == Answer(status, reply[4:], final=final)


@pytest.mark.parametrize(
    ("reply", "status", "final"), [("554 spam", 554, True), ("452 disk full", 452, False)]
)
def test_a_refused_message_is_final_when_the_server_says_so(
    postbox: Postbox, reply: str, status: int, final: bool
) -> None:
    """The same of the message itself."""
    postbox.refuse_data = reply
    with smtp_server(postbox) as port:
        answer = mailer(f"smtp://127.0.0.1:{port}").send(letter(), "anna@example.com", "en")
    assert answer == Answer(status, reply[4:], final=final)


def test_a_server_that_is_away_is_tried_again() -> None:
    """Nobody listens: a failure of now."""
    answer = mailer("smtp://127.0.0.1:9").send(letter(), "anna@example.com", "en")
    assert answer == Answer(None, "ConnectionRefusedError")


def test_a_bad_good_bye_does_not_matter(postbox: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail was accepted; sending it again would be the mistake."""

    def hang_up(_: smtplib.SMTP) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(smtplib.SMTP, "quit", hang_up)
    with smtp_server(postbox) as port:
        answer = mailer(f"smtp://127.0.0.1:{port}").send(letter(), "anna@example.com", "en")
    assert answer.delivered


def test_the_mailer_of_a_house_is_that_of_its_settings(tmp_path: Path, postbox: Postbox) -> None:
    """Server, sender, outbox and cabinet come from the settings."""
    common: dict[str, Any] = {"data_dir": tmp_path, "ui_url": CABINET}
    house = mailer_of(Settings(**common))
    house.send(letter(), "anna@example.com", "en")
    assert len(list((tmp_path / "outbox").iterdir())) == 1
    with smtp_server(postbox) as port:
        url = f"smtp://127.0.0.1:{port}"
        house = mailer_of(Settings(**common, smtp_url=url, mail_from=FROM))
        assert house.send(letter(), "anna@example.com", "en").delivered
    assert CABINET in read(postbox.envelopes[0].content).get_content()


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_url": "mail.example.com"},
        {"smtp_url": "http://mail.example.com", "mail_from": FROM},
        {"smtp_url": "smtp://", "mail_from": FROM},
        {"smtp_url": "smtp://host:0", "mail_from": FROM},
        {"smtp_url": "smtp://host:port", "mail_from": FROM},
        {"smtp_url": "smtp://host"},
        {"smtp_url": "smtp://host", "mail_from": "Augury"},
        {"mail_from": "Augury <a@b.c>\nBcc: x@y.z"},
        {"webhook_private_networks": "10.0.0.1/8"},
        {"webhook_private_networks": "intranet"},
    ],
)
def test_settings_that_do_not_fit_stop_the_start(tmp_path: Path, values: dict[str, str]) -> None:
    """A house that could not send refuses to start instead."""
    with pytest.raises(ValueError, match="."):
        Settings(data_dir=tmp_path, **values)  # type: ignore[arg-type]
