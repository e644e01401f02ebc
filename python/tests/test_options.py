"""An option that cannot have its value is named, with the value, before a port is bound."""

import os
import re

import pytest

from simple_http_server import AppConf
from simple_http_server.http_server import HttpServer
from simple_http_server.routing_server import ConfigurationError
from simple_http_server.server import init_asgi_proxy, init_wsgi_proxy

README = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, "README.md")

CASES = [
    ({"host": ("127.0.0.1", "9")}, "port cannot be '9': "),
    ({"app_conf": {"routes": []}}, "app_conf cannot be {'routes': []}: an AppConf is wanted."),
    ({"host": ("127.0.0.1", 70000)}, "port cannot be 70000: "),
    ({"host": ("127.0.0.1", -1)}, "port cannot be -1: "),
    ({"host": (None, 0)}, "host cannot be None: "),
    (
        {"connection_idle_time": float("inf")},
        "connection_idle_time cannot be inf: a length of time in seconds is",
    ),
    ({"drain_deadline": -1}, "drain_deadline cannot be -1: a length of time in seconds is wanted"),
    ({"drain_deadline": None}, "drain_deadline cannot be None: "),
    ({"keep_alive_max_request": 2**70}, "keep_alive_max_request cannot be 1180591620717411303424: "),
    ({"max_workers": -1}, "max_workers cannot be -1: "),
    ({"max_workers": 2.5}, "max_workers cannot be 2.5: "),
    ({"workers": 2.0}, "workers should be a whole number, at least 1, not 2.0."),
    ({"limits": {"body": -1}}, "limits['body'] cannot be -1: "),
    ({"limits": {"body": "x"}}, "limits['body'] cannot be 'x': "),
    ({"limits": {"body_timeout": "x"}}, "limits['body_timeout'] cannot be 'x': "),
    ({"limits": {"queue": -1}}, "limits['queue'] cannot be -1: "),
    ({"limits": {"bodies": 1}}, 'there is no limit "bodies"'),
    ({"limits": {5: 1}}, 'there is no limit "5"'),
    ({"limits": {"sessions": 1}}, 'the limit "sessions" is one of applications in Rust'),
    ({"limits": [1]}, "limits should be a dict of names and bounds, not [1]."),
    ({"gzip_content_types": "text/html"}, "gzip_content_types should be a set of content types"),
    ({"gzip_compress_level": "9"}, "gzip_compress_level should be 0 to 9, not '9'."),
    (
        {"websocket_origins": "https://x"},
        "websocket_origins should be a list of sites, not the text 'https://x'.",
    ),
    ({"websocket_origins": ["x"]}, '"x" is no origin'),
    ({"resources": {"/x/**": None}}, "The directory of '/x/**' of resources should be a path, not None."),
    ({"resources": {"/x/**": 5}}, "The directory of '/x/**' of resources should be a path, not 5."),
]


@pytest.mark.parametrize(("options", "text"), CASES, ids=lambda given: str(given)[:40])
def test_an_option_that_cannot_have_its_value_is_named(options, text):
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        HttpServer(**{"host": ("127.0.0.1", 0), "app_conf": AppConf(), **options}).server.bind()


def test_proxies_name_their_options_too():
    with pytest.raises(ConfigurationError, match=re.escape("limits['body'] cannot be -1: ")):
        init_wsgi_proxy(app_conf=AppConf(), limits={"body": -1}).build()
    with pytest.raises(ConfigurationError, match="limits should be a dict"):
        init_asgi_proxy(app_conf=AppConf(), limits=[1]).build()


def test_every_limit_of_the_table_may_be_set():
    with open(README, encoding="utf-8") as readme:
        section = readme.read().partition("## Limits")[2].partition("\n## ")[0]
    names = [
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall("`([a-z_0-9]+)`", row)
    ]
    assert len(names) > 30
    of_rust = {"sessions", "websocket_rooms", "websocket_room_name"}
    init_wsgi_proxy(
        app_conf=AppConf(), limits={name: 100_000 for name in names if name not in of_rust}
    ).build()
