"""What was wrong in the original and is better here: the entries of its list of defects, by their names."""

import contextlib
import copy
import json
import pickle
import re
import socket
from http import HTTPStatus

import pytest
from examples.replay import PATIENCE, exchange
from running import running

from simple_http_server import (
    BytesBody,
    Cookie,
    Cookies,
    Header,
    Headers,
    HttpError,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    PathValue,
    Redirect,
    RegGroup,
    RegGroups,
    Request,
    Response,
    Session,
    StaticFile,
    get_app_conf,
)

APPLICATION = get_app_conf("what is better")
route = APPLICATION.route


@route("/text")
def text():
    return "ok"


@route("/model")
def model(parameters: ModelDict):
    return parameters


@route("/request")
def request(asked: Request):
    return {
        "headers": dict(asked.headers),
        "query": asked.query_string,
        "host": asked.host,
        "type": asked.content_type,
        "length": asked.content_length,
        "values": asked.path_values,
    }


@route("/body")
def body(data: BytesBody):
    return {"length": len(data)}


@route("/json")
def json_body(data: JSONBody):
    return data


@route("/unread")
def unread():
    return "not looked at"


@route("/header")
def header(value=""):
    return Headers({"X-Value": value}), "ok"


@route("/redirect")
def redirect(to=""):
    return Redirect(to)


@route("/error")
def error(message=""):
    raise HttpError(400, message)


@route("/described")
def described(code=400):
    raise HttpError(code, None, None)


@route("/sent-described")
def sent_described(response=Response()):
    response.send_error(404, None, None)


@route("/cookie-path")
def cookie_path(path=""):
    cookies = Cookies()
    cookies["a"] = "1"
    cookies["a"]["path"] = str(path)
    return cookies


@route("/list")
def a_list(x: list):
    x.append("mine")
    return {"x": x}


@route("/dict")
def a_dict(x={}):
    x["mine"] = 1
    return {"x": x}


@route("/wholes")
def wholes(x: "list[int]"):
    return {"x": x}


@route("/keyword")
def keyword(*, x: int):
    return {"x": x}


@route("/str", method="POST")
def a_str(x: str):
    return x


@route("/cookie")
def a_cookie(flavour: Cookie):
    return flavour.value


@route("/status")
def status(code=204):
    return code, "body"


@route("/true")
def true():
    return True, "body"


@route("/thousand")
def thousand():
    return 1000, "body"


@route("/own-length")
def own_length():
    return Headers({"Content-Length": "3"}), "x"


@route("/late")
def late(response=Response()):
    response.body = "sent"
    response.send_response()
    raise ValueError("too late")


@route("/unclosed")
def unclosed(response=Response()):
    response.write_bytes(b"abc")


@route("/broken")
def broken(response=Response()):
    response.write_bytes(b"abc")
    raise ValueError("too late")


@route("/several")
def several(response=Response()):
    response.set_header("X-Several", ["a", "b"])
    raise HttpError(400, "m")


@route("/with-cookie")
def with_cookie():
    response = Response(200, {}, "x")
    response.cookies["a"] = "1"
    return response


@route("/itself")
def itself(response=Response()):
    response.set_header("X-A", "1")
    response.body = "x"
    return response


@route("/value/{x}")
def value(x=PathValue()):
    return {"x": x}


@route("/dotted/v1.0/{x}")
def dotted(x=PathValue()):
    return "dotted"


@route(regexp="^/optional/(a)?$")
def optional(groups: RegGroups, group: RegGroup):
    return {"groups": list(groups), "group": group}


@route("/patch", method="PATCH")
def patch():
    return "patched"


@route("/begins", params="a^=b")
def begins():
    return "begins"


@route("/narrow", headers="X-A=1")
def narrow():
    return "narrow"


@APPLICATION.request_map("/class")
class PerRequest:
    made = 0

    def __init__(self):
        PerRequest.made += 1

    @APPLICATION.request_map("/made")
    def count(self):
        before, PerRequest.made = PerRequest.made, 0
        return {"made": before}


class Outer:
    class Inner:
        @route("/nested")
        def name(self):
            return type(self).__name__


class Base:
    @route("/inherited")
    def name(self):
        return type(self).__name__


class Derived(Base):
    pass


CALLS = []


