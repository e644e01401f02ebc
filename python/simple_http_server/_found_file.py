"""What answers requests for files that filters stand before; all others the engine answers by itself."""

from typing import TYPE_CHECKING, cast

from .models.request import Request

if TYPE_CHECKING:
    from ._engine import Resource
    from ._live import LiveRequest


def found_file(request: Request) -> "Resource":
    """:raises HttpError: where there is no such file."""
    return cast("LiveRequest", request)._visit.resource()
