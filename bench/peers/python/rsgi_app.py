"""RSGI by hand, for granian: the floor of a server, not a framework."""

import json
from urllib.parse import parse_qs

TEXT = [("content-type", "text/plain; charset=utf-8")]
JSON = [("content-type", "application/json")]


async def app(scope, protocol):
    path = scope.path
    if path == "/plaintext":
        protocol.response_str(200, TEXT, "Hello, World!")
    elif path == "/json":
        protocol.response_str(200, JSON, json.dumps({"message": "Hello, World!"}))
    elif path.startswith("/hello/"):
        query = parse_qs(scope.query_string)
        greeting = {"name": path[7:], "age": int(query["age"][0]), "skills": query["skills"]}
        protocol.response_str(200, JSON, json.dumps(greeting))
    elif path == "/body":
        order = json.loads(await protocol())
        protocol.response_str(200, JSON, json.dumps(order))
    else:
        protocol.response_str(404, TEXT, "Not Found")
