"""How the value of an argument is got from a request, for each type.

The engine reads what is built in natively, by the same rules and with the same errors; the classes here are for those
who subclass or call them, and for :class:`ModelBindingConf`, which says which types are known.
"""

from http.cookies import BaseCookie, SimpleCookie
from typing import Any, Callable, Dict, List, Tuple, Type

from .arguments import (
    BytesBody,
    Environment,
    Header,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    PathValue,
    RegGroup,
    RegGroups,
    RequestBodyReader,
)
from .fields import Cookie, Cookies, Headers
from .request import Request
from .response import HttpError, Response
from .session import Session

PATH_WILDCARD = "__path_wildcard"
"""The name under which the path values have what stands for the wildcard."""


class ModelBinding:
    """Gets one argument of one call. Subclass it for ``@model_binding`` or ``@default_model_binding``.

    :param request: the request.
    :param response: the response that is being prepared.
    :param arg: the argument's name.
    :param arg_type: its type: the annotation, or the type of the default.
    :param val: its default, or ``None``.
    """

    def __init__(
        self, request: Request, response: Response, arg: str, arg_type: Any, val: Any = None
    ) -> None:
        self.request = request
        self.response = response
        self.arg_name = arg
        self.arg_type = arg_type
        self.default_value = val

    def bind(self) -> Any:
        """The value; ``def`` or ``async def``. An :class:`HttpError` raised here is the answer."""
        raise NotImplementedError


class NamedModelBinding(ModelBinding):
    """A binding whose default may say another name than the argument's."""

    @property
    def name(self) -> str:
        return getattr(self.default_value, "name", "") or self.arg_name

    @property
    def required(self) -> bool:
        return bool(getattr(self.default_value, "required", False))


class RequestModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return self.request


class ResponseModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return self.response


class SessionModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return self.request.get_session(True)


class HeadersModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return Headers(self.request.headers)


class HeaderModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        if self.name in self.request.headers:
            return Header(self.name, self.request.headers[self.name], required=self.required)
        if self.required:
            raise HttpError(400, "Missing Header", f"Header[{self.name}] is required.")
        return Header(self.name) if self.default_value is None else self.default_value


class CookiesModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return self.request.cookies


class CookieModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        if self.name in self.request.cookies:
            morsel = self.request.cookies[self.name]
            cookie = Cookie()
            cookie.set(morsel.key, morsel.value, morsel.coded_value)
            cookie.update(morsel)
            return cookie
        if self.required or self.default_value is None:
            raise HttpError(400, "Missing Cookie", f"Cookie[{self.name}] is required.")
        return self.default_value


class RegGroupsModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return RegGroups(self.request.reg_groups)


class RegGroupModelBinding(ModelBinding):
    async def bind(self) -> Any:
        group = getattr(self.default_value, "group", 0)
        groups = self.request.reg_groups
        if group >= len(groups):
            raise HttpError(
                400,
                "Bad Request",
                f"RegGroup required an element at {group}, but the reg length is only {len(groups)}",
            )
        return RegGroup(group=group, _value=groups[group] or "")


class EnvironmentModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return Environment(self.request.environment)


class PathValueModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        values = self.request.path_values
        if list(values) == [PATH_WILDCARD]:
            return values[PATH_WILDCARD]
        if self.name not in values:
            raise HttpError(500, "Internal Server Error", f"path name[{self.name}] not in your url mapping!")
        return PathValue(self.name, values[self.name])


class ParameterModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        if self.name in self.request.parameter:
            return Parameter(
                self.name, _text(self.name, self.request.parameter[self.name]), required=self.required
            )
        if self.required:
            raise HttpError(400, "Missing Parameter", f"Parameter[{self.name}] is required.")
        return Parameter(self.name) if self.default_value is None else self.default_value


class ParametersModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        if self.name in self.request.parameters:
            return Parameters(self.name, self.request.parameters[self.name], required=self.required)
        if self.required:
            raise HttpError(400, "Missing Parameter", f"Parameter[{self.name}] is required.")
        return Parameters(self.name, () if self.default_value is None else self.default_value)


class MultipartFileModelBinding(NamedModelBinding):
    async def bind(self) -> Any:
        if self.name in self.request.parameter:
            file = self.request.parameter[self.name]
            if not isinstance(file, MultipartFile):
                raise HttpError(400, "Bad Request", f"Parameter[{self.name}] should be a file.")
            return file
        if self.required:
            raise HttpError(400, "Missing Parameter", f"Parameter[{self.name}] is required.")
        return MultipartFile() if self.default_value is None else self.default_value


class JSONBodyModelBinding(ModelBinding):
    async def bind(self) -> Any:
        if not self.request.content_type.lower().startswith("application/json"):
            raise HttpError(400, "Bad Request", 'The content type of this request must be "application/json"')
        if not isinstance(self.request.json, dict):
            raise HttpError(400, "Bad Request", "The body of this request must be a JSON object.")
        return JSONBody(self.request.json)


class RequestBodyReaderModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return self.request.reader


class BytesBodyModelBinding(ModelBinding):
    async def bind(self) -> Any:
        return BytesBody(self.request.body or await self.request.reader.read())


