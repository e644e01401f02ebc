"""What a server takes from a configuration, and what it refuses: with function, file and line."""

import re
from pathlib import Path

import pytest

from simple_http_server import AppConf, WebsocketHandler, set_session_factory
from simple_http_server._declarations import METHODS
from simple_http_server.app_conf import WebsocketHandlerClass
from simple_http_server.http_server import HttpServer
from simple_http_server.http_session_local import LocalSessionFactory
from simple_http_server.routing_server import ConfigurationError, RoutingServer


@pytest.fixture
def conf():
    return AppConf()


def served(conf, **options):
    server = RoutingServer(model_binding_conf=conf.model_binding_conf, **options)
    server.map_app_conf(conf)
    return server


def refused(conf):
    with pytest.raises(ConfigurationError) as refusal:
        served(conf)
    return str(refusal.value)


def answer(name=""):
    return name


def here(function):
    return (
        rf"{re.escape(function.__qualname__)} \(.*test_declarations\.py:{function.__code__.co_firstlineno}\)"
    )


def test_routes_are_taken_in_the_order_of_their_declaration(conf):
    conf.request_map("/a/{n}", method="get, post", params=["a=1"], headers="!X")(answer)
    conf.request_map(regexp="^/b/(.*)$")(answer)
    icon, get, post, matched = served(conf)._routes
    assert icon.url == "/favicon.ico"
    assert (get.url, get.method, post.method, get.regexp) == ("/a/{n}", "GET", "POST", None)
    assert (get.params, get.headers, get.match_all_params, get.match_all_headers) == (
        ["a=1"],
        ["!X"],
        True,
        True,
    )
    assert (matched.url, matched.method, matched.regexp) == ("", "", re.compile("^/b/(.*)$"))
    assert (get.function, [argument.kind for argument in get.arguments]) == (answer, ["str"])
    assert re.fullmatch(here(answer), get.location)


def test_what_is_declared_later_is_not_seen(conf):
    server = served(conf)
    conf.request_map("/later")(answer)
    assert len(server._routes) == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_known_method_is_taken(conf, method):
    conf.request_map("/a", method=method.lower())(answer)
    assert served(conf)._routes[1].method == method


def test_an_unknown_method_is_named(conf):
    conf.request_map("/a", method="FETCH")(answer)
    assert re.fullmatch(rf"The method 'FETCH' of {here(answer)} is unknown: .*PATCH.*", refused(conf))


def test_a_mapping_without_a_path_answers_the_root(conf, logged):
    conf.request_map(answer)
    assert served(conf)._routes[1].url == "/"
    # an engine of another test may say its last words meanwhile
    (warning,) = [line for line in logged() if "has neither" in line]
    assert re.fullmatch(
        rf"{here(answer)} has neither a url nor a regexp: it answers .* root path /\.", warning
    )


def test_a_regular_expression_counts_before_a_path(conf, logged):
    conf.request_map(url="/a", regexp="b")(answer)
    route = served(conf)._routes[1]
    assert (route.url, route.regexp) == ("", re.compile("b"))
    assert re.fullmatch(
        rf"{here(answer)} has a url and a regexp: 'b' is used, '/a' is ignored\.", logged()[0]
    )


@pytest.mark.parametrize(
    "pattern", ["/*", "/**", "*", "**", "*/a", "/**/a", "/a*", "/a/**", "a", "/{a}*b*", "", "/a{b-c}"]
)
def test_a_wildcard_may_stand_at_one_end(conf, pattern):
    conf.request_map(pattern)(answer)
    assert len(served(conf)._routes) == 2


@pytest.mark.parametrize("pattern", ["/a/*/b", "*/a/*", "/***", "**/a/**", "/a***", "*a*b"])
def test_a_wildcard_in_another_place_is_refused(conf, pattern):
    conf.request_map(pattern)(answer)
    text = r"You can only config a \* or \*\* at the start or end of a path\. "
    assert re.fullmatch(rf"{text}{re.escape(repr(pattern))} of {here(answer)}", refused(conf))


def test_an_invalid_regular_expression_is_named(conf):
    conf.request_map(regexp="(")(answer)
    conf.request_filter(regexp="[")(answer)
    conf.websocket_open(regexp="*")(answer)
    lines = refused(conf).splitlines()
    for line, regexp in zip(lines, ("[", "(", "*")):
        assert re.match(rf"The regexp '{re.escape(regexp)}' of {here(answer)} is invalid: ", line)


def test_everything_that_is_wrong_is_said_at_once(conf):
    conf.request_map("/a", method="FETCH")(answer)
    conf.request_map("/a/*/b")(answer)
    conf.request_map("/c")("no function")
    conf.websocket_handler()(WebsocketHandler)
    assert len(refused(conf).splitlines()) == 4


def test_a_filter_is_taken_with_its_expression(conf):
    conf.request_filter("/a/*")(lambda ctx: None)
    conf.request_filter(regexp="^/a")(answer)
    by_path, by_regexp = served(conf)._filters
    assert (by_path.path, by_path.regexp) == ("/a/*", None)
    assert (by_regexp.path, by_regexp.regexp, by_regexp.function) == ("", re.compile("^/a"), answer)


