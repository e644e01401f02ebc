"""What an annotation means: texts, ``Optional``, ``X | None`` and generic types, on every Python from 3.9 on."""

import inspect
import operator
import sys
import types
import typing
from typing import Any, Callable, Dict, Iterator, List, Optional, Union, cast

from ._location import innermost
from .models.arguments import Parameter


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""Stands for a default where there is none."""

_UNIONS = (Union, getattr(types, "UnionType", Union))

_ITEM_KINDS: Dict[Any, str] = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    dict: "dict",
    Parameter: "parameter",
}


class UnresolvedAnnotation(Exception):
    """The text of an annotation names something that isn't there."""


def resolve(function: Callable[..., Any], annotation: Any, unannotated: Any = str) -> Any:
    """The type that an annotation of a function's argument means; ``Optional[X]`` means ``X``.

    :param unannotated: what an argument without an annotation has.
    :raises UnresolvedAnnotation: where a name in it is unknown.
    """
    if annotation is inspect.Parameter.empty:
        return unannotated
    carrier = types.SimpleNamespace(__annotations__={"annotation": annotation})
    names = _names(function)
    if isinstance(annotation, str) and sys.version_info < (3, 10):
        carrier.__annotations__["annotation"] = _without_bars(annotation)
        names["_Union"] = Union
    try:
        resolved = typing.get_type_hints(carrier, names)["annotation"]
    except Exception as error:  # evaluating a text may raise whatever its author wrote into it
        raise UnresolvedAnnotation(str(error)) from None
    return _without_none(resolved)


def _names(function: Callable[..., Any]) -> Dict[str, Any]:
    """The names that the annotations of a function may use."""
    return dict(getattr(innermost(function, through_wrappers=False), "__globals__", {}))


def _without_bars(annotation: str) -> str:
    """``X | Y`` as ``Union[X, Y]``, for Python 3.9, where types can't be joined by a bar."""
    import ast

    class Bars(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if not isinstance(node.op, ast.BitOr):
                return node
            both = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
            return ast.Subscript(value=ast.Name(id="_Union", ctx=ast.Load()), slice=both, ctx=ast.Load())

    try:
        tree = ast.parse(annotation, mode="eval")
    except SyntaxError:
        return annotation
    return ast.unparse(ast.fix_missing_locations(Bars().visit(tree)))


def _without_none(annotation: Any) -> Any:
    """``X`` for ``Optional[X]`` and ``X | None``; another union stays what it is."""
    if typing.get_origin(annotation) not in _UNIONS:
        return annotation
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    return members[0] if len(members) == 1 else annotation


def spellings(arg_type: Any) -> Iterator[Any]:
    """The types under which a binding may be known for this one, the most exact first.

    ``list[int]`` is known as ``List[int]``, then as a list; ``dict[str, Any]`` as a dict. A list whose items are of no
    known kind is not a list: it would have texts where something else was asked for.
    """
    yield arg_type
    origin = typing.get_origin(arg_type)
    if origin is list and item_kind(arg_type):
        yield _list_of(typing.get_args(arg_type)[0])
        yield list
    elif origin is dict:
        yield dict


def _list_of(item: Any) -> Any:
    """``List[item]``, for an item that is known only now."""
    return operator.getitem(cast(Any, List), item)


def item_kind(arg_type: Any) -> Optional[str]:
    """What the items of a list type are, or ``None`` where that is not said, or unknown."""
    if typing.get_origin(arg_type) is not list or not typing.get_args(arg_type):
        return None
    item = typing.get_args(arg_type)[0]
    try:
        return _ITEM_KINDS.get(typing.get_origin(item) or item)
    except TypeError:
        return None