@APPLICATION.request_filter(regexp=".*twice")
def count_calls(context):
    CALLS.append(context.request.path)
    context.do_chain()


@route("/twice")
def twice():
    before = len(CALLS)
    CALLS.clear()
    return {"calls": before}


@APPLICATION.request_filter("/silent")
def silent(context):
    context.response.set_header("X-Silent", "yes")


@route("/silent")
def never():
    return "never"


@APPLICATION.request_filter("/both")
def one(context):
    context.response.add_header("X-Filter", "one")
    context.do_chain()


@APPLICATION.request_filter("/both")
def another(context):
    context.response.add_header("X-Filter", "another")
    context.do_chain()


@route("/both")
def both():
    return "both"


@APPLICATION.error_message("498")
async def asynchronous_page(code):
    return "asynchronous"


@APPLICATION.error_message("497")
def tuple_page(code):
    return Headers({"X-Page": "yes"}), "of a tuple"


@APPLICATION.error_message("496")
def page_of_a_missing_file(code):
    return StaticFile("/there/is/no/such/file")


@APPLICATION.error_message("495")
def page_of_a_list(code):
    return ["no", "body"]


@route("/raise/{code}")
def raising(code=PathValue()):
    raise HttpError(int(code), "m")


@route("/upload", method="POST")
def upload(f=MultipartFile("f", required=True)):
    return {"name": f.filename, "type": f.content_type, "content": f.content.decode()}


@route("/session")
def session(s: Session):
    calls = (s.get_attribute("calls") or 0) + 1
    s.set_attribute("calls", calls)
    return {"calls": calls, "id": s.id}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("better")
    (folder / "public").mkdir()
    (folder / "public" / "a b~c+d.txt").write_text("named")
    (folder / "public" / ".hidden").write_text("hidden")
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module", params=["threads", "coroutines"])
def port(request, folder):
    options = {"resources": {"/public/**": str(folder / "public")}, "gzip_content_types": {"text/plain"}}
    with running(APPLICATION, coroutine=request.param == "coroutines", **options) as port:
        yield port


