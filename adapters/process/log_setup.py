"""The configuration of logs: lines of JSON to a file, or to standard error for a process that is supervised."""

import logging
import sys
from pathlib import Path

import structlog

from adapters.outages import is_outage

ACTIVITY_LOG = "temporalio.activity"
"""The SDK's, to which it writes what each activity failed of."""


def _says_something_new(record: logging.LogRecord) -> bool:
    """What fails because a server is away, fails thousands of times; that it is away is said once, by the watch over the servers."""
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == ACTIVITY_LOG and error is not None and is_outage(error))


def set_up_logging(file: Path | None) -> None:
    """Configure the program's own log and its libraries', from warnings up; `file` None is standard error."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file, encoding="utf-8")
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=steps)
    handler.setFormatter(formatter)
    handler.addFilter(_says_something_new)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
