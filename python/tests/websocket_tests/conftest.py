"""A real server on a port that is free, in either mode."""

import queue
import threading

import pytest
from raw_client import PATIENCE, Raw, wait_until

from simple_http_server.app_conf import AppConf
from simple_http_server.http_server import HttpServer


@pytest.fixture(params=["threads", "coroutines"])
def mode(request):
    return request.param


@pytest.fixture
def conf():
    return AppConf()


@pytest.fixture
def serve(conf, mode):
    """Serves what was declared in ``conf``; answers the port."""
    running = []

    def start(started=None, **options):
        in_coroutines = mode == "coroutines"
        server = HttpServer(("127.0.0.1", 0), prefer_corountine=in_coroutines, app_conf=conf, **options)
        failures = []

        def run():
            try:
                server.start()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        running.append((server, thread))
        if started:
            started(server)
        wait_until(lambda: server.ready or failures)
        assert not failures, failures
        return server.server.bind().port

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Seen:
    """What handlers have told, in order."""

    def __init__(self):
        self._told = queue.Queue()

    def __call__(self, *what):
        self._told.put(what[0] if len(what) == 1 else what)

    def next(self):
        return self._told.get(timeout=PATIENCE)

    def is_empty(self):
        return self._told.empty()


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def connect():
    """Opens connections, all of which are closed at the end."""
    opened = []

    def open_one(*given, **options):
        client = Raw(*given, **options)
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()
