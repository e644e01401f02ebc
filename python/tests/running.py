"""A server beside the tests, in their process."""

import asyncio
import threading
from contextlib import contextmanager
from typing import Any, Iterator

from simple_http_server.app_conf import AppConf
from simple_http_server.http_server import HttpServer

PATIENCE = 60
"""Seconds until a test gives up waiting for what should come at once."""


@contextmanager
def running(app_conf: AppConf, *, coroutine: bool = False, **options: Any) -> Iterator[int]:
    """Serves an application until the end of the block, on a port that is free; the port."""
    server = HttpServer(("127.0.0.1", 0), prefer_corountine=coroutine, app_conf=app_conf, **options)
    ready, failed = threading.Event(), []

    async def serve() -> None:
        serving = asyncio.ensure_future(server.start_async())
        while not server.ready and not serving.done():
            await asyncio.sleep(0.005)
        ready.set()
        await serving

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        assert ready.wait(PATIENCE), "the server did not start"
        if failed:
            raise failed[0]
        yield server.server.bind().port
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not end"
