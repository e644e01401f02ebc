"""What clients are told of a failure: its text, unless ``expose_errors=False``; the log has it in any case."""

import json
from urllib.parse import quote

import pytest
from programs import ask
from running import running

from simple_http_server import AppConf, HttpError, PathValue, Response

UNUSABLE = {
    "explain": lambda: HttpError(400, "bad", {"field": "name"}),
    "message": lambda: HttpError(400, ["bad"]),
    "code": lambda: HttpError(70_000, "bad", "worse"),
    "code that is none": lambda: HttpError(99, "bad", "worse"),
}


@pytest.fixture
def conf():
    conf = AppConf()

    @conf.route("/sends")
    def sends(res=Response()):
        res.body = {"value": object()}
        res.send_response()

    @conf.route("/unusable/{what}")
    def unusable(what=PathValue()):
        raise UNUSABLE[what]()

    @conf.route("/usable")
    def usable():
        raise HttpError(418, "Teapot", "short and stout")

    return conf


def explanation(port, target):
    answer, body = ask(port, target)
    assert answer.status == 500
    return json.loads(body)["explain"]


def test_an_answer_that_cannot_be_sent_says_why_unless_that_is_hidden(conf, logged):
    with running(conf) as port:
        assert "not JSON serializable" in explanation(port, "/sends")
    with running(conf, expose_errors=False) as port:
        assert explanation(port, "/sends") == ""
    assert sum("not JSON serializable" in text for text in logged()) == 2


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_unusable_http_error_is_a_failure_of_the_application(conf, logged, what):
    with running(conf) as port:
        assert explanation(port, f"/unusable/{quote(what)}").startswith(
            "an HttpError has a code of 200 to 999"
        )
    with running(conf, expose_errors=False) as port:
        assert explanation(port, f"/unusable/{quote(what)}") == ""
    assert sum("an HttpError has a code of 200 to 999" in text for text in logged()) == 2


def test_what_an_http_error_says_is_never_hidden(conf):
    with running(conf, expose_errors=False) as port:
        answer, body = ask(port, "/usable")
    assert (answer.status, answer.reason) == (418, "Teapot")
    assert json.loads(body)["explain"] == "short and stout"
