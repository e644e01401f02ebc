"""What controllers get for ``Request`` and ``Response``: read from the engine when it is first asked for."""

import functools
import json
import time
from http.cookies import CookieError
from typing import Any, Callable, Optional, Union

from ._engine import Uploaded, Visit
from .models.arguments import MultipartFile, RequestBodyReader
from .models.basic_models import SESSION_COOKIE_NAME
from .models.fields import Cookies
from .models.request import Request
from .models.response import HttpError, Response, _description
from .models.session import Session


class _Lazy:
    """An attribute that is read when it is first asked for, and may be assigned."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, request: Optional[Any], owner: Optional[type] = None) -> Any:
        if request is None:
            return self
        value = self._read(request)
        request.__dict__[self._name] = value
        return value


class LiveRequest(Request):
    """The request that is being answered."""

    _session: Optional[Session] = None

    def __init__(self, visit: Visit) -> None:
        # not the base's: its attributes are read lazily
        self._visit = visit

    method = _Lazy(lambda request: request._visit.method)
    path = _Lazy(lambda request: request._visit.path)
    query_string = _Lazy(lambda request: request._visit.query_string)
    headers = _Lazy(lambda request: request._visit.headers())
    path_values = _Lazy(lambda request: request._visit.path_values())
    reg_groups = _Lazy(lambda request: request._visit.reg_groups())
    environment = _Lazy(lambda request: request._visit.environment or {})
    reader = _Lazy(lambda request: LiveReader(request._visit))
    json = _Lazy(lambda request: request._parse_json())
    _cookies = _Lazy(lambda request: _parse_cookies(request.headers.get("Cookie", "")))
    _parameters = _Lazy(lambda request: request._visit.parameters())
    _parameter = _Lazy(lambda request: {name: values[0] for name, values in request._parameters.items()})
    _body = _Lazy(lambda request: request._visit.body())

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self._visit.scheme

    @property
    def client(self) -> Optional[str]:
        """The address of the client."""
        return self._visit.client

    def get_session(self, create: bool = False) -> Optional[Session]:
        if self._session:
            return self._session
        factory = self._visit.session_factory
        session: Optional[Session] = factory.get_session(self._session_id(), create) if factory else None
        if session:
            self._session = session
        return session

    def _session_id(self) -> str:
        if _CHANGEABLE.isdisjoint(self.__dict__):
            return self._visit.cookie(SESSION_COOKIE_NAME) or ""
        cookie = self.cookies.get(SESSION_COOKIE_NAME)
        return cookie.value if cookie else ""

    def _session_cookie(self) -> Optional[str]:
        """The ``Set-Cookie`` of the session; ``None`` where there is none."""
        session = self._session
        if not session and self._session_id():
            session = self.get_session(False)
        if not session:
            return None
        if session.is_valid:
            expires = session.last_accessed_time + session.max_inactive_interval
        elif self._session_id():
            expires = 0
        else:
            return None
        date = _date(int(expires))
        cookie = f"{SESSION_COOKIE_NAME}={session.id}; expires={date}; HttpOnly; Path=/"
        if self._visit.compatible:
            return cookie
        seconds = max(0, int(expires - time.time()))
        secure = "; Secure" if self.scheme == "https" else ""
        return f"{cookie}; Max-Age={seconds}; SameSite=Lax{secure}"

    def _parse_json(self) -> Any:
        if not self.content_type.lower().startswith("application/json"):
            return None
        try:
            text = _as_utf8(self.body)
            self._visit.check_json_depth(text)
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, None, f"The body is not JSON: {error}") from None


def _as_utf8(text: bytes) -> bytes:
    """A JSON text in UTF-8, whichever of the encodings that there are for JSON it is in."""
    encoding = json.detect_encoding(text)
    if encoding.startswith("utf-8"):
        return text
    return text.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")


# what says which cookies came, where somebody has asked for it and so may have changed it
_CHANGEABLE = frozenset({"_cookies", "headers"})


@functools.lru_cache(maxsize=256)
def _date(seconds: int) -> str:
    """The time as cookies have it; the same one is asked for all through a second."""
    return time.strftime(Cookies.EXPIRE_DATE_FORMAT, time.gmtime(seconds))


def _parse_cookies(field: str) -> Cookies:
    """The cookies of a request; a malformed pair hides none of the others."""
    cookies = Cookies()
    try:
        cookies.load(field)
        if len(cookies) == field.count(";") + 1:
            return cookies
    except CookieError:
        pass
    for pair in field.split(";"):
        try:
            one = Cookies()
            one.load(pair.strip())
        except CookieError:
            continue
        for name, morsel in one.items():
            cookies.setdefault(name, morsel)
    return cookies


class LiveReader(RequestBodyReader):
    """The body of the request that is being answered, piece by piece."""

    def __init__(self, visit: Visit) -> None:
        self._reader = visit.reader()
        self._fetch = visit.fetch

    async def read(self, n: Optional[int] = -1) -> bytes:
        wanted = n if n and n > 0 else 0
        while True:
            piece = self._reader.read_at_once(wanted)
            if piece is not None:
                return piece
            if self._fetch is None or not await self._fetch():
                await self._arrival(wanted)

    async def _arrival(self, wanted: int) -> None:
        """Waits until so much can be read; what has come when that is cancelled is there for the next read."""
        import asyncio

        from ._wsgi import call_in

        loop = asyncio.get_running_loop()
        come = asyncio.Event()
        self._reader.wait(wanted, lambda: call_in(loop, come.set))
        try:
            await come.wait()
        finally:
            self._reader.end_waiting()


class LiveMultipartFile(MultipartFile):
    """An uploaded file; its content stays where the engine has it until it is asked for."""

    def __init__(self, uploaded: Uploaded) -> None:
        super().__init__(uploaded.name, False, uploaded.filename, uploaded.content_type)
        self._uploaded = uploaded

    @property
    def content(self) -> bytes:
        if self._content is None:
            self._content = self._uploaded.read()
        return self._content

    @property
    def is_empty(self) -> bool:
        return self._uploaded.length == 0

    def save_to_file(self, path: str) -> None:
        if not self.is_empty:
            self._uploaded.save_to(path)


class ClientGone(BrokenPipeError):
    """Nobody reads what is written any more."""


class LiveResponse(Response):
    """The response that is being prepared."""

    def __init__(self, visit: Visit) -> None:
        super().__init__()
        self._visit = visit

    @property
    def is_sent(self) -> bool:
        """Whether the response, or its beginning, has been sent."""
        return self._visit.is_sent

    def send_error(self, status_code: int, message: Optional[str] = "", explain: Optional[str] = "") -> None:
        self._check_not_sent()
        self._visit.send_error(
            status_code, message, _description(status_code) if explain is None else explain
        )

    def send_redirect(self, url: str) -> None:
        self.status_code = 302
        self.set_header("Location", url)
        self.body = None
        self.send_response()

    def send_response(self) -> None:
        self._check_not_sent()
        self._visit.send(self.status_code, self.headers, self._cookie_lines(), self.body)

    def write_bytes(self, data: Union[bytes, bytearray]) -> None:
        assert isinstance(data, (bytes, bytearray)), "You can only write bytes or a bytearray."
        if not self._visit.is_sent:
            self._visit.begin(self.status_code, self.headers, self._cookie_lines())
        if not self._visit.write(data):
            raise ClientGone("The client has gone, or does not read what is sent.")

    def close(self) -> None:
        if self._visit.environment is not None and not self._visit.is_sent:
            # a host wants an answer to everything
            self._visit.begin(self.status_code, self.headers, self._cookie_lines())
        self._visit.close()

    def _cookie_lines(self) -> list[str]:
        return [morsel.OutputString() for morsel in self.cookies.values()]

    def _check_not_sent(self) -> None:
        assert not self._visit.is_sent, "This response has benn sent"


__all__ = ["LiveMultipartFile", "LiveReader", "LiveRequest", "LiveResponse"]
