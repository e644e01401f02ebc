"""Logging: loggers of their own, outside the hierarchy of ``logging``, whose handlers run in a thread of their own.

Whoever logs only puts a record into a queue. One thread, ``logger-thread``, takes the records out in order and calls
the handlers, so that handlers which write files, or rotate them, never see two threads at once and never keep a request
waiting. What is still in the queue when the interpreter ends is written first.
"""

import atexit
import contextlib
import itertools
import logging
import os
import sys
import threading
import time
import traceback
from queue import Empty, SimpleQueue
from typing import Any, Callable, Dict, List, Optional

DEFAULT_TAG = "pythone-simple-http-server"
"""The name of a logger that was given none."""

MAXIMUM_WAITING = 10_000
"""So many records may wait for the handlers; then those who log wait, too, for up to :data:`LONGEST_WAIT`."""

LONGEST_WAIT = 1.0
"""Seconds for which a record waits for room. After that it is left out, and so is what follows until there is room: a
warning says how many they were."""

FLUSH_TIMEOUT = 5.0
"""Seconds for which the end of the interpreter waits for the handlers."""

_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
    "FATAL": logging.CRITICAL,
}


class LazyCalledLogger:
    """A record on its way to the handlers that its logger had when it was made."""

    __slots__ = ("handlers", "record")

    def __init__(self, handlers: List[logging.Handler], record: logging.LogRecord) -> None:
        self.handlers = handlers
        self.record = record

    def __call__(self) -> None:
        for handler in self.handlers:
            if self.record.levelno >= handler.level:
                try:
                    handler.handle(self.record)
                except Exception:
                    handler.handleError(self.record)


class LazyCalledLoggerThread(threading.Thread):
    """The thread in which handlers run. It is a daemon: :func:`flush` is called before the interpreter ends."""

    def __init__(self, calls: "SimpleQueue[Callable[[], object]]") -> None:
        super().__init__(name="logger-thread", daemon=True)
        self._calls = calls
        self._is_needed = True

    def run(self) -> None:
        while self._is_needed:
            _call(self._calls.get())

    def end(self) -> None:
        """Called by itself, after what was logged before."""
        self._is_needed = False


def _call(call: Callable[[], object]) -> None:
    """Calls what was put into the queue, and keeps its exceptions from what comes after it."""
    try:
        call()
    except Exception:
        if logging.raiseExceptions and sys.stderr:
            with contextlib.suppress(OSError):
                traceback.print_exc()


class _Background:
    """The queue, and its thread, which starts with the first record and again after a fork.

    ``SimpleQueue.put`` may be called where another ``put`` is under way in the same thread, so a signal's handler may
    log; the locks of ``queue.Queue`` would wait for themselves there.
    """

    def __init__(self) -> None:
        self._start_anew()

    def _start_anew(self) -> None:
        """What waits belongs to the parent of a fork, who writes it."""
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._thread: Optional[LazyCalledLoggerThread] = None
        self._starting = threading.Lock()
        self._ending = False
        self._is_full = False
        self._left_out = itertools.count()

    def submit(self, call: Callable[[], object], needs_room: bool = True) -> bool:
        """Has the thread call this; false where there is no room."""
        thread = None if self._ending else self._running_thread()
        if thread is None:
            self._run_here(call)
            return True
        if needs_room:
            if not self._has_room(thread):
                self._is_full = True
                next(self._left_out)
                return False
            if self._is_full:
                self._is_full = False
                self._say_how_many_were_left_out()
        self._calls.put(call)
        return True

    def _running_thread(self) -> Optional[LazyCalledLoggerThread]:
        thread = self._thread
        return thread if thread is not None and thread.is_alive() else self._start_thread()

    def _start_thread(self) -> Optional[LazyCalledLoggerThread]:
        """The running thread, or ``None`` where none can run any more, because the interpreter is ending."""
        if not self._starting.acquire(timeout=LONGEST_WAIT):
            return None
        try:
            if self._thread is None or not self._thread.is_alive():
                thread = LazyCalledLoggerThread(self._calls)
                thread.start()
                self._thread = thread
            return self._thread
        except RuntimeError:
            return None
        finally:
            self._starting.release()

    def _run_here(self, call: Callable[[], object]) -> None:
        """For the end of the interpreter, when the thread may not run any more."""
        with contextlib.suppress(Empty):
            while True:
                _call(self._calls.get_nowait())
        _call(call)

    def _has_room(self, thread: threading.Thread) -> bool:
        """Waits for room, unless somebody has just waited in vain. Handlers that log themselves always have it."""
        deadline = time.monotonic() + (0 if self._is_full else LONGEST_WAIT)
        while self._calls.qsize() >= MAXIMUM_WAITING and threading.current_thread() is not thread:
            if not thread.is_alive():
                break
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.001)
        return True

    def _say_how_many_were_left_out(self) -> None:
        left_out, self._left_out = self._left_out, itertools.count()
        text = f"{next(left_out)} records were left out: there were too many of them"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (), None)
        self._calls.put(LazyCalledLogger(get_logger_factory().handlers.copy(), record))

    def flush(self, timeout: Optional[float]) -> bool:
        if self._thread is None or threading.current_thread() is self._thread:
            return True
        written = threading.Event()
        self.submit(written.set, needs_room=False)
        return written.wait(timeout)

    def end(self) -> None:
        self.flush(FLUSH_TIMEOUT)
        self._ending = True

    def rest(self) -> None:
        thread = self._thread
        if thread is None or not thread.is_alive() or thread is threading.current_thread():
            return
        self._calls.put(thread.end)
        thread.join(FLUSH_TIMEOUT)


