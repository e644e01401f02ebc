"""A function's arguments as data: where each comes from and how it is read."""

import asyncio
import functools
from http.cookies import BaseCookie, SimpleCookie
from typing import Any, Dict, List, Optional, Union

import pytest

from simple_http_server import (
    BytesBody,
    Cookie,
    Cookies,
    Environment,
    Header,
    Headers,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    PathValue,
    RegGroup,
    RegGroups,
    Request,
    RequestBodyReader,
    Response,
    Session,
)
from simple_http_server._annotations import MISSING
from simple_http_server._signature import BINDINGS, analyse, analyse_error_page
from simple_http_server.models import model_bindings
from simple_http_server.models.model_bindings import ModelBinding, ModelBindingConf
from simple_http_server.routing_server import ConfigurationError


def arguments(function, conf=None, **options):
    return analyse(function, conf or ModelBindingConf(), **options)


def one(function, conf=None):
    (argument,) = arguments(function, conf)
    return argument


def annotated(annotation):
    def function(x):
        pass

    function.__annotations__["x"] = annotation
    return function


def with_default(default, annotation=None):
    def function(x=default):
        pass

    if annotation is not None:
        function.__annotations__["x"] = annotation
    return function


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (str, "str"),
        (int, "int"),
        (float, "float"),
        (bool, "bool"),
        (list, "list"),
        (List, "list"),
        (dict, "dict"),
        (Dict, "dict"),
        (Dict[str, Any], "dict"),
        (dict[str, int], "dict"),
        (Parameter, "parameter"),
        (Parameters, "parameters"),
        (Header, "header"),
        (Headers, "headers"),
        (Cookie, "cookie"),
        (Cookies, "cookies"),
        (SimpleCookie, "cookies"),
        (BaseCookie, "cookies"),
        (PathValue, "path_value"),
        (RegGroups, "reg_groups"),
        (RegGroup, "reg_group"),
        (MultipartFile, "multipart"),
        (JSONBody, "json_body"),
        (BytesBody, "bytes_body"),
        (RequestBodyReader, "reader"),
        (ModelDict, "model_dict"),
        (Session, "session"),
        (Request, "request"),
        (Response, "response"),
        (Environment, "environment"),
        (Optional[int], "int"),
        (Optional[List[int]], "list"),
        ("int", "int"),
        ("Optional[Header]", "header"),
        ("float | None", "float"),
        ("None | list[int]", "list"),
    ],
)
def test_an_annotation_says_how_an_argument_is_read(annotation, kind):
    argument = one(annotated(annotation))
    assert (argument.name, argument.kind, argument.default, argument.positional) == ("x", kind, MISSING, True)


@pytest.mark.parametrize(
    ("annotation", "item"),
    [
        (list, "str"),
        (List, "str"),
        (List[str], "str"),
        (List[int], "int"),
        (list[int], "int"),
        (List[float], "float"),
        (list[bool], "bool"),
        (List[dict], "dict"),
        (List[Dict], "dict"),
        (List[Dict[str, Any]], "dict"),
        (List[Parameter], "parameter"),
        (Optional[List[int]], "int"),
        ("list[float]", "float"),
    ],
)
def test_a_list_says_what_its_items_are(annotation, item):
    assert (one(annotated(annotation)).kind, one(annotated(annotation)).item) == ("list", item)


def test_an_argument_that_says_nothing_is_a_text():
    argument = one(lambda x: x)
    assert (argument.kind, argument.arg_type, argument.effective_name, argument.required) == (
        "str",
        str,
        "x",
        False,
    )


@pytest.mark.parametrize(
    ("default", "kind"),
    [("", "str"), (16, "int"), (0.5, "float"), (True, "bool"), ([], "list"), ({}, "dict"), ((), "default")],
)
def test_the_type_of_a_default_says_how_an_argument_is_read(default, kind):
    argument = one(with_default(default))
    assert (argument.kind, argument.default, argument.arg_type) == (kind, default, type(default))


def test_a_default_counts_before_the_annotation():
    assert one(with_default("s", int)).kind == "str"
    assert one(with_default("s", "NoSuchName")).kind == "str"


