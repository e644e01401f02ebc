"""What the documentation of the original shows, used as it shows it; the program is in ``samples``."""

import json
import os
import shutil
import ssl
import subprocess
from urllib.parse import quote

import pytest
from sample_programs import running
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "samples")
MAIN = os.path.join(SAMPLES, "main.py")
PAGE = "<html><body>Hello, World!</body></html>"
HTML = "text/html; charset=utf8"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module", params=["threads", "coroutine"])
def program(request):
    with running(MAIN, request.param, cwd=SAMPLES) as program:
        yield program
        assert program.end() == 0


def get(program, target, **headers):
    answer, body = program.ask("GET", target, headers=headers)
    return answer.status, body.decode()


def get_json(program, target, **headers):
    status, body = get(program, target, **headers)
    assert status == 200, body
    return json.loads(body)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/index", 200),
        ("DELETE", "/index", 200),
        ("GET", "/only_get", 200),
        ("POST", "/only_get", 404),
        ("PUT", "/several", 200),
        ("DELETE", "/several", 404),
        ("GET", "/first", 200),
        ("GET", "/second", 200),
    ],
)
def test_paths_and_methods_find_controllers(program, method, target, status):
    answer, body = program.ask(method, target)
    assert answer.status == status
    if status == 200:
        assert (body.decode(), answer.headers["Content-Type"]) == (PAGE, HTML)


def test_a_coroutine_may_wait_for_another(program):
    path = quote("/中文/coroutine")
    assert get(program, path) == (200, "Success! Hey!")
    assert get(program, f"{path}?hey=You") == (200, "Success! You")


def test_expressions_and_wildcards_give_what_they_matched(program):
    assert get_json(program, "/reg/abcef/aref/xxx") == {
        "groups": ["reg/abcef/aref/xxx", "abcef/aref/xxx"],
        "group": "abcef/aref/xxx",
        "number": 1,
    }
    assert get(program, "/star/c") == (200, "<html><body>c</body></html>")
    assert get(program, "/c/star") == (200, "<html><body>c</body></html>")
    assert get(program, "/star/c/d")[0] == 404
    assert get(program, "/c/d/star")[0] == 404
    assert get(program, "/two_stars/c/d") == (200, "<html><body>c/d</body></html>")
    assert get(program, "/c/d/two_stars") == (200, "<html><body>c/d</body></html>")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/narrow/equal?a=b", 200),
        ("/narrow/equal?a=c", 404),
        ("/narrow/equal", 404),
        ("/narrow/unequal?a=c", 200),
        ("/narrow/unequal?a=b", 404),
        ("/narrow/unequal", 404),
        ("/narrow/begin?a=bc", 200),
        ("/narrow/begin?a=cb", 404),
        ("/narrow/absent", 200),
        ("/narrow/absent?a=1", 404),
        ("/narrow/present?a=", 200),
        ("/narrow/present", 404),
        ("/narrow/all?a=b&c=e", 200),
        ("/narrow/all?a=b&c=d", 404),
        ("/narrow/any?a=b", 200),
        ("/narrow/any?a=x&c=e", 200),
        ("/narrow/any?a=x&c=d", 404),
    ],
)
def test_parameters_narrow(program, target, status):
    assert get(program, target)[0] == status


def test_headers_narrow(program):
    assert get(program, "/narrow/header", **{"X-Version": "2"})[0] == 200
    assert get(program, "/narrow/header", **{"X-Version": "1"})[0] == 404


def test_classes_are_made_once_or_for_each_request(program):
    expected = "hello, you, ctr object says. "
    for path, calls in [("/per_request", [1, 1]), ("/single", [1, 2])]:
        answers = [get_json(program, f"{path}/say_hello?name=you") for _ in range(2)]
        assert [answer["message"] for answer in answers] == [expected, expected]
        assert [answer["calls"] - answers[0]["calls"] + 1 for answer in answers] == calls
    made = "hello, you, ctr[ctr_name] - this is a key word argument says"
    assert get_json(program, "/made?name=you") == {"message": f"{made}. "}
    assert get_json(program, "/made/say_hello?name=you") == {"message": f"{made}. "}
    assert get_json(program, "/made_by_expression/x?name=you") == {"message": f"{made} x. "}
    assert program.ask("POST", "/made/say_hello", "name=you", FORM)[0].status == 200
    assert program.ask("POST", "/made", "name=you", FORM)[0].status == 404


