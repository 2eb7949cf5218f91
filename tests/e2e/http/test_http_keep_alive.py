# SPDX-License-Identifier: Apache-2.0
"""Connections that go on, pipelining, HTTP/1.0 clients."""
import pytest

from support import manifests
from support.client import request
from support.origin import OK, answer


def test_a_connection_serves_many_requests(fairlead, backend):
    upstream = backend(lambda request: answer(request.target.encode()))
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    for number in range(200):
        response = client.get(f"/{number}")
        assert (response.status, response.body) == (200, b"/%d" % number)
        assert response.get("Connection") is None
    assert upstream.connections == 1
    metrics = proxy.metrics()
    assert metrics.value("fairlead_upstream_reuses_total") == 199
    assert metrics.value("fairlead_upstream_connections", state="idle") == 1


def test_connection_close_is_obeyed_and_answered(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    client.send(request("GET", "/", "a.test", "Connection: close"))
    client.expect_answer_and_end(200)
    assert proxy.metric("fairlead_connections_closed_total", why="asked") >= 1


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "close, x", " ,close"])
def test_connection_close_in_any_spelling(fairlead, backend, value):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    client.send(request("GET", "/", "a.test", f"Connection: {value}"))
    client.expect_answer_and_end(200)


def test_many_pipelined_requests_are_answered_in_order(fairlead, backend):
    upstream = backend(lambda request: answer(request.target.encode() + request.body))
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    data = b"".join(request("POST", f"/{number}",
                            body=b"x" * (number % 7)) for number in range(1000))
    client.send(data)
    for number in range(1000):
        assert client.read_response().body == b"/%d" % number + b"x" * (number % 7)
    assert upstream.connections == 1


def test_pipelined_requests_in_single_bytes(fairlead, backend):
    upstream = backend(lambda request: answer(request.target.encode()))
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    for byte in b"".join(request("GET", f"/{number}") for number in range(10)):
        client.send(bytes([byte]))
    assert [client.read_response().body for _ in range(10)] == [b"/%d" % i for i in range(10)]


def test_our_own_answers_and_proxied_ones_keep_their_order(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    client.send(request("GET", "/") + request("GET", "/", "none.test") + request("GET", "/%zz") +
                request("OPTIONS", "*") + request("GET", "/"))
    assert [client.read_response().status for _ in range(5)] == [200, 404, 400, 200, 200]


def test_a_client_that_half_closed_gets_its_answers(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/1") + request("GET", "/2"))
    client.half_close()
    peer = upstream.accept()
    for number in (1, 2):
        assert peer.read_request().target == f"/{number}"
        peer.send(answer(b"%d" % number))
        assert client.read_response().body == b"%d" % number
    client.expect_end()


def test_a_client_that_left_ends_its_request(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    client.reset()
    peer.read_to_end()
    proxy.wait_metric("fairlead_requests_total", code="none", reason="client_gone")


def test_an_idle_connection_is_closed(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--keep-alive-timeout", "200ms")
    fresh, used = proxy.client(), proxy.client()
    assert used.get("/").status == 200
    fresh.expect_end()
    used.expect_end()
    assert proxy.timeouts("keep_alive") == 2
    assert proxy.metric("fairlead_connections_closed_total", why="keep_alive_timeout") == 2


# ---- HTTP/1.0 ----


def test_a_client_of_1_0_gets_a_length_and_the_end(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.body) == (200, b"ok")
    client.expect_end()
    assert upstream.requests[0].minor == 1


def test_a_client_of_1_0_that_asks_is_kept(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    for _ in range(3):
        client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n")
        response = client.read_response()
        assert (response.status, response.options) == (200, {"keep-alive"})
    client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
    assert client.read_response().status == 200
    client.expect_end()


@pytest.mark.parametrize("asked", ["", "Connection: keep-alive\r\n"])
def test_chunks_become_the_end_of_the_connection_for_1_0(fairlead, origin, asked):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(f"GET / HTTP/1.0\r\nHost: a.test\r\n{asked}\r\n".encode())
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              b"5\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n")
    response = client.read_response()
    assert (response.framing(), response.body) == (None, b"hello!")
    assert "keep-alive" not in response.options


def test_chunks_cut_short_are_a_reset_for_1_0(fairlead, origin):
    """The end of the connection means complete there, so it must not come by itself."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    client.read_until(b"hello")
    peer.close()
    client.read_to_end()
    assert client.was_reset


def test_interim_answers_are_nothing_for_1_0(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(b"POST / HTTP/1.0\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi")
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert client.read_response().status == 200