def test_the_default_none_leaves_the_word_to_the_annotation():
    assert one(with_default(None)).kind == "str"
    assert (one(with_default(None, int)).kind, one(with_default(None, int)).default) == ("int", None)
    assert one(with_default(None, Optional[List[int]])).item == "int"
    assert (one(with_default(None, Cookie)).kind, one(with_default(None, Cookie)).required) == (
        "cookie",
        False,
    )


def test_a_list_as_a_default_leaves_its_items_to_the_annotation():
    assert (one(with_default([], List[int])).item, one(with_default([1])).item) == ("int", "str")
    assert (one(with_default([], "list[bool] | None")).item, one(with_default([], "No")).item) == (
        "bool",
        "str",
    )


def test_a_binding_in_python_reads_the_same_items():
    argument = one(with_default([], "List[int]"))
    request = Request()
    request.parameters = {"x": ["1", "2"]}
    binding = BINDINGS[argument.kind](request, Response(), argument.name, argument.arg_type, argument.default)
    assert asyncio.run(binding.bind()) == [1, 2]


def test_a_default_object_says_name_and_whether_it_is_required():
    argument = one(with_default(Parameter("userName", required=True)))
    assert (argument.effective_name, argument.required) == ("userName", True)
    assert one(with_default(Header())).effective_name == "x"
    assert one(with_default(Cookie("c", required=True))).required
    assert one(with_default(MultipartFile("file", required=True))).effective_name == "file"
    assert one(with_default(PathValue("who"))).effective_name == "who"
    assert one(with_default(Parameters("tag", required=True))).required
    assert one(with_default(RegGroup(2))).group == 2


def test_a_cookie_without_any_default_is_required():
    assert one(annotated(Cookie)).required
    assert not one(annotated(Header)).required


def test_those_without_a_default_are_bound_first():
    def function(a, b=1, *, c: int, d=Request()):
        pass

    found = [(argument.name, argument.positional) for argument in arguments(function)]
    assert found == [("a", True), ("c", False), ("b", True), ("d", False)]


def test_a_keyword_only_argument_keeps_its_plain_default():
    def function(*, x="kd", y: Optional[int] = None, z=Header("Z")):
        pass

    assert [argument.name for argument in arguments(function)] == ["z"]


def test_variable_arguments_are_none_of_the_requests():
    assert [argument.name for argument in arguments(lambda x, *args, **kwargs: x)] == ["x"]


def test_the_object_of_a_controller_is_none_of_the_requests():
    assert [a.name for a in arguments(lambda self, x: x, skip_self=True)] == ["x"]
    assert [a.name for a in arguments(lambda *, x: x, skip_self=True)] == ["x"]
    assert arguments(lambda: None, skip_self=True) == []


def test_a_wrapper_has_the_arguments_of_what_it_wraps():
    def function(n: int, h=Header("H")):
        pass

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        pass

    assert arguments(wrapper) == arguments(function)


def test_a_wrapper_with_arguments_of_its_own_has_those():
    def function(n: int):
        pass

    @functools.wraps(function)
    def wrapper(request=Request()):
        pass

    assert [argument.name for argument in arguments(wrapper)] == ["request"]


def test_an_object_that_can_be_called_and_a_partial_have_arguments():
    class Callable:
        def __call__(self, n: int):
            pass

    assert [(a.name, a.kind) for a in arguments(Callable())] == [("n", "int")]
    assert [(a.name, a.kind) for a in arguments(functools.partial(lambda n, m: 0, 1))] == [("m", "str")]


def test_the_annotations_of_a_wrapper_mean_what_they_mean_where_it_was_written():
    elsewhere: dict = {}
    exec(
        "import functools\n"
        "from simple_http_server import Header as Point\n"
        "def decorate(function):\n"
        "    @functools.wraps(function, assigned=())\n"
        "    def wrapper(x: 'Point'):\n"
        "        pass\n"
        "    return wrapper\n",
        elsewhere,
    )
    assert one(elsewhere["decorate"](lambda point: point)).kind == "header"


class Point:
    pass


class PointBinding(ModelBinding):
    pass


class IntBinding(model_bindings.IntModelBinding):
    pass


