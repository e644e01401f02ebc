"""The bindings of built-in types, as those get them who call or subclass them."""

import asyncio
from typing import Dict, List

import pytest

from simple_http_server import (
    BytesBody,
    Cookie,
    Cookies,
    Environment,
    Header,
    Headers,
    HttpError,
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
from simple_http_server.models import model_bindings
from simple_http_server.models.model_bindings import ModelBinding, ModelBindingConf

FILE = MultipartFile("f", filename="a.txt", content=b"a")


class Visited(Request):
    """A request as a server gets it."""

    def __init__(self):
        super().__init__()
        self.headers = Headers({"X-Token": "t"})
        self.parameters = {
            "n": ["5", "6"],
            "bad": ["x"],
            "json": ['{"a": 1}'],
            "f": [FILE],
            "empty": [""],
            "no": ["FALSE"],
            "one": ["1"],
            "jsons": ["{}", "[1]"],
        }
        self.cookies["flavour"] = "choc"
        self.cookies["flavour"]["path"] = "/p"
        self.path_values = {"who": "me"}
        self.reg_groups = ("a", None)
        self.environment = {"k": "v"}
        self.session = Session()

    def get_session(self, create=False):
        return self.session if create else None


def bind(arg_type, name="x", default=None, request=None):
    conf = ModelBindingConf()
    binding = conf.model_bingding_types.get(arg_type, conf.default_model_binding_type)
    return asyncio.run(binding(request or Visited(), Response(), name, arg_type, default).bind())


def refusal(arg_type, name="x", default=None, request=None):
    with pytest.raises(HttpError) as refused:
        bind(arg_type, name, default, request)
    return refused.value.code, refused.value.message, refused.value.explain


def test_a_binding_knows_what_it_was_made_with():
    request, response = Request(), Response()
    binding = ModelBinding(request, response, "x", int, 5)
    assert (binding.request, binding.response, binding.arg_name) == (request, response, "x")
    assert (binding.arg_type, binding.default_value) == (int, 5)
    assert ModelBinding(request, response, "x", int).default_value is None
    with pytest.raises(NotImplementedError):
        binding.bind()


def test_a_text_is_a_parameter():
    value = bind(str, "n")
    assert (value, type(value), value.name) == ("5", Parameter, "n")
    assert (bind(str, "x", "d"), type(bind(str, "x", "d")), bind(str)) == ("d", Parameter, None)


@pytest.mark.parametrize(("arg_type", "value"), [(int, 5), (float, 5.0), (bool, True)])
def test_a_scalar_is_converted(arg_type, value):
    assert bind(arg_type, "n") == value
    assert bind(arg_type, "x") is None
    assert bind(arg_type, "x", value) == value


def test_a_scalar_that_cannot_be_converted_is_refused():
    assert refusal(int, "bad") == (400, "Bad Request", "Parameter[bad] should be an int. ")
    assert refusal(float, "bad") == (400, "Bad Request", "Parameter[bad] should be an float. ")
    assert refusal(int, "empty")[0] == refusal(int, "f")[0] == 400


@pytest.mark.parametrize("arg_type", [str, bool, Parameter])
def test_a_file_is_no_text(arg_type):
    assert refusal(arg_type, "f") == (400, "Bad Request", "Parameter[f] should be a text, not a file.")


def test_only_three_texts_are_false():
    assert [bind(bool, name) for name in ("empty", "no", "bad", "one")] == [False, False, True, True]


def test_a_list_is_converted_item_by_item():
    assert bind(list, "n") == bind(List, "n") == bind(List[str], "n") == ["5", "6"]
    assert bind(List[int], "n") == [5, 6]
    assert bind(List[float], "n") == [5.0, 6.0]
    assert bind(List[bool], "no") == [False]
    assert bind(List[dict], "jsons") == bind(List[Dict], "jsons") == [{}, [1]]
    (parameter,) = bind(List[Parameter], "one")
    assert (type(parameter), parameter.name) == (Parameter, "one")


@pytest.mark.parametrize(
    ("arg_type", "wanted"), [(List[int], "int"), (List[float], "float"), (List[dict], "JSON string")]
)
def test_an_item_that_cannot_be_converted_is_refused(arg_type, wanted):
    assert refusal(arg_type, "bad") == (400, "Bad Request", f"One of the parameter[bad] is not {wanted}. ")


@pytest.mark.parametrize(("arg_type", "default"), [(list, ["d"]), (dict, {"d": 1})])
def test_a_default_is_copied(arg_type, default):
    value = bind(arg_type, "x", default)
    assert value == default
    assert value is not default
    assert bind(arg_type, "x") == arg_type()


def test_a_dict_is_json():
    assert bind(dict, "json") == bind(Dict, "json") == {"a": 1}
    assert refusal(dict, "bad") == (400, "Bad Request", "Parameter[bad] should be a JSON string.")


def test_a_parameter_has_the_name_that_its_default_says():
    value = bind(Parameter, "x", Parameter("n", required=True))
    assert (value, value.name, value.required) == ("5", "n", True)
    default = Parameter("other", "d")
    assert bind(Parameter, "x", default) is default
    assert bind(Parameter, "x") == ""
    missing = (400, "Missing Parameter", "Parameter[other] is required.")
    assert refusal(Parameter, "x", Parameter("other", required=True)) == missing


def test_parameters_are_all_values():
    value = bind(Parameters, "x", Parameters("n"))
    assert (value, value.name) == (["5", "6"], "n")
    assert bind(Parameters, "x", Parameters("other", ["d"])) == ["d"]
    assert bind(Parameters, "x") == []
    missing = (400, "Missing Parameter", "Parameter[x] is required.")
    assert refusal(Parameters, "x", Parameters(required=True)) == missing


def test_a_field_is_found_without_regard_to_case():
    value = bind(Header, "x", Header("x-token"))
    assert (value, value.name) == ("t", "x-token")
    assert (bind(Header, "x"), bind(Header, "x", Header(default="d"))) == ("", "d")
    assert refusal(Header, "x", Header("X-No", required=True)) == (
        400,
        "Missing Header",
        "Header[X-No] is required.",
    )


def test_all_fields_are_a_copy():
    request = Visited()
    value = bind(Headers, request=request)
    assert value == request.headers
    assert value is not request.headers


def test_a_cookie_has_its_attributes():
    value = bind(Cookie, "flavour")
    assert (value.key, value.value, value["path"], value.name) == ("flavour", "choc", "/p", "")
    default = Cookie("other", "d")
    assert bind(Cookie, "x", default) is default
    assert refusal(Cookie, "x") == (400, "Missing Cookie", "Cookie[x] is required.")
    assert refusal(Cookie, "x", Cookie("o", required=True)) == (
        400,
        "Missing Cookie",
        "Cookie[o] is required.",
    )
    request = Visited()
    assert bind(Cookies, request=request) is request.cookies


def test_a_path_value_has_the_name_of_the_variable():
    value = bind(PathValue, "x", PathValue("who"))
    assert (value, value.name, type(value)) == ("me", "who", PathValue)
    unknown = (500, "Internal Server Error", "path name[x] not in your url mapping!")
    assert refusal(PathValue, "x") == unknown
    request = Visited()
    request.path_values = {"__path_wildcard": "rest"}
    assert (bind(PathValue, request=request), type(bind(PathValue, request=request))) == ("rest", str)


def test_a_group_is_counted_from_0():
    assert (bind(RegGroups), type(bind(RegGroups))) == (("a", None), RegGroups)
    assert (bind(RegGroup), bind(RegGroup).group) == ("a", 0)
    assert (bind(RegGroup, "x", RegGroup(1)), bind(RegGroup, "x", RegGroup(1)).group) == ("", 1)
    short = "RegGroup required an element at 2, but the reg length is only 2"
    assert refusal(RegGroup, "x", RegGroup(2)) == (400, "Bad Request", short)


def test_a_file_is_the_one_that_was_sent():
    assert bind(MultipartFile, "f") is FILE
    default = MultipartFile("other")
    assert bind(MultipartFile, "x", default) is default
    assert bind(MultipartFile, "x").is_empty
    assert refusal(MultipartFile, "n") == (400, "Bad Request", "Parameter[n] should be a file.")
    missing = (400, "Missing Parameter", "Parameter[x] is required.")
    assert refusal(MultipartFile, "x", MultipartFile(required=True)) == missing


def json_request(json, content_type="Application/JSON; charset=utf-8"):
    request = Visited()
    request.headers["Content-Type"] = content_type
    request.json = json
    return request


def test_a_json_body_is_an_object():
    value = bind(JSONBody, request=json_request({"a": 1}))
    assert (value, type(value)) == ({"a": 1}, JSONBody)
    wanted = 'The content type of this request must be "application/json"'
    assert refusal(JSONBody, request=json_request({}, "text/plain")) == (400, "Bad Request", wanted)
    assert refusal(JSONBody, request=json_request([1]))[:2] == (400, "Bad Request")


def test_the_bytes_of_a_body_are_read_where_that_was_not_done():
    class Reader(RequestBodyReader):
        async def read(self, n=-1):
            return b"read"

    request = Visited()
    request.reader = Reader()
    assert (bind(BytesBody, request=request), type(bind(BytesBody, request=request))) == (b"read", BytesBody)
    request._body = b"there"
    assert bind(BytesBody, request=request) == b"there"
    assert bind(RequestBodyReader, request=request) is request.reader


def test_all_parameters_are_a_value_or_a_list():
    value = bind(ModelDict)
    assert type(value) is ModelDict
    assert (value["n"], value["one"], value["f"]) == (["5", "6"], "1", FILE)


def test_what_belongs_to_the_request_is_handed_on():
    request = Visited()
    assert bind(Request, request=request) is request
    assert bind(Session, request=request) is request.session
    assert isinstance(bind(Response), Response)
    assert (bind(Environment), type(bind(Environment))) == ({"k": "v"}, Environment)


def test_a_type_that_nothing_is_known_for_has_its_default():
    assert bind(bytes, "x", b"d") == b"d"
    assert bind(bytes) is None


def test_a_binding_may_build_upon_a_built_in_one():
    class Doubled(model_bindings.IntModelBinding):
        async def bind(self):
            return 2 * await super().bind()

    assert asyncio.run(Doubled(Visited(), Response(), "n", int).bind()) == 10
