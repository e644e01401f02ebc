"""Which content types are compressed."""

import pytest
from programs import ask
from running import running

from simple_http_server import AppConf, Headers
from simple_http_server.http_server import HttpServer
from simple_http_server.routing_server import ConfigurationError, RoutingServer

conf = AppConf()


@conf.route("/of-type/{name}")
def of_type(of=""):
    return Headers({"Content-Type": str(of)}), "a text " * 10


@conf.route("/json")
def json():
    return {"a": 1}


@pytest.mark.parametrize(
    ("configured", "compressed", "others"),
    [
        ({"text/"}, ["text/html", "TEXT/plain; charset=utf8"], ["application/json", "textual/html"]),
        ({"text"}, ["text/html", "textual/html"], ["application/text"]),
        ({"Text/HTML"}, ["text/html; charset=utf8", "text/html-and-more"], ["text/plain"]),
        ({"text/html; charset=utf8"}, ["text/html; charset=utf8"], ["text/html", "text/html;charset=utf8"]),
        ({"text/*", "application/json"}, ["text/html", "application/json; x=1"], ["application/xml"]),
        ({"application/*+json"}, ["application/problem+json"], ["application/json"]),
        ({""}, ["text/html", "application/json"], []),
        (set(), [], ["text/html"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("compatible", [True, False])
def test_types_are_compared_by_their_beginning(configured, compressed, others, compatible):
    def is_compressed(content_type):
        target = "/of-type/x?of=" + content_type.replace(" ", "%20").replace(";", "%3B").replace("+", "%2B")
        answer, _ = ask(port, target, headers={"Accept-Encoding": "gzip"})
        assert answer.getheader("Content-Type") == content_type
        return answer.getheader("Content-Encoding") == "gzip"

    with running(conf, gzip_content_types=configured, compatible=compatible) as port:
        assert [is_compressed(content_type) for content_type in compressed] == [True] * len(compressed)
        assert [is_compressed(content_type) for content_type in others] == [False] * len(others)


def test_json_as_controllers_send_it_may_be_named_whole():
    with running(conf, gzip_content_types={"application/json; charset=utf8"}) as port:
        answer, _ = ask(port, "/json", headers={"Accept-Encoding": "gzip"})
    assert answer.getheader("Content-Encoding") == "gzip"


def test_one_text_is_no_set_of_types():
    text = r"gzip_content_types should be a set of content types, not the text 'text/html'\."
    with pytest.raises(ConfigurationError, match=text):
        HttpServer(("127.0.0.1", 0), gzip_content_types="text/html", app_conf=conf)
    with pytest.raises(ConfigurationError, match=text):
        RoutingServer().extend_gzip_content_types("text/html")
