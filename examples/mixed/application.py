"""The part of the application that is written in Python, and the server of both."""

import sys

import mixed  # brings the engine along: before the first server is made

from simple_http_server import Redirect, Session, get_app_conf, request_map, server


@request_map("/")
def visits(session: Session):
    count = (session.get_attribute("visits") or 0) + 1
    session.set_attribute("visits", count)
    return {"language": "Python", "visits": count, "name": session.get_attribute("name")}


@request_map("/name")
def name(session: Session, name: str):
    session.set_attribute("name", name)
    return Redirect("/fast/visits")


@request_map("/logout")
def logout(session: Session):
    session.invalidate()
    return Redirect("/")


get_app_conf().mount("/fast", mixed)

if __name__ == "__main__":
    server.start("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 9090)
