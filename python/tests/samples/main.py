"""The program of the README: controllers that are found by their names, and a server.

``main.py [coroutine|async|async-threads|ssl|ssl-context] [CERTIFICATE KEY]``
"""

import asyncio
import os
import ssl
import sys

import simple_http_server.server as server

HERE = os.path.dirname(os.path.abspath(__file__))


def main(mode="", certfile="", keyfile=""):
    server.scan("controllers", r".*controllers.*")
    common = {
        "host": "127.0.0.1",
        "port": 0,
        "resources": {"/public/*": f"{HERE}/static", "/public_all/**": f"{HERE}/static", "**.txt": HERE},
        "gzip_content_types": {"text/html", "text/css", "application/json", "text/javascript"},
        "gzip_compress_level": 9,
    }
    if mode == "coroutine":
        server.start(prefer_coroutine=True, **common)
    elif mode == "async":
        asyncio.run(server.start_async(**common))
    elif mode == "async-threads":
        asyncio.run(server.start_async(prefer_coroutine=False, **common))
    elif mode == "ssl":
        server.start(
            ssl=True,
            ssl_protocol=ssl.PROTOCOL_TLS_SERVER,
            ssl_check_hostname=False,
            keyfile=keyfile,
            certfile=certfile,
            keypass="",
            **common,
        )
    elif mode == "ssl-context":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
        server.start(ssl=True, ssl_context=context, **common)
    else:
        server.start(**common)


if __name__ == "__main__":
    main(*sys.argv[1:])
