# SPDX-License-Identifier: Apache-2.0
"""However the bytes are cut into segments, the meaning is the same, in both directions."""
import random

import pytest

from support import manifests
from support.client import chunked, request
from support.http import Incomplete
from support.origin import answer

CONVERSATION = [
    (request("GET", "/1"), b"1"),
    (request("POST", "/2", body=b"x" * 300), b"2"),
    (request("POST", "/3", "a.test", "Transfer-Encoding: chunked",
             body=chunked(b"abc", b"d" * 200, b"e")), b"3"),
    (request("PUT", "/4", "a.test", "Transfer-Encoding: chunked",
             body=b"3;x=y\r\nabc\r\n0\r\nTrailer: z\r\n\r\n"), b"4"),
    (b"\r\n" + request("DELETE", "/5"), b"5"),
    (request("HEAD", "/6"), b""),
    (request("GET", "/" + "y" * 2000, "a.test", *(f"X-{i}: {'z' * 50}" for i in range(40))), None),
    (request("OPTIONS", "*"), b""),
    (request("POST", "/8", body=b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"), b"8"),
]


def pieces(chance, data):
    """Cut at random places; now and then into single bytes."""
    while data:
        size = chance.choice((1, 1, 2, 3, 7, 40, 500, 5000))
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("seed", range(6))
def test_requests_in_any_pieces(fairlead, backend, seed):
    chance = random.Random(seed)
    upstream = backend(lambda arrived: answer(
        b"" if arrived.method == "HEAD" else arrived.target[1:2].encode()))
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    for piece in pieces(chance, b"".join(data for data, _ in CONVERSATION)):
        client.send(piece)
    for data, body in CONVERSATION:
        method = data.strip().split(b" ", 1)[0].decode()
        response = client.read_response(method)
        assert response.status == 200
        assert body is None or response.body == body
    assert [arrived.target[:2] for arrived in upstream.requests] == [
        "/1", "/2", "/3", "/4", "/5", "/6", "/y", "/8"]
    assert [len(arrived.body) for arrived in upstream.requests] == [0, 300, 204, 3, 0, 0, 0, 45]


REPLIES = [
    (answer(b"x" * 300), b"x" * 300),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", b"d" * 200),
     b"abc" + b"d" * 200),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: z\r\n\r\n",
     b"abc"),
    (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b""),
    (b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", b""),
    (answer(b"", "404 Not Found", *(f"X-{i}: {'z' * 50}" for i in range(40))), b""),
]


@pytest.mark.parametrize("seed", range(6))
def test_answers_in_any_pieces(fairlead, origin, seed):
    chance = random.Random(seed)
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    for reply, body in REPLIES:
        peer.read_request()
        for piece in pieces(chance, reply):
            peer.send(piece)
        response = client.read_response()
        if response.status == 103:
            response = client.read_response()
        assert response.body == body
        client.send(request("GET", "/"))
    peer.read_request()
    upstream.expect_untouched()  # it was one connection all along


def mutations(chance, data):
    """The data with a byte or two changed, doubled, taken out or put in."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(data))
        what = chance.randrange(4)
        if what == 0:
            data[at] = chance.choice(b"\x00\t\n\r :;,0aZ\x7f\xff" + bytes([chance.randrange(256)]))
        elif what == 1:
            del data[at]
        elif what == 2:
            data.insert(at, chance.choice(b"\x00\t\n\r :;,0a\xff"))
        else:
            data[at:at] = data[at:at + chance.randrange(1, 20)]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_what_reaches_an_endpoint_is_always_well_formed(fairlead, backend, seed):
    """Whatever a client sends: the strict reader of the backend finds whole, valid requests, or a
    connection that was cut before the end of one."""
    chance = random.Random(seed)
    upstream = backend()
    proxy = fairlead(manifests.app(upstream))
    for _ in range(250):
        data = mutations(chance, b"".join(data for data, _ in chance.choices(CONVERSATION, k=2)))
        client = proxy.client()
        client.send_if_open(data)
        try:
            client.half_close()
        except OSError:
            pass
        try:
            while True:
                method = "HEAD" if b"HEAD" in data else "GET"
                response = client.read_response(method)
                assert response.status in (100, 200, 400, 404, 405, 413, 414, 417, 431, 501, 502,
                                           505)
                if method == "HEAD":
                    break
        except Incomplete:
            pass
        client.close()
    assert upstream.errors == []
    for arrived in upstream.requests:
        assert arrived.get("X-Forwarded-For").endswith("127.0.0.1")
        assert arrived.get("Host").rstrip(".").lower().startswith("a.test") or arrived.minor == 1
        assert not arrived.has("Connection")


@pytest.mark.parametrize("seed", range(4))
def test_what_reaches_a_client_is_always_well_formed(fairlead, backend, seed):
    """Whatever an endpoint sends: the strict reader of the client finds whole, valid answers, or a
    connection that was cut before the end of one."""
    chance = random.Random(seed)
    queue = []

    def respond(_):
        queue.append(mutations(chance, chance.choice(REPLIES)[0]))
        return queue[-1]

    upstream = backend(respond)
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "300ms",
                     "--stream-idle-timeout", "300ms")
    wrong = []
    for _ in range(100):
        client = proxy.client()
        client.send(request("GET", "/", "a.test", "Connection: close"))
        try:
            response = client.read_response()
            while response.status < 200:
                response = client.read_response()
            client.expect_end()
        except Incomplete:
            pass
        except AssertionError as error:
            wrong.append((queue[-1], error))
        client.close()
    assert wrong == []
