#!/usr/bin/env python3
"""HTTP/1.1 to the letter: probes made from the MUSTs of RFC 9112, RFC 9110 and RFC 3986.

Each probe sends bytes on a connection of its own and says what must come back: the statuses in order, and whether
the connection is closed or still good for a request. Every probe runs twice: its bytes at once, and one by one.
"""

import argparse
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import servers

OPEN, CLOSED, EITHER = "open", "closed", "either"
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")


@dataclass
class Answer:
    """One response as it came."""

    status: int
    version: str
    fields: list
    body: bytes = b""

    def values(self, name):
        return [value for key, value in self.fields if key == name]


@dataclass(frozen=True)
class Probe:
    """What is sent, and what must come back."""

    section: str
    name: str
    sent: bytes
    statuses: tuple
    end: str = OPEN
    bodies: dict = field(default_factory=dict)
    has: tuple = ()
    lacks: tuple = ()
    head: bool = False
    half_close: bool = False
    pieces: bool = True
    wait: tuple = ()


PROBES = []


def probe(section, name, sent, *statuses, **options):
    PROBES.append(Probe(section, name, sent, statuses, **options))


def refuse(section, name, sent, status=400, **options):
    """A request that is answered with an error, after which the connection is closed."""
    probe(section, name, sent, status, end=CLOSED, **options)


