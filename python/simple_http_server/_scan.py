"""Imports the modules of a folder, so that the controllers in them are declared."""

import importlib
import os
import re
import sys
from typing import Iterator

from .logger import get_logger

_logger = get_logger("simple_http_server.server")


def scan(base_dir: str = "", regx: str = "", project_dir: str = "") -> None:
    """Imports all modules below a folder, in the order of their names. What can't be imported is logged and left out.

    :param base_dir: a folder, a file, or a module's path without its extension, relative to ``project_dir``.
    :param regx: a regular expression, matched from the start of the file's path, of that path without its extension,
        or of the module's dotted name; all modules where it is empty.
    :param project_dir: the folder from which modules are imported, which ``sys.path`` should have; that of the main
        module where it is empty.
    """
    root = project_dir or _main_directory()
    matches = re.compile(regx).match
    for path in _modules(root, base_dir):
        without_extension = path[: -len(".py")]
        module = without_extension.replace(os.sep, ".")
        if not regx or matches(path) or matches(without_extension) or matches(module):
            _import(module, os.path.join(root, path))


def _main_directory() -> str:
    """The folder of the program that was started; the current one where that is no file."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()


def _modules(root: str, base_dir: str) -> Iterator[str]:
    """The paths of the modules, relative to the root."""
    base = os.path.join(root, base_dir)
    if os.path.isdir(base):
        for directory, directories, files in os.walk(base):
            directories[:] = sorted(name for name in directories if name != "__pycache__")
            for file in sorted(files):
                if file.endswith(".py"):
                    yield os.path.relpath(os.path.join(directory, file), root)
        return
    for file in (base, f"{base}.py"):
        if file.endswith(".py") and os.path.isfile(file):
            yield os.path.relpath(file, root)
            return
    _logger.warning(f"There is nothing to scan at {base}.")


def _import(module: str, file: str) -> None:
    if _is_main(file):
        return
    try:
        importlib.import_module(module)
        _logger.debug(f"Imported {module}.")
    except Exception:
        _logger.warning(f"Can't import {module} ({file}); its controllers are missing.", exc_info=True)


def _is_main(file: str) -> bool:
    """The program itself runs already; imported once more it would declare everything twice."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return main is not None and os.path.exists(main) and os.path.samefile(main, file)
