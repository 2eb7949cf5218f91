# SPDX-License-Identifier: Apache-2.0
"""WebSockets over HTTP/2: extended CONNECT, RFC 8441; and hostile-input 49 there."""
import base64
import threading

import pytest

from support import frames, manifests
from support.client import request
from support.origin import answer
from support.websocket import accept_of, handshake, switching


@pytest.fixture
def tunnels(h2, origin, authority):
    """/ws allows WebSockets, /plain does not."""
    upstream = origin()
    front = h2(objects=manifests.documents(
        manifests.service("app"), manifests.endpoints("app", upstream),
        manifests.tls_secret("s", authority.issue("a.test")),
        manifests.ingress_of("i", [("a.test", [("/ws", "app"), ("/plain", "app")])],
                             annotations=manifests.contour(websocket_routes="/ws"),
                             spec=manifests.tls_spec(("a.test", "s")))))
    return front, upstream


def open_tunnel(front, upstream):
    client = front.client()
    client.wait(lambda: client.peer_settings, "the settings")
    stream = client.connect_websocket()
    peer = upstream.accept()
    head = peer.read_request_head()
    peer.send(switching(head.get("Sec-WebSocket-Key")))
    assert client.head(stream).status == 200
    return client, stream, peer


def test_extended_connect_is_announced(tunnels):
    front, _ = tunnels
    client = front.client()
    client.expect_alive()
    assert client.peer_settings[frames.ENABLE_CONNECT_PROTOCOL] == 1


def test_the_endpoint_sees_an_upgrade(tunnels):
    front, upstream = tunnels
    client = front.client()
    stream = client.connect_websocket("/ws/chat?x=1", "a.test", ("origin", "http://a.test"),
                                      ("sec-websocket-protocol", "chat"))
    peer = upstream.accept()
    head = peer.read_request_head()
    assert (head.method, head.target, head.get("Upgrade"), head.options) == (
        "GET", "/ws/chat?x=1", "websocket", {"upgrade"})
    assert len(base64.b64decode(head.get("Sec-WebSocket-Key"))) == 16
    assert (head.get("Sec-WebSocket-Version"), head.get("Sec-WebSocket-Protocol"),
            head.get("Origin")) == ("13", "chat", "http://a.test")
    peer.send(switching(head.get("Sec-WebSocket-Key"), Sec_WebSocket_Protocol="chat") + b"first")
    response = client.head(stream)
    assert (response.status, response.get("sec-websocket-protocol")) == (200, "chat")
    assert not response.has("sec-websocket-accept") and not response.has("upgrade")
    client.wait(lambda: bytes(response.body) == b"first", "the first frame")
    assert front.proxy.metric("fairlead_tunnels") == 1


def test_bytes_go_both_ways(tunnels):
    client, stream, peer = open_tunnel(*tunnels)
    got = client.messages[stream].body
    for number in range(20):
        client.send_data(stream, b"up %02d" % number)
        assert peer.read_exactly(5) == b"up %02d" % number
        peer.send(b"dn %02d" % number)
        client.wait(lambda: len(got) == 5 * (number + 1), "the answer")
    assert got == b"".join(b"dn %02d" % number for number in range(20))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_megabytes_through_a_tunnel(tunnels, direction):
    client, stream, peer = open_tunnel(*tunnels)
    data = bytes(range(256)) * (4 << 12)
    if direction == "up":
        thread = threading.Thread(target=client.send_data, args=(stream, data), daemon=True)
        thread.start()
        assert peer.read_exactly(len(data)) == data
    else:
        thread = threading.Thread(target=peer.send, args=(data,), daemon=True)
        thread.start()
        message = client.messages[stream]
        client.wait(lambda: len(message.body) == len(data), "all of it")
        assert message.body == data
    thread.join()


def test_other_streams_go_on_beside_a_tunnel(tunnels):
    front, upstream = tunnels
    client, stream, peer = open_tunnel(front, upstream)
    other = client.request("GET", "/plain")
    second = upstream.accept()
    second.read_request()
    second.send(answer(b"ok"))
    assert client.response(other).status == 200
    client.send_data(stream, b"still")
    assert peer.read_exactly(5) == b"still"


def test_the_client_ends_the_tunnel(tunnels):
    front, upstream = tunnels
    client, stream, peer = open_tunnel(front, upstream)
    client.send_data(stream, b"bye", end=True)
    assert peer.read_to_end() == b"bye"
    peer.send(b"still here")
    message = client.messages[stream]
    client.wait(lambda: bytes(message.body) == b"still here", "what the endpoint still says")
    peer.close()
    client.ending(stream)
    front.proxy.wait_gauge("fairlead_tunnels", 0)
    client.expect_alive()


def test_the_endpoint_ends_the_tunnel(tunnels):
    front, upstream = tunnels
    client, stream, peer = open_tunnel(front, upstream)
    peer.send(b"bye")
    peer.half_close()
    message = client.wait(lambda: client.messages[stream].is_over and client.messages[stream],
                          "the end")
    assert bytes(message.body) == b"bye" and message.ended
    client.send_data(stream, b"", end=True)
    front.proxy.wait_gauge("fairlead_tunnels", 0)


