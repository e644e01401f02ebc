"""What controllers get from requests."""

import os
import tempfile
from typing import Any

from simple_http_server import (
    Cookie,
    Cookies,
    Header,
    Headers,
    HttpError,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    PathValue,
    Request,
    Session,
    default_model_binding,
    model_binding,
    request_map,
    route,
)
from simple_http_server.logger import get_logger
from simple_http_server.models.model_bindings import ModelBinding

_logger = get_logger("samples")


@request_map("/request/to/{name}", method=["GET", "POST", "PUT"])
def the_request(req=Request()):
    session = req.getSession()
    before = session.get_attribute("in-session")
    session.set_attribute("in-session", "Hello, Session!")
    return {
        "method": req.method,
        "path": req.path,
        "header": req.headers["X-Sample"],
        "parameter": req.parameter,
        "parameters": req.parameters,
        "query_string": req.query_string,
        "cookie": req.cookies["flavour"].value,
        "path_values": req.path_values,
        "body": req.body.decode(),
        "json": req.json,
        "in-session": before,
    }


@request_map("/model/to/{name}", method=["GET", "POST", "PUT"])
def a_model(model=ModelDict(), name=PathValue()):
    return {"name": name, "a": model["a"], "b": model["b"]}


@request_map("/values", method=["GET", "POST", "PUT"])
def by_defaults(user_name, password, nickName="", age=16, male=True, skills=[], extra={}):  # noqa: N803
    return {
        "user_name": user_name,
        "password": password,
        "nickName": nickName,
        "age": age,
        "male": male,
        "skills": skills,
        "extra": extra,
    }


@request_map("/classes/to/{name}", method=["GET", "POST", "PUT"])
def by_classes(
    user_name=Parameter("userName", required=True),
    password=Parameter("password", required=True),
    nickName=Parameter(default=""),  # noqa: N803
    skills=Parameters(required=True),
    all_headers=Headers(),
    user_token=Header(name="userToken", required=True),
    all_cookies=Cookies(),
    user_info=Cookie("userInfo", required=False),
    name=PathValue("name"),
    session=Session(),
):
    return {
        "user_name": user_name,
        "password": password,
        "nickName": nickName,
        "skills": skills,
        "headers": "userToken" in all_headers,
        "user_token": user_token,
        "cookies": sorted(all_cookies),
        "user_info": user_info.value,
        "name": name,
        "session": len(session.id),
    }


@request_map("/annotations/to/{name}", method=["GET", "POST", "PUT"])
def by_annotations(
    user_name: str,
    password: str,
    skills: list,
    all_headers: Headers,
    user_token: Header,
    all_cookies: Cookies,
    user_info: Cookie,
    name: PathValue,
    session: Session,
):
    return {
        "user_name": user_name,
        "password": password,
        "skills": skills,
        "headers": "user_token" in all_headers,
        "user_token": user_token,
        "cookies": sorted(all_cookies),
        "user_info": user_info.value,
        "name": name,
        "session": len(session.id),
    }


@request_map("/from_json_body", method=["post", "put", "delete"])
def a_json_body(data=JSONBody()):
    return {"some_key": data["some_key"]}


@request_map("/upload", method="POST")
def upload(img=MultipartFile("img", required=True)):
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, os.path.basename(img.filename))
    img.save_to_file(path)
    with open(path, "rb") as saved:
        is_saved = saved.read() == img.content
    return {"content_type": img.content_type, "length": len(img.content), "is_saved": is_saved}


class Person:
    def __init__(self, name: str = "", sex: str = "", age: int = 0) -> None:
        self.name = name
        self.sex = sex
        self.age = age


@model_binding(Person)
class PersonModelBinding(ModelBinding):
    async def bind(self) -> Any:
        name = self.request.get_parameter("name", "no-one")
        sex = self.request.get_parameter("sex", "secret")
        try:
            age = int(self.request.get_parameter("age", ""))
        except ValueError:
            raise HttpError(400, "Age is required, and must be an integer") from None
        return Person(name, sex, age)


@route("/model_binding/person")
def a_person(person: Person):
    return {"name": person.name, "sex": person.sex, "age": person.age}


class Dog:
    def __init__(self, name="a dog") -> None:
        self.name = name

    def wang(self):
        return self.name


@default_model_binding
class SetAttributesModelBinding(ModelBinding):
    def bind(self) -> Any:
        try:
            made = self.arg_type()
            for name, value in self.request.parameter.items():
                setattr(made, name, value)
            return made
        except Exception:
            _logger.warning(f"Cannot create Object with given type {self.arg_type}. ", stack_info=True)
            return self.default_value


@route("/model_binding/dog")
def a_dog(dog: Dog):
    return {"name": dog.wang()}
