"""The controllers that the cases in ``cases.jsonl`` were put to: ``APPLICATION`` has them all."""

import os
from typing import Any, Callable, Dict, List, Optional

from simple_http_server import (
    BytesBody,
    Cookie,
    Cookies,
    Environment,
    Header,
    Headers,
    HttpError,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    PathValue,
    Redirect,
    RegGroup,
    RegGroups,
    Request,
    RequestBodyReader,
    Response,
    Session,
    StaticFile,
    WebsocketHandler,
    get_app_conf,
)
from simple_http_server.models.model_bindings import ModelBinding

APPLICATION = get_app_conf("the examples")

FILES = {
    "pub/note.txt": b"a note\n",
    "pub/page.html": b"<html><body>page</body></html>",
    "pub/data.json": b'{"k": 1}',
    "pub/UPPER.TXT": b"upper",
    "pub/blob": b"\x00\x01\x02",
    "pub/app.js": b"var a = 1;\n",
    "pub/中文.txt": b"cn",
    "pub/sub/deep.txt": b"deep",
    "pub/with space.txt": b"space",
    "ini/top.ini": b"[top]\n",
    "ini/sub/low.ini": b"[low]\n",
    "dl/report.csv": b"a,b\n1,2\n",
    "private.txt": b"private",
}

GZIP = {"gzip_content_types": {"text/css", "text/html", "text/csv"}, "gzip_compress_level": 6}

_folder = ""


def write_files(folder: str) -> None:
    """Writes the files that the application serves below this folder, and has it serve those."""
    global _folder
    _folder = folder
    for name, content in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def resources(folder: str) -> Dict[str, str]:
    """The static files of the application."""
    return {
        "/ex/pub/*": f"{folder}/pub",
        "/ex/all/**": f"{folder}/pub/",
        "*.ini": f"{folder}/ini",
        "**.exini": f"{folder}/ini",
    }


def _report(path: str = "dl/report.csv") -> str:
    return os.path.join(_folder, path)


# Routes: what was chosen, and what the path has captured.


def _route(label: str, *target: str, **conditions: Any) -> None:
    def answer(request=Request()):
        captured, groups = dict(request.path_values or {}), list(request.reg_groups)
        return {"c": label, "path": request.path, "pv": captured, "rg": groups}

    APPLICATION.route(*target, **conditions)(answer)


for _label, _target in {
    "alpha": "/ex/alpha",
    "dup1": "/ex/dup",
    "spec_any": "/ex/spec",
    "var": "/ex/var/{name}",
    "var2": "/ex/a/{one}/b/{two}",
    "varfile": "/ex/file-{n}.json",
    "cnpath": "/ex/路径/子",
    "cnvar": "/ex/cv/{名}",
    "star": "/ex/star/*",
    "deep": "/ex/deep/**",
    "pre1": "*/ex-tail",
    "pre2": "**/ex-deeptail",
    "shape_var": "/ex/shape/{x}",
    "shape_star": "/ex/shape/*",
    "shape_exact": "/ex/shape/fixed",
    "order_deep": "/ex/order/**",
    "order_star": "/ex/order/*",
    "noslash": "ex/noslash",
    "dot": "/ex/v1.0/{x}",
    "dup2": "/ex/dup",
    "p_sel_default": "/ex/p/sel",
    "p_block_any": "/ex/p/block",
}.items():
    _route(_label, _target)

_route("mstr", "/ex/m-str", method="GET, post")
_route("mlist", "/ex/m-list", method=["put", "DELETE"])
_route("mtuple", "/ex/m-tuple", method=("GET", "HEAD"))
_route("getonly", "/ex/get-only", method="GET")
_route("spec_get", "/ex/spec", method="GET")
_route("reg1", regexp="^/ex/re/([a-z]+)-(\\d+)$")
_route("reg2", regexp="^ex/renoslash/(\\w+)")
_route("reg3", regexp="^/ex/var/.*$")