_background = _Background()
atexit.register(_background.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_background._start_anew)


def flush(timeout: Optional[float] = FLUSH_TIMEOUT) -> bool:
    """Waits until all that was logged so far has been given to its handlers; false if that took too long."""
    return _background.flush(timeout)


def rest() -> None:
    """Ends the thread of the handlers when all that was logged so far is written; the next record starts another.

    For those who are about to fork: a process should have one thread then.
    """
    _background.rest()


class CachingLogger(logging.Logger):
    """A logger that has no parent and hands its records to the thread of this module."""

    def callHandlers(self, record: logging.LogRecord) -> None:
        if not self.handlers:
            return
        if record.args:
            # What is logged may be changed by the time that it is written. Where arguments don't fit the text, the
            # handler finds that out once more and reports it as handlers do.
            with contextlib.suppress(Exception):
                record.msg, record.args = record.getMessage(), None
        _background.submit(LazyCalledLogger(self.handlers.copy(), record))

    def setLevel(self, level: Any) -> None:
        super().setLevel(level)
        # `logging` forgets what it knows about the levels of those loggers only that are in its hierarchy.
        self.__dict__["_cache"].clear()


class _StandardOutput(logging.StreamHandler):  # type: ignore[type-arg]  # generic from Python 3.11 on
    """The default handler. What the encoding of the output does not have is written by its number."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(self.format(record) + self.terminator)
        except Exception:
            self.handleError(record)

    def write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except UnicodeEncodeError as error:
            self.stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        self.flush()


class LoggerFactory:
    """Loggers that have level and handlers in common.

    :param log_level: ``DEBUG``, ``INFO``, ``WARN`` (or ``WARNING``), ``ERROR`` or ``CRITICAL``, in any case; anything
        else means ``INFO``.
    :param log_format: the format of the default handler.
    :param date_format: the format of its dates.
    """

    DEFAULT_LOG_FORMAT = "[%(asctime)s]-[%(threadName)s]-[%(name)s:%(lineno)d] %(levelname)-4s: %(message)s"
    DEFAULT_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"

    def __init__(
        self,
        log_level: Optional[str] = "INFO",
        log_format: str = DEFAULT_LOG_FORMAT,
        date_format: str = DEFAULT_DATE_FORMAT,
    ) -> None:
        self.log_format = log_format
        self.date_format = date_format
        self._log_level = _level_name(log_level)
        self._handlers: List[logging.Handler] = []
        self._loggers: Dict[str, CachingLogger] = {}
        self._has_handlers_of_its_own = False
        self._default_handler: Optional[_StandardOutput] = None
        self._lock = threading.RLock()

    @property
    def handlers(self) -> List[logging.Handler]:
        return self._handlers

    @property
    def log_level(self) -> str:
        return self._log_level

    @log_level.setter
    def log_level(self, log_level: Optional[str]) -> None:
        """Sets the level of all loggers and all handlers, those of the user's own too."""
        name = _level_name(log_level)
        with self._lock:
            self._log_level = name
            for handler in self._handlers:
                handler.setLevel(_LEVELS[name])
            for logger in self._loggers.values():
                logger.setLevel(_LEVELS[name])
        if self is _factories[_FRAMEWORK]:
            for listen in _level_listeners:
                listen(_LEVELS[name])
        self.get_logger("Logger").info(f"global logger set to {name}")

    def get_logger(self, tag: str = DEFAULT_TAG) -> CachingLogger:
        """The logger of this name; the same one each time."""
        with self._lock:
            logger = self._loggers.get(tag)
            if logger is None:
                self._install_default_handler()
                logger = CachingLogger(tag, _LEVELS[self._log_level])
                logger.handlers.extend(self._handlers)
                self._loggers[tag] = logger
            return logger

    def add_handler(self, handler: logging.Handler) -> None:
        """Adds a handler to those that there are, which before the first logger is the default one."""
        with self._lock:
            self._install_default_handler()
            self._set_handlers([*self._handlers, handler])

    def remove_handler(self, handler: logging.Handler) -> None:
        """Removes a handler; without any handler the loggers are silent."""
        with self._lock:
            self._set_handlers([there for there in self._handlers if there is not handler])

    def set_handler(self, handler: logging.Handler) -> None:
        """Puts a handler in the place of all that there are."""
        with self._lock:
            self._set_handlers([handler])

    def _install_default_handler(self) -> None:
        if self._has_handlers_of_its_own:
            return
        handler = _StandardOutput(sys.stdout)
        handler.setFormatter(logging.Formatter(fmt=self.log_format, datefmt=self.date_format))
        handler.setLevel(_LEVELS[self._log_level])
        self._default_handler = handler
        self._set_handlers([handler])

    def _set_handlers(self, handlers: List[logging.Handler]) -> None:
        """A logger keeps the handlers that somebody gave to it alone."""
        self._has_handlers_of_its_own = True
        for logger in self._loggers.values():
            alone = [handler for handler in logger.handlers if handler not in self._handlers]
            logger.handlers = [*handlers, *alone]
        self._handlers = handlers


