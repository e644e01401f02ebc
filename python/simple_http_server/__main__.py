"""``python3 -m simple_http_server``: serves the controllers and the files of a folder."""

import getopt
import sys
from typing import Any, Dict, List

from . import logger, server

USAGE = """\
python3 -m simple_http_server [options]

Options:
    -h, --help              print this and exit
    -p, --port PORT         the port, 9090 if not given
    -b, --bind ADDRESS      the address, 127.0.0.1 if not given: only this machine is answered; 0.0.0.0 for all
    -s, --scan FOLDER       import the modules below this folder for their controllers, the current one if not given
        --regex EXPRESSION  import only modules whose path or name matches this from its start, all if not given
    -r, --resources FOLDER  serve the files below this folder, the current one if not given; '' for none
        --loglevel LEVEL    DEBUG, INFO, WARN or ERROR, INFO if not given
"""

DEFAULT_ADDRESS = "127.0.0.1"
"""Files of the current folder, hidden ones too, are for others only if somebody says so."""


def print_help() -> None:
    """Prints how to use the command."""
    print(USAGE)


def main(argv: List[str]) -> int:
    """Runs the command.

    :param argv: the options, without the name of the program. Further arguments are ignored.
    :returns: the exit status: 0 after a stop, 1 where the server can't run, 2 for options that are wrong.
    """
    try:
        options = parse(argv)
    except (getopt.GetoptError, ValueError) as error:
        print(f"{error}\n", file=sys.stderr)
        print(USAGE, file=sys.stderr)
        return 2
    if options["help"]:
        print_help()
        return 0
    try:
        run(options)
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        logger.flush()
        print(f"The server can't run: {error}", file=sys.stderr)
        return 1
    return 0


def parse(argv: List[str]) -> Dict[str, Any]:
    """The options by their long names.

    :raises ValueError: where a value is of no use.
    """
    options: Dict[str, Any] = {
        "help": False,
        "port": 9090,
        "bind": DEFAULT_ADDRESS,
        "scan": "",
        "regex": "",
        "resources": ".",
        "loglevel": "",
    }
    short = {"-h": "help", "-p": "port", "-b": "bind", "-s": "scan", "-r": "resources"}
    long = ["help", "port=", "bind=", "scan=", "regex=", "resources=", "loglevel="]
    given, _ = getopt.gnu_getopt(argv, "hp:b:s:r:", long)
    for option, value in given:
        options[short.get(option, option[2:])] = value
    options["help"] = options["help"] is not False
    options["port"] = _port(options["port"])
    return options


def _port(text: Any) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError(f"The port should be a number from 0 to 65535, not {text!r}.")
    return port


def run(options: Dict[str, Any]) -> None:
    """Serves until the server is stopped."""
    if options["loglevel"]:
        logger.set_level(options["loglevel"])
    server.scan(project_dir=options["scan"] or ".", regx=options["regex"])
    resources = {"/**": options["resources"]} if options["resources"] else {}
    server.start(host=options["bind"], port=options["port"], resources=resources, keep_alive=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
