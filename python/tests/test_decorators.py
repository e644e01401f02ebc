"""What the decorators declare, and in which order."""

import pytest

from simple_http_server import (
    WEBSOCKET_MESSAGE_BINARY,
    WEBSOCKET_MESSAGE_BINARY_FRAME,
    WEBSOCKET_MESSAGE_PING,
    AppConf,
    Headers,
    get_app_conf,
    set_session_factory,
)
from simple_http_server import app_conf as app_conf_module
from simple_http_server.models.model_bindings import ModelBinding


@pytest.fixture
def conf():
    return AppConf()


def mapped(conf):
    """What a user has mapped, without the icon."""
    return conf._get_controllers()[1:]


def test_a_decorator_returns_what_it_decorates(conf):
    def function():
        pass

    class Class:
        pass

    assert conf.request_map("/a")(function) is function
    assert conf.request_map(function) is function
    assert conf.request_filter("/a")(function) is function
    assert conf.error_message(function) is function
    assert conf.error_message("404")(function) is function
    assert conf.websocket_open("/a")(function) is function
    assert conf.websocket_message("/a")(function) is function
    assert conf.request_map("/a")(Class) is Class
    assert conf.controller(Class) is Class
    assert conf.controller(singleton=False)(Class) is Class
    assert conf.websocket_handler("/a")(Class) is Class
    assert conf.model_binding(int)(Class) is Class
    assert conf.default_model_binding(Class) is Class
    assert conf.default_model_binding()(Class) is Class


@pytest.mark.parametrize(
    ("method", "mappings"),
    [
        ("", [""]),
        ("GET", ["GET"]),
        ("GET, post", ["GET", "post"]),
        (["put", "DELETE"], ["put", "DELETE"]),
        (("GET",), ["GET"]),
    ],
)
def test_each_method_makes_one_mapping_in_order(conf, method, mappings):
    conf.request_map("/a", method=method)(print)
    assert [mapping.method for mapping in mapped(conf)] == mappings


def test_stacked_decorators_register_from_the_bottom_up(conf):
    @conf.route("/second")
    @conf.route("/first")
    def function():
        pass

    assert [mapping.url for mapping in mapped(conf)] == ["/first", "/second"]
    assert [mapping.func for mapping in mapped(conf)] == [function, function]


def test_a_single_expression_is_never_split(conf):
    conf.request_map("/a", params="a=1,b=2", headers=["X", "!Y"], match_all_headers_expressions=False)(print)
    (mapping,) = mapped(conf)
    assert (mapping.params, mapping.match_all_params_expressions) == (["a=1,b=2"], True)
    assert (mapping.headers, mapping.match_all_headers_expressions) == (["X", "!Y"], False)


def test_a_url_is_given_once(conf):
    with pytest.raises(AssertionError, match="at most one positional argument"):
        conf.request_map("/a", "/b")
    with pytest.raises(AssertionError, match="neither url= nor regexp="):
        conf.request_map("/a", url="/b")
    with pytest.raises(AssertionError, match="neither url= nor regexp="):
        conf.request_map("/a", regexp="/b")


@pytest.mark.parametrize("wrap", [staticmethod, classmethod])
def test_a_method_of_another_kind_may_be_decorated_outside(conf, wrap):
    def function(*_):
        pass

    wrapped = wrap(function)
    assert conf.request_map("/a")(wrapped) is wrapped
    assert [mapping.func for mapping in mapped(conf)] == [function]


def test_every_configuration_has_an_icon(conf):
    (icon,) = conf._get_controllers()
    assert (icon.url, icon.method) == ("/favicon.ico", "")
    headers, body = icon.func()
    assert headers == Headers({"Content-Type": "image/x-icon"})
    assert len(body) == 4286
    assert body[:8] == bytes([0, 0, 1, 0, 1, 0, 32, 32])


def test_a_filter_has_a_path_or_a_regular_expression(conf):
    for arguments in ({}, {"path": "/a", "regexp": "a"}):
        with pytest.raises(AssertionError, match="a path or a regexp, and not both"):
            conf.request_filter(**arguments)


def test_filters_with_the_same_expression_are_all_kept_in_order(conf):
    first, second, third = (lambda ctx: 1), (lambda ctx: 2), (lambda ctx: 3)
    conf.request_filter("/a")(first)
    conf.request_filter("/a")(second)
    conf.filter_map("b", third)
    conf.filter_map("c")(first)
    filters = [(f.path, f.regexp, f.function) for f in conf._get_filters()]
    assert filters == [("/a", "", first), ("/a", "", second), ("", "b", third), ("", "c", first)]


