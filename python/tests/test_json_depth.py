"""How deep the JSON of a client may be nested."""

import json

import pytest
from programs import ask
from running import running

from simple_http_server import AppConf, FilterContext, JSONBody, Request

conf = AppConf()


@conf.route("/body")
@conf.route("/filtered")
def body(body: JSONBody):
    return {"keys": list(body)}


@conf.route("/request")
def of_request(request: Request):
    return {"is": type(request.json).__name__}


@conf.route("/parameter")
def parameter(value: dict):
    return {"keys": list(value)}


@conf.request_filter("/filtered")
def touch(context: FilterContext):
    context.request.headers["X-Own"] = "1"
    context.do_chain()


def nested(depth):
    """An object that is nested so deep, with brackets in texts that do not count."""
    return '{"a[{[{[{[{": ' * (depth - 1) + '{"\\"[[[": "[[["}' + "}" * (depth - 1)


def status(port, target, text, content_type="application/json"):
    return ask(port, target, "POST", text, {"Content-Type": content_type})[0].status


@pytest.fixture(scope="module", params=[(None, 128), ({"json_depth": 5}, 5), ({"json_depth": 200}, 200)])
def served(request):
    limits, depth = request.param
    with running(conf, limits=limits) as port:
        yield port, depth


@pytest.mark.parametrize("target", ["/body", "/filtered", "/request"])
def test_a_body_may_be_so_deep_and_no_deeper(served, target):
    port, depth = served
    assert json.loads(nested(depth))
    assert status(port, target, nested(depth)) == 200
    answer, page = ask(port, target, "POST", nested(depth + 1), {"Content-Type": "application/json"})
    assert answer.status == 400
    assert f"nested at most {depth} deep" in page.decode()
    assert status(port, target, "[" * 100_000) == 400


def test_other_encodings_of_json_are_no_way_around(served):
    port, depth = served
    assert status(port, "/request", nested(depth).encode("utf-16-le")) == 200
    deeper = '{"\u2200": ' * (depth + 1) + "1" + "}" * (depth + 1)
    assert status(port, "/request", deeper.encode("utf-16-le")) == 400
    assert status(port, "/request", b"\xff\xfe\x00") == 400


def test_a_parameter_is_held_to_the_same(served):
    port, depth = served
    for text, expected in [(nested(depth), 200), (nested(depth + 1), 400)]:
        form = "value=" + text.replace('"', "%22").replace("\\", "%5C")
        assert status(port, "/parameter", form, "application/x-www-form-urlencoded") == expected