def test_a_reset_ends_the_tunnel(tunnels):
    front, upstream = tunnels
    client, stream, peer = open_tunnel(front, upstream)
    client.reset(stream)
    peer.read_to_end()
    front.proxy.wait_gauge("fairlead_tunnels", 0)
    client.expect_alive()


def test_an_endpoint_that_resets_the_tunnel(tunnels):
    front, upstream = tunnels
    client, stream, peer = open_tunnel(front, upstream)
    peer.reset()
    message = client.ending(stream)
    assert message.reset not in (None, frames.NO_ERROR) or message.ended
    front.proxy.wait_gauge("fairlead_tunnels", 0)


# ---- when it does not open ----


def test_hostile_49_no_tunnel_on_a_route_that_does_not_allow_it(tunnels):
    front, upstream = tunnels
    client = front.client()
    response = client.ending(client.connect_websocket("/plain"))
    assert (response.status, response.reason_code) == (403, "websocket_forbidden")
    upstream.expect_untouched()


@pytest.mark.parametrize("reply", [
    switching(Upgrade="h2c"), switching(Upgrade=None), switching(Sec_WebSocket_Accept=None),
    switching(Sec_WebSocket_Accept="dGhlIHNhbXBsZSBub25jZQ=="),
], ids=["other-protocol", "no-protocol", "no-accept", "wrong-accept"])
def test_hostile_49_a_101_that_does_not_match_opens_nothing(tunnels, reply):
    front, upstream = tunnels
    client = front.client()
    stream = client.connect_websocket()
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(reply)
    assert client.head(stream).status == 502
    peer.expect_end()
    client.expect_alive()


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required"])
def test_hostile_49_another_answer_is_an_ordinary_one(tunnels, status):
    """A 200 would look like an open tunnel to the client, so it must not become one."""
    front, upstream = tunnels
    client = front.client()
    stream = client.connect_websocket()
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(answer(b"no tunnel", status))
    response = client.head(stream)
    assert response.status == (502 if status.startswith("200") else int(status[:3]))
    assert front.proxy.metric("fairlead_tunnels") == 0


@pytest.mark.parametrize("changes", [
    {":protocol": "h2c"}, {":method": "GET"}, {"sec-websocket-version": "8"},
    {"sec-websocket-version": None}, {":path": None}, {":scheme": None},
])
def test_hostile_49_a_connect_that_is_not_valid(tunnels, changes):
    """Refused by an answer or by a reset; never passed on."""
    front, upstream = tunnels
    client = front.client()
    fields = {":method": "CONNECT", ":protocol": "websocket", ":scheme": client.scheme,
              ":authority": "a.test", ":path": "/ws", "sec-websocket-version": "13", **changes}
    stream = client.new_stream()
    client.send_head(stream, [pair for pair in fields.items() if pair[1] is not None])
    message = client.wait(lambda: (m := client.messages.get(stream)) and (m.fields or m.is_over)
                          and m, "the refusal")
    assert message.reset == frames.PROTOCOL_ERROR or 400 <= message.status <= 501, message
    upstream.expect_untouched()
    client.expect_alive()


def test_hostile_50_early_bytes_wait_for_the_101(tunnels):
    front, upstream = tunnels
    client = front.client()
    stream = client.connect_websocket()
    client.send_data(stream, b"early")
    peer = upstream.accept()
    head = peer.read_request_head()
    peer.expect_silence()
    peer.send(switching(head.get("Sec-WebSocket-Key")))
    assert client.head(stream).status == 200
    assert peer.read_exactly(5) == b"early"


def test_hostile_50_early_bytes_are_not_sent_without_a_101(tunnels):
    front, upstream = tunnels
    client = front.client()
    stream = client.connect_websocket()
    client.send_data(stream, b"early")
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(answer(b"no", "403 Forbidden", "Connection: close"))
    assert client.head(stream).status == 403
    assert peer.read_to_end() == b""


# ---- HTTP/2 behind ----


def objects_of(upstream, authority):
    return manifests.tls_app(authority.issue("a.test"), upstream,
                             annotations=manifests.contour(websocket_routes="/"),
                             service_annotations=manifests.upstream_protocol("h2c"))


TAKES_WEBSOCKETS = ((frames.ENABLE_CONNECT_PROTOCOL, 1), (frames.MAX_CONCURRENT_STREAMS, 100))


