"""The values that controllers work with: how they are made, compared, copied and pickled."""

import asyncio
import copy
import pickle
from http.cookies import CookieError, SimpleCookie

import pytest

from simple_http_server import (
    BytesBody,
    Cookie,
    Cookies,
    Header,
    HttpError,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    PathValue,
    Redirect,
    RegGroup,
    RegGroups,
    Request,
    RequestBodyReader,
    Response,
    Session,
    SessionFactory,
    StaticFile,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
)
from simple_http_server.models.websocket import WebsocketSession
from simple_http_server.websocket_request_handler import WebsocketException


def test_a_parameter_is_its_default_and_knows_its_name():
    parameter = Parameter("n", "v")
    assert (parameter, parameter.name, parameter.required) == ("v", "n", False)
    assert Header(required=True).required
    assert type(parameter + "w") is str


def test_a_parameter_is_required_by_keyword_only():
    with pytest.raises(TypeError):
        Parameter("n", "v", True)


def test_the_default_of_a_parameter_is_a_text():
    with pytest.raises(AssertionError, match="should be a str, not int"):
        Parameter("n", 1)


def test_parameters_copy_their_default():
    default = ["a"]
    parameters = Parameters("n", default, required=True)
    parameters.append("b")
    assert default == ["a"]
    assert (parameters, parameters.name, parameters.required) == (["a", "b"], "n", True)