_route("p_eq", "/ex/p/eq", params="a=b")
_route("p_ne", "/ex/p/ne", params="a!=b")
_route("p_sw", "/ex/p/sw", params="a^=b")
_route("p_not", "/ex/p/not", params="!a")
_route("p_has", "/ex/p/has", params="a")
_route("p_all", "/ex/p/all", params=["a=1", "c!=2"])
_route("p_any", "/ex/p/any", params=["a=1", "c=2"], match_all_params_expressions=False)
_route("p_sel_one", "/ex/p/sel", params="k=1")
_route("p_sel_two", "/ex/p/sel", params="k=2")
_route("p_block_get", "/ex/p/block", method="GET", params="k=1")
_route("h_eq", "/ex/h/eq", headers="X-Ver=2")
_route("h_sw", "/ex/h/sw", headers="Accept^=application/")
_route("h_not", "/ex/h/not", headers="!X-Ver")
_route("h_any", "/ex/h/any", headers=("X-A=1", "X-B=1"), match_all_headers_expressions=False)


@APPLICATION.route("/ex/stack-a")
@APPLICATION.route("/ex/stack-b", method="POST")
def stacked():
    return "stacked"


@APPLICATION.route(url="/ex/kw-url")
def by_keyword():
    return "kw"


# Classes.


@APPLICATION.controller(args=["arg"], kwargs={"kw": "kwarg"})
@APPLICATION.request_map("/ex/cls", method="GET")
class Single:
    def __init__(self, positional, kw=""):
        self.made_of = f"{positional}/{kw}"

    @APPLICATION.request_map
    def root(self):
        return {"m": "root", "s": self.made_of}

    @APPLICATION.request_map("/sub/{v}")
    def below(self, v=PathValue()):
        return {"m": "sub", "v": v}

    @APPLICATION.request_map("noslash", method="POST")
    def without_slash(self, q: str = "dq"):
        return {"m": "noslash", "q": q}

    @APPLICATION.route(regexp="^/ex/clsre/(.*)$")
    def by_expression(self, g=RegGroup(0)):
        return {"m": "reg", "g": g}


@APPLICATION.request_map("/ex/clsp", params="k", headers="X-K")
class Union:
    @APPLICATION.request_map("/u", params="a=1")
    def both(self):
        return {"m": "union"}


@APPLICATION.request_map("/ex/clsany")
class Any1:
    @APPLICATION.request_map("/x", params=["a=1", "b=1"], match_all_params_expressions=False)
    def any_of(self):
        return {"m": "anyof"}


class Fresh:
    def __init__(self):
        self.calls = 0

    @APPLICATION.request_map("/ex/perreq")
    def count(self):
        self.calls += 1
        return {"n": self.calls}


# Arguments.


def _shown(**values: Any) -> Dict[str, Dict[str, Any]]:
    return {name: {"type": type(value).__name__, "value": value} for name, value in values.items()}