class ModelDictModelBinding(ModelBinding):
    async def bind(self) -> Any:
        parameters = self.request.parameters.items()
        return ModelDict({name: values[0] if len(values) == 1 else values for name, values in parameters})


class StrModelBinding(ModelBinding):
    async def bind(self) -> Any:
        value = self.request.get_parameter(self.arg_name, self.default_value)
        return None if value is None else Parameter(self.arg_name, _text(self.arg_name, value))


class IntModelBinding(ModelBinding):
    async def bind(self) -> Any:
        if self.arg_name not in self.request.parameter:
            return self.default_value
        try:
            return int(self.request.parameter[self.arg_name])
        except (TypeError, ValueError):
            raise HttpError(400, "Bad Request", f"Parameter[{self.arg_name}] should be an int. ") from None


class FloatModelBinding(ModelBinding):
    async def bind(self) -> Any:
        if self.arg_name not in self.request.parameter:
            return self.default_value
        try:
            return float(self.request.parameter[self.arg_name])
        except (TypeError, ValueError):
            raise HttpError(400, "Bad Request", f"Parameter[{self.arg_name}] should be an float. ") from None


class BoolModelBinding(ModelBinding):
    async def bind(self) -> Any:
        if self.arg_name not in self.request.parameter:
            return self.default_value
        return _boolean(_text(self.arg_name, self.request.parameter[self.arg_name]))


class DictModelBinding(ModelBinding):
    async def bind(self) -> Any:
        if self.arg_name not in self.request.parameter:
            return {} if self.default_value is None else dict(self.default_value)
        try:
            return _from_json(self.request.parameter[self.arg_name])
        except (TypeError, ValueError, RecursionError):
            raise HttpError(
                400, "Bad Request", f"Parameter[{self.arg_name}] should be a JSON string."
            ) from None


class ListModelBinding(ModelBinding):
    """A list of texts, or of what the type says that its items are: ``List[int]``."""

    async def bind(self) -> Any:
        if self.arg_name not in self.request.parameters:
            return [] if self.default_value is None else list(self.default_value)
        return [self._item(value) for value in self.request.parameters[self.arg_name]]

    def _item(self, value: Any) -> Any:
        item_type = (getattr(self.arg_type, "__args__", None) or (str,))[0]
        item_type = getattr(item_type, "__origin__", item_type)
        if item_type is Parameter:
            return Parameter(self.arg_name, _text(self.arg_name, value))
        convert, wanted = _ITEMS.get(item_type, (None, ""))
        if convert is None:
            return value
        try:
            return convert(value)
        except (TypeError, ValueError, RecursionError):
            explain = f"One of the parameter[{self.arg_name}] is not {wanted}. "
            raise HttpError(400, "Bad Request", explain) from None


class DefaultModelBinding(ModelBinding):
    """For a type that nothing else is known for: the default."""

    async def bind(self) -> Any:
        return self.default_value


def _text(name: str, value: Any) -> str:
    """The value, unless it is an uploaded file."""
    if not isinstance(value, str):
        raise HttpError(400, "Bad Request", f"Parameter[{name}] should be a text, not a file.")
    return value


def _from_json(text: str) -> Any:
    import json

    return json.loads(text)


def _boolean(text: str) -> bool:
    return text.lower() not in ("0", "false", "")


_ITEMS: Dict[Any, Tuple[Callable[[Any], Any], str]] = {
    int: (int, "int"),
    float: (float, "float"),
    bool: (_boolean, "bool"),
    dict: (_from_json, "JSON string"),
}


class ModelBindingConf:
    """Which binding a type has, for one :class:`~simple_http_server.AppConf`."""

    def __init__(self) -> None:
        self.default_model_binding_type: Type[ModelBinding] = DefaultModelBinding
        """The binding of types that are in no other place."""
        self.model_bingding_types: Dict[Any, Type[ModelBinding]] = {
            Request: RequestModelBinding,
            Session: SessionModelBinding,
            Response: ResponseModelBinding,
            Headers: HeadersModelBinding,
            RegGroups: RegGroupsModelBinding,
            Environment: EnvironmentModelBinding,
            Header: HeaderModelBinding,
            Cookies: CookiesModelBinding,
            SimpleCookie: CookiesModelBinding,
            BaseCookie: CookiesModelBinding,
            Cookie: CookieModelBinding,
            MultipartFile: MultipartFileModelBinding,
            Parameter: ParameterModelBinding,
            PathValue: PathValueModelBinding,
            Parameters: ParametersModelBinding,
            RegGroup: RegGroupModelBinding,
            JSONBody: JSONBodyModelBinding,
            RequestBodyReader: RequestBodyReaderModelBinding,
            BytesBody: BytesBodyModelBinding,
            ModelDict: ModelDictModelBinding,
            str: StrModelBinding,
            bool: BoolModelBinding,
            int: IntModelBinding,
            float: FloatModelBinding,
            dict: DictModelBinding,
            Dict: DictModelBinding,
            list: ListModelBinding,
            List: ListModelBinding,
            List[str]: ListModelBinding,
            List[Parameter]: ListModelBinding,
            List[int]: ListModelBinding,
            List[float]: ListModelBinding,
            List[bool]: ListModelBinding,
            List[dict]: ListModelBinding,  # type: ignore[type-arg]
            List[Dict]: ListModelBinding,  # type: ignore[type-arg]
        }
