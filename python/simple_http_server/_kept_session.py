"""What the sessions of this package have in common, wherever they are kept."""

from typing import Any, Dict

from .models.session import Session


class KeptSession(Session):
    """A session that has all that is known of it.

    :param session_id: what the client's cookie says.
    :param creation_time: seconds since the epoch, as is the other time.
    :param last_accessed_time: when the client was here before, or now for the first time.
    :param is_new: whether the client does not know of it yet.
    :param attributes: those that it has already.
    """

    def __init__(
        self,
        session_id: str,
        creation_time: float,
        last_accessed_time: float,
        is_new: bool,
        attributes: Dict[str, Any],
    ) -> None:
        self._id = session_id
        self._creation_time = creation_time
        self._last_accessed_time = last_accessed_time
        self._is_new = is_new
        self._attributes = attributes

    @property
    def id(self) -> str:
        return self._id

    @property
    def creation_time(self) -> float:
        return self._creation_time

    @property
    def last_accessed_time(self) -> float:
        return self._last_accessed_time

    @property
    def is_new(self) -> bool:
        return self._is_new

    @property
    def attribute_names(self) -> "tuple[str, ...]":
        return tuple(self._attributes)

    def get_attribute(self, name: str) -> Any:
        return self._attributes.get(name)
