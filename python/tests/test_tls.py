"""TLS: by the engine, and by a context of Python's own in front of it."""

import errno
import json
import socket
import ssl
import subprocess
import threading

import pytest
from programs import MODES, PATIENCE, Client, is_refused, program, trusting, wait_until
from running import Started, made

from simple_http_server import AppConf, BytesBody, Request, _tls_front
from simple_http_server.http_server import HttpServer


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A certificate for this machine, its key, and the key with the password ``secret``."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key, locked = (str(folder / name) for name in ("certificate.pem", "key.pem", "locked.pem"))
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    openssl(request, "-addext", names, "-keyout", key, "-out", certificate)
    openssl("pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret", "-in", key, "-out", locked)
    return certificate, key, locked


def openssl(options, *more):
    ran = subprocess.run(["openssl", *options.split(), *more], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def application():
    conf = AppConf()

    @conf.route("/who")
    def who(req: Request):
        forwarded = req.headers.get("X-Forwarded-For", "")
        return {"scheme": req.scheme, "client": req.client, "forwarded": forwarded}

    @conf.route("/length", method="POST")
    def length(body: BytesBody):
        return str(len(body))

    @conf.route("/large")
    def large():
        return b"0123456789abcdef" * 1_000_000

    return conf


class Secured(Started):
    """A server that speaks TLS, with a client for it."""

    def __init__(self, certificate, mode="threads", **options):
        super().__init__(made(application(), mode, ssl=True, **options))
        self.context = trusting(certificate)

    def client(self, host="127.0.0.1"):
        return Client(self.port, host, self.context)


def context_of(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0], files[1])
    return context


def who(client, **headers):
    return json.loads(client.text("/who", headers=headers))


@pytest.mark.parametrize("locked", [False, True])
def test_the_engine_speaks_tls_by_files(files, mode, locked):
    certificate, key, locked_key = files
    keys = {"keyfile": locked_key, "keypass": "secret"} if locked else {"keyfile": key}
    with Secured(certificate, mode, certfile=certificate, **keys) as started, started.client() as client:
        assert who(client) == {"scheme": "https", "client": "127.0.0.1", "forwarded": ""}


