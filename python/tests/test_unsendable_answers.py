"""The log names whoever gave an answer that cannot be sent, and what it was."""

import pytest
from programs import ask, wait_until
from running import running

from simple_http_server import AppConf, HttpError, Response

conf = AppConf()


@conf.route("/list")
def gives_a_list():
    return [1, 2]


@conf.route("/async")
async def gives_a_set():
    return {1}


@conf.route("/filtered")
def is_filtered():
    return 1.5


@conf.request_filter("/filtered")
def goes_on(context):
    context.do_chain()


@conf.route("/not-json")
async def gives_no_json():
    return {"a": object()}


@conf.route("/status")
def sets_no_status(res=Response()):
    res.status_code = 0
    return "x"


@conf.route("/sends")
def sends_no_json(res=Response()):
    res.body = {"a": object()}
    res.send_response()


@conf.route("/field")
def breaks_a_line(res=Response()):
    res.set_header("X-Broken", "a\r\nb")
    return "x"


@conf.controller
class Class:
    @conf.route("/method")
    def gives_a_number_too_large(self):
        return 99


@conf.route("/page")
def asks_for_a_page():
    raise HttpError(444, "m", "e")


@conf.error_message("444")
def makes_no_page():
    return [1]


@conf.route("/page/fails")
def asks_for_another_page():
    raise HttpError(445, "m", "e")


@conf.error_message("445")
def fails_to_make_one():
    raise ValueError("of the page")


UNSUPPORTED = "ValueError('Body type is not supported.')"


@pytest.mark.parametrize(
    ("target", "start", "given", "why"),
    [
        ("/list", "The answer of gives_a_list", "returned a value of type list", UNSUPPORTED),
        ("/async", "The answer of gives_a_set", "returned a value of type set", UNSUPPORTED),
        ("/filtered", "The answer of is_filtered", "returned a value of type float", UNSUPPORTED),
        (
            "/not-json",
            "The answer of gives_no_json",
            "returned a value of type dict",
            "not JSON serializable",
        ),
        ("/status", "The answer of sets_no_status", "returned a value of type str", "0 is no status code"),
        ("/sends", "The answer of sends_no_json", "sent a value of type dict", "not JSON serializable"),
        ("/method", "The answer of Class.gives_a_number_too_large", "a value of type int", UNSUPPORTED),
        ("/page", "The error page makes_no_page", "has returned a value of type list", UNSUPPORTED),
        ("/page/fails", "The error page fails_to_make_one", "failed", "ValueError('of the page')"),
    ],
)
@pytest.mark.parametrize("coroutine", [False, True])
def test_who_gave_it_is_named_with_file_and_line(logged, target, start, given, why, coroutine):
    with running(conf, coroutine=coroutine) as port:
        answer, body = ask(port, target)
    assert answer.status >= 444
    (line,) = [line for line in logged() if start in line]
    assert line.startswith(f"{start} (")
    for part in ("test_unsendable_answers.py:", given, why):
        assert part in line
    # that is not the client's to know
    assert b"test_unsendable_answers" not in body


@pytest.mark.parametrize("coroutine", [False, True])
def test_who_sets_a_field_that_cannot_be_sent_is_named(logged, coroutine):
    with running(conf, coroutine=coroutine) as port:
        for _ in range(20):
            assert ask(port, "/field")[0].status == 500

        def lines():
            return [line for line in logged() if '"X-Broken"' in line]

        wait_until(lambda: len(lines()) == 20, "all are logged")
    for line in lines():
        assert "breaks_a_line (" in line
        assert "test_unsendable_answers.py:" in line