def test_error_pages_are_kept_by_code(conf):
    def page():
        pass

    def later():
        pass

    conf.error_message("404", 403, "50X")(page)
    conf.error_message(page)
    conf.error_message(404)(later)
    assert conf._get_error_pages() == {"404": later, "403": page, "50x": page, "": page}


def test_an_error_page_without_a_code_is_for_all(conf):
    conf.error_message()(print)
    conf.error_message("")(len)
    assert conf._get_error_pages() == {"": len}


def test_functions_of_one_endpoint_make_one_handler(conf):
    conf.websocket_handshake("/w")(min)
    conf.websocket_open("/w")(max)
    conf.websocket_close(endpoint="/w")(sum)
    conf.websocket_message("/w")(len)
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_BINARY)(abs)
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_BINARY_FRAME)(all)
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_PING)(any)
    conf.websocket_message(regexp="/w")(len)
    handler, other = conf._get_websocket_handlers()
    proxy = handler.ctrl_object
    assert proxy is handler.ctrl_object
    assert [proxy.handshake, proxy.open, proxy.close, proxy.text] == [min, max, sum, len]
    assert [proxy.binary, proxy.binary_frame, proxy.ping, proxy.pong] == [abs, all, any, None]
    assert (other.url, other.regexp) == ("", "/w")


def test_an_unknown_kind_of_message_is_never_called(conf, logged):
    conf.websocket_message("/w", message_type="SMOKE")(print)
    (handler,) = conf._get_websocket_handlers()
    assert set(vars(handler.proxy).values()) == {None}
    assert "'SMOKE'" in logged()[0]


def test_a_class_takes_the_endpoint_from_functions_and_keeps_it(conf, logged):
    class Handler:
        pass

    conf.websocket_open("/w")(print)
    conf.websocket_open("/other")(print)
    conf.websocket_handler("/w")(Handler)
    conf.websocket_open("/w")(print)
    handler, functions = conf._get_websocket_handlers()
    assert (handler.cls, functions.url) == (Handler, "/other")
    assert "A class handles the endpoint '/w' already" in logged()[0]


def test_a_handler_is_made_once_or_for_each_connection(conf):
    class Handler:
        pass

    conf.websocket_handler("/one")(Handler)
    conf.websocket_handler("/each", singleton=False)(Handler)
    one, each = conf._get_websocket_handlers()
    assert one.ctrl_object is one.ctrl_object
    assert each.ctrl_object is not each.ctrl_object


def test_a_handler_of_functions_hands_on_what_they_return(conf):
    conf.websocket_handshake("/w")(lambda request: (403, request))
    conf.websocket_open("/w")(lambda session: "opened")
    conf.websocket_message("/w")(lambda session, message: message * 2)
    proxy = conf._get_websocket_handlers()[0].ctrl_object
    assert proxy.on_handshake("r") == (403, "r")
    assert proxy.on_open("s") == "opened"
    assert proxy.on_text_message("s", "ab") == "abab"
    assert proxy.on_binary_message("s", b"") is None
    assert proxy.on_binary_frame("s", True, b"") is True


def test_a_handler_of_functions_answers_pings_unless_one_does(conf):
    class Session:
        sent: list = []

        def send_pone(self, message):
            self.sent.append(message)

    conf.websocket_open("/w")(print)
    proxy = conf._get_websocket_handlers()[0].ctrl_object
    proxy.on_ping_message(Session(), b"1")
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_PING)(lambda session, message: None)
    proxy.on_ping_message(Session(), b"2")
    assert Session.sent == [b"1"]


def test_bindings_belong_to_their_configuration(conf):
    class Point:
        pass

    @conf.model_binding(Point)
    class PointBinding(ModelBinding):
        pass

    @conf.default_model_binding
    class OtherBinding(ModelBinding):
        pass

    assert conf.model_binding_conf.model_bingding_types[Point] is PointBinding
    assert conf.model_binding_conf.default_model_binding_type is OtherBinding
    other = AppConf().model_binding_conf
    assert Point not in other.model_bingding_types
    assert other.default_model_binding_type is not OtherBinding


def test_a_configuration_is_found_by_its_tag():
    assert get_app_conf() is get_app_conf("") is app_conf_module._default_app_conf
    assert get_app_conf("one") is get_app_conf("one")
    assert get_app_conf("one") is not get_app_conf("two")


def test_a_session_factory_is_set_for_all():
    try:
        set_session_factory("factory")
        assert app_conf_module._get_session_factory() == "factory"
    finally:
        set_session_factory(None)