@pytest.mark.parametrize("client_speaks", ["HTTP/1", "HTTP/2"])
def test_an_http_2_endpoint_gets_an_extended_connect(h2, h2_origin, authority, client_speaks):
    upstream = h2_origin(settings=TAKES_WEBSOCKETS)
    front = h2(objects=objects_of(upstream, authority))
    if client_speaks == "HTTP/2":
        client = front.client()
        stream = client.connect_websocket("/ws")
    else:
        client = front.proxy.client() if front.over == "h2c" else front.proxy.tls_client()
        client.send(handshake("/ws"))
    peer = upstream.accept()
    head = peer.read_request_head()
    assert (head.method, head.get(":protocol"), head.target) == ("CONNECT", "websocket", "/ws")
    assert not head.has("sec-websocket-key") and not head.has("upgrade")
    peer.respond(head.stream, b"", end=False)
    if client_speaks == "HTTP/2":
        assert client.head(stream).status == 200
        client.send_data(stream, b"up")
    else:
        response = client.read_response()
        assert response.status == 101
        assert response.get("Sec-WebSocket-Accept") == accept_of("dGhlIHNhbXBsZSBub25jZQ==")
        client.send(b"up")
    peer.wait(lambda: bytes(head.body) == b"up", "the bytes")
    peer.send_data(head.stream, b"down")
    if client_speaks == "HTTP/2":
        client.wait(lambda: bytes(client.messages[stream].body) == b"down", "the bytes back")
    else:
        assert client.read_exactly(4) == b"down"


def connect_early(h2, upstream, authority):
    """A client that says something before it has its answer, and the connection to the endpoint."""
    front = h2(objects=objects_of(upstream, authority))
    client = front.client()
    stream = client.connect_websocket("/ws")
    client.send_data(stream, b"early")
    peer = upstream.accept()
    head = peer.read_request_head()
    client.expect_alive()  # what it sent has been read, and
    peer.expect_alive()    # would have been here before this
    return client, stream, peer, head


def test_hostile_50_early_bytes_wait_for_an_http_2_endpoint_to_accept(h2, h2_origin, authority):
    client, stream, peer, head = connect_early(h2, h2_origin(settings=TAKES_WEBSOCKETS), authority)
    assert bytes(head.body) == b""
    peer.respond(head.stream, b"", end=False)
    assert client.head(stream).status == 200
    peer.wait(lambda: bytes(head.body) == b"early", "the early bytes")
    client.send_data(stream, b", late")
    peer.wait(lambda: bytes(head.body) == b"early, late", "those that come later")


def test_hostile_50_early_bytes_are_not_sent_to_an_http_2_endpoint_that_refuses(h2, h2_origin,
                                                                                authority):
    client, stream, peer, head = connect_early(h2, h2_origin(settings=TAKES_WEBSOCKETS), authority)
    peer.respond(head.stream, b"no", 403)
    assert client.ending(stream).status == 403
    peer.expect_alive()
    assert bytes(head.body) == b""


def test_hostile_50_early_bytes_for_an_http_2_endpoint_are_bounded(h2, h2_origin, authority):
    """By the client's window, which opens with the tunnel."""
    client, stream, peer, head = connect_early(h2, h2_origin(settings=TAKES_WEBSOCKETS), authority)
    sent = len(b"early") + client.fill_windows(stream)
    client.expect_alive()
    assert sent < 1 << 20 and not client.may_send(stream)
    peer.respond(head.stream, b"", end=False)
    peer.wait(lambda: len(head.body) == sent, "the early bytes")
    client.send_data(stream, b"late")
    peer.wait(lambda: bytes(head.body).endswith(b"late"), "those that come later")


def test_an_http_2_endpoint_that_takes_no_websockets(h2, h2_origin, authority):
    upstream = h2_origin()
    front = h2(objects=objects_of(upstream, authority))
    client = front.client()
    stream = client.connect_websocket("/ws")
    peer = upstream.accept()
    assert client.head(stream).status == 502
    peer.has_news()
    assert not peer.arrived


def test_an_ordinary_request_on_such_a_route(h2, backend, authority):
    upstream = backend()
    front = h2(upstream, annotations=manifests.contour(websocket_routes="/"))
    assert front.client().get("/").status == 200
    assert front.proxy.ask(request("GET", "/")).status == 200


def test_a_tunnel_of_the_h2_library(tunnels):
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamEnded
    from h2.settings import SettingCodes

    front, upstream = tunnels
    wire = front.proxy.tls_client(alpn=("h2",)) if front.over == "tls" else front.proxy.client()
    conn = H2Connection(H2Configuration(client_side=True))
    conn.initiate_connection()
    wire.send(conn.data_to_send())

    def wait(kind):
        while True:
            events = conn.receive_data(wire.read_some())
            wire.send(conn.data_to_send())
            for event in events:
                if isinstance(event, kind):
                    return event

    wait(RemoteSettingsChanged)
    assert conn.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
    conn.send_headers(1, [(":method", "CONNECT"), (":protocol", "websocket"),
                          (":scheme", "https" if front.over == "tls" else "http"),
                          (":authority", "a.test"), (":path", "/ws"),
                          ("sec-websocket-version", "13")])
    wire.send(conn.data_to_send())
    peer = upstream.accept()
    peer.send(switching(peer.read_request_head().get("Sec-WebSocket-Key")))
    assert (b":status", b"200") in [tuple(field) for field in wait(ResponseReceived).headers]
    conn.send_data(1, b"up")
    wire.send(conn.data_to_send())
    assert peer.read_exactly(2) == b"up"
    peer.send(b"down")
    assert wait(DataReceived).data == b"down"
    conn.end_stream(1)
    wire.send(conn.data_to_send())
    assert peer.read_to_end() == b""
    peer.close()
    wait(StreamEnded)