def get(target=b"/", fields=b"", version=b"HTTP/1.1", host=b"Host: x\r\n", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + host + fields + b"\r\n"


def post(body, fields=None, target=b"/echo", version=b"HTTP/1.1"):
    length = b"Content-Length: %d\r\n" % len(body)
    return get(target, length if fields is None else fields, version, method=b"POST") + body


def chunked(body, fields=b"", target=b"/echo"):
    return post(body, b"Transfer-Encoding: chunked\r\n" + fields, target)


def request_lines():
    section = "9112 3"
    probe(section, "a plain request", get(), 200, bodies={0: b"Hello, World!"})
    refuse(section, "two spaces after the method", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "two spaces before the version", b"GET /  HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "a tab for a space", b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "a space before the method", b" GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "a space behind the version", b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n")
    refuse(section, "a space in the target", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "no target", b"GET HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "an empty target", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse(section, "no version: HTTP/0.9", b"GET /\r\n")
    refuse(section, "one word", b"GET\r\n\r\n")
    refuse(section, "a form feed for a space", b"GET\x0c/ HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse("9112 2.2", "a bare line feed behind the request line", b"GET / HTTP/1.1\nHost: x\r\n\r\n")
    refuse("9112 2.2", "a bare line feed behind a field", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n")
    refuse("9112 2.2", "a bare line feed at the end", b"GET / HTTP/1.1\r\nHost: x\r\n\n")
    refuse("9112 2.2", "line feeds only", b"GET / HTTP/1.1\nHost: x\n\n")
    refuse("9112 2.2", "a bare carriage return in the request line", b"GET /\r HTTP/1.1\r\nHost: x\r\n\r\n")
    refuse("9112 2.2", "a bare carriage return in a value", get(fields=b"A: b\rc\r\n"))
    refuse("9112 2.2", "a bare carriage return ends no field", get(fields=b"A: b\rContent-Length: 5\r\n"))
    refuse("9112 2.2", "two carriage returns", get(fields=b"A: b\r\r\n"))
    refuse("9112 2.2", "white space before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n")
    probe("9112 2.2", "an empty line before a request", b"\r\n" + get(), 200)
    probe("9112 2.2", "several empty lines before a request", b"\r\n\r\n\r\n" + get(), 200)
    probe("9112 2.2", "an empty line between requests", get() + b"\r\n" + get(), 200, 200)
    probe("9112 2.2", "an empty line behind a body", post(b"abc") + b"\r\n" + get(), 200, 200)
    refuse("9112 2.2", "a bare line feed before a request", b"\n" + get())
    refuse("9112 2.2", "a handshake of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    refuse("9112 2.2", "a request that ends in its head", b"GET / HTTP/1.1\r\nHost:", half_close=True)


def methods():
    probe("9110 9.1", "an unknown method", get(method=b"BREW"), 501)
    probe("9110 9.1", "a long unknown method", get(method=b"M" * 1000), 501)
    refuse("9110 9.1", "a method that is no token", get(method=b"GE(T"))
    refuse("9110 9.1", "a method beyond ASCII", get(method=b"G\xc9T"))
    refuse("9110 9.1", "a method with a colon", get(method=b"GET:"))
    refuse("9110 9.1", "a method with NUL", get(method=b"GE\0T"))
    probe(
        "9110 9.3.1",
        "a body of GET is no request",
        get(b"/ignore", b"Content-Length: 4\r\n") + b"GET ",
        200,
        end=EITHER,
    )
    probe(
        "9110 9.3.2",
        "HEAD has no body",
        get(method=b"HEAD") + get(),
        200,
        200,
        head=True,
        has=("content-length: 13",),
    )
    probe(
        "9110 9.3.2",
        "HEAD of an error has no body",
        get(b"/none", method=b"HEAD") + get(),
        404,
        200,
        head=True,
    )
    probe(
        "9110 9.3.2",
        "HEAD of a stream has no body",
        get(b"/stream", method=b"HEAD") + get(),
        200,
        200,
        head=True,
    )
    probe(
        "9110 9.3.2", "a refused HEAD has no body", get(method=b"HEAD", host=b""), 400, head=True, end=CLOSED
    )
    probe("9110 9.3.6", "CONNECT opens no tunnel", get(b"x:443", method=b"CONNECT"), 501, end=EITHER)
    refuse("9112 3.2.3", "CONNECT to a path", get(method=b"CONNECT"))
    refuse("9112 3.2.3", "CONNECT without a port", get(b"x", method=b"CONNECT"))
    probe("9110 9.3.7", "OPTIONS of a path", get(method=b"OPTIONS"), 204, has=("allow: GET, HEAD, OPTIONS",))
    probe("9112 3.2.4", "OPTIONS *", get(b"*", method=b"OPTIONS"), 204, has=("allow: .*GET.*",))
    probe(
        "9110 9.3.7", "Max-Forwards is for proxies", get(b"*", b"Max-Forwards: 0\r\n", method=b"OPTIONS"), 204
    )
    probe(
        "9110 9.3.8",
        "TRACE repeats nothing of the request",
        get(fields=b"Cookie: a=secret\r\n", method=b"TRACE"),
        405,
        lacks=("secret",),
        end=EITHER,
    )
    probe(
        "9110 15.5.6",
        "405 says what is allowed",
        get(method=b"DELETE"),
        405,
        has=("allow: GET, HEAD, OPTIONS",),
    )


def versions():
    refuse("9110 2.5", "HTTP/0.9", get(version=b"HTTP/0.9"), 505)
    probe("9110 2.5", "HTTP/1.2 is answered as 1.1", get(version=b"HTTP/1.2"), 200)
    probe("9110 2.5", "HTTP/1.9 is answered as 1.1", post(b"abc", version=b"HTTP/1.9"), 200)
    refuse("9110 15.6.6", "HTTP/2.0", get(version=b"HTTP/2.0"), 505)
    refuse("9110 15.6.6", "HTTP/3.0", get(version=b"HTTP/3.0"), 505)
    refuse("9112 2.3", "a version without a minor part", get(version=b"HTTP/1"))
    refuse("9112 2.3", "a version of two digits", get(version=b"HTTP/1.10"))
    refuse("9112 2.3", "a leading zero", get(version=b"HTTP/01.1"))
    refuse("9112 2.3", "a version in lower case", get(version=b"http/1.1"))
    refuse("9112 2.3", "a version of letters", get(version=b"HTTP/x.y"))
    refuse("9112 2.3", "a signed version", get(version=b"HTTP/+1.1"))
    refuse("9112 2.3", "another protocol", get(version=b"ICY/1.1"))
    probe(
        "9112 2.3",
        "an answer to 1.0 has a version of 1.x",
        get(version=b"HTTP/1.0", host=b""),
        200,
        end=CLOSED,
    )


def targets():
    probe("9112 3.2.1", "a query", get(b"/target?a=b?c/d"), 200, bodies={0: b"GET /target?a=b?c/d x x"})
    probe("9112 3.2.2", "absolute-form", get(b"http://x/target"), 200, bodies={0: b"GET /target? x x"})
    probe("9112 3.2.2", "absolute-form without a path", get(b"http://x"), 200)
    probe("9112 3.2.2", "absolute-form with a query only", get(b"http://x?a"), 200)
    probe(
        "9112 3.2.2",
        "absolute-form overrides Host",
        get(b"http://real:8080/target"),
        200,
        bodies={0: b"GET /target? real:8080 real:8080"},
    )
    probe("3986 3.1", "a scheme in capitals", get(b"HTTP://x/target"), 200)
    probe("9110 4.2.2", "an address of https", get(b"https://x/target"), 200)
    probe("3986 3.2.2", "an IPv6 literal", get(b"http://[::1]:80/target"), 200)
    refuse("9112 3.2.2", "absolute-form still needs a Host", get(b"http://x/", host=b""))
    refuse("9110 4.2.1", "an empty host", get(b"http:///target"))
    refuse("9110 4.2.4", "user information", get(b"http://user:secret@x/target"))
    refuse("3986 3.2.3", "a port that is none", get(b"http://x:port/target"))
    refuse("3986 3.2.3", "a port beyond 65535", get(b"http://x:65536/target"))
    refuse("3986 3.2.2", "a broken IPv6 literal", get(b"http://[::1/target"))
    refuse("9112 3.2", "another scheme", get(b"ftp://x/target"))
    refuse("9112 3.2.3", "authority-form for GET", get(b"x:80"))
    refuse("9112 3.2.4", "asterisk-form for GET", get(b"*"))
    refuse("9112 3.2", "a relative path", get(b"target"))
    refuse("9112 3.2.1", "a fragment", get(b"/target#a"))
    refuse("3986 2", "NUL in the target", get(b"/tar\0get"))
    refuse("3986 2", "DEL in the target", get(b"/tar\x7fget"))
    refuse("3986 2", "a tab in the target", get(b"/tar\tget"))
    probe("3986 2.1", "a malformed percent escape", get(b"/%zz"), 400, end=EITHER)
    probe("3986 2.1", "half a percent escape", get(b"/%4"), 400, end=EITHER)
    probe("3986 2.1", "an escaped NUL", get(b"/%00"), 400, end=EITHER)
    probe("3986 6.2.2", "an escape is the character", get(b"/t%61rget"), 200)
    probe("9110 15.5.15", "a target over the limit", get(b"/" + b"a" * 9000), 414, pieces=False)
    refuse("9110 15.5.15", "a target beyond all limits", get(b"/" + b"a" * 70000), 414, pieces=False)
    refuse("9110 15.5.15", "a request line without an end", b"GET /" + b"a" * 70000, 414, pieces=False)
    probe("9112 3", "a target of 8000 bytes", get(b"/target?" + b"a" * 8000), 200, pieces=False)


def hosts():
    section = "9112 3.2"
    refuse(section, "no Host in 1.1", get(host=b""))
    probe(section, "no Host in 1.0", get(version=b"HTTP/1.0", host=b""), 200, end=CLOSED)
    refuse(section, "two Hosts", get(host=b"Host: x\r\nHost: y\r\n"))
    refuse(section, "the same Host twice", get(host=b"Host: x\r\nHost: x\r\n"))
    refuse(section, "two Hosts in 1.0", get(version=b"HTTP/1.0", host=b"Host: x\r\nHost: y\r\n"))
    refuse(section, "two Hosts with a field between", get(host=b"Host: x\r\nA: b\r\nhost: x\r\n"))
    refuse(section, "an empty Host", get(host=b"Host:\r\n"))
    refuse(section, "a Host of spaces", get(host=b"Host:   \r\n"))
    refuse(section, "a malformed Host in 1.0", get(version=b"HTTP/1.0", host=b"Host: a b\r\n"))
    for name, value in [
        ("a space", b"a b"),
        ("a comma", b"a,b"),
        ("a list", b"a, b"),
        ("a slash", b"a/b"),
        ("a query", b"a?b"),
        ("a fragment", b"a#b"),
        ("user information", b"u@a"),
        ("a scheme", b"http://a"),
        ("angles", b"<a>"),
        ("a port of letters", b"a:b"),
        ("a negative port", b"a:-1"),
        ("a signed port", b"a:+80"),
        ("a port beyond 65535", b"a:99999"),
        ("two ports", b"a:1:2"),
        ("a port alone", b":80"),
        ("a bare IPv6 address", b"::1"),
        ("an open bracket", b"[::1"),
        ("text behind a literal", b"[::1]a"),
        ("an IPv4 literal", b"[1.2.3.4]"),
        ("a backslash", b"a\\b"),
        ("bytes beyond ASCII", b"\xc3\xa4"),
        ("a malformed escape", b"%zz"),
        ("a quoted text", b'"a"'),
    ]:
        refuse("3986 3.2", f"Host with {name}", get(host=b"Host: " + value + b"\r\n"))
    for name, value in [
        ("a name", b"example.com"),
        ("a port", b"example.com:8080"),
        ("an empty port", b"example.com:"),
        ("an IPv4 address", b"127.0.0.1"),
        ("an IPv6 literal", b"[::1]"),
        ("an IPv6 literal and a port", b"[::1]:80"),
        ("an underscore", b"a_b"),
        ("white space around it", b" \t x \t "),
        ("capitals", b"EXAMPLE.COM"),
    ]:
        probe("3986 3.2", f"Host with {name}", get(host=b"Host:" + value + b"\r\n"), 200)


def fields():
    section = "9112 5.1"
    refuse(section, "a space before the colon", get(fields=b"A : b\r\n"))
    refuse(section, "a tab before the colon", get(fields=b"A\t: b\r\n"))
    refuse(section, "Content-Length with a space before the colon", post(b"abc", b"Content-Length : 3\r\n"))
    refuse(
        section,
        "Transfer-Encoding with a space before the colon",
        post(b"", b"Transfer-Encoding : chunked\r\n"),
    )
    refuse("9112 5", "no colon", get(fields=b"A\r\n"))
    refuse("9112 5", "an empty name", get(fields=b": b\r\n"))
    refuse("9110 5.1", "a name with a slash", get(fields=b"A/B: c\r\n"))
    refuse("9110 5.1", "a name beyond ASCII", get(fields=b"\xc4: c\r\n"))
    refuse("9110 5.1", "a name with NUL", get(fields=b"A\0: c\r\n"))
    refuse("9110 5.1", "a name with a vertical tab", get(fields=b"\x0bContent-Length: 3\r\n"))
    refuse("9112 5.2", "obsolete folding with a space", get(fields=b"A: b\r\n c\r\n"))
    refuse("9112 5.2", "obsolete folding with a tab", get(fields=b"A: b\r\n\tc\r\n"))
    refuse("9112 5.2", "Transfer-Encoding folded", post(b"", b"Transfer-Encoding:\r\n chunked\r\n"))
    refuse("9110 5.5", "NUL in a value", get(fields=b"A: b\0c\r\n"))
    refuse("9110 5.5", "a control character in a value", get(fields=b"A: b\x01c\r\n"))
    refuse("9110 5.5", "DEL in a value", get(fields=b"A: b\x7fc\r\n"))
    probe("9110 5.5", "obs-text in a value", get(fields=b"A: \xe4\xff\r\n"), 200)
    probe("9110 5.5", "a tab in a value", get(fields=b"A: b\tc\r\n"), 200)
    probe("9110 5.5", "an empty value", get(fields=b"A:\r\n"), 200)
    probe("9112 5.1", "no space behind the colon", get(host=b"Host:x\r\n"), 200)
    probe("9110 5.1", "names in any case", post(b"abc", b"cOnTeNt-LeNgTh: 3\r\n"), 200, bodies={0: b"abc"})
    probe("9110 5.1", "unknown fields are ignored", get(fields=b"X-!#$%&'*+-.^_`|~9: b\r\n"), 200)
    probe("9110 5.3", "repeated fields", get(fields=b"Accept: a/b\r\nAccept: c/d\r\n"), 200)
    many = b"".join(b"X-%d: a\r\n" % number for number in range(99))
    probe("9110 5.4", "a hundred fields", get(fields=many), 200, pieces=False)
    refuse("6585 5", "more than a hundred fields", get(fields=many + b"Y: a\r\n"), 431, pieces=False)
    refuse("6585 5", "a field over the limit", get(fields=b"A: " + b"a" * 70000 + b"\r\n"), 431, pieces=False)
    refuse("6585 5", "fields without end", get(fields=b"A: abc\r\n" * 10000)[:-2], 431, pieces=False)


def lengths():
    section = "9112 6.3"
    probe("9112 6.2", "a body of a length", post(b"abc") + get(), 200, 200, bodies={0: b"abc"})
    probe("9112 6.2", "a length of zero", post(b"") + get(), 200, 200, bodies={0: b""})
    probe("9112 6.2", "leading zeros", post(b"abc", b"Content-Length: 0003\r\n"), 200, bodies={0: b"abc"})
    probe("9112 6.3", "no length: no body", post(b"", b"") + get(), 200, 200, bodies={0: b""})
    probe("9110 5.5", "white space around a length", post(b"abc", b"Content-Length: \t3 \t\r\n"), 200)
    both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    refuse(section, "Content-Length and Transfer-Encoding", post(b"3\r\nabc\r\n0\r\n\r\n", both))
    refuse(
        section,
        "Transfer-Encoding and Content-Length",
        post(b"3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
    )
    refuse(
        section,
        "both, the length with zero",
        post(b"", b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
    )
    refuse(section, "two lengths", post(b"abc", b"Content-Length: 3\r\nContent-Length: 5\r\n"))
    refuse(section, "the same length twice", post(b"abc", b"Content-Length: 3\r\nContent-Length: 3\r\n"))
    refuse(
        section,
        "lengths and a request between",
        post(b"", b"Content-Length: 0\r\nContent-Length: 44\r\n") + get(),
    )
    for name, value in [
        ("a list of equal ones", b"3, 3"),
        ("a list", b"3, 5"),
        ("a plus sign", b"+3"),
        ("a minus sign", b"-3"),
        ("hexadecimal", b"0x3"),
        ("a fraction", b"3.0"),
        ("an exponent", b"3e0"),
        ("an underscore", b"1_0"),
        ("letters", b"abc"),
        ("nothing", b""),
        ("white space alone", b"  "),
        ("a space between digits", b"1 0"),
        ("2^63", b"9223372036854775808"),
        ("2^64", b"18446744073709551616"),
        ("forty digits", b"9" * 40),
        ("digits beyond ASCII", b"\xd9\xa3"),
        ("quotes", b'"3"'),
        ("a semicolon", b"3;"),
    ]:
        refuse("9110 8.6", f"a length with {name}", post(b"abc", b"Content-Length: " + value + b"\r\n"))
    refuse(
        "9112 6.3", "a body shorter than its length", post(b"abc", b"Content-Length: 10\r\n"), half_close=True
    )
    refuse("9110 15.5.14", "a body over the limit", post(b"", b"Content-Length: 999999999999\r\n"), 413)


def codings():
    section = "9112 6.1"
    whole = b"3\r\nabc\r\n0\r\n\r\n"
    probe("9112 7.1", "chunks", chunked(whole) + get(), 200, 200, bodies={0: b"abc"})
    probe(
        "9112 7",
        "names of codings in any case",
        post(whole, b"tRANSFER-eNCODING: cHUNKED\r\n"),
        200,
        bodies={0: b"abc"},
    )
    for name, value, status in [
        ("identity", b"identity", 400),
        ("a coding that ends in chunked", b"xchunked", 400),
        ("a coding that begins with chunked", b"chunkedx", 400),
        ("gzip alone", b"gzip", 400),
        ("chunked not last", b"chunked, gzip", 400),
        ("chunked twice", b"chunked, chunked", 400),
        ("chunked and identity", b"chunked, identity", 400),
        ("an unknown coding", b"foo, chunked", 501),
        ("gzip and chunked", b"gzip, chunked", 501),
        ("a vertical tab", b"\x0bchunked", 400),
        ("a form feed", b"\x0cchunked", 400),
        ("quotes", b'"chunked"', 400),
        ("a parameter", b"chunked;a=b", 400),
        ("nothing", b"", 400),
        ("a comma", b",chunked", 400),
        ("a comma behind", b"chunked,", 400),
        ("NUL", b"chunked\0", 400),
        ("a byte beyond ASCII", b"chunked\xff", 400),
        ("two words", b"x chunked", 400),
        ("a soft hyphen", b"chun\xadked", 400),
        ("a colon", b": chunked", 400),
    ]:
        refuse(
            section,
            f"Transfer-Encoding of {name}",
            post(whole, b"Transfer-Encoding: " + value + b"\r\n"),
            status,
        )
    refuse(section, "two fields of chunked", post(whole, b"Transfer-Encoding: chunked\r\n" * 2))
    refuse(
        section,
        "chunked, then another field",
        post(whole, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    )
    refuse(
        section,
        "another field, then chunked",
        post(whole, b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
        501,
    )
    refuse(
        section,
        "Transfer-Encoding in 1.0",
        post(whole, b"Transfer-Encoding: chunked\r\n", version=b"HTTP/1.0"),
    )
    probe(
        "9110 10.1.4",
        "TE asks for the answer's coding",
        get(fields=b"TE: trailers, gzip\r\nConnection: TE\r\n"),
        200,
    )


def chunks():
    section = "9112 7.1"
    good = {
        "several": b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        "leading zeros": b"0003\r\nabc\r\n000\r\n\r\n",
        "an extension": b"3;a=b\r\nabc\r\n0\r\n\r\n",
        "a quoted extension": b'3;a="b;c"\r\nabc\r\n0;last\r\n\r\n',
        "white space before an extension": b"3 ; a=b\r\nabc\r\n0\r\n\r\n",
    }
    for name, body in good.items():
        probe(section, f"chunks with {name}", chunked(body) + get(), 200, 200, bodies={0: b"abc"})
    probe(
        section,
        "a size of capitals",
        chunked(b"A\r\n0123456789\r\n0\r\n\r\n") + get(),
        200,
        200,
        bodies={0: b"0123456789"},
    )
    probe(
        section,
        "line breaks in a chunk",
        chunked(b"4\r\n\r\n\r\n\r\n0\r\n\r\n") + get(),
        200,
        200,
        bodies={0: b"\r\n\r\n"},
    )
    for name, body in [
        ("no size", b"\r\nabc\r\n0\r\n\r\n"),
        ("a plus sign", b"+3\r\nabc\r\n0\r\n\r\n"),
        ("a minus sign", b"-3\r\nabc\r\n0\r\n\r\n"),
        ("0x", b"0x3\r\nabc\r\n0\r\n\r\n"),
        ("an underscore", b"0_3\r\nabc\r\n0\r\n\r\n"),
        ("letters", b"xyz\r\nabc\r\n0\r\n\r\n"),
        ("a space before the size", b" 3\r\nabc\r\n0\r\n\r\n"),
        ("a space behind the size", b"3 \r\nabc\r\n0\r\n\r\n"),
        ("a size over 64 bits", b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
        ("forty digits", b"f" * 40 + b"\r\nabc"),
        ("a bare line feed behind the size", b"3\nabc\r\n0\r\n\r\n"),
        ("a bare carriage return behind the size", b"3\rabc\r\n0\r\n\r\n"),
        ("a bare line feed behind the data", b"3\r\nabc\n0\r\n\r\n"),
        ("nothing behind the data", b"3\r\nabc0\r\n\r\n"),
        ("more data than it says", b"3\r\nabcd\r\n0\r\n\r\n"),
        ("a bare line feed in an extension", b"3;a\nabc\r\n0\r\n\r\n"),
        ("a bare carriage return in an extension", b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
        ("NUL in an extension", b"3;\0\r\nabc\r\n0\r\n\r\n"),
        ("a bare line feed at the end", b"3\r\nabc\r\n0\r\n\n"),
        ("a bare line feed behind the last size", b"3\r\nabc\r\n0\n\r\n"),
    ]:
        refuse(section, f"chunks with {name}", chunked(body))
    refuse(
        "9112 7.1.1",
        "extensions without end",
        chunked(b"3;" + b"a" * 70000 + b"\r\nabc\r\n0\r\n\r\n"),
        pieces=False,
    )
    refuse("9112 8", "chunks without an end", chunked(b"3\r\nabc\r\n"), half_close=True)
    section = "9112 7.1.2"
    probe(
        section,
        "trailers",
        chunked(b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n") + get(),
        200,
        200,
        bodies={0: b"abc"},
    )
    probe(
        section,
        "a trailer is no field of the request",
        chunked(b"3\r\nabc\r\n0\r\nX-Trailer: evil\r\n\r\n", target=b"/trailers") + get(),
        200,
        200,
        bodies={0: b"3 -"},
    )
    probe(
        "9110 6.5.1",
        "trailers that would change the framing are ignored",
        chunked(b"3\r\nabc\r\n0\r\nContent-Length: 100\r\nTransfer-Encoding: gzip\r\nHost: y\r\n\r\n")
        + get(),
        200,
        200,
        bodies={0: b"abc"},
    )
    for name, trailer in [
        ("no colon", b"abc\r\n"),
        ("folding", b"A: b\r\n c\r\n"),
        ("NUL", b"A: \0\r\n"),
        ("a bare line feed", b"A: b\n"),
        ("a space before the colon", b"A : b\r\n"),
    ]:
        refuse(section, f"a trailer with {name}", chunked(b"3\r\nabc\r\n0\r\n" + trailer + b"\r\n"))
    refuse(section, "too many trailers", chunked(b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n"), pieces=False)
    refuse(section, "a trailer without end", chunked(b"0\r\nA: " + b"b" * 70000 + b"\r\n\r\n"), pieces=False)


def expectations():
    section = "9110 10.1.1"
    expect = b"Content-Length: 3\r\nExpect: 100-continue\r\n"
    probe(section, "100 when the body is read", post(b"", expect), 100, end=EITHER)
    probe(
        section,
        "the body comes after 100",
        post(b"", expect),
        100,
        200,
        wait=((1, b"abc"),),
        bodies={1: b"abc"},
    )
    probe(section, "no 100 where the body is not read", post(b"", expect, b"/ignore"), 200, end=CLOSED)
    probe(section, "an error instead of 100", post(b"", expect, b"/none"), 404, end=CLOSED)
    probe(
        section,
        "413 instead of 100",
        post(b"", b"Content-Length: 99999999\r\nExpect: 100-continue\r\n"),
        413,
        end=CLOSED,
    )
    probe(section, "no 100 for 1.0", post(b"abc", expect, version=b"HTTP/1.0"), 200, end=CLOSED)
    probe(section, "no 100 without a body", post(b"", b"Content-Length: 0\r\nExpect: 100-continue\r\n"), 200)
    probe(
        section,
        "100-continue in capitals",
        post(b"", b"Content-Length: 3\r\nExpect: 100-CONTINUE\r\n"),
        100,
        end=EITHER,
    )
    refuse(section, "an unknown expectation", get(fields=b"Expect: a-miracle\r\n"), 417)
    refuse(
        section, "an unknown expectation beside a known one", get(fields=b"Expect: 100-continue, x\r\n"), 417
    )
    probe(
        section,
        "an unknown expectation in 1.0",
        get(fields=b"Expect: x\r\n", version=b"HTTP/1.0"),
        200,
        end=CLOSED,
    )


def connections():
    section = "9112 9.3"
    probe(section, "1.1 is kept", get() + get(), 200, 200)
    probe(section, "1.0 is closed", get(version=b"HTTP/1.0"), 200, end=CLOSED)
    probe(
        section,
        "1.0 with keep-alive is kept",
        get(fields=b"Connection: keep-alive\r\n", version=b"HTTP/1.0") + get(),
        200,
        200,
        has=("connection: keep-alive",),
    )
    probe(
        "9112 9.6",
        "close closes",
        get(fields=b"Connection: close\r\n"),
        200,
        end=CLOSED,
        has=("connection: close",),
    )
    probe("9112 9.6", "Close closes", get(fields=b"Connection: Close\r\n"), 200, end=CLOSED)
    probe("9112 9.6", "close among others", get(fields=b"Connection: foo, close\r\n"), 200, end=CLOSED)
    probe(
        "9112 9.6",
        "close in a field of its own",
        get(fields=b"Connection: foo\r\nConnection: close\r\n"),
        200,
        end=CLOSED,
    )
    probe(
        "9112 9.6",
        "close beats keep-alive",
        get(fields=b"Connection: keep-alive, close\r\n"),
        200,
        end=CLOSED,
    )
    probe(
        "9112 9.6",
        "requests behind close are ignored",
        get(fields=b"Connection: close\r\n") + get(),
        200,
        end=CLOSED,
    )
    probe("9110 7.6.1", "unknown options are ignored", get(fields=b"Connection: foo, bar\r\nFoo: 1\r\n"), 200)
    probe("9110 7.6.1", "an empty Connection", get(fields=b"Connection: ,\r\n"), 200)
    probe(
        "9112 9.6",
        "close where close is asked behind keep-alive of 1.0",
        get(fields=b"Connection: keep-alive\r\nConnection: close\r\n", version=b"HTTP/1.0"),
        200,
        end=CLOSED,
    )
    section = "9112 9.3.2"
    probe(
        section,
        "pipelined requests in order",
        get() + post(b"abc") + get(b"/stream") + get(b"/none") + get(),
        200,
        200,
        200,
        404,
        200,
        bodies={1: b"abc", 2: b"1\n2\n3\n"},
    )
    probe(section, "twenty requests", get() * 20, *[200] * 20, pieces=False)
    probe(
        section,
        "a slow one before a fast one",
        get(b"/sleep?milliseconds=100") + get(),
        200,
        200,
        bodies={0: b"awake"},
    )
    probe(section, "one that blocks before one that doesn't", get(b"/blocking") + get(), 200, 200)
    probe(section, "an error in the middle ends it", get() + get(host=b"") + get(), 200, 400, end=CLOSED)
    probe(
        section,
        "a smuggled request is none",
        get() + post(b"0\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + get(b"/target"),
        200,
        400,
        end=CLOSED,
    )
    probe(
        section,
        "chunks, lengths and none, mixed",
        chunked(b"1\r\na\r\n0\r\n\r\n") + post(b"b") + get() + chunked(b"1\r\nc\r\n0\r\n\r\n"),
        200,
        200,
        200,
        200,
        bodies={0: b"a", 1: b"b", 3: b"c"},
    )
    section = "9112 9.3"
    probe(section, "an unread body is no request", post(get(b"/none"), target=b"/ignore"), 200, end=EITHER)
    probe(
        section,
        "unread chunks are no request",
        chunked(b"3\r\nabc\r\n0\r\n\r\n", target=b"/ignore"),
        200,
        end=EITHER,
    )
    section = "9112 9.6"
    probe(section, "a half-closed client is answered", get(), 200, end=CLOSED, half_close=True)
    probe(
        section, "a half-closed client waits for its answer", get(b"/sleep"), 200, end=CLOSED, half_close=True
    )
    probe(section, "a half-closed client with a body", post(b"abc"), 200, end=CLOSED, half_close=True)
    probe(
        section,
        "a half-closed client with several requests",
        get() + get(b"/sleep") + get(b"/stream"),
        200,
        200,
        200,
        end=CLOSED,
        half_close=True,
    )


def answers():
    probe("9110 6.6.1", "a date", get(), 200, has=(r"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",))
    probe("9110 6.6.1", "a date of a refusal", get(host=b""), 400, end=CLOSED, has=("date: .* GMT",))
    probe("9110 15.3.5", "204 has no body", get(b"/status/204") + get(), 204, 200)
    probe(
        "9110 8.6",
        "204 has no length",
        get(b"/status/204"),
        204,
        lacks=("content-length", "transfer-encoding"),
    )
    probe("9110 15.4.5", "304 has no body", get(b"/status/304") + get(), 304, 200)
    probe("9110 15.3.6", "205 has no body", get(b"/status/205") + get(), 205, 200, bodies={0: b""})
    probe(
        "9112 6.1",
        "no chunks for 1.0",
        get(b"/stream", version=b"HTTP/1.0"),
        200,
        end=CLOSED,
        lacks=("transfer-encoding",),
        bodies={0: b"1\n2\n3\n"},
    )
    probe(
        "9112 7.1",
        "a stream comes in chunks",
        get(b"/stream"),
        200,
        has=("transfer-encoding: chunked",),
        lacks=("content-length",),
    )
    probe(
        "9110 14.2",
        "Range is ignored where it means nothing",
        get(fields=b"Range: bytes=0-1\r\n"),
        200,
        bodies={0: b"Hello, World!"},
    )
    probe(
        "9110 7.8",
        "an unknown upgrade is ignored",
        get(fields=b"Connection: upgrade\r\nUpgrade: foo/2\r\n") + get(),
        200,
        200,
    )
    probe(
        "9110 7.8",
        "behind an upgrade that is ignored, framing is as strict",
        get(fields=b"Connection: upgrade\r\nUpgrade: foo\r\n") + get(host=b""),
        200,
        400,
        end=CLOSED,
    )
    probe(
        "9110 7.8",
        "an upgrade with a body",
        post(b"abc", b"Connection: upgrade\r\nUpgrade: foo\r\nContent-Length: 3\r\n") + get(),
        200,
        200,
        bodies={0: b"abc"},
    )
    probe(
        "9110 7.8", "an upgrade in 1.0", get(fields=b"Upgrade: foo\r\n", version=b"HTTP/1.0"), 200, end=CLOSED
    )
    probe("9110 15.5.5", "404", get(b"/none"), 404)
    refuse(
        "9110 15.5",
        "a refusal explains itself",
        get(host=b"Host: a b\r\n"),
        bodies={0: b"The Host is malformed."},
    )


def run(server, probe, cut):
    """Returns what is wrong with the answers to a probe, or nothing."""
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(connection)
        send(connection, probe, cut)
        answers = []
        for number, status in enumerate(probe.statuses):
            answer = wire.answer(probe.head and number == 0)
            if answer is None:
                return f"the connection ended before answer {number + 1} ({status})"
            answers.append(answer)
            if wrong := check(answer, status, probe.bodies.get(number)):
                return f"answer {number + 1}: {wrong}"
            for after, more in probe.wait:
                if after == len(answers):
                    connection.sendall(more)
        head = "\n".join(f"{name}: {value}" for name, value in answers[0].fields)
        for wanted in probe.has:
            if not re.search(f"^{wanted}$", head, re.MULTILINE):
                return f"no {wanted!r} in {head!r}"
        for unwanted in probe.lacks:
            if unwanted in head or unwanted.encode() in answers[0].body:
                return f"{unwanted!r} in {head!r}"
        return check_end(connection, wire, probe)


def send(connection, probe, cut):
    if cut:
        for byte in probe.sent:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return  # it was refused before its end
    else:
        try:
            connection.sendall(probe.sent)
        except OSError:
            return
    if probe.half_close:
        connection.shutdown(socket.SHUT_WR)


def check(answer, status, body):
    if answer.status != status:
        return f"{answer.status} instead of {status}: {answer.body[:200]!r}"
    if answer.version not in ("HTTP/1.1", "HTTP/1.0"):
        return f"a version {answer.version!r}"
    for name in ("content-length", "date", "host"):
        if len(answer.values(name)) > 1:
            return f"several fields {name}"
    if answer.status >= 200 and not DATE.fullmatch("".join(answer.values("date"))):
        return "no date"
    if body is not None and (body not in answer.body if answer.status >= 400 else body != answer.body):
        return f"the body is {answer.body[:200]!r}, not {body!r}"
    return None


def check_end(connection, wire, probe):
    if probe.end == EITHER:
        return None
    if probe.end == OPEN:
        connection.sendall(get())
        answer = wire.answer()
        return None if answer and answer.status == 200 else f"it is not open: {answer}"
    if not probe.half_close:
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return None
    rest = wire.rest()
    return f"more came: {rest[:200]!r}" if rest else None


class Wire:
    """Reads answers."""

    def __init__(self, connection):
        self.connection = connection
        self.pending = b""

    def fill(self):
        try:
            piece = self.connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.pending += piece
        return bool(piece)

    def until(self, end):
        while end not in self.pending:
            if not self.fill():
                return None
        found, _, self.pending = self.pending.partition(end)
        return found

    def exactly(self, length):
        while len(self.pending) < length and self.fill():
            pass
        found, self.pending = self.pending[:length], self.pending[length:]
        return found

    def rest(self):
        while self.fill():
            pass
        found, self.pending = self.pending, b""
        return found

    def answer(self, head_only=False):
        head = self.until(b"\r\n\r\n")
        if head is None:
            return None
        line, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = line.split(" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        answer = Answer(int(status), version, fields)
        if head_only or answer.status < 200 or answer.status in (204, 304):
            return answer
        if answer.values("transfer-encoding") == ["chunked"]:
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                answer.body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        elif lengths := answer.values("content-length"):
            answer.body = self.exactly(int(lengths[0]))
        else:
            answer.body = self.rest()
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="only probes whose section or name contains this text")
    options = parser.parse_args()
    for section in (
        request_lines,
        methods,
        versions,
        targets,
        hosts,
        fields,
        lengths,
        codings,
        chunks,
        expectations,
        connections,
        answers,
    ):
        section()
    chosen = [
        probe for probe in PROBES if not options.only or options.only in f"{probe.section} {probe.name}"
    ]
    began = time.monotonic()
    failures = []
    with servers.running(servers.build()) as server, ThreadPoolExecutor(16) as pool:
        runs = [(probe, cut) for probe in chosen for cut in ((False, True) if probe.pieces else (False,))]

        def attempt(pair):
            try:
                return run(server, *pair)
            except (OSError, ValueError) as error:
                return f"{type(error).__name__}: {error}"

        for (probe, cut), wrong in zip(runs, pool.map(attempt, runs), strict=True):
            if wrong:
                way = "byte by byte" if cut else "at once"
                failures.append(f"RFC {probe.section}, {probe.name} ({way}): {wrong}")
        if server.get("/") != (200, b"Hello, World!"):
            failures.append("the server no longer answers")
    passed = len(runs) - len(failures)
    seconds = time.monotonic() - began
    servers.finish(
        failures, f"{len(chosen)} probes in {len(runs)} runs, {passed} of them right, in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
