# SPDX-License-Identifier: Apache-2.0
"""The reader of messages is what most tests rest on: it must not be kinder than it says."""
import pytest

from support import http, manifests
from support.origin import Replay


def read_request(data):
    wire = Replay(data)
    message = http.read_request(wire)
    return message, bytes(wire.pending)


def test_a_whole_request_and_what_follows_it():
    message, rest = read_request(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET")
    assert (message.method, message.target, message.body, rest) == ("POST", "/x", b"ok", b"GET")


def test_a_chunked_request():
    message, rest = read_request(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx")
    assert (message.body, message.chunks, rest) == (b"ok", [2, 0], b"x")


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nX : y\r\n\r\n", b"GET / HTTP/1.1\r\n X: y\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\nX: y\r\n\r\n", b"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n",
])
def test_malformed_messages_fail_the_test(data):
    with pytest.raises(AssertionError):
        read_request(data)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nok",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
])
def test_a_message_cut_short_is_incomplete(data):
    with pytest.raises(http.Incomplete):
        read_request(data)


def test_manifests_are_yaml_with_every_string_quoted():
    assert manifests.to_yaml({"a": [{"b": "x\r\n: y"}, 1], "c": {}}) == (
        '"a":\n  -\n    "b": "x\\r\\n: y"\n  - 1\n"c": {}\n')
