"""The response, and what a controller may return instead of one."""

from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any, Mapping, Optional, Union

from .fields import Cookies, Headers


class StaticFile:
    """A file as the body of a response."""

    def __init__(self, file_path: str, content_type: str = "application/octet-stream") -> None:
        self.file_path = file_path
        self.content_type = content_type


class Redirect:
    """302, to this URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url


class HttpError(Exception):
    """Ends the request with this status. Raise it in a controller, a filter or a binding.

    :param code: the status.
    :param message: the reason phrase; ``None`` for the standard one.
    :param explain: what the body says about it; ``None`` for the standard description.
    """

    def __init__(self, code: int = 400, message: Optional[str] = "", explain: Optional[str] = "") -> None:
        super().__init__("HTTP_ERROR[%d] %s" % (code, message))  # noqa: UP031 - %d refuses what is no number
        self.code = code
        self.message = message
        self.explain = explain

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message, self.explain)


def _description(code: int) -> str:
    """What Python says of a status, for those that have nothing to explain."""
    try:
        return HTTPStatus(code).description
    except ValueError:
        return "???"


Body = Union[None, str, dict[Any, Any], StaticFile, bytes, bytearray]
"""What may be sent."""


class Response:
    """A response to return, or, as an argument (``res=Response()``), the one that is being prepared.

    :param status_code: the status.
    :param headers: header fields; a value is a text, or a list of texts for several lines.
    :param body: a text, a ``dict`` (JSON), bytes, a :class:`StaticFile` or ``None``.
    """

    def __init__(
        self,
        status_code: int = 200,
        headers: Optional[Mapping[str, Any]] = None,
        body: Body = "",
    ) -> None:
        self.status_code = status_code
        self.headers: dict[str, Any] = Headers(headers or ())
        self._cookies: SimpleCookie = Cookies()
        self._body: Body = ""
        self.body = body

    @property
    def cookies(self) -> SimpleCookie:
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        if not isinstance(cookies, SimpleCookie):
            raise AssertionError(f"Cookies should be a SimpleCookie, not {type(cookies).__name__}.")
        self._cookies = cookies

    @property
    def cookie(self) -> SimpleCookie:
        """:attr:`cookies` under another name of the documentation."""
        return self.cookies

    @cookie.setter
    def cookie(self, cookies: SimpleCookie) -> None:
        self.cookies = cookies

    @property
    def body(self) -> Body:
        return self._body

    @body.setter
    def body(self, body: Body) -> None:
        if body is not None and not isinstance(body, (str, dict, StaticFile, bytes, bytearray)):
            raise AssertionError("Body type is not supported.")
        self._body = body

    def set_header(self, key: str, value: Any) -> None:
        """Sets the field, whatever it was before."""
        self.headers[key] = value

    def add_header(self, key: str, value: Any) -> None:
        """Adds a line to the field; a list adds one for each of its items."""
        if key not in self.headers:
            self.headers[key] = value
            return
        there = self.headers[key]
        lines = list(there) if isinstance(there, list) else [there]
        lines.extend(value if isinstance(value, list) else [value])
        self.headers[key] = lines

    def add_headers(self, headers: Mapping[str, Any] = {}) -> None:
        """Adds all these fields, see :meth:`add_header`."""
        for key, value in headers.items():
            self.add_header(key, value)

    def send_error(self, status_code: int, message: Optional[str] = "", explain: Optional[str] = "") -> None:
        """Sends an error, with the page that there is for it, and ends the request."""
        raise NotImplementedError

    def send_redirect(self, url: str) -> None:
        """Sends 302 with this ``Location`` and ends the request."""
        raise NotImplementedError

    def send_response(self) -> None:
        """Sends what has been set and ends the request."""
        raise NotImplementedError

    def write_bytes(self, data: Union[bytes, bytearray]) -> None:
        """Sends a piece of the body; the first one sends status and header fields before it."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the response."""
        raise NotImplementedError
