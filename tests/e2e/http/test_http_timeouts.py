# SPDX-License-Identifier: Apache-2.0
"""Each timeout of design 5.7 with its answer and its metric. Those of clients: hostile 84 to 86."""
import time

from support import manifests
from support.client import request
from support.origin import OK, answer, silent_port


def test_response_head(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "300ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    response = client.read_response()
    assert (response.status, response.reason_code) == (504, "response_head_timeout")
    peer.read_to_end()
    assert proxy.timeouts("response_head") == 1


def test_response_head_counts_from_the_end_of_the_request(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "300ms")
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Content-Length: 5") + b"h")
    peer = upstream.accept()
    head = peer.read_request_head()
    client.expect_silence(0.5)
    client.send(b"ello")
    assert peer.read_request_body(head) == b"hello"
    peer.send(OK)
    assert client.read_response().status == 200


def test_half_a_head_is_no_head(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "300ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    assert client.read_response().status == 504


def test_whole_response(fairlead, origin):
    """Of the annotation; without it an answer may take as long as it likes."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   annotations=manifests.contour(response_timeout="300ms")))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    response = client.read_response()
    assert (response.status, response.reason_code) == (504, "response_timeout")
    assert proxy.timeouts("response") == 1


def test_whole_response_also_while_it_flows(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   annotations=manifests.contour(response_timeout="300ms")))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    began = time.monotonic()
    while peer.send_if_open(b"x") and time.monotonic() - began < 10:
        time.sleep(0.02)
    assert 0.2 < time.monotonic() - began < 5
    assert client.read_to_end().count(b"x") < 100000
    assert proxy.timeouts("response") == 1


def test_whole_response_of_the_older_name(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   annotations={"contour.heptio.com/request-timeout": "200ms"}))
    assert proxy.get("/").status == 504


def test_stream_idle(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--stream-idle-timeout", "300ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    client.read_head()
    for _ in range(4):  # not while something moves
        time.sleep(0.15)
        peer.send(b"x")
        assert client.read_exactly(1) == b"x"
    client.read_to_end()
    peer.read_to_end()
    assert proxy.timeouts("stream_idle") == 1


def test_connect(fairlead):
    with silent_port() as silent:
        proxy = fairlead(manifests.app(silent), "--connect-timeout", "200ms")
        response = proxy.get("/")
    assert (response.status, response.reason_code) == (503, "connect_timeout")
    assert proxy.timeouts("connect") >= 1


def test_upstream_idle(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--upstream-idle-timeout", "300ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200
    peer.expect_end()
    assert proxy.timeouts("pool_idle") == 1
    proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")


def test_a_timeout_leaves_the_client_connection_usable(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "200ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    assert client.read_response().status == 504
    client.send(request("GET", "/"))
    upstream.accept()
    peer = upstream.accept()
    peer.read_request()
    peer.send(answer(b"late"))
    assert client.read_response().body == b"late"


def test_a_late_answer_belongs_to_nobody(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--response-head-timeout", "200ms")
    client = proxy.client()
    client.send(request("GET", "/slow"))
    peer = upstream.accept()
    peer.read_request()
    assert client.read_response().status == 504
    peer.send_if_open(answer(b"late"))
    client.send(request("GET", "/next"))
    peer = upstream.accept()
    assert peer.read_request().target == "/next"
    peer.send(answer(b"next"))
    assert client.read_response().body == b"next"
