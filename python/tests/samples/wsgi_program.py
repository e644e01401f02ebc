"""The application behind a WSGI server."""

import os

import simple_http_server.server as server
from simple_http_server import request_map

HERE = os.path.dirname(os.path.abspath(__file__))

server.scan("controllers", r".*controllers.*", project_dir=HERE)


@request_map("/hello_wsgi")
def hello(name: str):
    return 200, f"Hello, WSGI! I am {name}."


wsgi_proxy = server.init_wsgi_proxy(resources={"/public/*": f"{HERE}/static"})


def handler(environ, start_response):
    return wsgi_proxy.app_proxy(environ, start_response)
