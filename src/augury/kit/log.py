"""Structured logs: one JSON object a line on standard error, no inputs and no secrets."""

import logging
import sys
from typing import Any

import msgspec
import structlog


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


def _json(event: dict[str, Any], **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)
