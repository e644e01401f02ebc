"""An application that a strict type checker has accepted is accepted by a server."""

from typed import application

from simple_http_server.routing_server import RoutingServer


def test_everything_that_it_declares_is_taken():
    server = RoutingServer(model_binding_conf=application.app.model_binding_conf)
    server.map_app_conf(application.app)
    assert len(server._routes) == 12
    assert len(server._filters) == 1
    assert set(server._error_pages) == {"404", "403", ""}
    assert [len(endpoint.events) for endpoint in server._websocket_endpoints] == [3, 1]
    assert server.session_factory is application.app.session_factory
