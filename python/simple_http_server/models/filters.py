"""What a filter works with."""

from .request import Request
from .response import Response


class FilterContext:
    """What a filter is given."""

    @property
    def request(self) -> Request:
        raise NotImplementedError

    @property
    def response(self) -> Response:
        raise NotImplementedError

    def do_chain(self) -> None:
        """Has the next filter, or the controller, run once this filter has returned."""
        raise NotImplementedError
