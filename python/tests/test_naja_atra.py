"""The later name of the package means the same objects."""

from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1]


@pytest.fixture
def printed(run_python, monkeypatch):
    """What a program prints that finds the second package, too."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    return lambda code: run_python("-c", code).stdout.strip()


@pytest.mark.parametrize(
    ("name", "of_old"),
    [
        ("route", "simple_http_server.route"),
        ("Request", "simple_http_server.Request"),
        ("HttpSession", "simple_http_server.Session"),
        ("HttpSessionFactory", "simple_http_server.SessionFactory"),
        ("models.basic_models.HttpSession", "simple_http_server.Session"),
        ("models.model_bindings.ModelBinding", "simple_http_server.models.model_bindings.ModelBinding"),
        ("app_conf.AppConf", "simple_http_server.AppConf"),
        ("http_server.HttpServer", "simple_http_server.http_server.HttpServer"),
        ("logger.get_logger", "simple_http_server.get_logger"),
        ("routing_server.RoutingServer", "simple_http_server.routing_server.RoutingServer"),
        ("server.start", "simple_http_server.server.start"),
    ],
)
def test_a_name_means_the_same_object(printed, name, of_old):
    modules = "app_conf http_server logger routing_server server models.basic_models models.model_bindings"
    imports = "".join(
        f"import naja_atra.{module}, simple_http_server.{module}; " for module in modules.split()
    )
    assert printed(f"{imports}print(naja_atra.{name} is {of_old})") == "True"


def test_a_star_import_brings_the_newer_names(printed):
    assert (
        printed("from naja_atra import *; print(HttpSession.__name__, route is request_map)")
        == "Session True"
    )


def test_it_says_its_own_name_and_the_version_of_both(printed):
    program = "import naja_atra as n, simple_http_server as s; print(n.name, n.version == s.version)"
    assert printed(program) == "naja_atra True"
    project = (SOURCES / "naja_atra/pyproject.toml").read_text()
    assert f'version = "{printed("import simple_http_server as s; print(s.version)")}"' in project
