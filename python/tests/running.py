"""A server beside the tests, in their process."""

import threading
from contextlib import contextmanager
from typing import Any, Iterator, Optional

from programs import PATIENCE, wait_until

from simple_http_server.app_conf import AppConf
from simple_http_server.http_server import HttpServer


def made(
    conf: AppConf, mode: str = "threads", host: str = "127.0.0.1", port: int = 0, **options: Any
) -> HttpServer:
    """A server of a configuration, on a port that is free."""
    return HttpServer((host, port), app_conf=conf, prefer_corountine=mode == "coroutines", **options)


class Started:
    """A server that runs in a thread until the end of the block, or until :meth:`end`."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.failure: Optional[BaseException] = None
        self.thread = threading.Thread(target=self._run, name="server")
        self.thread.start()
        wait_until(lambda: server.ready or not self.thread.is_alive(), "the server serves")
        if not self.thread.is_alive() and self.failure is not None:
            raise self.failure
        self.port = server.server.bind().port

    def _run(self) -> None:
        try:
            self.server.start()
        except BaseException as error:
            self.failure = error

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the server did not end"
        assert self.failure is None

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@contextmanager
def running(app_conf: AppConf, *, coroutine: bool = False, **options: Any) -> Iterator[int]:
    """Serves an application until the end of the block; the port."""
    with Started(made(app_conf, "coroutines" if coroutine else "threads", **options)) as started:
        yield started.port
