"""See ``simple_http_server.logger``."""

from simple_http_server.logger import *  # noqa: F403
