"""Writes and sends e-mail: by SMTP where the settings name a server, into a folder otherwise."""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from babel.numbers import format_currency, format_decimal, get_currency_precision

from augury.kit.clock import SECOND
from augury.kit.decoding import decode
from augury.kit.texts import texts
from augury.notices.answer import Answer
from augury.notices.leases import Parcel
from augury.notices.service import Letter
from augury.settings import Settings

# A user's e-mail address and language, or nothing when there is nobody to write to.
RecipientOf = Callable[[str], tuple[str, str] | None]

_SECONDS = 10.0
_SUBMISSION_PORT, _SMTPS_PORT = 587, 465
_PERMANENT = range(500, 600)
_OUTBOX_SENDER = "Augury <augury@localhost>"
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class _OnTheWire(EmailPolicy):
    """The library's policy for SMTP, with subjects that survive it.

    Where the library folds a subject of other letters than Latin, it loses a space.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        if name != "Subject" or self.utf8:
            return super().fold_binary(name, value)
        charset = "us-ascii" if value.isascii() else "utf-8"
        folded = Header(value, charset, header_name=name).encode(linesep=self.linesep)
        return f"{name}: {folded}{self.linesep}".encode("ascii")


_WIRE = _OnTheWire(linesep="\r\n")
_FILE = _WIRE.clone(utf8=True)


class Mailer:
    """Sends e-mail; safe to use from many threads."""

    def __init__(
        self,
        smtp_url: str,
        mail_from: str,
        outbox: Path,
        cabinet_url: str,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; without a server's URL mails become files in `outbox`."""
        self._smtp_url = smtp_url
        self._sender = _address(*parseaddr(mail_from or _OUTBOX_SENDER))
        self._outbox = outbox
        self._cabinet_url = cabinet_url.rstrip("/")
        self._trust = ssl.create_default_context() if trust is None else trust

    def send(self, parcel: Parcel, email: str, language: str, secret: str = "") -> Answer:
        """Write to a recipient and return what the server said; `secret` is one more value."""
        try:
            recipient = _address("", email)
        except ValueError:
            return Answer(None, "address_malformed", final=True)
        message = self._written(parcel, recipient, language, secret)
        if not self._smtp_url:
            self._file(message, parcel)
            return Answer(None, "filed", delivered=True)
        return self._transmitted(message, recipient.addr_spec)

    def _transmitted(self, message: EmailMessage, recipient: str) -> Answer:
        try:
            self._transmit(message, recipient)
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, text),) = refused.recipients.values()
            return Answer(code, _text(text), final=code in _PERMANENT)
        except smtplib.SMTPDataError as error:
            refused_for_good = error.smtp_code in _PERMANENT
            return Answer(error.smtp_code, _text(error.smtp_error), final=refused_for_good)
        except smtplib.SMTPResponseException as error:
            # Of the sender, or of our name and password: the operator can mend it.
            return Answer(error.smtp_code, _text(error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            return Answer(None, type(error).__name__)
        return Answer(None, "accepted", delivered=True)

    def _written(
        self, parcel: Parcel, recipient: Address, language: str, secret: str
    ) -> EmailMessage:
        """Return the message. A header takes one line only: the library refuses more."""
        letter = decode(parcel.body, Letter)
        values = {"secret": secret} | shown(letter.data, language)
        values["cabinet_url"] = self._cabinet_url
        sentences = texts("mail", language)
        message = EmailMessage(policy=_WIRE)
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = sentences.text(f"{letter.mail}.subject", **values)
        message["Date"] = datetime.fromtimestamp(parcel.created_at / SECOND, UTC)
        # The same for every attempt, so that a mailbox can tell a repetition.
        message["Message-ID"] = f"<{parcel.id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        # A file is for the eye; on the wire the library chooses what every server passes on.
        encoding = None if self._smtp_url else "8bit"
        message.set_content(sentences.text(f"{letter.mail}.body", **values), cte=encoding)
        message["Content-Language"] = sentences.language
        return message

    def _file(self, message: EmailMessage, parcel: Parcel) -> None:
        """Put a message into the outbox; a repetition replaces the file."""
        self._outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = datetime.fromtimestamp(parcel.created_at / SECOND, UTC)
        path = self._outbox / f"{moment:%Y%m%dT%H%M%SZ}-{parcel.id}.eml"
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_bytes(message.as_bytes(policy=_FILE))
        draft.replace(path)

    def _transmit(self, message: EmailMessage, recipient: str) -> None:
        """Hand a message to the server; a password never travels in the clear."""
        url = urlsplit(self._smtp_url)
        server = self._connected(url.hostname or "", url.port, over_tls=url.scheme == "smtps")
        try:
            if url.scheme == "smtp":
                server.ehlo()
                if server.has_extn("starttls") or url.username:
                    server.starttls(context=self._trust)
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(message, self._sender.addr_spec, [recipient])
        finally:
            # It is accepted or not by now, however the good-bye turns out.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connected(self, host: str, port: int | None, *, over_tls: bool) -> smtplib.SMTP:
        # Without a name of its own the library asks the resolver for ours, which may take long.
        ours = self._sender.domain
        if over_tls:
            return smtplib.SMTP_SSL(
                host, port or _SMTPS_PORT, ours, timeout=_SECONDS, context=self._trust
            )
        return smtplib.SMTP(host, port or _SUBMISSION_PORT, ours, timeout=_SECONDS)


def _address(name: str, email: str) -> Address:
    """Return an address in its parts, so that no part can pass for another, or raise ValueError.

    A local part of odd letters is quoted; a domain of them is none, nor is a line break anywhere.
    """
    local, _, domain = email.rpartition("@")
    spoken = domain.encode("idna").decode("ascii")
    if not local or not _DOMAIN.fullmatch(spoken):
        message = "not an address"
        raise ValueError(message)
    return Address(name, local, spoken)


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def shown(data: dict[str, Any], language: str, prefix: str = "") -> dict[str, str]:
    """Return the values of an event as a mail shows them, by the names that its text uses.

    `{"refunded": {"credits": 1000}}` is `refunded_credits`; money is one value with its currency.
    """
    values: dict[str, str] = {}
    for key, value in data.items():
        name = prefix + key
        if isinstance(value, dict) and value.keys() == {"amount_minor", "currency"}:
            values[name] = _money(value["amount_minor"], value["currency"], language)
        elif isinstance(value, dict):
            values |= shown(value, language, f"{name}_")
        elif isinstance(value, int):
            values[name] = format_decimal(value, locale=language)
        else:
            values[name] = "" if value is None else str(value)
    return values


def _money(amount_minor: int, currency: str, language: str) -> str:
    amount = Decimal(amount_minor).scaleb(-get_currency_precision(currency))
    shown = format_currency(amount, currency, locale=language)
    # A currency without a sign of its own in this language needs a space to be read.
    return shown.replace(currency, f"{currency}\N{NO-BREAK SPACE}") if shown[0].isalpha() else shown


def mailer_of(settings: Settings) -> Mailer:
    """Return the mailer of a house."""
    return Mailer(
        settings.smtp_url.get_secret_value(),
        settings.mail_from,
        settings.data_dir / "outbox",
        settings.ui_url,
    )