def test_a_filter_that_cannot_be_called_is_named(conf):
    conf.request_filter("/a")(lambda: None)
    assert re.match(r"The filter .*<lambda> \(.*\) should take one argument: too many", refused(conf))


def test_an_error_page_is_taken_by_its_code(conf):
    conf.error_message("404")(answer)
    (page,) = served(conf)._error_pages.values()
    assert (page.code, page.function, [argument.source for argument in page.arguments]) == (
        "404",
        answer,
        ["message"],
    )


def endpoint(conf):
    (only,) = served(conf)._websocket_endpoints
    return only


def test_a_handler_has_the_events_that_it_defines_itself(conf):
    @conf.websocket_handler("/w")
    class Handler(WebsocketHandler):
        def on_open(self, session):
            pass

    assert endpoint(conf).events == {"on_open"}
    assert isinstance(endpoint(conf).handler_factory(), Handler)


def test_a_handler_that_answers_pings_itself_is_asked_to(conf):
    @conf.websocket_handler("/w")
    class Handler(WebsocketHandler):
        def on_ping_message(self, session, message):
            pass

    assert endpoint(conf).events == {"on_ping_message"}


def test_a_plain_class_has_the_events_that_it_defines(conf):
    @conf.websocket_handler("/w")
    class Handler:
        def on_text_message(self, session, message):
            pass

    assert endpoint(conf).events == {"on_text_message"}


def test_functions_have_their_events(conf):
    @conf.websocket_message("/w")
    def told(session, message):
        pass

    conf.websocket_handshake("/w")(answer)
    assert endpoint(conf).events == {"on_text_message", "on_handshake"}
    assert re.fullmatch(here(answer), endpoint(conf).location)


def test_a_handler_that_is_made_in_another_way_is_taken(conf):
    server = RoutingServer()
    server.map_websocket_handler(WebsocketHandlerClass("/w", lambda: "handler"))
    (only,) = server._websocket_endpoints
    assert only.handler_factory() == "handler"
    assert "on_text_message" in only.events


@pytest.mark.parametrize(
    "pattern", ["/p/*", "/p/**", "p/**", "/p/", "/*", "/**", "/", "*.txt", "**.txt", "**.tar.gz", "/a.b/*"]
)
def test_a_pattern_of_resources_is_taken(pattern):
    (resource,) = RoutingServer({pattern: Path("folder")})._resources
    assert resource == (pattern, "folder")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("/exact", "should be like"),
        ("*", "should be like"),
        ("**", "should be like"),
        ("***.txt", "should be like"),
        ("*foo", "should be like"),
        ("*.", "should be like"),
        ("", "should be like"),
        ("*.a/b", r"If a resource path starts with \*, only suffix can be configurated\. "),
        ("*.a*", r"If a resource path starts with \*, only suffix can be configurated\. "),
        ("/a*", r"You can only config a \* or \*\* at the start or end of a path\."),
        ("/a/*/b/", r"You can only config a \* or \*\* at the start or end of a path\."),
    ],
)
def test_another_pattern_of_resources_is_refused(pattern, text):
    with pytest.raises(ConfigurationError, match=text):
        RoutingServer({pattern: "folder"})


def test_resources_that_are_no_dict_are_refused():
    with pytest.raises(ConfigurationError, match="should be a dict of patterns and directories, not a set"):
        RoutingServer({"/p/*", "folder"})


def test_times_and_counts_that_are_not_positive_are_ignored():
    server = RoutingServer()
    assert (server.keep_alive, server.connection_idle_time, server.keep_alive_max_request) == (True, 60, None)
    for value in (None, 0, -1):
        server.connection_idle_time = value
        server.keep_alive_max_request = value
    assert (server.connection_idle_time, server.keep_alive_max_request) == (60, None)
    server.connection_idle_time = 0.5
    server.keep_alive_max_request = 3
    assert (server.connection_idle_time, server.keep_alive_max_request) == (0.5, 3)


def test_content_types_that_are_compressed_are_kept_in_small_letters():
    server = RoutingServer()
    server.gzip_content_types = {"Text/HTML"}
    server.extend_gzip_content_types(["application/JSON"])
    assert server.gzip_content_types == {"text/html", "application/json"}


def test_sessions_are_where_the_configuration_says_or_where_all_are(conf):
    own, of_all = LocalSessionFactory(), LocalSessionFactory()
    assert served(conf).session_factory is None
    set_session_factory(of_all)
    try:
        assert served(conf).session_factory is of_all
        conf.session_factory = own
        assert served(conf).session_factory is own
    finally:
        set_session_factory(None)


def test_tls_wants_key_and_certificate(conf):
    with pytest.raises(AssertionError, match=r"keyfile and certfile should be provided\. "):
        HttpServer(ssl=True, app_conf=conf, prefer_corountine=True)
    with pytest.raises(FileNotFoundError):
        HttpServer(ssl=True, keyfile="/none", certfile="/none", app_conf=conf, prefer_corountine=True)


def test_what_is_wrong_is_said_before_the_port_is_bound(conf):
    conf.request_map("/a/*/b")(answer)
    with pytest.raises(ConfigurationError):
        HttpServer(("no such host", 0), app_conf=conf)
