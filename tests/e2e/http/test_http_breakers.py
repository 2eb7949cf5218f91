# SPDX-License-Identifier: Apache-2.0
"""Circuit breakers of a Service: max-connections, max-pending-requests, max-requests."""
import pytest

from support import manifests
from support.client import request
from support.origin import OK


@pytest.fixture
def limited(fairlead, origin):
    """start(*flags, max_connections=1) gives a program of one worker, for limits are a worker's."""
    def start(*flags, prefix="projectcontour.io/", **limits):
        upstream = origin()
        annotations = {prefix + name.replace("_", "-"): str(value) for name,
                       value in limits.items()}
        return fairlead(manifests.app(upstream, service_annotations=annotations),
                        "--workers", "1", *flags), upstream

    return start


def ask(proxy):
    client = proxy.client()
    client.send(request("GET", "/"))
    return client


def begin(proxy, upstream):
    client = ask(proxy)
    peer = upstream.accept()
    peer.read_request()
    return client, peer


@pytest.mark.parametrize("prefix", ["projectcontour.io/", "contour.heptio.com/"])
def test_over_max_connections_requests_wait_for_one(limited, prefix):
    proxy, upstream = limited(prefix=prefix, max_connections=1)
    first, peer = begin(proxy, upstream)
    waiting = [ask(proxy) for _ in range(3)]
    proxy.wait_gauge("fairlead_pending_requests", 3)
    upstream.expect_untouched()
    assert proxy.limit_hits("cluster_connections") >= 1
    peer.send(OK)
    assert first.read_response().status == 200
    for client in waiting:  # one after the other, over the same connection
        peer.read_request()
        peer.send(OK)
        assert client.read_response().status == 200
    upstream.expect_untouched()


def test_over_max_pending_requests(limited):
    proxy, upstream = limited(max_connections=1, max_pending_requests=1)
    first, peer = begin(proxy, upstream)
    second = ask(proxy)
    proxy.wait_gauge("fairlead_pending_requests", 1)
    response = ask(proxy).read_response()
    assert (response.status, response.reason_code) == (503, "overflow_pending")
    assert proxy.limit_hits("cluster_pending") == 1
    for client in (first, second):
        peer.send(OK)
        assert client.read_response().status == 200
        if client is first:
            peer.read_request()


def test_over_max_requests(limited):
    proxy, upstream = limited(max_requests=2)
    pairs = [begin(proxy, upstream) for _ in range(2)]
    response = ask(proxy).read_response()
    assert (response.status, response.reason_code) == (503, "overflow_requests")
    assert proxy.limit_hits("cluster_requests") == 1
    client, peer = pairs[0]
    peer.send(OK)
    assert client.read_response().status == 200
    client.send(request("GET", "/"))  # there is room again
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200


def test_a_pending_request_gives_up_in_time(limited):
    proxy, upstream = limited("--pending-timeout", "300ms", max_connections=1)
    begin(proxy, upstream)
    response = ask(proxy).read_response()
    assert (response.status, response.reason_code) == (503, "pending_timeout")
    assert proxy.timeouts("pending") == 1


def test_a_pending_client_that_leaves_makes_room(limited):
    proxy, upstream = limited(max_connections=1, max_pending_requests=1)
    first, peer = begin(proxy, upstream)
    second = ask(proxy)
    proxy.wait_gauge("fairlead_pending_requests", 1)
    second.reset()
    proxy.wait_gauge("fairlead_pending_requests", 0)
    third = ask(proxy)
    proxy.wait_gauge("fairlead_pending_requests", 1)
    peer.send(OK)
    assert first.read_response().status == 200
    peer.read_request()
    peer.send(OK)
    assert third.read_response().status == 200


def test_a_connection_that_breaks_makes_room(limited):
    proxy, upstream = limited(max_connections=1)
    first, peer = begin(proxy, upstream)
    second = ask(proxy)
    proxy.wait_gauge("fairlead_pending_requests", 1)
    peer.reset()
    assert first.read_response().status == 502
    peer = upstream.accept()
    peer.read_request()
    peer.send(OK)
    assert second.read_response().status == 200


def test_a_limit_that_is_raised_makes_room(fairlead, origin):
    """Nobody else has to come first, nor a connection to become free."""
    upstream = origin()

    def app(limit):
        return manifests.app(upstream, service_annotations=manifests.contour(max_connections=limit))

    proxy = fairlead(app(1), "--workers", "1")
    first, peer = begin(proxy, upstream)
    waiting = [ask(proxy) for _ in range(2)]
    proxy.wait_gauge("fairlead_pending_requests", 2)
    proxy.apply("test.yaml", app(3))
    others = [upstream.accept() for _ in waiting]
    for client, other in zip([first, *waiting], [peer, *others]):
        if other is not peer:
            other.read_request()
        other.send(OK)
        assert client.read_response().status == 200


def test_the_defaults_do_not_get_in_the_way(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream))
    clients = [ask(proxy) for _ in range(100)]
    assert {client.read_response().status for client in clients} == {200}
    assert proxy.limit_hits("cluster_connections") == 0


def test_limits_are_per_service(fairlead, origin, backend):
    full, free = origin(), backend()
    proxy = fairlead(manifests.documents(
        manifests.app(full, service_annotations=manifests.contour(max_requests=1)),
        manifests.app(free, host="b.test", name="b")), "--workers", "1")
    begin(proxy, full)
    assert proxy.get("/").status == 503
    assert proxy.get("/", "b.test").status == 200