def ask(port, line, *fields, body=b""):
    """The status line, the fields in lower case, and the body of an answer."""
    lines = [f"{line} HTTP/1.1", "Host: x", "Connection: close", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return parts(exchange(port, "\r\n".join([*lines, "", ""]).encode("latin-1") + body))


def parts(received):
    head, _, content = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, text = line.partition(": ")
        fields.setdefault(name.lower(), []).append(text)
    return first.partition(" ")[2], fields, content


OK = "200 OK"
NOT_FOUND = "404 Controller Not Found"


@pytest.mark.parametrize(
    ("entry", "line", "status", "content"),
    [
        ("A1", "GET //", NOT_FOUND, None),
        ("A1", "GET //text", OK, b"ok"),
        ("A1", "GET /%2Ftext", OK, b"ok"),
        ("A2", "PATCH /text", OK, b"ok"),
        ("A2", "BREW /text", "501 Not Implemented", None),
        ("A14", "GET http://x/text", OK, b"ok"),
        ("A14", "OPTIONS *", "204 No Content", b""),
        ("A21", "GET /value/\xe4\xb8\xad", OK, '{"x": "中"}'.encode()),
        ("A28", "GET /model?a=1?b=2", OK, b'{"a": "1?b=2"}'),
        ("A28", "GET /model?a=1#f", OK, b'{"a": "1"}'),
        ("A30", "GET /status?code=204", "204 No Content", b""),
        ("A30", "GET /status?code=304", "304 Not Modified", b""),
        ("A33", "GET /body", OK, b'{"length": 0}'),
        ("A35", "HEAD /text", OK, b""),
        ("A35", "HEAD /late", OK, b""),
        ("A35", "HEAD /unclosed", OK, b""),
        ("A37", "GET /error?message=100%25%20sure", "400 100% sure", None),
        ("A37", "GET /error?message=%E4%B8%AD", "400 Bad Request", None),
        ("A37", "GET /error?message=a%0d%0aX-Evil:%201", "400 aX-Evil: 1", None),
        ("A37", "GET /header?value=a%0d%0aX-Evil:%201", "500 Internal Server Error", None),
        ("A37", "GET /cookie-path?path=/a%0d%0aX-Evil:%201", "500 Internal Server Error", None),
        ("A38", "GET /late", OK, b"sent"),
        ("A39", "GET /unclosed", OK, b"abc"),
        ("A44", "GET /own-length", OK, b"x"),
        ("B1", "GET /dotted/v1X0/a", NOT_FOUND, None),
        ("B2", "GET /value/%2541", OK, b'{"x": "%41"}'),
        ("B3", "GET /value/a:b", OK, b'{"x": "a:b"}'),
        ("B3", "GET /value/a%20b+c,d~e", OK, b'{"x": "a b+c,d~e"}'),
        ("B8", "GET /optional/", OK, None),
        ("B10", "GET /value/a%0A", NOT_FOUND, None),
        ("B12", "GET /class/made", OK, b'{"made": 1}'),
        ("B13", "GET /nested", OK, b"Inner"),
        ("B13", "GET /inherited", OK, b"Base"),
        ("B16", "PATCH /patch", OK, b"patched"),
        ("C1", "GET /wholes?x=1&x=2", OK, b'{"x": [1, 2]}'),
        ("C1", "GET /wholes?x=1&x=a", "400 Bad Request", None),
        ("C3", "GET /cookie", "400 Missing Cookie", None),
        ("C7", "GET /keyword?x=1", OK, b'{"x": 1}'),
        ("E-1", "GET /raise/498", "498 m", b"asynchronous"),
        ("E-1", "GET /raise/497", "497 m", b"of a tuple"),
        ("E-1", "GET /raise/496", "496 m", None),
        ("E-1", "GET /raise/495", "495 m", None),
        ("S-4", "GET /true", "500 Internal Server Error", None),
        ("S-4", "GET /thousand", "500 Internal Server Error", None),
        ("F-1", "GET /twice", OK, b'{"calls": 1}'),
        ("F-2", "GET /silent", OK, b""),
        ("ST-1", "GET /public/../secret.txt", "404 ", None),
        ("ST-1", "GET /public/%2e%2e/secret.txt", "404 ", None),
        ("ST-3", "GET /public/a%20b~c+d.txt", OK, b"named"),
    ],
)
def test_a_request_is_answered_better(port, entry, line, status, content):
    answered, fields, received = ask(port, line)
    assert answered == status, received
    assert content is None or received == content
    assert "x-evil" not in fields


def test_heads_are_read_to_the_letter(port):
    def status(*fields, body=b""):
        return ask(port, "POST /body", *fields, body=body)[0]

    for length in ["x", "-1", "+3", "1_0", "3, 5"]:
        assert status(f"Content-Length: {length}").startswith("400"), f"A4: {length}"
    assert status("Content-Length: 3", "Content-Length: 5").startswith("400"), "A4"
    assert status("Content-Length: 3", "Transfer-Encoding: chunked").startswith("400"), "A6"
    assert status("badline").startswith("400"), "A8"
    assert status("X-A: 1\rX-B: 2").startswith("400"), "A9"
    assert status("X-A: 1", "  2").startswith("400"), "A10"
    assert status("X-A: a\0b").startswith("400"), "A11"
    assert status("Host: y").startswith("400"), "A13"
    assert status("Content-Length: 1000000000000000").startswith("413"), "A19"
    assert status("Expect: the worst").startswith("417"), "A29"
    assert status("X: " + "a" * 100_000).startswith("431"), "A17"
    assert ask(port, "GET /text?" + "a" * 100_000)[0].startswith("414"), "A17"


def test_requests_follow_one_another(port):
    def answers(*requests):
        joined = "".join(
            f"{request}\r\n\r\n" if request.count("\r\n") < 3 else request for request in requests
        )
        return exchange(port, joined.encode("latin-1"))

    text, last = "GET /text HTTP/1.1\r\nHost: x", "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert answers(text, last).count(b"HTTP/1.1 200 OK") == 2, "A22, A25"
    smuggled = "GET /json HTTP/1.1\r\n\r\n"
    length = f"Content-Type: a/b\r\nContent-Length: {len(smuggled)}"
    unread = f"POST /text HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n{smuggled}"
    assert answers(unread, last).count(b"\r\n\r\nok") == 2, "A7"
    assert ask(port, "GET /value/a\tb")[0].startswith("400"), "A21"
    chunked = "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert b'{"length": 3}' in answers(chunked, last), "A5"
    limited = "GET /text HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nKeep-Alive: max=2\r\n\r\n"
    assert answers(limited, limited, last).count(b"HTTP/1.1 200 OK") == 3, "A23, A24"
    assert answers("\r\n" + text, last).count(b"HTTP/1.1 200 OK") == 2, "A15"
    empty = "GET /status?code=204 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answers(empty, last).endswith(b"\r\n\r\nok"), "A30"


def test_a_body_is_read_to_its_end(port):
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as connection:
        head = "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
        connection.sendall(head.encode() + b"a" * 100_000)
        connection.sendall(b"a" * 200_000)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.endswith(b'{"length": 300000}'), "A26"
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as connection:
        connection.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        assert b'"length": 3' not in connection.recv(65536), "A18"


def test_a_request_is_what_it_says(port):
    asked = ask(port, "POST /request?a=1", "X-A: 1", "x-a: 2", "Content-Type: a/b", body=b"abc")[2]
    told = json.loads(asked)
    assert (told["query"], told["host"], told["type"], told["length"]) == ("a=1", "x", "a/b", 3), "C10"
    assert told["headers"]["X-A"] == "1, 2", "A12"
    assert told["values"] == {}, "B15"
    assert ask(port, "GET /narrow", "x-a: 1")[0] == OK, "B4"
    assert json.loads(ask(port, "GET /optional/")[2]) == {"groups": [None], "group": ""}, "B8"


def test_cookies_that_are_none_are_passed_over(port):
    for field in ["a/b=1; flavour=plain", "a[b]=1; flavour=plain", "flavour=plain; {x}=1; =; ;"]:
        assert ask(port, "GET /cookie", f"Cookie: {field}")[2] == b"plain", "A43"


def test_what_is_answered_is_what_was_meant(port):
    assert ask(port, "GET /with-cookie")[1]["set-cookie"] == ["a=1"], "S-1"
    assert ask(port, "GET /itself")[1]["x-a"] == ["1"], "S-2"
    assert ask(port, "GET /several")[1]["x-several"] == ["a", "b"], "A38"
    assert ask(port, "GET /own-length")[1]["content-length"] == ["1"], "A44"
    assert ask(port, "HEAD /text")[1]["content-length"] == ["2"], "A35"
    assert ask(port, "GET /silent")[1]["x-silent"] == ["yes"], "F-2"
    assert ask(port, "GET /both")[1]["x-filter"] == ["one", "another"], "F-4"
    assert ask(port, "GET /redirect?to=/%E4%B8%AD%0d%0a")[1]["location"] == ["/%E4%B8%AD%0D%0A"], "A37"
    assert ask(port, "GET /header?value=%E4%B8%AD")[1]["x-value"] == ["中".encode().decode("latin-1")], "A37"
    assert ask(port, "GET /unclosed")[1]["content-type"] == ["application/octet-stream"], "A39"
    assert ask(port, "GET /raise/497")[1]["x-page"] == ["yes"], "E-1"


def test_json_that_is_none_is_a_mistake_of_those_who_send_it(port):
    kind = "Content-Type: application/json"
    for given in [
        b"{",
        b"[1,2]",
        b'[["a",1]]',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' + b"1" * 5000 + b"}",
    ]:
        assert ask(port, "POST /json", kind, body=given)[0] == "400 Bad Request", f"C8: {given[:10]!r}"
        assert ask(port, "POST /unread", kind, body=given)[2] == b"not looked at", f"C8: {given[:10]!r}"


def test_forms_are_read_as_they_are_written(port):
    form = "Content-Type: application/x-www-form-urlencoded"
    assert ask(port, "POST /model", form, body=b"a=\xff")[2] == '{"a": "\ufffd"}'.encode(), "C14"
    head = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a;b.txt"\r\n'
    expected = {"name": "a;b.txt", "type": "text/plain", "content": "x"}
    for boundary in ["boundary=B", ' boundary="B"', " charset=utf-8; boundary=B"]:
        field = f"Content-Type: multipart/form-data;{boundary}"
        body = head + b"Content-Type: text/plain\r\nX-Own: 1\r\n\r\nx\r\n--B--\r\n"
        assert json.loads(ask(port, "POST /upload", field, body=body)[2]) == expected, f"D: {boundary}"
    field = "Content-Type: multipart/form-data; boundary=B"
    body = b"--B\r\nContent-Type: text/plain\r\n" + head[5:] + b"\r\nx--B\r\n--B--\r\n"
    assert json.loads(ask(port, "POST /upload", field, body=body)[2])["content"] == "x--B", (
        "D: order, content"
    )
    for body in [head + b"\r\nx", b"nothing", b"--B\r\n\r\nx\r\n--B--\r\n"]:
        assert ask(port, "POST /upload", field, body=body)[0].startswith("400"), f"D: {body!r}"
    upload_of_x = head.replace(b'"f"', b'"x"') + b"\r\nx\r\n--B--\r\n"
    assert ask(port, "POST /str", field, body=upload_of_x)[0] == "400 Bad Request", "C13"
    upload_of_a = head.replace(b'"f"', b'"a"') + b"\r\nb\r\n--B--\r\n"
    assert ask(port, "POST /begins", field, body=upload_of_a)[0] == NOT_FOUND, "B14"


def test_an_error_that_explains_nothing_has_the_standard_words(port):
    for target, told in [
        ("/described", (400, "Bad Request", "Bad request syntax or unsupported method")),
        ("/described?code=505", (505, "HTTP Version Not Supported", "Cannot fulfill request")),
        # Python 3.13 has other words for it
        ("/described?code=413", (413, "Request Entity Too Large", HTTPStatus(413).description)),
        ("/described?code=499", (499, "???", "???")),
        ("/sent-described", (404, "Not Found", "Nothing matches the given URI")),
    ]:
        status, _, page = ask(port, f"GET {target}")
        code, message, explain = told
        assert status == f"{code} {message}"
        assert json.loads(page) == {"code": code, "message": message, "explain": explain}


def test_a_session_is_the_servers(port):
    name = "PY_SIM_HTTP_SER_SESSION_ID"
    _, fields, first = ask(port, "GET /session", f"Cookie: {name}=attacker")
    identifier = json.loads(first)["id"]
    assert identifier != "attacker", "SE-2"
    assert fields["set-cookie"][0].startswith(f"{name}={identifier}; ")
    again = json.loads(ask(port, "GET /session", f"Cookie: {name}={identifier}")[2])
    assert again == {"calls": 2, "id": identifier}, "SE-1"


def test_the_cookie_of_a_session_says_more_where_it_need_not_be_compatible(port):
    assert ask(port, "GET /session")[1]["set-cookie"][0].endswith(" GMT; HttpOnly; Path=/")
    with running(APPLICATION, compatible=False) as port:
        cookie = ask(port, "GET /session")[1]["set-cookie"][0]
    assert re.search(r" GMT; HttpOnly; Path=/; Max-Age=1[78]\d\d; SameSite=Lax$", cookie), "SE-3"


def test_a_file_is_asked_for_once(port):
    target = "GET /public/a%20b~c+d.txt"
    tag = ask(port, target)[1]["etag"][0]
    assert ask(port, target, f"If-None-Match: {tag}")[0] == "304 Not Modified", "ST-4"


def test_names_that_begin_with_a_dot_are_served_where_that_is_compatible(port, folder):
    assert ask(port, "GET /public/.hidden")[2] == b"hidden"
    with running(APPLICATION, compatible=False, resources={"/public/**": str(folder / "public")}) as port:
        assert ask(port, "GET /public/.hidden")[0].startswith("404")


def test_compression_is_for_those_who_want_it(port):
    def is_compressed(accepted):
        return "content-encoding" in ask(port, "GET /text", f"Accept-Encoding: {accepted}")[1]

    assert [is_compressed(accepted) for accepted in ["gzip", "*", "br, GZIP;q=0.5"]] == [True] * 3
    assert [is_compressed(accepted) for accepted in ["gzip;q=0", "gzipfoo", "br"]] == [False] * 3
    assert "content-encoding" not in ask(port, "GET /silent", "Accept-Encoding: gzip")[1]


def test_values_keep_their_text():
    for made in [Parameter("n", "v"), Header("n", "v"), PathValue("n", "v"), RegGroup(1, _value="v")]:
        for same in [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]:
            assert (same, type(same)) == ("v", type(made)), "C12"
