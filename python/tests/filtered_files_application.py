"""Static files with filters before them, for every server; the folder is named by the environment."""

import asyncio
import os

from simple_http_server import AppConf, FilterContext, HttpError
from simple_http_server.server import init_asgi_proxy, init_wsgi_proxy

conf = AppConf()


@conf.request_filter("/members/**")
def authenticate(context: FilterContext):
    if context.request.headers.get("Authorization") != "yes":
        raise HttpError(401, "No", "Who are you?")
    context.response.set_header("X-Member", "one")
    context.response.cookies["member"] = "1"
    context.do_chain()


@conf.request_filter("/members/**")
async def later(context: FilterContext):
    await asyncio.sleep(0)
    if context.request.get_parameter("session"):
        context.request.get_session(True)
    context.do_chain()


@conf.request_filter("/members/typed.txt")
def name_the_type(context: FilterContext):
    context.response.set_header("Content-Type", "text/x-own")
    context.response.set_header("Cache-Control", "no-store")
    context.do_chain()


@conf.request_filter("/members/moved.txt")
def redirect(context: FilterContext):
    context.response.send_redirect("/elsewhere")


@conf.request_filter("/members/withheld.txt")
def withhold(context: FilterContext):
    context.response.set_header("X-Withheld", "yes")


@conf.request_filter(regexp="^/favicon")
def beside_the_icon(context: FilterContext):
    context.response.set_header("X-Icon", "yes")
    context.do_chain()


def options():
    folder = os.environ["FILES"]
    compatible = os.environ["COMPATIBLE"] == "yes"
    return {
        "resources": {"/members/**": folder, "/public/**": folder},
        "gzip_content_types": {"text/html"},
        "app_conf": conf,
        "compatible": compatible,
    }


if "FILES" in os.environ:
    wsgi = init_wsgi_proxy(**options()).app_proxy
    asgi = init_asgi_proxy(**options()).app_proxy
