"""WSGI by hand: the floor of a server, not a framework. Run as a program it is served by fastpysgi at PORT."""

import json
import os
from urllib.parse import parse_qs

TEXT = [("Content-Type", "text/plain; charset=utf-8")]
JSON = [("Content-Type", "application/json")]


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/plaintext":
        start_response("200 OK", TEXT)
        return [b"Hello, World!"]
    if path == "/json":
        start_response("200 OK", JSON)
        return [json.dumps({"message": "Hello, World!"}).encode()]
    if path.startswith("/hello/"):
        query = parse_qs(environ["QUERY_STRING"])
        name = path[7:].encode("latin-1").decode()
        greeting = {"name": name, "age": int(query["age"][0]), "skills": query["skills"]}
        start_response("200 OK", JSON)
        return [json.dumps(greeting).encode()]
    if path == "/body":
        order = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", JSON)
        return [json.dumps(order).encode()]
    start_response("404 Not Found", TEXT)
    return [b"Not Found"]


if __name__ == "__main__":
    import fastpysgi

    fastpysgi.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))