def test_a_context_is_spoken_in_front_of_the_engine(files, mode):
    limits = {"body": 6_000_000}
    context = context_of(files)
    with Secured(files[0], mode, ssl_context=context, limits=limits) as started, started.client() as client:
        for _ in range(3):
            assert who(client) == {"scheme": "https", "client": "127.0.0.1", "forwarded": ""}
        # nobody but the server's own front is believed
        claimed = who(client, **{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"})
        assert claimed == {"scheme": "https", "client": "127.0.0.1", "forwarded": "192.0.2.1"}
        assert client.text("/length", method="POST", body=b"x" * 5_000_000) == "5000000"
        assert len(client.ask("/large")[1]) == 16_000_000
        # an answer that comes before the end of the body arrives
        assert client.ask("/length", method="POST", body=b"x" * 6_100_000)[0].status == 413


def test_a_context_serves_all_addresses(files):
    with Secured(files[0], host="", ssl_context=context_of(files)) as started:
        for host in ("127.0.0.1", "::1"):
            with started.client(host) as client:
                assert who(client)["client"] == host


def test_what_a_context_asks_for_is_asked_for(files):
    context = context_of(files)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with Secured(files[0], ssl_context=context) as started:
        with started.client() as client:
            assert who(client)["scheme"] == "https"
            assert client.connection.sock.version() == "TLSv1.3"
        old = trusting(files[0])
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError), Client(started.port, context=old) as client:
            client.text("/who")


def test_a_client_without_a_handshake_keeps_nobody_waiting(files):
    with Secured(files[0], ssl_context=context_of(files)) as started:
        silent = [socket.create_connection(("127.0.0.1", started.port)) for _ in range(20)]
        with started.client() as client:
            assert who(client)["scheme"] == "https"
        # somebody who does not speak TLS is left
        with socket.create_connection(("127.0.0.1", started.port), timeout=PATIENCE) as plain:
            plain.sendall(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
            assert is_closed(plain)
        for one in silent:
            one.close()


def test_no_more_clients_are_served_at_the_same_time_than_may_be(files):
    limits = {"connections": 2}
    with Secured(files[0], ssl_context=context_of(files), limits=limits) as started:
        silent = socket.create_connection(("127.0.0.1", started.port))
        first, second = started.client(), started.client()
        assert who(first)["scheme"] == "https"
        answered = threading.Event()

        def ask():
            who(second)
            answered.set()

        asking = threading.Thread(target=ask)
        asking.start()
        assert not answered.wait(1)
        silent.close()
        assert answered.wait(PATIENCE)
        asking.join()
        first.close()
        second.close()


def test_no_more_connections_of_a_client_are_taken_than_may_be(files):
    limits = {"connections_per_address": 1}
    with Secured(files[0], ssl_context=context_of(files), limits=limits) as started:
        with started.client() as first:
            assert who(first)["scheme"] == "https"
            with socket.create_connection(("127.0.0.1", started.port), timeout=PATIENCE) as second:
                assert is_closed(second)
            assert who(first)["scheme"] == "https"
        front = started.server.server.bind()._front
        wait_until(lambda: not front._clients, "the client is not counted any more")
        with started.client() as first:
            assert who(first)["scheme"] == "https"


def test_a_client_without_a_handshake_is_left_after_the_time_for_it(files, monkeypatch):
    monkeypatch.setattr(_tls_front, "HANDSHAKE_TIMEOUT", 1000)
    limits = {"tls_handshake_timeout": 0.1}
    with Secured(files[0], ssl_context=context_of(files), limits=limits) as started:
        connections = started.server.server.bind()._front._connections
        with socket.create_connection(("127.0.0.1", started.port)):
            wait_until(lambda: connections, "the client is served")
            wait_until(lambda: not connections, "the client is left")


def test_a_server_with_a_context_that_is_stopped_before_it_starts_ends_at_once(files, monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    one = HttpServer(("127.0.0.1", 0), ssl=True, ssl_context=context_of(files), app_conf=AppConf())
    port = one.server.bind().port
    one.shutdown()
    one.start()
    assert is_refused(port)
    assert failures == []


def test_a_second_start_leaves_clients_their_connections(files):
    with Secured(files[0], ssl_context=context_of(files)) as started, started.client() as client:
        assert who(client)["scheme"] == "https"
        with pytest.raises(RuntimeError, match="this server has been started before"):
            started.server.start()
        assert who(client)["scheme"] == "https"


def is_closed(connection):
    """Whether it ends, whatever else comes; a reset is an end."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def test_a_client_that_leaves_in_the_middle_keeps_nothing(files):
    with Secured(files[0], ssl_context=context_of(files)) as started:
        for _ in range(5):
            with started.client() as client:
                client.send("/large")
        with started.client() as client:
            assert who(client)["scheme"] == "https"
        front = started.server.server.bind()._front
        wait_until(lambda: not front._conversations, "the conversations end")


def test_a_server_with_a_context_ends_with_what_it_has_begun(files):
    source = """
import ssl
@route("/gate")
def gate():
    say("GATE")
    return wait_for_line()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
for _ in range(2):
    server.start(host="127.0.0.1", port=0, ssl=True, ssl_context=context, drain_deadline=600)
    say("ENDED")
"""
    with program(source, *files[:2]) as running:
        for count in (1, 2):
            port = running.port(count)
            client = Client(port, context=trusting(files[0]))
            client.send("/gate")
            running.wait_for("GATE", count)
            running.signal(15)
            wait_until(lambda port=port: is_refused(port), "the port is closed")
            running.tell("answered")
            assert client.answer()[1] == b"answered"
            running.wait_for("ENDED", count)
        assert running.end() == 0
        assert running.log().count("ssl_context is honoured by Python's own TLS") == 1


def test_files_that_there_are_not_are_named(files, tmp_path):
    certificate, key, _ = files
    missing = str(tmp_path / "missing.pem")
    for keyfile, certfile in ((missing, certificate), (key, missing)):
        with pytest.raises(FileNotFoundError) as raised:
            HttpServer(("127.0.0.1", 0), ssl=True, keyfile=keyfile, certfile=certfile, app_conf=AppConf())
        assert raised.value.filename == missing


def test_files_that_are_of_no_use_are_named(files, tmp_path):
    certificate, key, locked = files
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for keyfile, certfile, password in (
        (key, str(nothing), ""),
        (str(nothing), certificate, ""),
        (locked, certificate, "wrong"),
    ):
        with pytest.raises(ssl.SSLError) as raised:
            HttpServer(
                ("127.0.0.1", 0),
                ssl=True,
                keyfile=keyfile,
                certfile=certfile,
                keypass=password,
                app_conf=AppConf(),
            )
        assert certfile in str(raised.value)
        assert keyfile in str(raised.value)


def test_tls_without_files_is_an_error():
    with pytest.raises(AssertionError, match="keyfile and certfile should be provided"):
        HttpServer(("127.0.0.1", 0), ssl=True, app_conf=AppConf())


def test_a_port_that_is_in_use_is_named(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: ") as raised:
            HttpServer(("127.0.0.1", port), ssl=True, ssl_context=context_of(files), app_conf=AppConf())
        assert raised.value.errno == errno.EADDRINUSE
