# SPDX-License-Identifier: Apache-2.0
"""What happens between the ends: bodies that wait, peers that leave, answers that come early."""
import hashlib
import random
import threading

import pytest

from support import manifests
from support.client import request
from support.origin import OK, answer
from support.ports import closed_port
from support.wait import wait_until


def test_an_upload_waits_bounded_while_no_connection_is_free(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   service_annotations=manifests.contour(max_connections=1)),
                     "--workers", "1")
    first = proxy.client()
    first.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    before = proxy.metric("fairlead_resident_bytes")
    body = random.Random(1).randbytes(24 << 20)
    second = proxy.client()
    sender = threading.Thread(target=second.send, args=(request("POST", "/", body=body),),
                              daemon=True)
    sender.start()
    proxy.wait_gauge("fairlead_pending_requests", 1)
    second.expect_silence(0.3)
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20
    peer.send(OK)
    assert first.read_response().status == 200
    arrived = peer.read_request()
    assert hashlib.sha256(arrived.body).digest() == hashlib.sha256(body).digest()
    peer.send(OK)
    assert second.read_response().status == 200


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_endpoint_that_answers_and_hangs_up_on_an_upload(fairlead, origin, how):
    """As many servers do with 413: the answer arrives although the body can not be sent."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    for _ in range(10):
        client = proxy.client()
        client.send(request("POST", "/", "a.test", "Content-Length: 50000000") + b"x" * 100_000)
        peer = upstream.accept()
        peer.read_request_head()
        peer.send(answer(b"too large", "413 Content Too Large", "Connection: close"))
        response = client.read_response()
        assert (response.status, response.body) == (413, b"too large")
        getattr(peer, how)()
        client.send_if_open(b"x" * 100_000)
        client.read_to_end()


def test_pipelined_answers_that_nobody_reads_for_a_while(fairlead, backend):
    body = b"x" * 100_000
    upstream = backend(lambda arrived: answer(arrived.target.encode() + body))
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client(receive_buffer=4096)
    before = proxy.metric("fairlead_resident_bytes")
    client.send(b"".join(request("GET", f"/{number}") for number in range(200)))
    wait_until(lambda: len(upstream.requests) >= 2)
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20
    assert len(upstream.requests) < 200
    for number in range(200):
        assert client.read_response().body == b"/%d" % number + body


@pytest.mark.parametrize("where", ["sent", "head", "body", "pending", "connecting"])
def test_a_client_that_leaves_frees_everything(fairlead, origin, where):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   service_annotations=manifests.contour(max_connections=1)),
                     "--workers", "1", "--connect-timeout", "500ms")
    client = proxy.client()
    client.send(request("GET", "/"))
    if where != "connecting":
        peer = upstream.accept()
        peer.read_request()
    if where == "head":
        peer.send(b"HTTP/1.1 200 OK\r\nX:")
    if where == "body":
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        client.read_until(b"hello")
    if where == "pending":
        waiting = proxy.client()
        waiting.send(request("GET", "/"))
        proxy.wait_gauge("fairlead_pending_requests", 1)
        waiting.reset()
        proxy.wait_gauge("fairlead_pending_requests", 0)
    client.reset()
    proxy.wait_gauge("fairlead_streams", 1)  # the question itself
    proxy.wait_gauge("fairlead_connections", 0)
    proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")


def test_an_endpoint_of_http_1_0_that_keeps_its_connection(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    for _ in range(3):
        peer.read_request()
        peer.send(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        assert client.read_response().body == b"ok"
        client.send(request("GET", "/"))
    peer.read_request()
    upstream.expect_untouched()


def test_requests_of_many_clients_share_connections_and_nothing_else(fairlead, backend):
    upstream = backend(lambda arrived: answer(arrived.body[::-1], "200 OK",
                                              f"X-Echo: {arrived.get('X-Me')}"))
    proxy = fairlead(manifests.app(upstream))
    failures = []

    def run(seed):
        chance = random.Random(seed)
        client = proxy.client()
        for number in range(40):
            body = chance.randbytes(chance.choice((0, 1, 100, 5000, 70000)))
            response = client.ask(request("POST", "/", "a.test", f"X-Me: {seed}-{number}",
                                          body=body))
            if response.body != body[::-1] or response.get("X-Echo") != f"{seed}-{number}":
                failures.append((seed, number))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(upstream.requests) == 320
    assert upstream.errors == []


def test_a_connect_that_fails_late_still_answers_the_upload(fairlead):
    """The body has come already when it turns out that nobody takes it."""
    proxy = fairlead(manifests.app(closed_port()))
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Expect: 100-continue", "Content-Length: 10"))
    response = client.read_response()
    assert (response.status, response.reason_code) == (503, "connect_refused")
    assert "close" in response.options
    client.expect_end()
    response = proxy.ask(request("POST", "/", body=b"x" * 10))
    assert (response.status, response.options) == (503, set())
