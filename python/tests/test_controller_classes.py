"""Classes of controllers: what they and their methods say together, and which object answers."""

import types

import pytest

from simple_http_server import AppConf, ControllerFunction
from simple_http_server._controller_function import join_urls
from simple_http_server._declarations import route

conf = AppConf()


@conf.controller(args=["a"], kwargs={"word": "w"})
@conf.request_map("/obj", method="GET", headers="X-K", params="k")
class Whole:
    def __init__(self, letter, word=""):
        self.said = letter + word

    @conf.request_map
    def root(self):
        return self.said

    @conf.request_map("/sub/{v}", params=["a=1", "b=1"])
    def sub(self, v=""):
        return v

    @conf.request_map("noslash", method="POST, PUT")
    def posted(self):
        pass

    @conf.route(regexp="^/re/(.*)$")
    def matched(self):
        pass


class Plain:
    @conf.request_map("/plain")
    def answer(self):
        return self

    class Nested:
        @conf.request_map("/nested")
        def answer(self):
            return self


class Inheriting(Plain):
    pass


@conf.request_map("/any", params="c", match_all_params_expressions=False)
class AnyOf:
    @conf.request_map("/own", params=["a", "b"])
    def inherited_flag(self):
        pass

    @conf.request_map("/all", params=["a", "b"], match_all_params_expressions=True)
    def own_flag(self):
        pass


@conf.request_map("/unsaid")
class Unsaid:
    @conf.request_map("/x", params=["a=1"], match_all_params_expressions=False)
    def answer(self):
        pass


class Kinds:
    @staticmethod
    @conf.request_map("/static-object")
    def static_with_object(this, n: int):
        return this, n

    @staticmethod
    @conf.request_map("/static-plain")
    def static_without_object(n: int, m=1):
        return n

    @staticmethod
    @conf.request_map("/static-default")
    def static_with_default(n=1):
        return n

    @classmethod
    @conf.request_map("/class")
    def of_class(cls, n: int):
        return cls, n


def mappings(function):
    return [mapping for mapping in conf._get_controllers() if mapping.func is function]


def declared(function):
    return route(mappings(function)[0], conf.model_binding_conf)


def test_a_method_without_a_path_has_that_of_its_class():
    (mapping,) = mappings(Whole.root)
    assert (mapping.url, mapping.method) == ("/obj", "GET")
    assert (mapping.params, mapping.headers) == (["k"], ["X-K"])


def test_expressions_of_a_method_come_before_those_of_its_class():
    (mapping,) = mappings(Whole.sub)
    assert mapping.url == "/obj/sub/{v}"
    assert (mapping.params, mapping.match_all_params_expressions) == (["a=1", "b=1", "k"], True)


def test_a_method_with_methods_of_its_own_has_only_those():
    assert [(mapping.url, mapping.method) for mapping in mappings(Whole.posted)] == [
        ("/obj/noslash", "POST"),
        ("/obj/noslash", "PUT"),
    ]


def test_a_regular_expression_stands_alone_but_for_the_methods():
    (mapping,) = mappings(Whole.matched)
    assert (mapping.url, mapping.regexp, mapping.method) == ("", "^/re/(.*)$", "GET")


@pytest.mark.parametrize(
    ("of_class", "of_function", "joined"),
    [
        ("/ex", "", "/ex"),
        ("/ex/", "", "/ex/"),
        ("", "/x", "/x"),
        ("/ex", "x", "/ex/x"),
        ("/ex/", "/x", "/ex/x"),
        ("/ex", "//x", "/ex//x"),
        ("/{v}", "*", "/{v}/*"),
    ],
)
def test_paths_are_joined_with_one_slash(of_class, of_function, joined):
    assert join_urls(of_class, of_function) == joined


def test_whether_one_expression_is_enough_is_the_methods_word_then_the_classs():
    (inherited,) = mappings(AnyOf.inherited_flag)
    assert (inherited.params, inherited.match_all_params_expressions) == (["a", "b", "c"], False)
    (own,) = mappings(AnyOf.own_flag)
    assert own.match_all_params_expressions is True


def test_a_class_that_says_nothing_adds_no_expression():
    (mapping,) = mappings(Unsaid.answer)
    assert mapping.params == ["a=1"]


