"""The observed examples behind the servers of others, as far as they can be told there."""

import pytest
from examples import replay
from hosting import running

HOSTS = {"wsgiref": "wsgi", "gunicorn": "wsgi", "uvicorn": "asgi", "hypercorn": "asgi"}

OF_THE_HOST = {"Connection", "Server", "Date"}
"""Fields that are the host's affair."""

ELSEWHERE = {
    "R013": "methods in small letters are refused by most",
    "R055": "fragments are passed on by some",
    "R056": "absolute targets are passed on by some",
    "B086": "there is an environment: see test_wsgi.py and test_asgi.py",
    "D020": "such a length does not reach the application",
    "S035": "the host frames what is written",
    "E007": "the host adds a length to an answer without a body",
    "E020": "what is no request does not reach the application",
}
"""Cases that cannot be told, or not alike."""

TITLE_CASE = {"B066": '{"X-One": "1", "X-Two": "2"}'}
"""Bodies that show the names of fields, which hosts spell in their own way."""

CASES = [
    case
    for case in replay.cases()
    # what hosts make of the handshakes of WebSockets is tested in test_asgi_websocket.py
    if case["id"] not in ELSEWHERE and not case["topic"].startswith("websocket")
]


@pytest.fixture(scope="module", params=HOSTS)
def host(request, tmp_path_factory):
    folder = {"EXAMPLES_FOLDER": str(tmp_path_factory.mktemp("examples"))}
    with running(request.param, f"examples.hosted:{HOSTS[request.param]}", environ=folder) as host:
        host.name = request.param
        yield host


def _as_hosted(case):
    """What is to be seen of an answer behind a host."""
    wanted = case["response"]
    seen = {**wanted, "body": TITLE_CASE.get(case["id"], wanted.get("body", ""))}
    for key in ("headers", "headers_re"):
        fields = wanted.get(key, {})
        seen[key] = {name: value for name, value in fields.items() if name not in OF_THE_HOST}
    return seen


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_answers_as_it_should(host, case):
    received = replay.exchange(host.port, replay.as_bytes(case["request"]))
    phrases = HOSTS[host.name] == "wsgi"
    assert not replay.differences(_as_hosted(case), received, phrases=phrases), received
