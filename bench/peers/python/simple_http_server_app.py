"""The same application for the original `simple_http_server` and for vernal's package: --port, --files, --coroutine."""

import argparse

from simple_http_server import JSONBody, PathValue, Session, logger, route, server, set_session_factory
from simple_http_server.server import LocalSessionFactory


@route("/plaintext")
def plaintext():
    return "Hello, World!"


@route("/json")
def message():
    return {"message": "Hello, World!"}


@route("/hello/{name}")
def hello(name=PathValue(), age: int = 0, skills: list = []):
    return {"name": name, "age": age, "skills": skills}


@route("/body", method="POST")
def body(order=JSONBody()):
    return order


@route("/session/new")
def new_session(session: Session):
    session.set_attribute("value", 42)
    return "42"


@route("/session")
def stored(session: Session):
    return str(session.get_attribute("value"))


for number in range(200):
    route(f"/route/{number}")(plaintext)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--files")
    parser.add_argument("--coroutine", action="store_true")
    options = parser.parse_args()
    logger.set_level("ERROR")
    # the original keeps no session without
    set_session_factory(LocalSessionFactory())
    server.start(
        host="127.0.0.1",
        port=options.port,
        resources={"/static/*": options.files},
        prefer_coroutine=options.coroutine,
    )
