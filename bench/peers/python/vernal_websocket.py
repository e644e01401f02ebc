"""The echo, for vernal's package: --port, --coroutine."""

import argparse

from simple_http_server import (
    WEBSOCKET_OPCODE_BINARY,
    WebsocketHandler,
    WebsocketSession,
    logger,
    server,
    websocket_handler,
)


@websocket_handler(endpoint="/echo")
class Echo(WebsocketHandler):
    def on_binary_message(self, session: WebsocketSession, message: bytes):
        session.send(message, opcode=WEBSOCKET_OPCODE_BINARY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--coroutine", action="store_true")
    options = parser.parse_args()
    logger.set_level("ERROR")
    server.start(host="127.0.0.1", port=options.port, prefer_coroutine=options.coroutine)
