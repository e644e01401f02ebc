"""An application as users write it: a strict type checker finds nothing in it, and a server takes all of it.

It declares everything in a configuration of its own.
"""

from http.cookies import SimpleCookie
from typing import Any, Dict, List, Optional, Tuple

from simple_http_server import (
    BytesBody,
    Cookies,
    FilterContext,
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
    SessionFactory,
    StaticFile,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
    WebsocketSession,
    get_app_conf,
    logger,
)
from simple_http_server.models.model_bindings import ModelBinding

app = get_app_conf("typed application")
log = logger.get_logger("typed application")


@app.route("/hello/{name}", method=["GET", "POST"], params="!b", headers=("X-A", "X-B=1"))
@app.request_map("/hello")
def hello(
    name: str, age: int = 16, skills: List[int] = [], extra: Optional[Dict[str, Any]] = None
) -> Dict[str, Any]:
    return {"name": name, "age": age, "skills": skills, "extra": extra}


@app.request_map(
    regexp="^/reg/(.+)$", method="GET", params=["a=b", "c!=d"], match_all_params_expressions=False
)
async def matched(groups: RegGroups, group: RegGroup = RegGroup(0)) -> str:
    return f"{groups}{group.group}{group}"


@app.route("/values/{name}")
def values(
    request: Request,
    model: ModelDict,
    user: Parameter = Parameter("userName", required=True),
    tags: Parameters = Parameters("tag", default=["t"]),
    token: Header = Header("X-Token"),
    file: MultipartFile = MultipartFile("img"),
    name: PathValue = PathValue("name"),
    *,
    session: Session = Session(),
) -> Tuple[int, Headers, str]:
    request.headers["X"] = request.get_parameter("x", "")
    file.save_to_file("/tmp/" + file.filename)
    session.set_attribute("a", request.parameters[user])
    log.info("%s", request.cookies["c"].value + name.name + str(model) + str(tags) + token.upper())
    return 200, Headers({"X": "1"}), "text"


@app.route("/bodies")
async def bodies(json: JSONBody, whole: BytesBody, reader: RequestBodyReader) -> bytes:
    return bytes(json["x"]) + whole + await reader.read(4) + await reader.read_to_end()


@app.route("/respond")
def respond(response: Response) -> None:
    response.set_header("A", "1")
    response.add_header("A", ["2", "3"])
    response.cookies = SimpleCookie()
    response.cookie["a"] = "b"
    response.status_code = 201
    response.body = StaticFile("f", "text/plain")
    response.write_bytes(bytearray(b"a"))
    response.close()


@app.controller(args=["name"], kwargs={"word": "w"})
@app.request_map("/obj", method="GET")
class MyController:
    def __init__(self, name: str, word: str = "") -> None:
        self.name = name + word

    @app.request_map
    def root(self) -> Redirect:
        raise HttpError(404, "gone")

    @app.request_map("/cookies")
    def cookies(self, cookies: Cookies) -> Cookies:
        return cookies


@app.controller
class Bare:
    @app.route("/bare")
    def answer(self) -> int:
        return 204


@app.request_filter("/obj/**")
async def check(ctx: FilterContext) -> None:
    if "user" not in ctx.request.parameter:
        ctx.response.send_redirect("/login")
    else:
        ctx.do_chain()


@app.error_message("404", 403)
def missing(message: str, explain: str = "") -> str:
    return message + explain


@app.error_message
def other(code: int) -> Dict[str, int]:
    return {"code": code}


class Point:
    pass


@app.model_binding(Point)
class PointBinding(ModelBinding):
    async def bind(self) -> Point:
        return Point()


@app.default_model_binding
class OtherBinding(ModelBinding):
    def bind(self) -> Any:
        return self.default_value


@app.route("/point")
def point(where: Point, anything: Any) -> str:
    return f"{where}{anything}"


@app.websocket_handler("/ws/{room}", singleton=False)
class Echo(WebsocketHandler):
    async def on_handshake(self, request: WebsocketRequest) -> Tuple[int, Dict[str, str]]:
        return 0, {"X-Room": request.path_values["room"]}

    def on_text_message(self, session: WebsocketSession, message: str) -> None:
        session.send(message, chunk_size=1024)

    async def on_close(self, session: WebsocketSession, reason: WebsocketCloseReason) -> None:
        log.info(f"{session.id} {reason.message} {reason.code} {reason.reason}")


@app.websocket_message("/ws-fun")
async def on_text(session: WebsocketSession, message: str) -> None:
    session.send_text(message)
    session.close("bye")


class MySession(Session):
    @property
    def id(self) -> str:
        return "me"

    def get_attribute(self, name: str) -> Any:
        return None


class MySessions(SessionFactory):
    def get_session(self, session_id: str, create: bool = False) -> Optional[Session]:
        return MySession() if create else None


app.session_factory = MySessions()


def types_are_kept() -> Tuple[int, "type[PointBinding]", "type[Bare]", Dict[str, int]]:
    """What a decorator returns has the type of what it was given."""
    return MyController("a").root().url.count("/"), PointBinding, Bare, other(404)
