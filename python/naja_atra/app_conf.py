"""See ``simple_http_server.app_conf``."""

from simple_http_server.app_conf import *  # noqa: F403
