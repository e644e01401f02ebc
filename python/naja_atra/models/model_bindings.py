"""See ``simple_http_server.models.model_bindings``."""

from simple_http_server.models.model_bindings import *  # noqa: F403
