"""What goes wrong on a WebSocket connection."""

from typing import Any


class WebsocketException(Exception):
    """A message can't be sent: a wrong type or opcode, a file that can't be read, what the host has no word for.

    :param reason: what is wrong.
    :param graceful: whether the connection ends in order.
    """

    def __init__(self, reason: Any = None, graceful: bool = False) -> None:
        super().__init__(reason)
        self._reason = reason
        self._is_graceful = graceful

    @property
    def reason(self) -> Any:
        return self._reason

    @property
    def is_graceful(self) -> bool:
        return self._is_graceful

    def __reduce__(self) -> Any:
        return type(self), (self._reason, self._is_graceful)
