"""The packages that extend the original run on this one as they are: sessions in Redis, pages by Jinja."""

import subprocess
import time
from http.cookiejar import CookieJar
from urllib.request import HTTPCookieProcessor, build_opener

import jinja2
import pytest
import redis
import simple_http_server_jinja
from running import PATIENCE, running
from simple_http_server_redis_session.http_session_redis_impl import RedisSessionFactory

from simple_http_server import Session
from simple_http_server.app_conf import AppConf


@pytest.fixture
def redis_client(tmp_path):
    """A client of a Redis server of this test's own."""
    socket = tmp_path / "redis.sock"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(socket))
    try:
        wait_for(client)
        yield client
    finally:
        client.close()
        server.terminate()
        server.wait(PATIENCE)


def wait_for(client):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)


def visits(app_conf):
    """Counts the visits of a session, and keeps an object of Python's in it."""

    @app_conf.route("/visits")
    def count(session: Session):
        seen = session.get_attribute("seen") or []
        session.set_attribute("seen", [*seen, len(seen)])
        return {"id": session.id, "seen": seen}

    @app_conf.route("/end")
    def end(session: Session):
        session.invalidate()
        return "ended"


def browser(port):
    """Asks for a path with the cookies that it was given before; the text of the answer."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(path):
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    return ask


@pytest.mark.parametrize("coroutine", [False, True])
def test_sessions_are_kept_in_redis_and_outlive_the_server(redis_client, coroutine):
    app_conf = AppConf()
    app_conf.session_factory = RedisSessionFactory(redis_client=redis_client)
    visits(app_conf)
    with running(app_conf, coroutine=coroutine) as port:
        ask = browser(port)
        first, second = ask("/visits"), ask("/visits")
    assert first.endswith('"seen": []}')
    assert second.endswith('"seen": [0]}')
    (key,) = redis_client.keys()
    assert key.startswith(b"__py_si_ht_se_")
    assert b"val_seen" in redis_client.hkeys(key)
    cookie = key.decode()[len("__py_si_ht_se_") :]
    assert cookie in first

    with running(app_conf, coroutine=coroutine) as port:
        opener = build_opener()
        opener.addheaders = [("Cookie", f"PY_SIM_HTTP_SER_SESSION_ID={cookie}")]
        with opener.open(f"http://127.0.0.1:{port}/visits", timeout=PATIENCE) as answer:
            assert answer.read().decode().endswith('"seen": [0, 1]}')


def test_a_session_that_ends_is_gone_from_redis(redis_client):
    app_conf = AppConf()
    app_conf.session_factory = RedisSessionFactory(redis_client=redis_client)
    visits(app_conf)
    with running(app_conf) as port:
        ask = browser(port)
        ask("/visits")
        assert redis_client.keys()
        ask("/end")
        assert not redis_client.keys()


def test_a_view_of_jinja_is_a_response():
    templates = {"greeting.html": "<html><body>Hello, {{ name }}!</body></html>"}
    simple_http_server_jinja.set_env(jinja2.Environment(loader=jinja2.DictLoader(templates), autoescape=True))
    app_conf = AppConf()

    @app_conf.route("/greet")
    def greet(name=""):
        return simple_http_server_jinja.JinjaView("greeting.html", {"name": name})

    @app_conf.route("/created")
    def created():
        return simple_http_server_jinja.JinjaView(
            "greeting.html", {"name": "Ada"}, status_code=201, headers={"X-View": "1"}
        )

    with running(app_conf) as port:
        opener = build_opener()
        with opener.open(f"http://127.0.0.1:{port}/greet?name=%3CAda%3E", timeout=PATIENCE) as answer:
            assert answer.read().decode() == "<html><body>Hello, &lt;Ada&gt;!</body></html>"
            assert answer.headers["Content-Type"].startswith("text/html")
        with opener.open(f"http://127.0.0.1:{port}/created", timeout=PATIENCE) as answer:
            assert (answer.status, answer.headers["X-View"]) == (201, "1")