def _binds(path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return APPLICATION.route(f"/ex/b/{path}")


@_binds("plain")
def plain(x):
    return _shown(x=x)


@_binds("str")
def text(x: str = "dflt"):
    return _shown(x=x)


@_binds("int")
def whole(x: int):
    return _shown(x=x)


@_binds("intd")
def whole_or_default(x=16):
    return _shown(x=x)


@_binds("float")
def real(x=0.5):
    return _shown(x=x)


@_binds("bool")
def truth(x=True):
    return _shown(x=x)


@_binds("list")
def texts(x=["d"]):
    return _shown(x=x)


@_binds("listarg")
def texts_by_annotation(x: list):
    return _shown(x=list(x))


@_binds("list-int")
def wholes(x: List[int]):
    return _shown(x=list(x))


@_binds("dict")
def mapping(x={"d": 1}):
    return _shown(x=x)


@_binds("none")
def nothing(x=None):
    return _shown(x=x)


@_binds("int-none")
def whole_or_none(x: int = None):  # noqa: RUF013 - what is tested
    return _shown(x=x)


@_binds("opt")
def optional(x: Optional[str] = None):
    return _shown(x=x)


@_binds("opt-req")
def optional_without_default(x: Optional[str]):
    return _shown(x=x)


@_binds("default-wins")
def type_of_the_default(x: int = "s"):
    return _shown(x=x)


@_binds("two")
def two(first: int, second: int):
    return _shown(first=first, second=second)


@_binds("param")
def parameter(x=Parameter("other", default="pd")):
    return {"v": x, "name": x.name}


@_binds("param-req")
def required_parameter(x=Parameter("other", required=True)):
    return {"v": x}


@_binds("params")
def parameters(x=Parameters("tag", default=["t0"])):
    return {"v": list(x), "name": x.name}


@_binds("params-req")
def required_parameters(x=Parameters("tag", required=True)):
    return {"v": list(x)}


@_binds("header")
def header(x=Header("X-Token", default="none")):
    return {"v": x, "name": x.name}


@_binds("header-req")
def required_header(x=Header("X-Token", required=True)):
    return {"v": x}


@_binds("header-arg")
def header_by_annotation(Accept: Header):  # noqa: N803 - the name of the field
    return {"v": Accept}


@_binds("headers")
def headers(all_headers: Headers):
    return {name: value for name, value in all_headers.items() if name.lower().startswith("x-")}


@_binds("cookie")
def cookie(x=Cookie("flavour", default="plain")):
    return {"v": x.value}


@_binds("cookie-req")
def required_cookie(x=Cookie("flavour", required=True)):
    return {"v": x.value}


@_binds("cookie-arg")
def cookie_by_annotation(flavour: Cookie):
    return {"v": flavour.value}


@_binds("cookies")
def cookies(all_cookies: Cookies):
    return {name: morsel.value for name, morsel in sorted(all_cookies.items())}


@_binds("path/{who}")
def path_value(who: PathValue):
    return {"v": who, "t": type(who).__name__}


@_binds("pathname/{who}")
def named_path_value(x=PathValue("who")):
    return {"v": x}


@_binds("pathbad/{who}")
def unknown_path_value(x=PathValue()):
    return {"v": x}


@_binds("wild/**")
def wildcard(x=PathValue()):
    return {"v": x, "t": type(x).__name__}


@APPLICATION.route(regexp="^/ex/b/rg/(\\w+)/(\\w+)$")
def groups(every: RegGroups, second=RegGroup(1)):
    return {"all": list(every), "second": second, "i": second.group}


@APPLICATION.route(regexp="^/ex/b/rgbad/(\\w+)$")
def missing_group(x=RegGroup(3)):
    return {"v": x}


@_binds("model")
def model(m: ModelDict):
    return m


@_binds("env")
def environment(e: Environment):
    return {"n": len(e)}


@_binds("json")
def json_body(data: JSONBody):
    return {"got": data}


@_binds("reqjson")
def json_of_the_request(request: Request):
    return {"json": request.json, "params": request.parameters}


@_binds("bytes")
def bytes_body(data: BytesBody):
    return {"n": len(data), "text": data.decode("utf-8", "replace")}


@_binds("reader")
async def piece_by_piece(reader: RequestBodyReader, n: int = 4):
    sizes = [0]
    while piece := await reader.read(n):
        sizes.append(len(piece))
    return {"total": sum(sizes), "max": max(sizes)}


@_binds("form")
def form(request: Request):
    body = request.body.decode("utf-8", "replace")
    return {"parameters": request.parameters, "parameter": request.parameter, "body": body}


@APPLICATION.route("/ex/b/file", method="POST")
def upload(doc=MultipartFile("doc", required=True), title=""):
    return {
        "name": doc.name,
        "filename": doc.filename,
        "ct": doc.content_type,
        "content": doc.content.decode("utf-8", "replace"),
        "empty": doc.is_empty,
        "title": title,
    }


@_binds("file-opt")
def optional_upload(doc=MultipartFile("doc")):
    return {"filename": doc.filename, "empty": doc.is_empty}


@_binds("request")
def request_itself(request=Request()):
    return {"method": request.method, "path": request.path, "p": request.get_parameter("p", "nop")}


@_binds("session")
def session(s: Session):
    return {"new": s.is_new, "n": len(s.attribute_names), "max": s.max_inactive_interval, "len": len(s.id)}


@_binds("kwonly")
def keyword_only(*, x="kd"):
    return {"x": x}


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


@APPLICATION.model_binding(Point)
class PointBinding(ModelBinding):
    async def bind(self) -> Any:
        given = self.request.get_parameter(self.arg_name, "")
        if not given:
            return self.default_value
        try:
            x, y = map(int, given.split(","))
        except ValueError:
            raise HttpError(422, "Bad Point", given) from None
        return Point(x, y)


@_binds("point")
def own_type(pt: Point):
    return {"x": pt.x, "y": pt.y}


class Bag(dict):
    pass


@APPLICATION.default_model_binding
class BagBinding(ModelBinding):
    def bind(self) -> Any:
        return Bag(self.request.parameter) if self.arg_type is Bag else self.default_value


@_binds("bag")
def by_default_binding(bag: Bag):
    return dict(bag)


# Answers.


def _returns(path: str, value: Callable[[], Any]) -> None:
    APPLICATION.route(f"/ex/r/{path}")(lambda: value())


def _cookies(**values: str) -> Cookies:
    made = Cookies()
    for name, value in values.items():
        made[name] = value
    return made


_returns("html", lambda: "  <!DOCTYPE html><html><body>x</body></html>\n")
_returns("html2", lambda: "<HTML>up</HTML>")
_returns("html-open", lambda: "<html>unfinished")
_returns("xml", lambda: '<?xml version="1.0"?><r/>')
_returns("xml-upper", lambda: '<?XML version="1.0"?><r/>')
_returns("dict", lambda: {"name": "中", "n": None, "t": True, "l": [1, 2.5], "d": {}})
_returns("bytes", lambda: b"raw\x00bytes")
_returns("bytearray", lambda: bytearray(b"array"))
_returns("none", lambda: None)
_returns("list", lambda: [1, 2])
_returns("headers", lambda: Headers({"X-One": "1", "X-Many": ["a", "b"], "X-Int": 5}))
_returns("redirect", lambda: Redirect("/ex/r/text?t=moved"))
_returns("tuple-cookies", lambda: (_cookies(t="1"), 418, {"body": "json"}))
_returns("tuple-subclass", lambda: (Parameter("n", "of str"), ModelDict(a=1), "plain str"))
_returns("tuple-empty", lambda: ())
_returns("static", lambda: StaticFile(_report(), "text/csv"))
_returns("static-ct", lambda: StaticFile(_report()))
_returns("static-missing", lambda: StaticFile(_report("dl/nothing.csv")))
_returns("ct", lambda: (Headers({"Content-Type": "text/css"}), "a{}"))
_returns("ct-lower", lambda: (Headers({"content-type": "text/css"}), "a{}"))
_returns(
    "tuple",
    lambda: ("first", 202, Headers({"X-A": "1"}), {"second": 1}, 203, Headers({"X-A": "2", "X-B": "3"})),
)


@APPLICATION.route("/ex/r/text")
def returned_text(t="hello"):
    return t


@APPLICATION.route("/ex/r/int")
def returned_status(c=204):
    return c


@APPLICATION.route("/ex/r/cookies")
def returned_cookies():
    made = _cookies(k="v", q="needs quoting; yes")
    made["k"]["path"] = "/p"
    made["k"]["max-age"] = 60
    return made


@APPLICATION.route("/ex/r/response")
def returned_response():
    response = Response(201, {"X-Made": "1"}, {"made": True})
    response.add_header("X-Made", "2")
    response.set_header("X-Set", "s")
    response.cookies["lost"] = "1"
    return response


@APPLICATION.route("/ex/r/param-body")
def set_on_the_response(response=Response()):
    response.status_code = 203
    response.set_header("X-Res", "1")
    response.cookies["rc"] = "1"
    response.body = {"from": "res"}


@APPLICATION.route("/ex/r/param-overrides")
def returned_over_what_was_set(response=Response()):
    response.status_code = 203
    response.body = "res body"
    return "returned body"


@APPLICATION.route("/ex/r/send")
def sent(response=Response()):
    response.status_code = 206
    response.body = "sent"
    response.send_response()
    return "ignored"


@APPLICATION.route("/ex/r/send-redirect")
def sent_redirect(response=Response()):
    response.send_redirect("/ex/alpha")


@APPLICATION.route("/ex/r/send-error")
def sent_error(response=Response()):
    response.set_header("X-Err", "kept")
    response.send_error(409, "In Conflict", "because")


@APPLICATION.route("/ex/r/write")
def written(response=Response()):
    response.add_header("Content-Type", "application/octet-stream")
    response.write_bytes(b"one")
    response.write_bytes(bytearray(b"two"))
    response.close()


@APPLICATION.route("/ex/r/async")
async def asynchronous(n: int = 1):
    return {"n": n}


# Errors and their pages.


@APPLICATION.route("/ex/e/http")
def raised(code=400, m="msg", x="expl"):
    raise HttpError(code, m, x)


@APPLICATION.route("/ex/e/http-default")
def raised_with_defaults():
    raise HttpError(403, None)


@APPLICATION.route("/ex/e/exc")
def raised_by_mistake():
    raise ValueError("broken <thing> & more")


@APPLICATION.error_message("410")
def gone(code, message, explain=""):
    return f"GONE {code}|{message}|{explain}"


@APPLICATION.error_message("45x")
def page_of_ten_codes(message: str, code: int, explain: str = ""):
    return {"m": message, "c": code, "e": explain}


@APPLICATION.error_message("451")
def page_by_types(explain="", message="", code=0):
    return f"<html><body>{code}/{message}/{explain}</body></html>"


@APPLICATION.error_message("456")
def page_that_fails():
    raise RuntimeError("error page failed")


# Filters.


@APPLICATION.request_filter("/ex/f/mark/*")
def mark(context):
    context.request.headers["X-Marked"] = "yes"
    context.response.set_header("X-Filter", "star")
    context.do_chain()


@APPLICATION.request_filter(regexp="^/ex/f/mark/two$")
async def mark_once_more(context):
    context.response.add_header("X-Filter", "regexp")
    context.do_chain()


@APPLICATION.route("/ex/f/mark/{n}")
def marked(m=Header("X-Marked", default="no")):
    return {"marked": m}


@APPLICATION.request_filter("/ex/f/deny")
def deny(context):
    raise HttpError(401, "Login", "who are you")


@APPLICATION.request_filter("/ex/f/redirect")
def redirect(context):
    context.response.send_redirect("/ex/alpha")


@APPLICATION.request_filter("/ex/f/error")
def error(context):
    context.response.send_error(403, "Blocked")


@APPLICATION.request_filter("/ex/f/boom")
def fail(context):
    raise RuntimeError("filter failed")


for _unreached in ("deny", "redirect", "error", "boom"):
    APPLICATION.route(f"/ex/f/{_unreached}")(lambda: "never")


@APPLICATION.request_filter("/ex/f/params")
def replace_parameters(context):
    context.request.parameters = {"p": ["replaced", "x"]}
    context.do_chain()


@APPLICATION.route("/ex/f/params")
def replaced_parameters(p="d", ps=Parameters("p")):
    return {"p": p, "ps": list(ps)}


@APPLICATION.request_filter("/ex/f/body")
def set_body(context):
    context.response.body = "from filter"
    context.do_chain()


@APPLICATION.route("/ex/f/body")
def body_of_the_filter():
    return None


# WebSocket.


@APPLICATION.websocket_handler(endpoint="/ex/ws/{room}")
class Room(WebsocketHandler):
    def on_handshake(self, request):
        mode = request.get_parameter("mode")
        if mode == "boom":
            raise ValueError("no")
        return {
            "refuse": (403, {"X-Why": "closed"}),
            "headers": (0, {"X-Room": request.path_values["room"]}),
        }.get(mode)
