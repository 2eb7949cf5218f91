# SPDX-License-Identifier: Apache-2.0
"""
A route goes another way while requests of the old way wait, or are about to be tried again: those
are still answered by the endpoints of their own table.
"""
import pytest

from support import manifests, routes
from support.client import request
from support.origin import OK, answer

NO = answer(b"no", "503 Service Unavailable")


class Ways:
    """a.test leads to one Service or to another. sweep() waits until clusters that no table has are
    given up: that of old.test was the last thing to go."""

    def __init__(self, fairlead, origin, make):
        self.old, self.make = origin(), make
        self.first, self.second = origin(), origin()
        self.proxy = fairlead(manifests.documents(
            self.text("first"), manifests.app(self.old, host="old.test", name="old")),
            "--workers", "1")
        client = self.client("old.test")
        self.kept = self.old.accept()
        self.kept.read_request()
        self.kept.send(OK)
        assert client.read_response().status == 200

    def text(self, to):
        return manifests.documents(
            self.make(to), manifests.endpoints("first", self.first),
            manifests.endpoints("second", self.second))

    def client(self, host="a.test"):
        client = self.proxy.client()
        client.send(request("GET", "/", host))
        return client

    def change(self, to="second"):
        self.proxy.apply("test.yaml", self.text(to))
        self.kept.expect_end()


@pytest.fixture
def ways(fairlead, origin):
    def begin(annotations=None, **limits):
        def make(to):
            return manifests.documents(
                manifests.ingress(service=to, name="i", annotations=annotations),
                manifests.service("first", annotations=manifests.contour(**limits)),
                manifests.service("second"))

        return Ways(fairlead, origin, make)

    return begin


def expect_turn(way):
    """Of two requests for one connection the second gets its turn, after the change."""
    client = way.client()
    peer = way.first.accept()
    peer.read_request()
    waiting = way.client()
    way.proxy.wait_gauge("fairlead_pending_requests", 1)
    way.change()
    peer.send(OK)
    assert client.read_response().status == 200
    peer.read_request()
    peer.send(OK)
    assert waiting.read_response().status == 200


def test_a_request_that_waits_for_a_connection_gets_it(ways):
    expect_turn(ways(max_connections=1))


def test_a_request_that_is_tried_again_is_so_where_it_was_tried(ways):
    way = ways(manifests.contour(retry_on="5xx", num_retries=1))
    client = way.client()
    peer = way.first.accept()
    peer.read_request()
    way.change()
    peer.send(NO)
    peer = way.first.accept()
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200


def test_a_request_on_a_kept_connection_that_was_dead_gets_another(ways):
    way = ways()
    client = way.client()
    peer = way.first.accept()
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200
    client.send(request("GET", "/again"))
    peer.read_request()
    way.change()
    peer.close()
    peer = way.first.accept()
    peer.read_request()
    peer.send(OK)
    assert client.read_response().status == 200


def test_another_way_of_balancing_is_another_way(fairlead, origin):
    def make(to):
        strategy = {"first": "WeightedLeastRequest", "second": "Random"}[to]
        return manifests.documents(
            routes.root(routes.route("/", routes.entry("first", strategy=strategy)), host="a.test"),
            manifests.service("first", annotations=manifests.contour(max_connections=1)))

    expect_turn(Ways(fairlead, origin, make))


def test_what_no_request_needs_any_more_goes(ways):
    way = ways()
    client = way.client()
    peer = way.first.accept()
    peer.read_request()
    way.change()
    peer.send(OK)
    assert client.read_response().status == 200
    peer.expect_end()
