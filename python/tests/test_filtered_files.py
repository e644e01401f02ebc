"""Filters stand before static files as they do before controllers; files without one never meet Python."""

import contextlib
import threading

import filtered_files_application as application
import hosting
import pytest
from programs import PATIENCE, Client, ask
from running import running

from simple_http_server import AppConf, FilterContext

LARGE = b"<p>0123456789</p>" * 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "note.txt").write_bytes(b"a note\n")
    (folder / "typed.txt").write_bytes(b"typed\n")
    (folder / "withheld.txt").write_bytes(b"withheld\n")
    (folder / "large.html").write_bytes(LARGE)
    (folder / "deep").mkdir()
    (folder / "deep" / "note.txt").write_bytes(b"a deep note\n")
    return folder


SERVERS = ["threads", "coroutines", "wsgiref", "uvicorn"]


@pytest.fixture(scope="module", params=[(server, kind) for server in SERVERS for kind in ("yes", "no")])
def port(request, folder):
    server, compatible = request.param
    environ = {"FILES": str(folder), "COMPATIBLE": compatible}
    with contextlib.ExitStack() as stack:
        if server in ("threads", "coroutines"):
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environ.items():
                    patch.setenv(name, value)
                options = application.options()
            yield stack.enter_context(
                running(options.pop("app_conf"), coroutine=server == "coroutines", **options)
            )
        else:
            name = "wsgi" if server == "wsgiref" else "asgi"
            host = hosting.running(server, f"filtered_files_application:{name}", environ=environ)
            yield stack.enter_context(host).port


MEMBER = {"Authorization": "yes"}


def get(port, target, method="GET", **headers):
    return ask(port, target, method, headers={**MEMBER, **headers})


@pytest.mark.parametrize(
    "target",
    [
        "/members/note.txt",
        "/members/deep/note.txt",
        "/members/deep/%6Eote.txt",
        "/members//note.txt",
        "/members/missing.txt",
        "/members/deep",
        "/%6Dembers/note.txt",
        "/members/note.txt?a=1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_filter_that_refuses_keeps_the_file(port, target, method):
    answer, body = ask(port, target, method)
    assert answer.status == 401
    assert b"note" not in body


@pytest.mark.parametrize(
    "target", ["/members//withheld.txt", "/members/%2Fwithheld.txt", "/members/deep//../withheld.txt"]
)
def test_a_file_has_no_other_path_that_its_filter_does_not_take(port, target):
    answer, body = get(port, target)
    assert answer.status == 404
    assert b"withheld" not in body.replace(b"withheld.txt", b"")


def test_a_filter_that_goes_on_adds_to_the_answer(port):
    answer, body = get(port, "/members/note.txt")
    assert (answer.status, body) == (200, b"a note\n")
    assert answer.getheader("Content-Type") == "text/plain"
    assert (answer.getheader("X-Member"), answer.getheader("Set-Cookie")) == ("one", "member=1")


def test_the_filters_answer_is_the_files_in_all_other_fields(port):
    plain, same = get(port, "/public/deep/note.txt"), get(port, "/members/deep/note.txt")
    own = ("X-Member", "Set-Cookie", "Date")

    def fields(answer):
        return sorted(field for field in answer[0].getheaders() if field[0].title() not in own)

    assert (fields(same), same[1]) == (fields(plain), plain[1])


def test_a_filters_own_fields_count_before_those_of_the_file(port):
    answer, body = get(port, "/members/typed.txt")
    assert body == b"typed\n"
    assert answer.getheader("Content-Type") == "text/x-own"
    assert answer.getheader("Cache-Control") == "no-store"


def test_a_filter_may_answer_itself(port):
    answer, _ = get(port, "/members/moved.txt")
    assert (answer.status, answer.getheader("Location")) == (302, "/elsewhere")


def test_a_filter_that_does_not_go_on_withholds_the_file(port):
    answer, body = get(port, "/members/withheld.txt")
    assert (answer.status, answer.getheader("X-Withheld"), body) == (200, "yes", b"")


def test_a_filter_may_begin_a_session(port):
    answer, body = get(port, "/members/note.txt?session=yes")
    assert body == b"a note\n"
    assert any("PY_SIM_HTTP_SER_SESSION_ID=" in field for field in answer.msg.get_all("Set-Cookie"))


def test_a_missing_file_is_not_found_behind_its_filter(port):
    answer, body = get(port, "/members/missing.txt")
    assert answer.status == 404
    assert b"Cannot find file for this url." in body
    assert ask(port, "/public/missing.txt")[1] == body


def test_nothing_outside_of_the_folder_can_be_reached(port):
    for target in ("/members/../conftest.py", "/members/%2e%2e/conftest.py", "/members/deep/..%2f..%2fx"):
        assert get(port, target)[0].status in (400, 404)


def test_head_has_the_fields_of_the_file(port):
    answer, body = get(port, "/members/note.txt", "HEAD")
    assert (answer.status, answer.getheader("Content-Length"), body) == (200, "7", b"")
    assert answer.getheader("X-Member") == "one"


def test_who_has_the_file_is_told_so_behind_the_filter(port):
    tag = get(port, "/members/note.txt")[0].getheader("ETag")
    answer, body = get(port, "/members/note.txt", **{"If-None-Match": tag})
    assert (answer.status, body) == (304, b"")
    assert ask(port, "/members/note.txt", headers={"If-None-Match": tag})[0].status == 401


def test_a_part_is_sent_where_it_is_without_a_filter(port):
    plain = ask(port, "/public/large.html", headers={"Range": "bytes=3-12"})
    same = get(port, "/members/large.html", Range="bytes=3-12")
    assert (same[0].status, same[1]) == (plain[0].status, plain[1])
    assert same[0].getheader("Content-Range") == plain[0].getheader("Content-Range")


def test_a_large_file_is_whole_and_may_be_compressed(port):
    assert get(port, "/members/large.html")[1] == LARGE
    coded = get(port, "/members/large.html", **{"Accept-Encoding": "gzip"})[0]
    assert coded.getheader("Content-Encoding") == "gzip"


def test_the_icon_has_its_filter(port):
    assert ask(port, "/favicon.ico")[0].getheader("X-Icon") == "yes"


def test_a_filter_whose_expression_cannot_be_tried_is_not_passed_by(folder):
    conf = AppConf()

    @conf.request_filter(regexp=r"^/files/(a|aa)+(?=b)(?!c)")
    def endless(context: FilterContext):
        context.do_chain()

    name = "a" * 100
    (folder / name).write_bytes(b"many ways")
    with running(conf, resources={"/files/**": str(folder)}) as port:
        answer, body = ask(port, f"/files/{name}")
        assert answer.status == 500
        assert b"many ways" not in body


def test_files_without_a_filter_never_meet_python(folder):
    conf, begun, gate = AppConf(), threading.Event(), threading.Event()

    @conf.route("/keeps-the-loop")
    def keeps_the_loop():
        begun.set()
        assert gate.wait(PATIENCE)

    @conf.request_filter("/files/deep/**")
    def of_some(context: FilterContext):
        context.response.set_header("X-Filter", "yes")
        context.do_chain()

    with running(conf, coroutine=True, resources={"/files/**": str(folder)}) as port:
        with Client(port) as keeping:
            keeping.send("/keeps-the-loop")
            assert begun.wait(PATIENCE)
            assert ask(port, "/files/note.txt")[1] == b"a note\n"
            gate.set()
            keeping.answer()
        assert ask(port, "/files/deep/note.txt")[0].getheader("X-Filter") == "yes"
