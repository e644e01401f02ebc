"""See ``simple_http_server.models.basic_models``; sessions are called HTTP sessions as well."""

from simple_http_server.models.basic_models import *  # noqa: F403
from simple_http_server.models.basic_models import Session as HttpSession
from simple_http_server.models.basic_models import SessionFactory as HttpSessionFactory
from simple_http_server.models.basic_models import __all__ as _names

__all__ = [*_names, "HttpSession", "HttpSessionFactory"]
