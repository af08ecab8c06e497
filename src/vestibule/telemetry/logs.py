"""Structured logs of the processes, as JSON lines or for a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

from vestibule.telemetry.redaction import redact

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

_CHATTY = ("uvicorn.access", "httpcore", "httpx", "asyncio")


def configure_logs(
    *, level: Level = "info", format: Format = "json", process: str = "", to: TextIO | None = None
) -> None:
    """Send every log line of this process to `to` (standard error), one event each.

    The standard library's loggers, ours and the libraries', take the same way; secrets are
    blotted out last, after every other processor has added its part.
    """
    before: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    )
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *_renderers(format, process),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _renderers(format: Format, process: str) -> Sequence[Processor]:
    def named(_logger: object, _method: str, event: structlog.typing.EventDict):
        return {**event, "process": process} if process else event

    if format == "json":
        return (named, redact, structlog.processors.JSONRenderer(ensure_ascii=True))
    # Control characters of whoever wrote into a value must not steer the terminal.
    return (named, redact, _printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))


def _printable(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {
        name: _visible(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


def _visible(text: str) -> str:
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
