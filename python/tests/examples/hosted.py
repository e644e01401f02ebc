"""The examples behind the servers of others: ``wsgi`` and ``asgi``, with files in the folder EXAMPLES_FOLDER."""

import os

from simple_http_server.server import init_asgi_proxy, init_wsgi_proxy

from .application import APPLICATION, GZIP, resources, write_files

_folder = os.environ["EXAMPLES_FOLDER"]
write_files(_folder)

wsgi = init_wsgi_proxy(resources=resources(_folder), app_conf=APPLICATION, **GZIP).app_proxy
asgi = init_asgi_proxy(resources=resources(_folder), app_conf=APPLICATION, **GZIP).app_proxy
