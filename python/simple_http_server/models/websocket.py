"""The other conversation: WebSocket."""

from typing import Any, Optional, Union

from .fields import Cookies, Headers

WEBSOCKET_OPCODE_CONTINUATION = 0x0
WEBSOCKET_OPCODE_TEXT = 0x1
WEBSOCKET_OPCODE_BINARY = 0x2
WEBSOCKET_OPCODE_CLOSE = 0x8
WEBSOCKET_OPCODE_PING = 0x9
WEBSOCKET_OPCODE_PONG = 0xA

WEBSOCKET_MESSAGE_TEXT = "WEBSOCKET_MESSAGE_TEXT"
WEBSOCKET_MESSAGE_BINARY = "WEBSOCKET_MESSAGE_BINARY"
WEBSOCKET_MESSAGE_BINARY_FRAME = "WEBSOCKET_MESSAGE_BINARY_FRAME"
WEBSOCKET_MESSAGE_PING = "WEBSOCKET_MESSAGE_PING"
WEBSOCKET_MESSAGE_PONG = "WEBSOCKET_MESSAGE_PONG"


class WebsocketRequest:
    """The request that opened the connection."""

    def __init__(self) -> None:
        self.headers: Headers = Headers()
        self.query_string: str = ""
        self.path_values: dict[str, str] = {}
        self.reg_groups: tuple[Any, ...] = ()
        self.path: str = ""
        """The path, without the slash at its start."""
        self._cookies = Cookies()
        self._parameters: dict[str, list[str]] = {}
        self._parameter: dict[str, str] = {}

    @property
    def cookies(self) -> Cookies:
        return self._cookies

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Each parameter of the query, with the list of its values."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: dict[str, list[str]]) -> None:
        self._parameters = parameters
        self._parameter = {name: values[0] for name, values in parameters.items() if values}

    @property
    def parameter(self) -> dict[str, str]:
        """Each parameter of the query, with its first value."""
        return self._parameter

    def get_parameter(self, key: str, default: Any = None) -> Any:
        """The first value of the parameter, or the default."""
        return self.parameter.get(key, default)


class WebsocketSession:
    """A connection. It may be kept, and used from any thread and any task."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return ""

    @property
    def request(self) -> WebsocketRequest:
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        return False

    def send(self, message: Union[str, bytes], opcode: Optional[int] = None, chunk_size: int = 0) -> None:
        """Sends a message: a text, unless the opcode says that it is binary, a ping or a pong.

        :param chunk_size: sends the message in fragments of so many bytes; 0 sends it in one.
        """
        raise NotImplementedError

    def send_text(self, message: Union[str, bytes], chunk_size: int = 0) -> None:
        raise NotImplementedError

    def send_binary(self, binary: bytes, chunk_size: int = 0) -> None:
        raise NotImplementedError

    def send_file(self, path: str, chunk_size: int = 0) -> None:
        """Sends a file as a binary message."""
        raise NotImplementedError

    def send_ping(self, message: Union[str, bytes] = b"") -> None:
        raise NotImplementedError

    def send_pone(self, message: Union[str, bytes] = b"") -> None:
        """Sends a pong; the name has always been spelled so."""
        raise NotImplementedError

    def send_pong(self, message: Union[str, bytes] = b"") -> None:
        """:meth:`send_pone`, spelled right."""
        self.send_pone(message)

    def close(self, reason: str = "") -> None:
        """Closes the connection, with code 1000 and this reason."""
        raise NotImplementedError


class WebsocketCloseReason(str):
    """Why a connection ended: the message as a text, and what the client's close frame said."""

    _code: Optional[int] = None
    _reason: str = ""

    def __new__(
        cls, message: str = "", code: Optional[int] = None, reason: str = ""
    ) -> "WebsocketCloseReason":
        value = str.__new__(cls, message)
        value._code = code
        value._reason = reason
        return value

    @property
    def message(self) -> str:
        return str(self)

    @property
    def code(self) -> Optional[int]:
        return self._code

    @property
    def reason(self) -> str:
        return self._reason

    def __getnewargs__(self) -> tuple[Any, ...]:
        return str(self), self._code, self._reason


class WebsocketHandler:
    """What happens on a connection. Each event may be ``def`` or ``async def``; inheriting is optional."""

    def on_handshake(self, request: WebsocketRequest) -> Any:
        """Before the connection is open.

        ``None``, 0 or 101 accept it; another status refuses it. A ``dict`` has further header fields of the answer.
        Return either of them, or both in a tuple.
        """
        return None

    def on_open(self, session: WebsocketSession) -> Any:
        """The connection is open."""

    def on_close(self, session: WebsocketSession, reason: WebsocketCloseReason) -> Any:
        """The connection has ended; called once."""

    def on_ping_message(self, session: WebsocketSession, message: bytes) -> Any:
        """A ping has come; answers it."""
        session.send_pone(message)

    def on_pong_message(self, session: WebsocketSession, message: bytes) -> Any:
        """A pong has come."""

    def on_text_message(self, session: WebsocketSession, message: str) -> Any:
        """A text message has come, whole."""

    def on_binary_message(self, session: WebsocketSession, message: bytes) -> Any:
        """A binary message has come, whole, but for the frames that :meth:`on_binary_frame` has consumed."""

    def on_binary_frame(self, session: WebsocketSession, fin: bool, frame_payload: bytes) -> Any:
        """A frame of a fragmented binary message has come; ``fin`` is true for its last one.

        ``True`` keeps the frame for :meth:`on_binary_message`; anything else means that it has been consumed.
        """
        return True
