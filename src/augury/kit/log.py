"""Structured logs: one JSON object a line on standard error, no inputs and no secrets."""

import asyncio
import logging
import sys
from typing import Any

import msgspec
import structlog

from augury.kit.clock import now, rfc3339


def configure(*, pretty: bool = False) -> None:
    """Set up logging for a process: JSON lines, or coloured text for a terminal."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if pretty
            else structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if pretty
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )


def logger(room: str) -> Any:
    """Return the logger of a room."""
    return structlog.get_logger(room=room)


def adopt(level: str) -> None:
    """Give a library's own log, from a level on, the form and the place of ours."""
    logging.basicConfig(handlers=[_Adopted()], level=level.upper(), force=True)


class _Adopted(logging.Handler):
    """Writes a record as an event of the room that is named as its library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        write = getattr(logger(record.name), record.levelname.lower())
        write(record.getMessage(), exc_info=record.exc_info)


def _json(event: dict[str, Any], **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


class LineLog:
    """A log for the busiest place: lines gather for a moment and are written together.

    It belongs to the event loop's thread. A line that is lost in a crash says nothing that the
    database does not know.
    """

    _GATHER_SECONDS = 0.1

    def __init__(self) -> None:
        """Start empty."""
        self._lines: list[bytes] = []
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def write(self, event: dict[str, Any]) -> None:
        """Add one line; it is written within a tenth of a second."""
        event["at"] = rfc3339(now())
        self._lines.append(self._encoder.encode(event))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(self._GATHER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        sys.stderr.buffer.write(b"\n".join(lines) + b"\n")
        sys.stderr.buffer.flush()