VALUES = [
    Parameter("n", "v", required=True),
    Header("n", "v"),
    PathValue("n", "v"),
    RegGroup(3, _value="v"),
    RegGroups(("a", None)),
    Parameters("n", ["a"], required=True),
    ModelDict(a="1"),
    BytesBody(b"abc"),
    Cookie("n", "v w", {"path": "/p"}, required=True),
    WebsocketCloseReason("m", 1000, "r"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_value_survives_pickling(value, protocol):
    assert_alike(pickle.loads(pickle.dumps(value, protocol)), value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_value_survives_copying(value, copied):
    assert_alike(copied(value), value)


def assert_alike(one, other):
    assert type(one) is type(other)
    assert one == other
    for attribute in (
        "name",
        "required",
        "group",
        "message",
        "code",
        "reason",
        "key",
        "value",
        "coded_value",
    ):
        assert getattr(one, attribute, None) == getattr(other, attribute, None)


@pytest.mark.parametrize("error", [HttpError(404, "gone", "for good"), WebsocketException("why", True)])
def test_an_error_survives_pickling(error):
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_a_cookie_is_set_where_it_has_a_name():
    cookie = Cookie("n", "a b", {"path": "/p", "max-age": 60})
    assert (cookie.key, cookie.value, cookie.coded_value, cookie["path"]) == ("n", "a b", '"a b"', "/p")
    assert cookie.OutputString() == 'n="a b"; Max-Age=60; Path=/p'
    assert (Cookie().name, Cookie().key) == ("", None)


def test_a_cookie_refuses_an_unknown_attribute():
    with pytest.raises(CookieError):
        Cookie("n", default_options={"colour": "red"})


def test_a_copied_cookie_is_a_cookie():
    assert_alike(Cookie("n", "v", required=True).copy(), Cookie("n", "v", required=True))


def test_an_http_error_says_code_and_message():
    assert str(HttpError(404, "nothing")) == "HTTP_ERROR[404] nothing"
    with pytest.raises(TypeError):
        HttpError("404")


def test_a_file_saves_what_it_has(tmp_path):
    path = tmp_path / "file"
    file = MultipartFile("f", filename="a.txt", content_type="text/plain", content=b"abc")
    file.save_to_file(str(path))
    assert path.read_bytes() == b"abc"
    assert (file.name, file.filename, file.content_type, file.is_empty) == ("f", "a.txt", "text/plain", False)


@pytest.mark.parametrize("content", [None, b""])
def test_an_empty_file_saves_nothing(tmp_path, content):
    path = tmp_path / "file"
    file = MultipartFile(content=content)
    file.save_to_file(str(path))
    assert file.is_empty
    assert not path.exists()


def test_parameter_follows_parameters_when_they_are_assigned():
    request = Request()
    request.parameters = {"a": ["1", "2"], "none": []}
    assert request.parameter == {"a": "1"}
    assert request.get_parameter("a") == "1"
    assert request.get_parameter("b", "d") == "d"


def test_a_request_of_its_own_is_empty():
    request = Request()
    assert (request.method, request.path, request.query_string, request.body) == ("", "", "", b"")
    assert (request.host, request.content_type, request.content_length) == ("", "", None)
    assert (request.json, request.path_values, request.reg_groups, request.get_session()) == (
        None,
        {},
        (),
        None,
    )
    assert asyncio.run(request.reader.read()) == b""


def test_a_request_reads_its_fields_without_regard_to_case():
    request = Request()
    request.headers["content-length"] = "12"
    request.headers["HOST"] = "example.org"
    assert (request.content_length, request.host) == (12, "example.org")
    request.headers["Content-Length"] = "many"
    assert request.content_length is None


def test_get_session_under_its_documented_name_makes_one():
    class Asked(Request):
        def get_session(self, create=False):
            return create

    assert Asked().getSession() is True
    assert Asked().getSession(False) is False


def test_a_reader_reads_to_the_end():
    class Reader(RequestBodyReader):
        async def read(self, n=-1):
            return b"all" if n == -1 else b""

    assert asyncio.run(Reader().read_to_end()) == b"all"


@pytest.mark.parametrize("body", [None, "", {}, StaticFile("f"), b"", bytearray()])
def test_a_response_takes_a_body_that_can_be_sent(body):
    assert Response(body=body).body is body


@pytest.mark.parametrize("body", [[], 1, 1.5, True, object()])
def test_a_response_refuses_another_body(body):
    response = Response()
    with pytest.raises(AssertionError, match=r"Body type is not supported\."):
        response.body = body
    with pytest.raises(AssertionError, match=r"Body type is not supported\."):
        Response(body=body)


def test_a_response_adds_lines_to_a_field():
    response = Response()
    response.add_header("A", "1")
    assert response.headers == {"A": "1"}
    response.add_header("a", "2")
    response.add_headers({"A": ["3", "4"], "B": "5"})
    assert response.headers == {"A": ["1", "2", "3", "4"], "B": "5"}
    response.set_header("A", "6")
    assert response.headers["a"] == "6"


def test_adding_a_line_leaves_the_list_alone_that_was_given():
    lines = ["1"]
    response = Response(headers={"A": lines})
    response.add_header("A", "2")
    assert lines == ["1"]


def test_the_cookies_of_a_response_have_two_names():
    response = Response()
    assert isinstance(response.cookies, Cookies)
    response.cookies = SimpleCookie()
    response.cookie["userInfo"] = "ABC"
    assert response.cookies["userInfo"].value == "ABC"
    with pytest.raises(AssertionError):
        response.cookies = {}


def test_a_redirect_has_a_url():
    assert Redirect("/there").url == "/there"


def test_a_session_of_its_own_says_that_nothing_is_implemented():
    session = Session()
    assert (session.id, session.creation_time, session.attribute_names) == ("", 0, ())
    assert (session.is_new, session.is_valid, session.max_inactive_interval) == (False, False, 1800)
    assert session.get_attribute("a") is NotImplemented
    assert session.set_attribute("a", 1) is NotImplemented
    assert session.invalidate() is NotImplemented
    with pytest.raises(NotImplementedError):
        SessionFactory().get_session("")


def test_a_handler_does_nothing_but_answer_pings():
    sent = []

    class Recorded(WebsocketSession):
        def send_pone(self, message=b""):
            sent.append(message)

    handler, session = WebsocketHandler(), Recorded()
    assert handler.on_handshake(WebsocketRequest()) is None
    assert handler.on_binary_frame(session, True, b"") is True
    handler.on_ping_message(session, b"p")
    session.send_pong(b"q")
    assert sent == [b"p", b"q"]


def test_a_close_reason_is_its_message():
    reason = WebsocketCloseReason("Client asked to close connection.", 1000, "bye")
    assert reason == reason.message == "Client asked to close connection."
    assert (reason.code, reason.reason) == (1000, "bye")
    assert (WebsocketCloseReason().code, WebsocketCloseReason().reason) == (None, "")
