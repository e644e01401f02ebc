"""The request, as controllers and filters see it."""

from typing import Any, Mapping, Optional

from .arguments import RequestBodyReader
from .fields import Cookies, Headers
from .session import Session


class Request:
    """A request. ``req=Request()`` as an argument's default asks for the one that is being answered."""

    def __init__(self) -> None:
        self.method: str = ""
        self.path: str = ""
        self.query_string: str = ""
        self.headers: Headers = Headers()
        self.path_values: dict[str, str] = {}
        self.reg_groups: tuple[Any, ...] = ()
        self.json: Any = None
        self.environment: Mapping[str, Any] = {}
        self.reader: RequestBodyReader = RequestBodyReader()
        self._cookies = Cookies()
        self._parameters: dict[str, list[Any]] = {}
        self._parameter: dict[str, Any] = {}
        self._body = b""

    @property
    def cookies(self) -> Cookies:
        return self._cookies

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """Each parameter of the query and the form, with the list of its values.

        Assigning another ``dict`` changes :attr:`parameter` too; changing this one in place does not.
        """
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: dict[str, list[Any]]) -> None:
        self._parameters = parameters
        self._parameter = {name: values[0] for name, values in parameters.items() if values}

    @property
    def parameter(self) -> dict[str, Any]:
        """Each parameter with its first value."""
        return self._parameter

    @property
    def host(self) -> str:
        return str(self.headers.get("Host", ""))

    @property
    def content_type(self) -> str:
        return str(self.headers.get("Content-Type", ""))

    @property
    def content_length(self) -> Optional[int]:
        """The length that the request says its body has, or ``None`` where it says none."""
        try:
            return int(self.headers["Content-Length"])
        except (KeyError, ValueError):
            return None

    @property
    def body(self) -> bytes:
        """The bytes of a form or of JSON; of another body once an argument has asked for it (``BytesBody``)."""
        return self._body

    def get_parameter(self, key: str, default: Any = None) -> Any:
        """The first value of the parameter, or the default."""
        return self.parameter.get(key, default)

    def get_session(self, create: bool = False) -> Optional[Session]:
        """The client's session; if it has none, a new one if ``create``, else ``None``."""
        return None

    def getSession(self, create: bool = True) -> Optional[Session]:
        """:meth:`get_session` under the name of the documentation, whose samples expect that there is one."""
        return self.get_session(create)
