//! The caller's own thread, for WSGI and ASGI.
