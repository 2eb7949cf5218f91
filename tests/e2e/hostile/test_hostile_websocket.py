# SPDX-License-Identifier: Apache-2.0
"""When a tunnel opens, and what waits until then: hostile-input 49 and 50."""
import pytest

from support import manifests
from support.client import request
from support.fairlead import Fairlead
from support.origin import Origin, answer
from support.site import Site
from support.websocket import handshake, switching

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    """/ws allows WebSockets, /plain does not."""
    origin = Origin()
    proxy = Fairlead(tmp_path_factory.mktemp("site"), manifests.documents(
        manifests.service("app"), manifests.endpoints("app", origin),
        manifests.ingress_of("i", [("a.test", [("/ws", "app"), ("/plain", "app")])],
                             annotations=manifests.contour(websocket_routes="/ws"))))
    try:
        yield Site(proxy, origin)
    finally:
        origin.close()
        proxy.stop()


def test_hostile_49_a_valid_handshake_opens_a_tunnel(site):
    client, peer = site.begin(handshake())
    head = peer.read_request_head()
    assert (head.get("Upgrade"), head.get("Connection").lower()) == ("websocket", "upgrade")
    assert head.get("Sec-WebSocket-Version") == "13"
    peer.send(switching())
    response = client.read_response()
    assert (response.status, response.get("Upgrade")) == (101, "websocket")
    client.send(b"\x00\xffraw")
    assert peer.read_exactly(5) == b"\x00\xffraw"
    peer.send(b"HTTP/1.1 400 no\r\n\r\n")  # bytes, not an answer
    assert client.read_exactly(19) == b"HTTP/1.1 400 no\r\n\r\n"


def test_hostile_49_not_on_a_route_that_does_not_allow_it(site):
    assert site.refuse(handshake("/plain"), 403).reason_code == "websocket_forbidden"


@pytest.mark.parametrize("data", [
    handshake(method="POST"), handshake(method="HEAD"), handshake(Sec_WebSocket_Version="8"),
    handshake(Sec_WebSocket_Version=None), handshake(Sec_WebSocket_Version="13, 8"),
    handshake(Sec_WebSocket_Key=None), handshake(Sec_WebSocket_Key=""),
    handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"), handshake(Sec_WebSocket_Key="x" * 24),
    handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==="),
    handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZS!ub25jZQ=="),
],
ids=["post", "head", "version-8", "no-version", "two-versions", "no-key", "empty-key", "short-key",
        "no-base64", "long-key", "bad-letter"])
def test_hostile_49_an_invalid_handshake(site, data):
    method = data.split(b" ", 1)[0].decode()
    response = site.refuse(data, 400, method)
    assert method == "HEAD" or response.reason_code == "bad_websocket"


def test_hostile_49_http_1_0_opens_no_tunnel(site):
    """Upgrade means nothing there (RFC 9110 section 7.8): refused, or passed on without it."""
    client = site.client()
    client.send(handshake(version="1.0"))
    peer = site.accept_unless_answered(client)
    if peer is None:
        assert client.read_response().status == 400
    else:
        assert not peer.read_request().has("Upgrade")


@pytest.mark.parametrize("reply", [
    switching(Upgrade="h2c"), switching(Upgrade=None), switching(Connection=None),
    switching(Sec_WebSocket_Accept="dGhlIHNhbXBsZSBub25jZQ=="),
    switching(Sec_WebSocket_Accept=None),
    switching(Sec_WebSocket_Accept=""), switching(Upgrade="websocket, h2c"),
],
ids=["other-protocol", "no-protocol", "no-connection", "wrong-accept", "no-accept", "empty-accept",
        "two-protocols"])
def test_hostile_49_a_101_that_does_not_match(site, reply):
    client, peer = site.begin(handshake())
    peer.read_request_head()
    peer.send(reply)
    response = client.read_response()
    assert response.status == 502
    assert response.reason_code in ("bad_upgrade_answer", "bad_response")
    peer.expect_end()
    assert client.ask(request("OPTIONS", "*")).status == 200  # still HTTP


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required", "500 No"])
def test_hostile_49_another_answer_leaves_http_framing_on(site, status):
    client, peer = site.begin(handshake())
    peer.read_request_head()
    peer.send(answer(b"no tunnel", status, "Connection: Upgrade", "Upgrade: websocket"))
    response = client.read_response()
    assert (response.status, response.body) == (int(status[:3]), b"no tunnel")
    assert client.ask(SMUGGLED).status == 404  # a request like any other now


@pytest.mark.parametrize("status", [200, 403, 101])
def test_hostile_50_early_bytes_wait_for_the_101(site, status):
    client, peer = site.begin(handshake() + b"early frame")
    peer.read_request_head()
    client.send(b" and more")
    peer.expect_silence()
    if status == 101:
        peer.send(switching())
        assert client.read_response().status == 101
        assert peer.read_exactly(20) == b"early frame and more"
    else:
        peer.send(answer(b"no", f"{status} x", "Connection: close"))
        assert client.read_response().status == status
        assert peer.read_to_end() == b""


def test_hostile_50_early_bytes_are_bounded(site):
    client, peer = site.begin(handshake())
    peer.read_request_head()
    client.sock.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += client.sock.send(b"x" * 65536)
    except TimeoutError:
        pass
    assert sent < 32 << 20, "the proxy takes whatever comes"
    peer.send(answer(b"no", "403 x", "Connection: close"))
    assert peer.read_to_end() == b""


def test_hostile_50_a_request_after_a_forbidden_upgrade_is_not_parsed(site):
    client = site.client()
    client.send(handshake("/plain") + SMUGGLED)
    client.expect_answer_and_end(403)
    site.origin.expect_untouched()


def test_hostile_50_an_unknown_upgrade_is_an_ordinary_request(site):
    arrived = site.accept_request(request("GET", "/ws", "a.test", "Connection: Upgrade",
                                          "Upgrade: foo"))
    assert not arrived.has("Upgrade")
