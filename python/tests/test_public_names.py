"""Every name that applications import is there, with its signature and its default."""

import importlib
import inspect
import ssl
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import pytest

import simple_http_server
from simple_http_server import app_conf
from simple_http_server.models import basic_models, model_bindings
from simple_http_server.models.model_bindings import ModelBinding, ModelBindingConf

DECORATORS = """
    request_map route controller request_filter filter_map websocket_handler websocket_handshake websocket_open
    websocket_close websocket_message error_message model_binding default_model_binding
"""

CLASSES = """
    Request Headers Cookies Cookie ParamStringValue Parameter Header Parameters PathValue RegGroup RegGroups ModelDict
    Environment JSONBody BytesBody RequestBodyReader MultipartFile Session SessionFactory Response StaticFile Redirect
    HttpError FilterContext WebsocketRequest WebsocketSession WebsocketCloseReason WebsocketHandler
"""

BYCATCH = """
    Any Callable Dict List Tuple Type Union asyncio inspect sys time http base64 abstractmethod get_logger
    ModelBindingConf app_conf logger models
"""


@pytest.mark.parametrize("name", (DECORATORS + CLASSES + BYCATCH).split())
def test_the_package_has_the_name_and_a_star_import_brings_it(name):
    assert hasattr(simple_http_server, name)
    assert name in simple_http_server.__all__


@pytest.mark.parametrize("name", CLASSES.split())
def test_a_class_is_the_same_in_basic_models(name):
    assert getattr(basic_models, name) is getattr(simple_http_server, name)


def test_a_star_import_brings_all_that_it_promises():
    names: dict = {}
    exec("from simple_http_server import *", names)
    assert set(simple_http_server.__all__) <= set(names)
    assert "request" not in names


def test_the_constants_have_their_values():
    opcodes = {"CONTINUATION": 0, "TEXT": 1, "BINARY": 2, "CLOSE": 8, "PING": 9, "PONG": 10}
    for name, value in opcodes.items():
        assert getattr(simple_http_server, f"WEBSOCKET_OPCODE_{name}") == value
    for name in ("TEXT", "BINARY", "BINARY_FRAME", "PING", "PONG"):
        constant = f"WEBSOCKET_MESSAGE_{name}"
        assert getattr(simple_http_server, constant) == constant
    assert simple_http_server.name == "simple_http_server"
    assert simple_http_server.DEFAULT_ENCODING == "UTF-8"
    assert simple_http_server.SESSION_COOKIE_NAME == "PY_SIM_HTTP_SER_SESSION_ID"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Headers", dict),
        ("Cookies", SimpleCookie),
        ("Cookie", Morsel),
        ("Parameter", simple_http_server.ParamStringValue),
        ("Header", simple_http_server.ParamStringValue),
        ("ParamStringValue", str),
        ("Parameters", list),
        ("PathValue", str),
        ("RegGroup", str),
        ("RegGroups", tuple),
        ("ModelDict", dict),
        ("Environment", dict),
        ("JSONBody", dict),
        ("BytesBody", bytes),
        ("WebsocketCloseReason", str),
        ("HttpError", Exception),
    ],
)
def test_a_class_has_its_base(name, base):
    assert getattr(simple_http_server, name).__bases__ == (base,)


def test_decorators_of_the_module_belong_to_the_default_configuration():
    default = simple_http_server.get_app_conf()
    for name in DECORATORS.split():
        assert getattr(app_conf, name) == getattr(default, name)
    assert app_conf.route is app_conf.request_map
    assert default.route == default.request_map


SERVER_OPTIONS = [
    ("host", ""),
    ("port", 9090),
    ("ssl", False),
    ("ssl_protocol", ssl.PROTOCOL_TLS_SERVER),
    ("ssl_check_hostname", False),
    ("keyfile", ""),
    ("certfile", ""),
    ("keypass", ""),
    ("ssl_context", None),
    ("resources", {}),
    ("connection_idle_time", None),
    ("keep_alive", True),
    ("keep_alive_max_request", None),
    ("gzip_content_types", set()),
    ("gzip_compress_level", 9),
]


def positional(function):
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.default) for parameter in parameters if parameter.kind is kind]


def test_start_takes_its_options_in_their_order():
    server = importlib.import_module("simple_http_server.server")
    assert positional(server.start) == [*SERVER_OPTIONS, ("prefer_coroutine", False), ("app_conf", None)]
    assert positional(server.start_async) == [*SERVER_OPTIONS, ("prefer_coroutine", True), ("app_conf", None)]
    assert inspect.iscoroutinefunction(server.start_async)
    proxy = [("resources", {}), ("session_factory", None), ("app_conf", None)]
    assert positional(server.init_wsgi_proxy) == proxy
    assert positional(server.init_asgi_proxy) == proxy
    assert positional(server.scan) == [("base_dir", ""), ("regx", ""), ("project_dir", "")]


def test_http_server_takes_its_options_in_their_order():
    from simple_http_server.http_server import HttpServer

    tls = SERVER_OPTIONS[2:9]
    assert positional(HttpServer) == [
        ("host", ("", 9090)),
        *tls,
        ("resources", {}),
        ("prefer_corountine", False),
        ("max_workers", None),
        *SERVER_OPTIONS[10:],
        ("app_conf", None),
    ]


def test_server_hands_on_what_else_is_imported_from_it():
    server = importlib.import_module("simple_http_server.server")
    names = """HttpServer WSGIProxy ASGIProxy AppConf get_app_conf set_session_factory LocalSessionFactory RoutingServer
        SessionFactory"""
    for name in names.split():
        assert hasattr(server, name)
    assert server.is_ready() is None


def test_each_type_has_its_binding_class():
    names = """
        Request Session Response Headers RegGroups Environment Header Cookies Cookie MultipartFile Parameter PathValue
        Parameters RegGroup JSONBody RequestBodyReader BytesBody Str Bool Int Float List ModelDict Dict Default
    """
    for name in names.split():
        assert issubclass(getattr(model_bindings, f"{name}ModelBinding"), ModelBinding)
    conf = ModelBindingConf()
    assert conf.default_model_binding_type is model_bindings.DefaultModelBinding
    assert conf.model_bingding_types[int] is model_bindings.IntModelBinding


def test_older_names_of_modules_stay():
    local = importlib.import_module("simple_http_server._http_session_local_impl")
    assert (
        local.LocalSessionFactory is importlib.import_module("simple_http_server.server").LocalSessionFactory
    )
    from simple_http_server.websocket_request_handler import WebsocketException

    error = WebsocketException("why", True)
    assert (error.reason, error.is_graceful) == ("why", True)


@pytest.mark.parametrize(
    ("module", "costly"),
    [
        ("simple_http_server", ["simple_http_server._engine", "asyncio", "ssl", "inspect", "json"]),
        ("simple_http_server.server", ["simple_http_server._engine", "asyncio", "ssl"]),
    ],
)
def test_importing_it_imports_neither_the_engine_nor_what_is_costly(run_python, module, costly):
    run = run_python("-c", f"import sys, {module}; print([name for name in {costly} if name in sys.modules])")
    assert run.stdout == "[]\n"


def test_a_costly_module_comes_when_it_is_asked_for(run_python):
    run = run_python("-c", "import simple_http_server as s; print(s.asyncio.__name__, s.inspect.__name__)")
    assert run.stdout == "asyncio inspect\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        simple_http_server.nothing  # noqa: B018


def test_the_version_is_that_of_the_project():
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert f'\nversion = "{simple_http_server.version}"\n' in project.read_text()
