"""How requests find their controllers."""

from simple_http_server import PathValue, RegGroup, RegGroups, controller, request_map, route

PAGE = "<html><body>Hello, World!</body></html>"


@request_map("/index")
def index():
    return PAGE


@request_map("/only_get", method="GET")
def only_get():
    return PAGE


@request_map("/several", method=["GET", "POST", "PUT"])
def several():
    return PAGE


@request_map("/first")
@request_map("/second")
def two_paths():
    return PAGE


async def say(something: str = ""):
    return f"Success! {something}"


@request_map("/中文/coroutine")
async def in_a_coroutine(hey: str = "Hey!"):
    return await say(hey)


@route(regexp="^(reg/(.+))$", method="GET")
def by_expression(groups: RegGroups, group: RegGroup = RegGroup(1)):
    return {"groups": list(groups), "group": group, "number": group.group}


@request_map("/star/*")
@request_map("*/star")
def one_segment(matched=PathValue()):
    return f"<html><body>{matched}</body></html>"


@request_map("/two_stars/**")
@request_map("**/two_stars")
def many_segments(matched=PathValue()):
    return f"<html><body>{matched}</body></html>"


@request_map("/narrow/equal", method="GET", params="a=b")
def is_equal(a: str):
    return {"result": a}


@request_map("/narrow/unequal", method="GET", params="a!=b")
def is_unequal(a: str):
    return {"result": a}


@request_map("/narrow/begin", method="GET", params="a^=b")
def begins(a: str):
    return {"result": a}


@request_map("/narrow/absent", method="GET", params="!a")
def is_absent():
    return {"result": "ok"}


@request_map("/narrow/present", method="GET", params="a")
def is_present():
    return {"result": "ok"}


@request_map("/narrow/all", method="GET", params=["a=b", "c!=d"])
def all_hold():
    return {"result": "ok"}


@request_map("/narrow/any", method="GET", params=["a=b", "c!=d"], match_all_params_expressions=False)
def any_holds():
    return {"result": "ok"}


@request_map("/narrow/header", headers=["X-Version=2"])
def has_header():
    return {"result": "ok"}


class PerRequest:
    def __init__(self) -> None:
        self._name = "ctr object"
        self._calls = 0

    @request_map("/per_request/say_hello", method="GET")
    def say_hello(self, name: str):
        self._calls += 1
        return {"message": f"hello, {name}, {self._name} says. ", "calls": self._calls}


@controller
class Single:
    def __init__(self) -> None:
        self._name = "ctr object"
        self._calls = 0

    @request_map("/single/say_hello", method="GET")
    def say_hello(self, name: str):
        self._calls += 1
        return {"message": f"hello, {name}, {self._name} says. ", "calls": self._calls}


@controller(args=["ctr_name"], kwargs={"desc": "this is a key word argument"})
@request_map("/made", method="GET")
class Made:
    def __init__(self, name, desc="") -> None:
        self._name = f"ctr[{name}] - {desc}"

    @request_map
    def default(self, name: str):
        return {"message": f"hello, {name}, {self._name} says. "}

    @request_map("/say_hello", method=("GET", "POST"))
    def say_hello(self, name: str):
        return {"message": f"hello, {name}, {self._name} says. "}

    @route(regexp="^(made_by_expression/(.+))$")
    def by_expression(self, name: str, group=RegGroup(1)):
        return {"message": f"hello, {name}, {self._name} says {group}. "}
