"""See ``simple_http_server.models``."""
