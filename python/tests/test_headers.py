"""Header fields are looked up without regard to case, and keep the spelling that they were given."""

import copy
import json
import pickle

import pytest

from simple_http_server import Headers


@pytest.fixture
def headers():
    return Headers({"X-Forwarded-For": "1", "accept": "2"})


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"])
def test_a_field_is_found_under_any_spelling(headers, name):
    assert headers[name] == "1"
    assert headers.get(name) == "1"
    assert name in headers
    assert headers.setdefault(name, "3") == "1"


def test_iteration_shows_the_spelling(headers):
    assert list(headers) == ["X-Forwarded-For", "accept"]
    assert dict(headers) == {"X-Forwarded-For": "1", "accept": "2"}
    assert json.dumps(headers) == '{"X-Forwarded-For": "1", "accept": "2"}'


def test_a_field_that_is_there_under_another_spelling_is_replaced(headers):
    headers["x-forwarded-for"] = "3"
    headers.update({"ACCEPT": "4"}, X=5)
    headers |= {"aCCEPT": "6"}
    assert (headers | {"x": 7})["X"] == 7
    assert dict(headers) == {"X-Forwarded-For": "3", "accept": "6", "X": 5}


def test_a_field_is_removed_under_any_spelling(headers):
    del headers["ACCEPT"]
    assert headers.pop("x-forwarded-FOR") == "1"
    assert headers.pop("Accept", "none") == "none"
    assert not headers


def test_a_field_that_is_not_there_is_named_as_it_was_asked_for(headers):
    for missing in (
        lambda: headers["Nothing"],
        lambda: headers.pop("Nothing"),
        lambda: headers.__delitem__("Nothing"),
    ):
        with pytest.raises(KeyError, match="Nothing"):
            missing()
    assert headers.get("Nothing") is None
    assert headers.get("Nothing", "d") == "d"
    assert "Nothing" not in headers


def test_what_is_no_text_is_a_name_like_any_other():
    headers = Headers({1: "one"})
    assert headers[1] == "one"
    assert "x" not in headers
    assert 2 not in headers


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, Headers.copy, lambda h: pickle.loads(pickle.dumps(h))]
)
def test_a_copy_is_one_of_header_fields(headers, copied):
    assert copied(headers) == headers
    assert copied(headers)["ACCEPT"] == "2"
    assert copied(headers) is not headers


def test_fields_may_be_filled_behind_their_back(headers):
    """The engine fills the ``dict`` itself."""
    dict.__setitem__(headers, "X-New", "n")
    assert headers["x-new"] == "n"
