"""See ``simple_http_server.http_server``."""

from simple_http_server.http_server import *  # noqa: F403
