"""What the engine logs, given to the package's loggers from when this is imported, at the level that they have."""

import atexit
import logging
import os
import threading
import time
from typing import Sequence, Tuple

from . import _engine, logger

Line = Tuple[int, bool, float, str]
"""Level, whether it is of the access log, seconds since the epoch, text."""

_ENGINE = "simple_http_server.engine"
_ACCESS = "simple_http_server.http_protocol_handler"


def _take(lines: Sequence[Line]) -> None:
    """Called on a thread of the engine's, with some lines at a time."""
    access = logger.get_logger(_ACCESS)
    if logger.is_plain(access):
        _plain.write([line for line in lines if line[1]])
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


class _Plain:
    """Lines of the access log, written as the default handler would, many at once: it is one call for many requests.

    What is written next waits for what was written before. So no more lines than the engine keeps wait for an output
    that stands still, whatever clients ask for.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self._is_free = threading.Event()
        self._is_free.set()
        self._left_out = 0

    def write(self, lines: Sequence[Line]) -> None:
        if not lines:
            return
        is_free = self._is_free
        if not is_free.wait(logger.LONGEST_WAIT):
            self._left_out += len(lines)
            return
        if self._left_out:
            text = f"{self._left_out} lines were left out: the output stood still"
            lines = [*lines, (logging.WARNING, True, lines[-1][2], text)]
        written = "".join(map(_plain_line, lines))

        def call() -> None:
            try:
                logger.write_plainly(written)
            finally:
                is_free.set()

        is_free.clear()
        if logger.call_in_order(call):
            self._left_out = 0
        else:
            is_free.set()
            self._left_out += len(lines)


def _plain_line(line: Line) -> str:
    level, _, created, text = line
    date = time.strftime(logger.LoggerFactory.DEFAULT_DATE_FORMAT, time.localtime(created))
    return f"[{date}]-[vernal]-[{_ACCESS}:0] {logging.getLevelName(level):<4}: {text}\n"


_plain = _Plain()
os.register_at_fork(after_in_child=_plain.begin_anew)

_engine.log_to(_take)
logger.when_level_changes(_engine.log_level)


@atexit.register
def _flush() -> None:
    _engine.log_end(1.0)
