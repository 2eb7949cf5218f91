# SPDX-License-Identifier: Apache-2.0
"""When a request is sent again: hostile-input 58."""
import pytest

from support import manifests
from support.client import request
from support.origin import OK, answer

GET = request("GET", "/")


@pytest.mark.parametrize("method", ["POST", "PATCH", "BREW"])
@pytest.mark.parametrize("annotations",
                         [{}, manifests.contour(retry_on="5xx,reset", num_retries=5)],
                         ids=["plain", "retry-on"])
def test_hostile_58_what_is_not_idempotent_is_not_sent_again(fairlead, origin, method, annotations):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=annotations))
    client = proxy.client()
    client.send(request(method, "/", body=b"hello"))
    peer = upstream.accept()
    assert peer.read_request().body == b"hello"
    peer.close()
    assert client.read_response().status == 502
    upstream.expect_untouched()
    client.send(request(method, "/", body=b"hello"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(answer(b"failed", "503 No"))
    assert client.read_response().body == b"failed"
    upstream.expect_untouched()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_hostile_58_what_is_idempotent_is_sent_again_when_asked_for(fairlead, origin, method):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(retry_on="reset")))
    client = proxy.client()
    client.send(request(method, "/", body=b"hello"))
    for reply in (None, answer(b"", "200 OK", "Connection: close")):
        peer = upstream.accept()
        assert peer.read_request().body == b"hello"
        if reply:
            peer.send(reply)
        peer.close()
    assert client.read_response(method).status == 200


def test_hostile_58_nothing_is_sent_again_after_an_answer_began(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(retry_on="5xx,reset")))
    client = proxy.client()
    client.send(GET)
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    client.read_until(b"hello")
    peer.reset()
    client.read_to_end()
    upstream.expect_untouched()


def test_hostile_58_a_large_body_is_not_replayable(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(retry_on="5xx,reset")))
    client = proxy.client()
    client.send(request("PUT", "/", body=b"x" * 2_000_000))
    peer = upstream.accept()
    assert len(peer.read_request().body) == 2_000_000
    peer.close()
    assert client.read_response().status == 502
    upstream.expect_untouched()
    assert proxy.limit_hits("retry_body") == 1


def test_hostile_58_a_dead_kept_connection_is_replaced_once(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(GET)
    peer = upstream.accept()
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200
    client.send(GET)          # comes on the kept connection,
    peer.read_request()
    peer.reset()              # which turns out dead
    peer = upstream.accept()  # so it comes again on a fresh one,
    peer.read_request()
    peer.reset()              # and not a third time
    assert client.read_response().status == 502
    upstream.expect_untouched()


def test_hostile_58_a_post_is_not_sent_on_a_connection_that_closed(fairlead, origin):
    """The kept connection was closed before: nothing was sent, so a fresh one takes the request."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    for _ in range(20):
        client = proxy.client()
        client.send(GET)
        peer = upstream.accept()
        peer.read_request()
        peer.send(OK)
        assert client.read_response().status == 200
        peer.close()
        client.send(request("POST", "/", body=b"hello"))
        peer = upstream.accept()
        assert peer.read_request().body == b"hello"
        peer.send(answer(b"", "200 OK", "Connection: close"))
        assert client.read_response().status == 200
        peer.expect_end()
        client.close()


def test_hostile_58_parallel_retries_have_a_budget(fairlead, origin):
    """max-retries of the Service; those over it get the endpoint's answer as it is."""
    upstream = origin()
    proxy = fairlead(manifests.app(
        upstream, annotations=manifests.contour(retry_on="5xx", num_retries=1),
        service_annotations=manifests.contour(max_retries=1)), "--workers", "1")
    clients = [proxy.client() for _ in range(3)]
    peers = []
    for client in clients:
        client.send(GET)
        peers.append(upstream.accept())
        peers[-1].read_request()
    peers[0].send(answer(b"no", "503 No", "Connection: close"))
    again = upstream.accept()  # the one retry there may be at a time
    again.read_request()
    for client, peer in zip(clients[1:], peers[1:]):
        peer.send(answer(b"no", "503 No", "Connection: close"))
        assert client.read_response().status == 503
    assert proxy.limit_hits("cluster_retries") == 2
    again.send(OK)
    assert clients[0].read_response().status == 200
