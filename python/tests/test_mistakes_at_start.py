"""What can never work is named when a server is made, with function, file and line."""

import functools
import http
import re

import pytest
from programs import ask
from running import running

from simple_http_server import (
    AppConf,
    HttpError,
    PathValue,
    RegGroup,
    RegGroups,
    WebsocketHandler,
)
from simple_http_server.models.websocket import WEBSOCKET_MESSAGE_BINARY_FRAME
from simple_http_server.routing_server import ConfigurationError, RoutingServer


@pytest.fixture
def conf():
    return AppConf()


def make(conf):
    server = RoutingServer(model_binding_conf=conf.model_binding_conf)
    server.map_app_conf(conf)
    server._build_app().build()
    return server


def refused(conf):
    with pytest.raises(ConfigurationError) as refusal:
        make(conf)
    return str(refusal.value)


def warnings(logged):
    return [line for line in logged() if "can never be bound" in line or "never used" in line]


def other_name(y=PathValue()):
    return y


def named_otherwise(x=PathValue("y")):
    return x


def annotated(y: PathValue):
    return y


def third_group(g=RegGroup(3)):
    return g


@pytest.mark.parametrize(
    ("mapping", "function", "text", "request_", "status"),
    [
        ({"url": "/i/{x}"}, other_name, r"'y' .*: '/i/\{x\}' has no variable \{y\}\.", "/i/1", 500),
        ({"url": "/i/{x}"}, named_otherwise, r"'x' .*: '/i/\{x\}' has no variable \{y\}\.", "/i/1", 500),
        ({"url": "/i/{x}"}, annotated, r"'y' .*: '/i/\{x\}' has no variable \{y\}\.", "/i/1", 500),
        ({"url": "/i"}, other_name, r"'y' .*: '/i' has no variable \{y\}\.", "/i", 500),
        ({"regexp": "^/i/(?P<y>.)$"}, other_name, r"'y' .*: .* has no variable \{y\}\.", "/i/1", 500),
        ({"url": "/i"}, third_group, r"'g' .*: '/i' has no group 3, counted from 0\.", "/i", 400),
        (
            {"regexp": "^/i/(.)(.)$"},
            third_group,
            r"'g' .*: .* has no group 3, counted from 0\.",
            "/i/ab",
            400,
        ),
    ],
)
def test_an_argument_that_no_request_can_give_a_value_is_named(
    conf, logged, mapping, function, text, request_, status
):
    conf.route(**mapping)(function)
    with running(conf) as port:
        assert ask(port, request_)[0].status == status, "it is certain"
    (line,) = warnings(logged)
    place = rf"{function.__name__} \(.*test_mistakes_at_start\.py:{function.__code__.co_firstlineno}\)"
    assert re.fullmatch(rf"The argument {text.replace('.*:', f'of {place} can never be bound:', 1)}", line)


def test_what_some_request_may_give_a_value_is_not(conf, logged):
    conf.route("/a/{x}")(conf.route("/a")(lambda x=PathValue(): x))
    conf.route("/b/**")(lambda whatever=PathValue(): whatever)
    conf.route("*/c")(lambda whatever=PathValue("name"): whatever)
    conf.route(regexp="^/d/(.)(.)?$")(lambda every=RegGroups(), second=RegGroup(1): second)
    conf.route("/e/{x}-{y}.json")(lambda x=PathValue(), y=PathValue("x"): x)

    @conf.controller
    @conf.route("/{prefix}")
    class Controller:
        @conf.route("/f")
        def below(self, prefix=PathValue()):
            return prefix

    make(conf)
    assert warnings(logged) == []


def test_where_filters_may_put_values_into_a_request_nothing_is_certain(conf, logged):
    @conf.route("/filtered")
    def filtered(given=PathValue()):
        return given

    @conf.request_filter("/filtered")
    def give(context):
        context.request.path_values = {"given": "by the filter"}
        context.do_chain()

    with running(conf) as port:
        assert ask(port, "/filtered")[1] == b"by the filter"
    assert warnings(logged) == []