def _level_name(log_level: Optional[str]) -> str:
    if log_level is not None and not isinstance(log_level, str):
        raise TypeError(f"A log level should be a str, not {type(log_level).__name__}.")
    name = (log_level or "").upper()
    return name if name in _LEVELS else "INFO"


_FRAMEWORK = ""
_factories: Dict[str, LoggerFactory] = {_FRAMEWORK: LoggerFactory()}
_factories_lock = threading.Lock()


def get_logger_factory(tag: str = _FRAMEWORK) -> LoggerFactory:
    """The factory of this name, made when it is first asked for; the framework's own where the name is empty."""
    with _factories_lock:
        if tag not in _factories:
            _factories[tag] = LoggerFactory()
        return _factories[tag]


def get_logger(tag: str = DEFAULT_TAG, factory: str = _FRAMEWORK) -> CachingLogger:
    """The logger of this name, made by the factory of that name."""
    return get_logger_factory(factory).get_logger(tag)


_level_listeners: List[Callable[[int], None]] = []


def when_level_changes(listen: Callable[[int], None]) -> None:
    """Calls this with the number of the level of the framework's loggers, now and whenever it is set."""
    _level_listeners.append(listen)
    listen(_LEVELS[get_logger_factory().log_level])


def is_plain(logger: CachingLogger) -> bool:
    """Whether a logger of the framework writes to the standard output alone, in the format of this module."""
    factory = get_logger_factory()
    return (
        len(logger.handlers) == 1
        and logger.handlers[0] is factory._default_handler
        and factory.log_format == LoggerFactory.DEFAULT_LOG_FORMAT
        and factory.date_format == LoggerFactory.DEFAULT_DATE_FORMAT
        and not logger.filters
    )


def write_plainly(text: str) -> None:
    """Writes as the default handler of the framework does."""
    handler = get_logger_factory()._default_handler
    if handler is not None:
        handler.write(text)


def call_in_order(call: Callable[[], object]) -> bool:
    """Calls this on the thread that calls the handlers, after what was logged before; false where it has no room."""
    return _background.submit(call)


def set_level(level: Optional[str]) -> None:
    """Sets the level of the framework's loggers and handlers, see :attr:`LoggerFactory.log_level`."""
    get_logger_factory().log_level = level


def add_handler(handler: logging.Handler) -> None:
    """Adds a handler to the framework's loggers, see :meth:`LoggerFactory.add_handler`."""
    get_logger_factory().add_handler(handler)


def remove_handler(handler: logging.Handler) -> None:
    """Removes a handler from the framework's loggers, see :meth:`LoggerFactory.remove_handler`."""
    get_logger_factory().remove_handler(handler)


def set_handler(handler: logging.Handler) -> None:
    """Makes this the only handler of the framework's loggers, see :meth:`LoggerFactory.set_handler`."""
    get_logger_factory().set_handler(handler)
