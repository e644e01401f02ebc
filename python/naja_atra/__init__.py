"""``simple_http_server`` by its later name, with the names that are other ones there.

Both names mean one and the same package: what is declared under one is served under the other.
"""

from simple_http_server import *  # noqa: F403
from simple_http_server import __all__ as _names
from simple_http_server import version as version

from .models.basic_models import HttpSession as HttpSession
from .models.basic_models import HttpSessionFactory as HttpSessionFactory

name = "naja_atra"

__all__ = [*_names, "HttpSession", "HttpSessionFactory"]
