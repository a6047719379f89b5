"""A real SMTP server on loopback that keeps what it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller

from support.houses import free_port


class Postbox:
    """The handler of a real SMTP server: keeps what it gets and refuses what it is told to."""

    def __init__(self) -> None:
        """Start empty and friendly."""
        self.envelopes: list[Any] = []
        self.refuse_recipient = ""
        self.refuse_data = ""
        self.secure: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - the name that the server calls
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a recipient, or not."""
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name that the server calls
        self, _server: Any, session: Any, envelope: Any
    ) -> str:
        """Take a message, or not."""
        if self.refuse_data:
            return self.refuse_data
        self.secure.append(session.ssl is not None)
        self.envelopes.append(envelope)
        return "250 taken"


@contextmanager
def smtp_server(postbox: Postbox, **options: Any) -> Iterator[int]:
    """Run an SMTP server on loopback and give its port."""
    port = free_port()
    controller = Controller(postbox, "127.0.0.1", port, ready_timeout=90, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
