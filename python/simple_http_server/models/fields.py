"""Header fields and cookies."""

from http.cookies import Morsel, SimpleCookie
from typing import Any, Iterable, Mapping, Union


class Headers(dict[str, Any]):
    """Header fields: a ``dict`` that is looked up without regard to case, and shows the spelling that it was given.

    A value is a text, or a list of texts for a field that has several lines.

    A name that is there under another spelling is found by it, replaced by it and removed by it; iteration shows the
    spelling that came first. Fields of requests are spelled in Title-Case (``X-Forwarded-For``).
    """

    def __init__(self, headers: Union[Mapping[str, Any], Iterable[tuple[str, Any]]] = {}) -> None:
        super().__init__(headers)

    def _spelling(self, name: Any) -> Any:
        """The key under which a field of this name is kept, or the name itself.

        Asked for only after the exact spelling has failed. A request has few fields, so they are looked through: an
        index beside the ``dict`` would have to be kept true by everything that may fill it.
        """
        if isinstance(name, str) and not dict.__contains__(self, name):
            lower = name.lower()
            for key in self:
                if isinstance(key, str) and key.lower() == lower:
                    return key
        return name

    def __missing__(self, name: str) -> Any:
        spelling = self._spelling(name)
        if spelling == name:
            raise KeyError(name)
        return dict.__getitem__(self, spelling)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or dict.__contains__(self, self._spelling(name))

    def get(self, name: str, default: Any = None) -> Any:
        return dict.get(self, self._spelling(name), default)

    def __setitem__(self, name: str, value: Any) -> None:
        dict.__setitem__(self, self._spelling(name), value)

    def __delitem__(self, name: str) -> None:
        dict.__delitem__(self, self._spelling(name))

    def pop(self, name: str, *default: Any) -> Any:
        return dict.pop(self, self._spelling(name), *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        return dict.setdefault(self, self._spelling(name), default)

    def update(self, *others: Any, **fields: Any) -> None:
        for name, value in dict(*others, **fields).items():
            self[name] = value

    def __ior__(self, other: Any) -> "Headers":  # type: ignore[override]
        self.update(other)
        return self

    def __or__(self, other: Any) -> "Headers":  # type: ignore[override]
        joined = self.copy()
        joined.update(other)
        return joined

    def copy(self) -> "Headers":
        return type(self)(self)


class Cookies(SimpleCookie):
    """All cookies of a request, or cookies to be set by a response: see ``http.cookies.SimpleCookie``."""

    EXPIRE_DATE_FORMAT = "%a, %d %b %Y %H:%M:%S GMT"
    """How ``expires`` is written, for ``time.strftime`` in UTC."""


class Cookie(Morsel[str]):
    """One cookie: as the default of an argument it says which, as its value it is that of the request.

    :param name: the cookie's name; the argument's name where it is empty.
    :param default: the value where the request has no such cookie.
    :param default_options: attributes of the cookie (``path``, ``max-age``, …); an unknown one is a ``CookieError``.
    :param required: a request without the cookie is answered with 400.
    """

    def __init__(
        self,
        name: str = "",
        default: str = "",
        default_options: Mapping[str, Any] = {},
        required: bool = False,
    ) -> None:
        super().__init__()
        self._name = name
        self._required = required
        if name:
            self.set(name, *SimpleCookie().value_encode(default))
        self.update(default_options)

    @property
    def name(self) -> str:
        return self._name

    @property
    def required(self) -> bool:
        return self._required

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "name": self._name, "required": self._required}  # type: ignore[misc]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(dict(state))  # type: ignore[misc]
        self._name = state["name"]
        self._required = state["required"]

    def copy(self) -> "Cookie":
        copied = type(self)()
        dict.update(copied, self)
        copied.__dict__.update(self.__dict__)
        return copied
