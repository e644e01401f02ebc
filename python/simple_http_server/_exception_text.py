"""What exceptions of an application say of themselves, which is code of the application's too."""

from typing import Callable

from . import _signals


def exception_text(error: BaseException, say: Callable[[object], str] = str) -> str:
    """The text, as UTF-8 can have it; the name of the class where there is none to be had."""
    try:
        return say(error).encode("utf-8", "replace").decode("utf-8")
    except BaseException as another:
        _signals.interrupt(another, another.__traceback__)
        return type(error).__name__