def test_a_binding_of_the_users_own_is_called():
    conf = ModelBindingConf()
    conf.model_bingding_types.update({Point: PointBinding, int: IntBinding, List[int]: PointBinding})
    for annotation in (Point, Optional[Point], "Point", "Point | None"):
        argument = one(annotated(annotation), conf)
        assert (argument.kind, argument.binding, argument.arg_type) == ("custom", PointBinding, Point)
    assert one(annotated(int), conf).binding is IntBinding
    assert one(annotated(list[int]), conf).binding is PointBinding
    assert one(annotated(List[str]), conf).kind == "list"
    assert one(with_default(Point()), conf).kind == "custom"


def test_a_default_binding_of_the_users_own_has_what_nothing_else_has():
    conf = ModelBindingConf()
    conf.default_model_binding_type = PointBinding
    for annotation in (Point, bytes, Any, List[Point], Union[int, str]):
        argument = one(annotated(annotation), conf)
        assert (argument.kind, argument.binding, argument.arg_type) == ("custom", PointBinding, annotation)
    assert one(with_default(()), conf).kind == "custom"


def test_the_built_in_binding_of_another_type_is_read_natively():
    conf = ModelBindingConf()
    conf.model_bingding_types[Point] = model_bindings.IntModelBinding
    assert (one(annotated(Point), conf).kind, one(annotated(Point), conf).binding) == ("int", None)


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (bytes, "bytes"),
        (Any, "Any"),
        (List[Point], r"typing.List\[test_signatures.Point\]"),
        (Union[int, str], r"typing.Union\[int, str\]"),
        (Point, "Point"),
    ],
)
def test_an_argument_that_nothing_binds_is_named_with_function_file_and_line(annotation, shown):
    function = annotated(annotation)
    line = function.__code__.co_firstlineno
    named = rf"argument 'x' of annotated\.<locals>\.function \(.*test_signatures\.py:{line}\) "
    with pytest.raises(
        ConfigurationError, match=rf"{named}can't be bound: there is no binding for .*{shown}"
    ):
        arguments(function)


def test_an_annotation_that_means_nothing_is_named_with_function_file_and_line():
    text = r"annotation of the argument 'x' of .*\.function \(.*test_signatures\.py:\d+\) .*: name 'Nothing' is not"
    with pytest.raises(ConfigurationError, match=text):
        arguments(annotated("Nothing"))


def test_an_annotation_that_means_nothing_beside_none_leaves_none(logged):
    argument = one(with_default(None, "Nothing"))
    assert (argument.kind, argument.default) == ("default", None)
    assert "name 'Nothing' is not defined. Its value is always None." in logged()[0]


def test_what_has_no_signature_is_named():
    with pytest.raises(ConfigurationError, match=r"has no signature"):
        arguments(int)


def page_arguments(function):
    return [(argument.name, argument.source) for argument in analyse_error_page(function)]


def test_an_error_page_gets_code_message_and_explanation_by_position():
    assert page_arguments(lambda code, message, explain="": 0) == [
        ("code", "code"),
        ("message", "message"),
        ("explain", "explain"),
    ]


def test_an_error_page_gets_them_by_type_and_never_by_name():
    def by_type(message: str, code: int, explain: str = ""):
        pass

    assert page_arguments(by_type) == [("message", "message"), ("code", "code"), ("explain", "explain")]
    assert page_arguments(lambda explain="", message="", code=0: 0) == [
        ("explain", "message"),
        ("message", "explain"),
        ("code", "code"),
    ]


def test_an_error_page_gets_none_or_its_default_where_nothing_fits():
    def function(a: float, b: int, c: int, d: "str", e, f, g=1.5, h: int = 7):
        pass

    assert page_arguments(function) == [
        ("a", None),
        ("b", "code"),
        ("c", None),
        ("d", "message"),
        ("e", "explain"),
        ("f", None),
        ("g", None),
        ("h", None),
    ]
    assert [argument.default for argument in analyse_error_page(function)] == [None] * 6 + [1.5, 7]


def test_an_error_page_may_take_its_arguments_by_name_only():
    (argument,) = analyse_error_page(lambda *, code=0: code)
    assert (argument.source, argument.positional) == ("code", False)
