"""An application behind the servers of others: what is the same behind WSGI and ASGI."""

import pytest
from hosting import ASGI_HOSTS, WSGI_HOSTS, ask_json, hosted


@pytest.fixture(scope="module", params=[*WSGI_HOSTS, *ASGI_HOSTS])
def host(request, folder):
    with hosted(request.param, folder) as host:
        yield host


def test_a_path_beyond_ascii_is_found(host):
    found = ask_json(host, "GET", "/hello/%E4%B8%AD%25%20x%3F?size=2&a=%41")
    assert found == {"path": "/hello/中% x?", "value": "中% x?", "size": 2, "query": "size=2&a=%41"}


def test_bodies_arrive_whole(host):
    data = bytes(range(256)) * 2000
    answer, body = host.ask("POST", "/echo", data)
    assert answer.status == 200
    assert body == data
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert host.ask("POST", "/form", "name=%E4%B8%AD", form)[1].decode() == "中"
    assert ask_json(host, "POST", "/read", b"x" * 1_000_000) == {"size": 1_000_000}
    assert ask_json(host, "POST", "/read_all", b"x" * 1_000_000) == {"size": 1_000_000}
    assert ask_json(host, "POST", "/read", b"") == {"size": 0}


def test_a_file_is_uploaded(host):
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 100_000
    fields = {"Content-Type": "multipart/form-data; boundary=B"}
    assert ask_json(host, "POST", "/upload", body + b"\r\n--B--\r\n", fields) == {
        "name": "a.txt",
        "size": 100_000,
    }


def test_many_pieces_are_all_sent(host):
    answer, body = host.ask("GET", "/many_pieces")
    assert answer.status == 200
    assert body == b"".join(b"%06d\n" % number for number in range(1000))


def test_closing_ends_the_response(host):
    answer, body = host.ask("GET", "/close")
    assert (answer.status, body) == (202, b"")


def test_the_page_of_an_error_may_be_a_coroutine(host):
    answer, body = host.ask("GET", "/teapot")
    assert answer.status == 418
    assert body == b"418 Short And Stout: tip me over"


def test_sessions_last(host):
    answer, body = host.ask("GET", "/visits")
    cookie = answer.getheader("Set-Cookie").partition(";")[0]
    assert body == b"1"
    assert host.ask("GET", "/visits", headers={"Cookie": cookie})[1] == b"2"


def test_filters_and_compression(host):
    answer, body = host.ask("GET", "/filtered", headers={"Accept-Encoding": "gzip"})
    assert answer.getheader("X-Filtered") == "yes"
    assert answer.getheader("Content-Encoding") == "gzip"
    assert body.startswith(b"\x1f\x8b")


def test_files_are_sent(host, folder):
    assert host.ask("GET", "/static/note.txt")[1] == b"a note\n"
    for path in ("/static/large", "/file"):
        answer, body = host.ask("GET", path)
        assert answer.getheader("Content-Length") == "1000000"
        assert body == (folder / "large").read_bytes()