@pytest.mark.parametrize("code", ["banana", "4", "40", "4x4", "1000", "x", "404 "])
def test_a_code_that_is_none_is_refused(conf, code):
    @conf.error_message(code)
    def page():
        return ""

    place = r"test_.*page \(.*test_mistakes_at_start\.py:\d+\)"
    assert re.fullmatch(
        rf"The code '{code}' of the error page {place} should be one like 404 or 40x, .*", refused(conf)
    )


def test_a_class_of_codes_that_is_never_asked_for_is_named(conf, logged):
    @conf.error_message("4xx")
    def page():
        return ""

    make(conf)
    (line,) = warnings(logged)
    assert re.fullmatch(
        r"The error page .*page \(.*test_mistakes_at_start\.py:\d+\) is never used: "
        r"instead of '4xx' write 40x and the like\.",
        line,
    )


@pytest.mark.parametrize(
    "codes", [(), (404,), ("404",), ("40X",), ("40x", 500), (http.HTTPStatus.NOT_FOUND,)]
)
def test_a_code_is_taken(conf, codes):
    @conf.error_message(*codes)
    def page():
        return "the page"

    @conf.route("/")
    def fails():
        raise HttpError(404)

    with running(conf) as port:
        assert ask(port, "/")[1] == b"the page"


def test_an_event_that_cannot_take_its_arguments_is_refused(conf):
    @conf.websocket_handler("/few")
    class TooFew:
        def on_text_message(self):
            pass

    @conf.websocket_handler("/many")
    class TooMany(WebsocketHandler):
        async def on_close(self, session, reason, more):
            pass

    @conf.websocket_message("/function", message_type=WEBSOCKET_MESSAGE_BINARY_FRAME)
    def frame(session, payload):
        pass

    place = r"\(.*test_mistakes_at_start\.py:\d+\)"
    few, many, function = refused(conf).splitlines()
    what = "of a WebSocket handler"
    assert re.fullmatch(
        rf".*TooFew\.on_text_message {place} should take 3 arguments, as on_text_message {what}: .*", few
    )
    assert re.fullmatch(rf".*TooMany\.on_close {place} should take 3 arguments, as on_close {what}: .*", many)
    assert re.fullmatch(rf".*frame {place} should take 3 arguments, as on_binary_frame {what}: .*", function)


def test_an_event_that_may_take_its_arguments_is_not(conf):
    def passing(function):
        @functools.wraps(function)
        def wrapper(self, *given):
            return function(self)

        return wrapper

    @conf.websocket_handler("/w")
    class Handler:
        @passing
        def on_open(self):
            pass

        def on_close(self, *what):
            pass

        def on_text_message(self, session, message, flag=None):
            pass

        @staticmethod
        def on_binary_message(session, message):
            pass

    make(conf)


def test_a_class_whose_objects_cannot_be_made_is_refused(conf):
    @conf.controller
    class One:
        def __init__(self, needed):
            pass

        @conf.route("/one")
        def controller(self):
            return ""

    @conf.controller(singleton=False, args=[1, 2, 3])
    class Each:
        def __init__(self, first, second):
            pass

        @conf.route("/each")
        def controller(self):
            return ""

    @conf.websocket_handler("/w")
    class Handler:
        def __init__(self, needed):
            pass

    place = r"\(.*test_mistakes_at_start\.py:\d+\)"
    one, each, handler = refused(conf).splitlines()
    assert re.fullmatch(
        rf"No object of .*One {place} can be made: missing a required argument: 'needed'\.", one
    )
    assert re.fullmatch(rf"No object of .*Each {place} can be made: too many positional arguments\.", each)
    assert re.fullmatch(
        rf"No object of .*Handler {place} can be made: missing a required argument: 'needed'\.", handler
    )


def test_a_class_whose_objects_can_be_made_is_not(conf):
    class Meta(type):
        def __call__(cls):
            return super().__call__("needed")

    @conf.controller(args=["first"], kwargs={"third": 3})
    class Given:
        def __init__(self, first, second=2, *, third):
            pass

        @conf.route("/given")
        def controller(self):
            return ""

    @conf.controller
    class ByMeta(metaclass=Meta):
        def __init__(self, needed):
            pass

        @conf.route("/by-meta")
        def controller(self):
            return "made"

    with running(conf) as port:
        assert ask(port, "/by-meta")[1] == b"made"
