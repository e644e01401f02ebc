"""What is remembered between the requests of one client."""

import time
from typing import Any, Optional


class Session:
    """A session. Subclass it, and :class:`SessionFactory`, to keep sessions where you like.

    The framework itself uses ``id``, ``is_valid``, ``last_accessed_time`` and ``max_inactive_interval``, and whether
    the object is true.
    """

    max_inactive_interval: int = 1800
    """After how many seconds without a request the session ends."""

    @property
    def id(self) -> str:
        return ""

    @property
    def creation_time(self) -> float:
        """Seconds since the epoch."""
        return 0

    @property
    def last_accessed_time(self) -> float:
        """Seconds since the epoch."""
        return 0

    @property
    def is_new(self) -> bool:
        """Whether the client does not know of it yet."""
        return False

    @property
    def is_valid(self) -> bool:
        return time.time() - self.last_accessed_time < self.max_inactive_interval

    @property
    def attribute_names(self) -> tuple[str, ...]:
        return ()

    def get_attribute(self, name: str) -> Any:
        """The attribute, or ``None``."""
        return NotImplemented

    def set_attribute(self, name: str, value: Any) -> Any:
        return NotImplemented

    def invalidate(self) -> Any:
        """Ends the session: it is not found again."""
        return NotImplemented


class SessionFactory:
    """Finds and makes sessions. It is called from any thread."""

    def get_session(self, session_id: str, create: bool = False) -> Optional[Session]:
        """The session of this id, which may be empty; else a new one if ``create``, else ``None``."""
        raise NotImplementedError
