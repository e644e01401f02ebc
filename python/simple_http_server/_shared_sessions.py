"""Sessions that Python has in common with an application in Rust."""

import json
import time
from typing import TYPE_CHECKING, Any, Optional, Tuple

from ._kept_session import KeptSession
from .http_session_local import new_session_id
from .models.session import Session, SessionFactory

if TYPE_CHECKING:
    from . import _engine


class SharedSession(KeptSession):
    """A session that both faces know.

    Its attributes are what JSON can say, and are copies: one that is changed in place is to be set again. What other
    requests set meanwhile is seen by the next one.
    """

    def __init__(self, app: "_engine.RustApp", known: Tuple[str, str, float, float], is_new: bool) -> None:
        session_id, attributes, creation_time, max_inactive_interval = known
        super().__init__(session_id, creation_time, time.time(), is_new, json.loads(attributes))
        self._app = app
        self._max_inactive_interval = max_inactive_interval

    @property
    def max_inactive_interval(self) -> int:
        """After how many seconds without a request the session ends."""
        return int(self._max_inactive_interval)

    @max_inactive_interval.setter
    def max_inactive_interval(self, seconds: float) -> None:
        self._max_inactive_interval = seconds
        self._app.keep_session(self._id, seconds)

    def set_attribute(self, name: str, value: Any) -> None:
        """Sets an attribute.

        :raises TypeError: where JSON can't say the value.
        """
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"The session attribute {name!r} can't be kept for an application in Rust as well: {error}. "
                "An AppConf.session_factory of your own keeps any object, apart from that application."
            ) from error
        self._app.set_attribute(self._id, name, text)
        self._attributes[name] = json.loads(text)

    def invalidate(self) -> None:
        self._last_accessed_time = 0
        self._attributes = {}
        self._app.end_session(self._id)

    def renew_id(self) -> str:
        """Gives the session a new id, for a login: what an attacker may know of it is worth nothing then."""
        new_id = new_session_id()
        self._app.rename_session(self._id, new_id)
        self._id = new_id
        return new_id


class SharedSessionFactory(SessionFactory):
    """Finds and makes sessions in the store of an application in Rust."""

    def __init__(self, app: "_engine.RustApp") -> None:
        self._app = app

    def get_session(self, session_id: str, create: bool = False) -> Optional[Session]:
        known = self._app.find_session(session_id) if session_id else None
        if known is not None:
            return SharedSession(self._app, known, is_new=False)
        return SharedSession(self._app, self._app.begin_session(), is_new=True) if create else None
