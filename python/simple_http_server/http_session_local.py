"""Sessions in the memory of this process."""

import os
import threading
import time
from collections import OrderedDict
from typing import Any, Callable, Optional

from ._kept_session import KeptSession
from .models.session import Session, SessionFactory

MAXIMUM_SESSIONS = 100_000
"""So many sessions are kept; another takes the place of the one that was not asked for the longest."""

SWEEP_INTERVAL = 60.0
"""Seconds after which the sessions that have ended are removed, with the next request that asks for one."""


class LocalSessionImpl(KeptSession):
    """A session in the memory of this process; its attributes are the very objects that were put into it."""

    def __init__(self, session_id: str, creation_time: float, holder: "LocalSessionHolder") -> None:
        super().__init__(session_id, creation_time, creation_time, True, {})
        self._holder = holder

    def set_attribute(self, name: str, value: Any) -> None:
        self._attributes[name] = value

    def invalidate(self) -> None:
        self._last_accessed_time = 0
        self._holder.remove(self)

    def renew_id(self) -> str:
        """Gives the session a new id, for a login: what an attacker may know of it is worth nothing then."""
        self._id = self._holder.rename(self)
        return self._id


class LocalSessionHolder:
    """The sessions by id, the one that was asked for last at the end, behind one lock.

    :param maximum: how many sessions are kept.
    :param clock: the time in seconds since the epoch.
    """

    def __init__(self, maximum: int = MAXIMUM_SESSIONS, clock: Callable[[], float] = time.time) -> None:
        self._maximum = maximum
        self._clock = clock
        self._sessions: OrderedDict[str, LocalSessionImpl] = OrderedDict()
        self._next_sweep = clock() + SWEEP_INTERVAL
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, session_id: str) -> Optional[LocalSessionImpl]:
        """The session of this id, if it has not ended."""
        if not session_id:
            return None
        with self._lock:
            now = self._sweep_now_and_then()
            session = self._sessions.get(session_id)
            if session is None:
                return None
            if now - session._last_accessed_time >= session.max_inactive_interval:
                del self._sessions[session_id]
                return None
            session._last_accessed_time = now
            session._is_new = False
            self._sessions.move_to_end(session_id)
            return session

    def create(self) -> LocalSessionImpl:
        """A new session, whose id nobody can guess. A client never chooses it."""
        with self._lock:
            session = LocalSessionImpl(new_session_id(), self._sweep_now_and_then(), self)
            self._sessions[session.id] = session
            while len(self._sessions) > self._maximum:
                self._sessions.popitem(last=False)
            return session

    def remove(self, session: LocalSessionImpl) -> None:
        with self._lock:
            if self._sessions.get(session.id) is session:
                del self._sessions[session.id]

    def rename(self, session: LocalSessionImpl) -> str:
        """Keeps the session under a new id, which is returned, unless it has ended."""
        new_id = new_session_id()
        with self._lock:
            if self._sessions.get(session.id) is session:
                del self._sessions[session.id]
                self._sessions[new_id] = session
        return new_id

    def _sweep_now_and_then(self) -> float:
        """The time; if it is time for that, the sessions that have ended are removed."""
        now = self._clock()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_INTERVAL
            for session_id in [key for key, session in self._sessions.items() if not session.is_valid]:
                del self._sessions[session_id]
        return now


class LocalSessionFactory(SessionFactory):
    """Keeps sessions in the memory of this process: they end with it, and other processes don't see them.

    :param maximum: how many sessions are kept; another takes the place of the one that was not asked for the longest.
    """

    def __init__(self, maximum: int = MAXIMUM_SESSIONS) -> None:
        super().__init__()
        self._holder = LocalSessionHolder(maximum)

    def get_session(self, session_id: str, create: bool = False) -> Optional[Session]:
        session = self._holder.find(session_id)
        if session is None and create:
            return self._holder.create()
        return session


def new_session_id() -> str:
    """32 hexadecimal digits, from the system's source of random bytes."""
    return os.urandom(16).hex()


_shared = LocalSessionFactory()


def shared_session_factory() -> LocalSessionFactory:
    """The factory of all servers that were given none."""
    return _shared
