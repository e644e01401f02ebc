"""An older name of :mod:`simple_http_server.http_session_local`."""

from .http_session_local import LocalSessionFactory, LocalSessionHolder, LocalSessionImpl

__all__ = ["LocalSessionFactory", "LocalSessionHolder", "LocalSessionImpl"]
