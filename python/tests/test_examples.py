"""The observed examples: what has to be compatible is, what was wrong is better."""

import pytest
from examples import application, replay
from running import running

CASES = replay.cases()


def _marks(case):
    return pytest.param(case, id=case["id"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("examples"))
    application.write_files(folder)
    return folder


@pytest.fixture(scope="module", params=["threads", "coroutines"])
def port(request, folder):
    options = {"resources": application.resources(folder), **application.GZIP}
    coroutine = request.param == "coroutines"
    with running(application.APPLICATION, coroutine=coroutine, **options) as port:
        yield port


@pytest.fixture(scope="module")
def port_of_the_incompatible(folder):
    options = {"resources": application.resources(folder), **application.GZIP}
    with running(application.APPLICATION, compatible=False, **options) as port:
        yield port


@pytest.mark.parametrize("case", [_marks(case) for case in CASES])
def test_answers_as_it_should(port, case):
    received = replay.exchange(port, replay.as_bytes(case["request"]))
    assert not replay.differences(case["response"], received), received


@pytest.mark.parametrize("case", [_marks(case) for case in CASES if "not_compatible" in case])
def test_answers_better_where_it_need_not_be_compatible(port_of_the_incompatible, case):
    received = replay.exchange(port_of_the_incompatible, replay.as_bytes(case["request"]))
    assert not replay.differences(case["not_compatible"], received), received