def test_a_request_says_everything(program):
    headers = {"X-Sample": "yes", "Cookie": "flavour=plain", "Content-Type": "application/json"}
    answer, body = program.ask("POST", "/request/to/world?a=1&a=2", '{"k": 1}', headers)
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    expected = {
        "method": "POST",
        "path": "/request/to/world",
        "header": "yes",
        "parameter": {"a": "1"},
        "parameters": {"a": ["1", "2"]},
        "query_string": "a=1&a=2",
        "cookie": "plain",
        "path_values": {"name": "world"},
        "body": '{"k": 1}',
        "json": {"k": 1},
        "in-session": None,
    }
    assert json.loads(body) == expected
    headers["Cookie"] = f"flavour=plain; {cookie}"
    answer, body = program.ask("POST", "/request/to/world?a=1&a=2", '{"k": 1}', headers)
    assert json.loads(body) == {**expected, "in-session": "Hello, Session!"}


def test_a_model_has_all_parameters(program):
    expected = {"name": "keijack", "a": "1", "b": ["2", "3"]}
    assert get_json(program, "/model/to/keijack?a=1&b=2&b=3") == expected


def test_defaults_say_what_is_wanted(program):
    assert get_json(program, "/values?user_name=u&password=p") == {
        "user_name": "u",
        "password": "p",
        "nickName": "",
        "age": 16,
        "male": True,
        "skills": [],
        "extra": {},
    }
    given = 'nickName=n&age=17&male=false&skills=a&skills=b&extra={"k":1}'
    _, body = program.ask("POST", "/values", f"user_name=u&password=p&{given}", FORM)
    assert json.loads(body) == {
        "user_name": "u",
        "password": "p",
        "nickName": "n",
        "age": 17,
        "male": False,
        "skills": ["a", "b"],
        "extra": {"k": 1},
    }
    for wrong in ["user_name=u", "user_name=u&password=p&age=x", "user_name=u&password=p&extra=x"]:
        assert get(program, f"/values?{wrong}")[0] == 400


@pytest.mark.parametrize(
    ("path", "user", "token", "cookie", "more"),
    [
        ("classes", "userName", "userToken", "userInfo", {"nickName": ""}),
        ("annotations", "user_name", "user_token", "user_info", {}),
    ],
)
def test_classes_and_annotations_say_what_is_wanted(program, path, user, token, cookie, more):
    target = f"/{path}/to/world?{user}=u&password=p&skills=a&skills=b"
    headers = {token: "t", "Cookie": f"{cookie}=i; other=o"}
    assert get_json(program, target, **headers) == {
        "user_name": "u",
        "password": "p",
        "skills": ["a", "b"],
        "headers": True,
        "user_token": "t",
        "cookies": sorted([cookie, "other"]),
        "user_info": "i",
        "name": "world",
        "session": 32,
        **more,
    }
    assert get(program, f"/{path}/to/world?password=p&skills=a", **headers)[0] == 400


def test_what_has_to_be_there_is_400_otherwise(program):
    assert get(program, "/classes/to/x?userName=u&password=p", userToken="t")[0] == 400
    assert get(program, "/classes/to/x?userName=u&password=p&skills=a")[0] == 400


def test_json_is_a_body(program):
    headers = {"Content-Type": "application/json"}
    for method in ["POST", "PUT", "DELETE"]:
        _, body = program.ask(method, "/from_json_body", '{"some_key": [1]}', headers)
        assert json.loads(body) == {"some_key": [1]}
    assert program.ask("POST", "/from_json_body", "{}", FORM)[0].status == 400


