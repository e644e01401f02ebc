"""Where in the application something was declared, and the error that says so."""

import functools
import os
import types
from typing import Any


class ConfigurationError(AssertionError):
    """The application can't be served as it is declared. The text names function, file and line.

    It is an ``AssertionError``, which is what such mistakes have always been answered with.
    """


def location(declared: Any) -> str:
    """``name (file:line)`` of a function, a class or an object that is callable."""
    function = innermost(declared)
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    code = getattr(function, "__code__", None)
    if code is not None:
        return f"{name} ({_path(code.co_filename)}:{code.co_firstlineno})"
    return f"{name} ({_class_location(function)})"


def innermost(declared: Any, through_wrappers: bool = True) -> Any:
    """The function that somebody wrote, inside methods, ``functools.partial`` and objects that are called.

    :param through_wrappers: whether what ``functools.wraps`` was told of counts rather than the wrapper.
    """
    attributes = ("__func__", "__wrapped__", "func") if through_wrappers else ("__func__", "func")
    inside = [getattr(declared, attribute, None) for attribute in attributes]
    for inner in [*inside, vars(type(declared)).get("__call__")]:
        if isinstance(inner, (types.FunctionType, types.MethodType, functools.partial)):
            return innermost(inner, through_wrappers)
    return declared


def _path(file: str) -> str:
    """The path as short as it can be said: from the current folder, where the file is below it."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):
        return file
    return file if relative.startswith(os.pardir) else relative


def _class_location(declared: Any) -> str:
    """File and line of a class, or of the class of an object; its module where there is no source."""
    import inspect

    cls = declared if isinstance(declared, type) else type(declared)
    try:
        return f"{_path(inspect.getfile(cls))}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__
