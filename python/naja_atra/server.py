"""See ``simple_http_server.server``."""

from simple_http_server.server import *  # noqa: F403
