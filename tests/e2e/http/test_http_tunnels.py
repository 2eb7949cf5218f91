# SPDX-License-Identifier: Apache-2.0
"""WebSocket tunnels: which routes have them, bytes both ways, how they end."""
import random
import threading

import pytest

from support import manifests
from support.client import request
from support.origin import answer
from support.turns import in_one_turn
from support.websocket import KEY, accept_of, handshake, switching


@pytest.fixture
def tunnels(fairlead, origin):
    """start(*flags) gives the program and the endpoint of /ws, where WebSockets are allowed."""
    def start(*flags):
        upstream = origin()
        return fairlead(manifests.documents(
            manifests.service("app"), manifests.endpoints("app", upstream),
            manifests.ingress_of("i", [("a.test", [("/ws", "app"), ("/plain", "app")])],
                                 annotations=manifests.contour(websocket_routes="/ws"))),
            *flags), upstream

    return start


def open_tunnel(proxy, upstream, early=b""):
    client = proxy.client()
    client.send(handshake() + early)
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(switching())
    assert client.read_response().status == 101
    return client, peer


def test_an_allowed_route_opens_a_tunnel(tunnels):
    proxy, upstream = tunnels()
    client = proxy.client()
    client.send(handshake("/ws/chat?x=1", Origin="http://a.test", Sec_WebSocket_Protocol="chat",
                          Sec_WebSocket_Extensions="permessage-deflate"))
    peer = upstream.accept()
    head = peer.read_request_head()
    assert head.target == "/ws/chat?x=1"
    assert head.get("Sec-WebSocket-Key") == KEY
    assert head.get("Sec-WebSocket-Protocol") == "chat"
    assert head.get("Sec-WebSocket-Extensions") == "permessage-deflate"
    assert head.get("X-Forwarded-For") == "127.0.0.1"
    peer.send(switching(Sec_WebSocket_Protocol="chat") + b"first frame")
    response = client.read_response()
    assert (response.status, response.get("Sec-WebSocket-Accept")) == (101, accept_of(KEY))
    assert (response.get("Upgrade"), response.options) == ("websocket", {"upgrade"})
    assert response.get("Sec-WebSocket-Protocol") == "chat"
    assert client.read_exactly(11) == b"first frame"
    for number in range(20):
        client.send(b"\x81\x05%05d" % number)
        assert peer.read_exactly(7) == b"\x81\x05%05d" % number
        peer.send(b"\x82\x05%05d" % number)
        assert client.read_exactly(7) == b"\x82\x05%05d" % number
    assert proxy.metric("fairlead_tunnels") == 1


def test_another_route_of_the_same_ingress_has_none(tunnels):
    proxy, upstream = tunnels()
    client = proxy.client()
    client.send(handshake("/plain"))
    assert client.expect_answer_and_end(403).reason_code == "websocket_forbidden"
    upstream.expect_untouched()
    assert proxy.metric("fairlead_requests_total", code="4xx", reason="websocket_forbidden") == 1


def test_early_bytes_come_after_the_handshake(tunnels):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream, b"early")
    client.send(b"late")
    assert peer.read_exactly(9) == b"earlylate"


def test_the_client_half_closes(tunnels):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream)
    client.send(b"bye")
    client.half_close()
    assert peer.read_to_end() == b"bye"
    peer.send(b"still here")
    assert client.read_exactly(10) == b"still here"
    peer.close()
    client.expect_end()
    proxy.wait_gauge("fairlead_tunnels", 0)


def test_the_endpoint_half_closes(tunnels):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream)
    peer.send(b"bye")
    peer.half_close()
    assert client.read_to_end() == b"bye"
    client.send(b"still here")
    assert peer.read_exactly(10) == b"still here"
    client.close()
    peer.expect_end()
    proxy.wait_gauge("fairlead_tunnels", 0)


@pytest.mark.parametrize("who", ["client", "peer"])
def test_a_reset_ends_both_sides(tunnels, who):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream)
    ending, other = (client, peer) if who == "client" else (peer, client)
    ending.reset()
    other.read_to_end()
    proxy.wait_gauge("fairlead_tunnels", 0)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_eight_megabytes_through_a_tunnel(tunnels, direction):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream)
    sender, reader = (client, peer) if direction == "up" else (peer, client)
    data = random.Random(8).randbytes(8 << 20)
    thread = threading.Thread(target=sender.send, args=(data,), daemon=True)
    thread.start()
    assert reader.read_exactly(len(data)) == data
    thread.join()


def test_a_slow_end_of_a_tunnel_stops_the_other(tunnels):
    proxy, upstream = tunnels()
    client, peer = open_tunnel(proxy, upstream)
    before = proxy.metric("fairlead_resident_bytes")
    peer.sock.settimeout(0.3)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += peer.sock.send(b"x" * 65536)
    except TimeoutError:
        pass
    assert sent < 24 << 20
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20
    client.read_exactly(sent)


def test_a_silent_tunnel_is_closed(tunnels):
    proxy, upstream = tunnels("--tunnel-idle-timeout", "300ms", "--stream-idle-timeout", "100ms")
    client, peer = open_tunnel(proxy, upstream)
    for _ in range(4):
        client.expect_silence(0.15)
        client.send(b"x")  # which counts from here
        assert peer.read_exactly(1) == b"x"
    client.read_to_end()
    peer.read_to_end()
    assert proxy.timeouts("tunnel_idle") == 1


def test_a_refused_upgrade_is_an_ordinary_answer(tunnels):
    proxy, upstream = tunnels()
    client = proxy.client()
    client.send(handshake())
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(answer(b"no", "426 Upgrade Required"))
    assert client.read_response().status == 426
    client.send(request("GET", "/plain"))
    assert peer.read_request().target == "/plain"


def test_no_endpoint_for_a_handshake(fairlead):
    proxy = fairlead(manifests.app(path="/ws",
                                   annotations=manifests.contour(websocket_routes="/ws")))
    assert proxy.ask(handshake()).status == 503


def test_early_bytes_for_an_endpoint_that_accepts_and_dies(tunnels):
    proxy, upstream = tunnels("--workers", "1")
    client = proxy.client()
    client.send(handshake() + b"early")
    peer = upstream.accept()
    peer.read_request_head()
    with in_one_turn(proxy):
        peer.send(switching())
        peer.reset()
    client.read_to_end()
    assert proxy.admin("/healthz").status == 200
