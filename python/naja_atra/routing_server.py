"""See ``simple_http_server.routing_server``."""

from simple_http_server.routing_server import *  # noqa: F403