def test_a_controller_has_one_object_for_a_configuration():
    root, sub = mappings(Whole.root)[0], mappings(Whole.sub)[0]
    assert root.ctrl_object is sub.ctrl_object
    assert root.ctrl_object.said == "aw"
    route = declared(Whole.root)
    assert isinstance(route.function, types.MethodType)
    assert route.function() == "aw"
    assert (route.object_factory, route.arguments) == (None, [])


def test_a_class_without_the_decorator_has_an_object_for_each_request():
    route = declared(Plain.answer)
    assert route.function is Plain.answer
    first, second = route.object_factory(), route.object_factory()
    assert type(first) is type(second) is Plain
    assert first is not second


def test_a_nested_class_is_the_one_that_is_made():
    assert mappings(Plain.Nested.answer)[0].clz is Plain.Nested


def test_an_inherited_method_belongs_to_the_class_that_defined_it():
    assert [mapping.clz for mapping in mappings(Inheriting.answer)] == [Plain]


def test_a_decorated_class_is_known_inside_a_function_too():
    local = AppConf()

    @local.controller
    class Inner:
        @local.request_map("/x")
        def answer(self, n: int):
            return n

    (mapping,) = local._get_controllers()[1:]
    assert mapping.clz is Inner
    assert [argument.name for argument in route(mapping, local.model_binding_conf).arguments] == ["n"]


def test_a_class_inside_a_function_without_a_decorator_is_warned_of(logged):
    local = AppConf()

    class Unknown:
        @local.request_map("/x")
        def answer(self):
            pass

    (mapping,) = local._get_controllers()[1:]
    assert mapping.clz is None
    assert [argument.name for argument in route(mapping, local.model_binding_conf).arguments] == ["self"]
    # an engine of another test may say its last words meanwhile
    (warning,) = [line for line in logged() if "is not known" in line]
    assert "Unknown.answer" in warning
    assert "Decorate it with @controller" in warning


def test_of_two_classes_with_one_name_each_has_its_methods():
    local = AppConf()

    def declare(path):
        @local.controller
        class Same:
            @local.request_map(path)
            def answer(self):
                return path

    declare("/1")
    declare("/2")
    assert [m.func(m.ctrl_object) for m in local._get_controllers()[1:]] == ["/1", "/2"]
    first, second = (m.clz for m in local._get_controllers()[1:])
    assert first is not second


def test_a_static_method_receives_the_object_where_its_first_parameter_says_nothing():
    assert [argument.name for argument in declared(Kinds.static_with_object).arguments] == ["n"]
    assert declared(Kinds.static_with_object).object_factory is not None


def test_a_static_method_whose_first_parameter_is_the_requests_receives_no_object():
    plain = declared(Kinds.static_without_object)
    assert ([argument.name for argument in plain.arguments], plain.object_factory) == (["n", "m"], None)
    default = declared(Kinds.static_with_default)
    assert ([argument.name for argument in default.arguments], default.object_factory) == (["n"], None)


def test_a_class_method_receives_the_object():
    route = declared(vars(Kinds)["of_class"].__func__)
    assert [argument.name for argument in route.arguments] == ["n"]
    this, n = route.function(route.object_factory(), 3)
    assert (type(this), n) == (Kinds, 3)


def test_a_bound_method_and_a_lambda_are_controllers():
    local = AppConf()
    whole = Whole("b")
    local.request_map("/bound")(whole.sub)
    local.request_map("/lambda")(lambda n: n)
    bound, anonymous = (route(mapping, local.model_binding_conf) for mapping in local._get_controllers()[1:])
    assert ([argument.name for argument in bound.arguments], bound.function("x")) == (["v"], "x")
    assert ([argument.name for argument in anonymous.arguments], anonymous.function(1)) == (["n"], 1)


def test_a_mapping_says_what_it_was_declared_with():
    mapping = ControllerFunction("/u", "r", "GET", ["h"], None, ["p"], False, print)
    assert (mapping.url, mapping.regexp, mapping.method, mapping.func) == ("/u", "r", "GET", print)
    assert (mapping.headers, mapping.match_all_headers_expressions) == (["h"], True)
    assert (mapping.params, mapping.match_all_params_expressions) == (["p"], False)
    assert (mapping.clz, mapping.ctrl_object, mapping.singleton) == (None, None, False)
    with pytest.raises(AttributeError):
        mapping.url = "/v"
