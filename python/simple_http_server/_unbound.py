"""Arguments that no request can give a value: their function fails whenever it is called."""

import re
from typing import Dict, Iterator, List, Sequence

from ._declarations import Route
from ._location import innermost, location
from ._signature import Argument


def never_bound(routes: Sequence[Route]) -> Iterator[str]:
    """What is wrong, with function, file and line, for each argument that none of its function's routes can bind.

    Filters may put values into a request: where there are some, nothing of this is certain.
    """
    by_function: Dict[int, List[Route]] = {}
    for route in routes:
        by_function.setdefault(id(innermost(route.function)), []).append(route)
    for mapped in by_function.values():
        function, arguments = mapped[0].function, mapped[0].arguments
        for argument in arguments:
            if not any(_may_bind(route, argument) for route in mapped):
                patterns = ", ".join(
                    repr(route.url or getattr(route.regexp, "pattern", "")) for route in mapped
                )
                yield (
                    f"The argument {argument.name!r} of {location(function)} can never be bound: {patterns} has no "
                    f"{_wanted(argument)}."
                )


def _may_bind(route: Route, argument: Argument) -> bool:
    if argument.kind == "path_value":
        return _has_value(route, argument.effective_name)
    if argument.kind == "reg_group":
        return route.regexp is not None and argument.group < route.regexp.groups
    return True


def _has_value(route: Route, name: str) -> bool:
    """Whether the path has a variable of this name; a wildcard is the value of whichever name."""
    variables = re.findall(r"\{(\w+)\}", route.url)
    return name in variables if variables else "*" in route.url


def _wanted(argument: Argument) -> str:
    if argument.kind == "path_value":
        return f"variable {{{argument.effective_name}}}"
    return f"group {argument.group}, counted from 0"
