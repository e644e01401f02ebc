"""Sessions of the application's own, as the README describes them."""

import time
import uuid
from typing import Any, Optional, Tuple

import simple_http_server.server as server
from simple_http_server import Session, SessionFactory, request_map, set_session_factory


class OwnSession(Session):
    def __init__(self, session_id: str) -> None:
        super().__init__()
        self._id = session_id
        self._made = self._accessed = time.time()
        self._values = {}
        self.is_fresh = True

    @property
    def id(self) -> str:
        return self._id

    @property
    def creation_time(self) -> float:
        return self._made

    @property
    def last_accessed_time(self) -> float:
        return self._accessed

    @property
    def is_new(self) -> bool:
        return self.is_fresh

    @property
    def attribute_names(self) -> Tuple:
        return tuple(self._values)

    def get_attribute(self, name: str) -> Any:
        return self._values.get(name)

    def set_attribute(self, name: str, value: Any) -> None:
        self._values[name] = value

    def invalidate(self) -> None:
        self._accessed = 0
        SESSIONS.pop(self._id, None)


SESSIONS = {}


class OwnSessions(SessionFactory):
    def get_session(self, session_id: str, create: bool = False) -> Optional[Session]:
        known = SESSIONS.get(session_id)
        if known is not None:
            known.is_fresh = False
            return known
        if not create:
            return None
        made = OwnSession(f"own-{uuid.uuid4().hex}")
        SESSIONS[made.id] = made
        return made


set_session_factory(OwnSessions())


@request_map("/count")
def count(session: Session):
    calls = (session.get_attribute("calls") or 0) + 1
    session.set_attribute("calls", calls)
    return {"calls": calls, "is_new": session.is_new, "names": session.attribute_names}


@request_map("/leave")
def leave(session: Session):
    session.invalidate()


if __name__ == "__main__":
    server.start(host="127.0.0.1", port=0)
