"""What the engine logs, given to the package's loggers from when this is imported, at the level that they have."""

import atexit
import logging
import sys
import time
from typing import List, Sequence, Tuple

from . import _engine, logger

Line = Tuple[int, bool, float, str]
"""Level, whether it is of the access log, seconds since the epoch, text."""

_ENGINE = "simple_http_server.engine"
_ACCESS = "simple_http_server.http_protocol_handler"


_engine.log_to(lambda lines: _take(lines))
logger.when_level_changes(_engine.log_level)


def _take(lines: Sequence[Line]) -> None:
    """Called on a thread of the engine's, with some lines at a time."""
    access = logger.get_logger(_ACCESS)
    if logger.is_plain(access):
        _write_plainly([line for line in lines if line[1]])
        lines = [line for line in lines if not line[1]]
    for line in lines:
        _handle(line)


def _handle(line: Line) -> None:
    level, is_access, created, text = line
    target = logger.get_logger(_ACCESS if is_access else _ENGINE)
    if target.isEnabledFor(level):
        record = target.makeRecord(target.name, level, "", 0, text, (), None)
        record.created, record.msecs, record.threadName = created, created % 1 * 1000, "vernal"
        target.handle(record)


def _write_plainly(lines: Sequence[Line]) -> None:
    """Writes lines of the access log as the default handler would, all at once: it is one call for many requests."""
    if not lines:
        return
    texts: List[str] = []
    for level, _, created, text in lines:
        date = time.strftime(logger.LoggerFactory.DEFAULT_DATE_FORMAT, time.localtime(created))
        texts.append(f"[{date}]-[vernal]-[{_ACCESS}:0] {logging.getLevelName(level):<4}: {text}\n")
    written = "".join(texts)
    logger.call_in_order(lambda: _write(written))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@atexit.register
def _flush() -> None:
    _engine.log_end(1.0)