def test_files_are_uploaded(program):
    part = (
        'Content-Disposition: form-data; name="img"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nxyz'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    _, body = program.ask("POST", "/upload", f"--XX\r\n{part}\r\n--XX--\r\n", headers)
    assert json.loads(body) == {"content_type": "image/png", "length": 3, "is_saved": True}
    assert program.ask("POST", "/upload", "img=x", FORM)[0].status == 400


def test_own_bindings_make_arguments(program):
    assert get_json(program, "/model_binding/person?name=n&age=7") == {"name": "n", "sex": "secret", "age": 7}
    status, body = get(program, "/model_binding/person")
    assert (status, body) == (400, "all: 400-Age is required, and must be an integer-")
    assert get_json(program, "/model_binding/dog?name=Rex") == {"name": "Rex"}
    assert get_json(program, "/model_binding/dog") == {"name": "a dog"}


@pytest.mark.parametrize(
    ("target", "content_type", "body"),
    [
        ("/answer/dict", "application/json; charset=utf8", '{"success": true, "message": "Success!"}'),
        ("/answer/xml", "text/xml; charset=utf8", "<?xml><root></root>"),
        ("/answer/text", "text/plain; charset=utf8", "some other string value"),
        ("/answer/file", "text/xml", "body { color: red }"),
        ("/sent", HTML, "<html><body>Hello, world! </body></html>"),
        ("/written", "application/octet-stream", "abcdefg"),
        ("/public/page.css", "text/css", "body { color: red }"),
        ("/public_all/below/deep.txt", "text/plain", "deep"),
        ("/static/below/deep.txt", "text/plain", "deep"),
    ],
)
def test_answers_have_their_types(program, target, content_type, body):
    answer, received = program.ask("GET", target)
    assert (answer.status, answer.headers["Content-Type"], received.decode()) == (200, content_type, body)


def test_redirects_lead_elsewhere(program):
    for target, location in [("/answer/redirect", "/redirect/to/this/path"), ("/", "/index")]:
        answer, _ = program.ask("GET", target)
        assert (answer.status, answer.headers["Location"]) == (302, location)


def test_responses_and_tuples_have_headers_and_cookies(program):
    answer, body = program.ask("GET", "/answer/response")
    assert answer.headers.get_all("userToken") == ["user_id_token_xxxx", "xxxx"]
    assert answer.headers["Set-Cookie"] == "userInfo=ABC; Path=/"
    assert (answer.headers["Content-Type"], b"hello world" in body) == ("text/html", True)
    for target, cookie in [("/answer/tuple", "userInfo=ABC; Path=/"), ("/answer/short_tuple", None)]:
        answer, body = program.ask("GET", target)
        assert (answer.headers["userToken"], answer.headers["Set-Cookie"]) == ("user_id_token_xxx", cookie)
        assert json.loads(body) == {"success": True, "message": "success!"}


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/answer/not_found", 404, "<html><body>message: page not found, explain: </body></html>"),
        ("/answer/failed", 500, "50x: 500-Internal Server Error-it did not work"),
        ("/answer/conflict", 409, "all: 409-In Conflict-because"),
    ],
)
def test_errors_have_their_pages(program, target, status, body):
    assert get(program, target) == (status, body)


@pytest.mark.parametrize("path", ["/tuple/below", "/filtered"])
def test_filters_stand_before_controllers(program, path):
    answer, _ = program.ask("GET", path)
    assert (answer.status, answer.headers["Location"]) == (302, "/index")
    assert get(program, f"{path}?user_name=u") == (400, "all: 400-pass should be passed-")
    assert get_json(program, f"{path}?user_name=u&pass=p") == {"filter-set": "through filter"}


