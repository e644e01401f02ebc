"""What a controller may ask for: as the annotation of an argument, or as its default.

As a default an object says more than its class does: ``user=Parameter("userName", required=True)``.
"""

from typing import Any, Iterable, Optional


class ParamStringValue(str):
    """A text that knows the name of the parameter or field that it comes from.

    The engine makes such values with ``str.__new__`` and sets ``name``: nothing else belongs into ``__new__``.

    :param name: the name in the request; the argument's name where it is empty.
    :param default: the text, which is also the value where the request has none.
    :param required: a request without it is answered with 400. By keyword only.
    """

    name: str = ""
    required: bool = False

    def __new__(cls, name: str = "", default: str = "", *, required: bool = False) -> "ParamStringValue":
        if not isinstance(default, str):
            raise AssertionError(
                f"The default of a {cls.__name__} should be a str, not {type(default).__name__}."
            )
        value = str.__new__(cls, default)
        value.name = name
        if required:
            value.required = True
        return value

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, bool]]:
        return (self.name, str(self)), {"required": self.required}


class Parameter(ParamStringValue):
    """A parameter of the query or the form, its first value."""


class Header(ParamStringValue):
    """A header field of the request; names are compared without regard to case."""


class Parameters(list[Any]):
    """All values of a parameter.

    :param name: the name in the request; the argument's name where it is empty.
    :param default: the values where the request has none; they are copied.
    :param required: a request without the parameter is answered with 400. By keyword only.
    """

    def __init__(self, name: str = "", default: Iterable[Any] = [], *, required: bool = False) -> None:
        super().__init__(default)
        self.name = name
        self.required = required


class PathValue(str):
    """The part of the path that stands for ``{name}``, or for the wildcard."""

    name: str = ""

    def __new__(cls, name: str = "", _value: str = "") -> "PathValue":
        value = str.__new__(cls, _value)
        value.name = name
        return value

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.name, str(self)


class RegGroup(str):
    """A group of the regular expression that matched the path, counted from 0."""

    group: int = 0

    def __new__(cls, group: int = 0, *, _value: str = "") -> "RegGroup":
        value = str.__new__(cls, _value)
        value.group = group
        return value

    def __getnewargs_ex__(self) -> tuple[tuple[int], dict[str, str]]:
        return (self.group,), {"_value": str(self)}


class RegGroups(tuple[Any, ...]):
    """All groups of the regular expression that matched the path."""


class ModelDict(dict[str, Any]):
    """All parameters: the value of one that came once, the list of values of one that came several times."""


class Environment(dict[str, Any]):
    """What the host says: the environ of WSGI, the scope of ASGI; empty on the built-in server."""


class JSONBody(dict[str, Any]):
    """The body of a request whose ``Content-Type`` is ``application/json``, an object."""


class BytesBody(bytes):
    """The whole body of the request."""


class RequestBodyReader:
    """Reads the body of the request piece by piece."""

    async def read(self, n: Optional[int] = -1) -> bytes:
        """Up to ``n`` bytes, or the rest where ``n`` is negative, 0 or ``None``; ``b""`` at the end."""
        return b""

    async def read_to_end(self) -> bytes:
        """All that has not been read yet."""
        return await self.read(-1)


class MultipartFile:
    """A file of a ``multipart/form-data`` body.

    :param name: the field's name; the argument's name where it is empty.
    :param required: a request without the file is answered with 400.
    :param filename: the name that the client gave it. It is the client's word: never use it as a path unseen.
    :param content_type: what the client says that it is.
    :param content: the bytes.
    """

    def __init__(
        self,
        name: str = "",
        required: bool = False,
        filename: str = "",
        content_type: str = "",
        content: Optional[bytes] = None,
    ) -> None:
        self._name = name
        self._required = required
        self._filename = filename
        self._content_type = content_type
        self._content = content

    @property
    def name(self) -> str:
        return self._name

    @property
    def required(self) -> bool:
        return self._required

    @property
    def filename(self) -> str:
        return self._filename

    @property
    def content_type(self) -> str:
        return self._content_type

    @property
    def content(self) -> Optional[bytes]:
        return self._content

    @property
    def is_empty(self) -> bool:
        return not self.content

    def save_to_file(self, path: str) -> None:
        """Writes the content to the file at ``path``; does nothing where there is none."""
        content = self.content
        if content:
            with open(path, "wb") as file:
                file.write(content)
