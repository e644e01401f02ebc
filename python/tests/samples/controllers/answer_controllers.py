"""What controllers answer with, and what becomes of errors."""

import os
from http.cookies import SimpleCookie

from simple_http_server import (
    Cookies,
    Headers,
    HttpError,
    Redirect,
    Response,
    StaticFile,
    error_message,
    request_filter,
    request_map,
    route,
)

HERE = os.path.dirname(os.path.abspath(__file__))


@route("/answer/dict")
def a_dict():
    return {"success": True, "message": "Success!"}


@route("/answer/xml")
def xml():
    return "<?xml><root></root>"


@route("/answer/text")
def text():
    return "some other string value"


@route("/answer/not_found")
def not_found():
    raise HttpError(404, "page not found")


@route("/answer/failed")
def failed():
    raise Exception("it did not work")


@route("/answer/conflict")
def conflict():
    raise HttpError(409, "In Conflict", "because")


@route("/answer/redirect")
def redirected():
    return Redirect("/redirect/to/this/path")


@route("/answer/file")
def a_file():
    return StaticFile(os.path.join(HERE, "..", "static", "page.css"), content_type="text/xml")


@route("/answer/response")
def a_response():
    res = Response(status_code=200)
    res.headers["Content-Type"] = "text/html"
    res.set_header("userToken", "user_id_token_xxxx")
    res.add_header("userToken", "xxxx")
    res.cookies = SimpleCookie()
    res.cookie["userInfo"] = "ABC"
    res.cookie["userInfo"]["path"] = "/"
    res.body = "<!DOCTYPE html><html><body>hello world</body></html>"
    return res


@route("/answer/tuple")
def a_tuple():
    cookies = Cookies()
    cookies["userInfo"] = "ABC"
    cookies["userInfo"]["path"] = "/"
    body = {"success": True, "message": "success!"}
    return 200, Headers({"userToken": "user_id_token_xxx"}), cookies, body, "this is passed over"


@route("/answer/short_tuple")
def a_short_tuple():
    return Headers({"userToken": "user_id_token_xxx"}), {"success": True, "message": "success!"}


@request_map("/sent")
def sent(res=Response()):
    res.body = "<html><body>Hello, world! </body></html>"
    res.send_response()


@request_map("/")
def redirect(res=Response()):
    res.send_redirect("/index")


@route("/written")
def written(response: Response):
    response.status_code = 200
    response.add_header("Content-Type", "application/octet-stream")
    response.write_bytes(b"abcd")
    response.write_bytes(bytearray(b"efg"))
    response.close()


@error_message("403", "404")
def page_of_403_and_404(message: str, explain=""):
    return f"<html><body>message: {message}, explain: {explain}</body></html>"


@error_message("50x")
def page_of_50x(code, message, explain=""):
    return f"50x: {code}-{message}-{explain}"


@error_message
def page_of_all_errors(code, message, explain=""):
    return f"all: {code}-{message}-{explain}"


@request_filter("/tuple/**")
@request_filter(regexp="^/filtered")
def asks_for_a_user(ctx):
    ctx.request.headers["filter-set"] = "through filter"
    if "user_name" not in ctx.request.parameter:
        ctx.response.send_redirect("/index")
    elif "pass" not in ctx.request.parameter:
        ctx.response.send_error(400, "pass should be passed")
    else:
        ctx.do_chain()


@request_map("/tuple/below")
@request_map("/filtered")
def behind_the_filter(headers: Headers):
    return {"filter-set": headers["filter-set"]}
