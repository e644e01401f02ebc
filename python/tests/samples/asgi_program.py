"""The application behind an ASGI server, made when the first event comes."""

import asyncio
import os

import simple_http_server.server as server
from simple_http_server.server import ASGIProxy

HERE = os.path.dirname(os.path.abspath(__file__))

asgi_proxy: ASGIProxy = None
init_asgi_proxy_lock: asyncio.Lock = asyncio.Lock()


async def init_asgi_proxy():
    global asgi_proxy
    if asgi_proxy is None:
        async with init_asgi_proxy_lock:
            if asgi_proxy is None:
                server.scan(base_dir="controllers", regx=r".*controllers.*", project_dir=HERE)
                asgi_proxy = server.init_asgi_proxy(resources={"/public/*": f"{HERE}/static"})


async def app(scope, receive, send):
    await init_asgi_proxy()
    await asgi_proxy.app_proxy(scope, receive, send)
