"""JSON is what Python's module `json` makes of it, in both directions."""

import json
import math
import random
import struct
import urllib.error
import urllib.request
from collections import Counter, OrderedDict, defaultdict

import pytest
from running import running

from simple_http_server import AppConf, JSONBody, PathValue

VALUES = [
    "null", "true", "false", "[]", "{}", "[[], {}]", '""',
    "0", "-0", "7", "-7", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", "-123456789012345678901234567890",
    "0.0", "-0.0", "1.0", "0.1", "24.5", "1e5", "1E+5", "1e-5",
    "5e-324", "2.2250738585072014e-308", "1e308", "1e400",
    "-1e400", "0.1e1", "123456789.123456789", "9007199254740993.0", "NaN", "Infinity", "-Infinity",
    '"text"', '"Grüße"', '"中文"', r'"\u00fc\ud83d\ude00"', r'"\ud83d"', r'"\ude00\ud83d"',
    r'"\"\\\/\b\f\n\r\t"', '"😀"',
    '{"a": 1, "b": 2, "a": 3}', '{"": 0}', " [ 1 ,\t2 ,\r\n3 ] ", "[" * 120 + "]" * 120,
]  # fmt: skip

NO_JSON = [
    "", "nul", "True", "01", "1.", ".5", "+1", "-", "1e", "0x10", "-NaN", "nan", "inf",
    "[1,]", "[,1]", '{"a": 1,}', "{1: 2}",
    "{'a': 1}", '"', '"\n"', '"\t"', r'"\x41"', r'"\u12"', "1 2", "[1", '{"a"', '{"a":', "// none",
    "\ufeff1", "\u00a01",
    "1_000",
]  # fmt: skip


@pytest.fixture(scope="module")
def port():
    conf = AppConf()

    @conf.route("/describe", method="POST")
    def describe(body=JSONBody()):
        return {"described": ascii(body["value"])}

    @conf.route("/echo", method="POST")
    def echo(body=JSONBody()):
        return dict(body)

    with running(conf) as port:
        yield port


def post(port, path, text):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", text.encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("text", VALUES, ids=lambda text: text[:20])
def test_a_text_has_the_value_that_python_gives_it(port, text):
    described = json.loads(post(port, "/describe", f'{{"value": {text}}}'))
    assert described == {"described": ascii(json.loads(text))}


@pytest.mark.parametrize("text", NO_JSON, ids=ascii)
def test_what_python_refuses_is_refused(port, text):
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(port, "/describe", f'{{"value": {text}}}')
    assert refused.value.code == 400


class Shouting(dict):
    """Says its items louder than it has them."""

    def items(self):
        return [(key.upper(), value) for key, value in super().items()]


def moved():
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    return ordered


MAPS = [
    moved(),
    Shouting(a=1),
    defaultdict(int, a=1),
    Counter("aab"),
    {"inner": moved()},
    {1: "a", None: "b", 2.5: True},
]


def test_maps_are_written_as_they_say_what_they_have():
    conf = AppConf()
    conf.route("/{index}")(lambda index=PathValue(): MAPS[int(index)])
    with running(conf) as port:
        for index, value in enumerate(MAPS):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{index}") as answer:
                assert answer.read().decode() == json.dumps(value)


def test_numbers_are_written_as_python_writes_them(port):
    chosen = random.Random(1)
    bits = (struct.unpack("d", chosen.randbytes(8))[0] for _ in range(4000))
    scaled = (chosen.uniform(-1, 1) * 10.0 ** chosen.randint(-8, 20) for _ in range(4000))
    edges = [0.0, -0.0, 1e-4, 9.999e-5, 1e15, 1e16, 9999999999999998.0, 1e22, 5e-324, 1.7976931348623157e308]
    numbers = [number for number in (*edges, *bits, *scaled) if math.isfinite(number)]
    text = json.dumps({"value": numbers + [round(number, 2) for number in numbers if abs(number) < 1e15]})
    assert post(port, "/echo", text) == text