def test_answers_are_compressed_for_those_who_ask(program):
    answer, _ = program.ask("GET", "/answer/dict", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    answer, _ = program.ask("GET", "/answer/text", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] is None


def test_websockets_are_handled_by_classes(program):
    address = f"ws://127.0.0.1:{program.port}"
    with connect(f"{address}/ws/here") as websocket:
        assert websocket.response.headers["X-Path-Value"] == "here"
        websocket.send("hello")
        assert websocket.recv() == "hello"
    program.wait_for(r"<< open! {'path_val': 'here'}")
    program.wait_for(r"<< close::Client asked to close connection.")
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{address}/ws/refused")
    assert refused.value.response.status_code == 403
    with connect(f"{address}/ws-reg/one") as one, connect(f"{address}/ws-reg/two") as two:
        for websocket, name in [(one, "one"), (two, "two")]:
            websocket.send("hello")
            assert websocket.recv() == f"1 {name}", "each connection has its object"


def test_websockets_are_handled_by_functions(program):
    with connect(f"ws://127.0.0.1:{program.port}/ws-fun/here") as websocket:
        websocket.send("hello")
        assert websocket.recv() == "here-hello"
        websocket.send("close")
        assert websocket.recv() == "here-close"
        with pytest.raises(Exception, match="1000"):
            websocket.recv()
    program.wait_for(r"closed: Server asked to close connection\.")


@pytest.mark.parametrize("mode", ["async", "async-threads"])
def test_a_server_may_be_awaited(mode):
    with running(MAIN, mode, cwd=SAMPLES) as program:
        assert get(program, "/index") == (200, PAGE)
        assert program.end() == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.fail("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    made = [str(folder / name) for name in ("certificate.pem", "key.pem")]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    return made


@pytest.mark.parametrize("mode", ["ssl", "ssl-context"])
def test_a_server_speaks_tls(mode, certificate):
    with running(MAIN, mode, *certificate, cwd=SAMPLES) as program:
        context = ssl.create_default_context(cafile=certificate[0])
        answer, body = program.ask("GET", "/index", tls=context)
        assert (answer.status, body.decode()) == (200, PAGE)
        assert program.end() == 0


def test_sessions_may_be_the_applications_own():
    with running(os.path.join(SAMPLES, "own_sessions.py")) as program:
        answer, body = program.ask("GET", "/count")
        assert json.loads(body) == {"calls": 1, "is_new": True, "names": ["calls"]}
        cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        assert cookie["Cookie"].startswith("PY_SIM_HTTP_SER_SESSION_ID=own-")
        _, body = program.ask("GET", "/count", headers=cookie)
        assert json.loads(body) == {"calls": 2, "is_new": False, "names": ["calls"]}
        answer, _ = program.ask("GET", "/leave", headers=cookie)
        assert "expires=Thu, 01 Jan 1970" in answer.headers["Set-Cookie"]
        _, body = program.ask("GET", "/count", headers=cookie)
        assert json.loads(body)["calls"] == 1


def test_logs_go_where_the_application_says(run_python, tmp_path):
    printed = run_python(os.path.join(SAMPLES, "own_logging.py"), str(tmp_path / "log")).stdout
    written = (tmp_path / "log").read_text()
    assert "-[framework]-DEBUG: of the framework" in written
    assert "of the framework" in printed
    assert "of the service" not in written, "another factory has handlers of its own"
    assert "of the service as well" in printed


WSGI = """
import io, json, sys
from wsgiref.util import setup_testing_defaults
from wsgi_program import handler

def ask(path, query=""):
    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    started = []
    body = b"".join(handler(environ, lambda status, headers: started.append((status, dict(headers)))))
    return started[0][0], body.decode()

print(json.dumps([ask("/hello_wsgi", "name=x"), ask("/index"), ask("/public/page.css")]))
"""

ASGI = """
import asyncio, json
from asgi_program import app

async def ask(path, query=b""):
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
             "path": path, "raw_path": path.encode(), "query_string": query, "headers": [], "root_path": "",
             "client": None, "server": None}
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event):
        sent.append(event)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:]).decode()

async def main():
    print(json.dumps([await ask("/model_binding/dog", b"name=Rex"), await ask("/index")]))

asyncio.run(main())
"""


def _printed(output):
    """The line that is no log."""
    return json.loads(next(line for line in output.splitlines() if line.startswith("[[")))


def test_the_application_stands_behind_a_wsgi_server(run_python):
    printed = run_python("-c", WSGI, cwd=SAMPLES).stdout
    assert _printed(printed) == [
        ["200 OK", "Hello, WSGI! I am x."],
        ["200 OK", PAGE],
        ["200 OK", "body { color: red }"],
    ]


def test_the_application_stands_behind_an_asgi_server(run_python):
    printed = run_python("-c", ASGI, cwd=SAMPLES).stdout
    assert _printed(printed) == [[200, '{"name": "Rex"}'], [200, PAGE]]
