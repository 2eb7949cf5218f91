# SPDX-License-Identifier: Apache-2.0
"""
Connections to HTTP/2 endpoints at their turning points: opening, full, idle again, going away while
a request is on its way to them.
"""
import re

import pytest

from support import frames, manifests
from support.client import request
from support.frames import MAX_CONCURRENT_STREAMS
from support.turns import in_one_turn
from support.wait import wait_until
from support.websocket import handshake

POST = request("POST", "/", body=b"hello")


@pytest.fixture
def behind(fairlead):
    """The program in front of endpoints that speak h2c, or what is said."""

    def start(*where, flags=(), speaks="h2c", **service):
        return fairlead(manifests.app(*where, service_annotations={
            **manifests.upstream_protocol(speaks), **manifests.contour(**service)}),
                        "--workers", "1", *flags)

    return start


def wait_end_arrived(peer):
    """Until the system of the other side has the end, so that it is there with what came before."""
    port = peer.wire.sock.getpeername()[1]
    wanted = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F:]+ 08 ", re.MULTILINE)

    def has_arrived():
        with open("/proc/net/tcp", encoding="ascii") as table:
            return wanted.search(table.read())

    wait_until(has_arrived, "the end of the connection")


def ask_at_once(proxy, count):
    clients = [proxy.client() for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(request("GET", f"/{number}"))
    return clients


def ask_once(proxy, upstream):
    """A whole exchange; the client and the endpoint's connection, both kept."""
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.respond(peer.read_request().stream)
    assert client.read_response().status == 200
    return client, peer


# ---- idle again ----


def test_a_connection_is_idle_after_its_last_stream_was_reset(behind, h2_origin):
    """Else nothing would ever close it, and the program not end."""
    upstream = h2_origin()
    proxy = behind(upstream)
    client = proxy.client()
    client.send(POST)
    peer = upstream.accept()
    peer.reset(peer.read_request().stream, frames.INTERNAL_ERROR)
    assert client.read_response().status == 502
    proxy.wait_gauge("fairlead_upstream_connections", 1, state="idle")
    client.close()
    proxy.terminate()
    assert proxy.wait_exit() == 0


def test_a_reset_stream_makes_room_for_who_waits(behind, h2_origin):
    upstream = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),))
    proxy = behind(upstream, max_connections=1)
    first, peer = ask_once(proxy, upstream)
    first.send(POST)
    running = peer.read_request()
    second = proxy.client()
    second.send(request("GET", "/second"))
    proxy.wait_gauge("fairlead_pending_requests", 1)
    peer.reset(running.stream, frames.INTERNAL_ERROR)
    assert first.read_response().status == 502
    peer.respond(peer.read_request().stream, b"second")
    assert second.read_response().body == b"second"


# ---- room ----


def test_an_idle_connection_makes_room_for_another_endpoint(behind, h2_backend):
    many = [h2_backend() for _ in range(3)]
    proxy = behind(*many, max_connections=1)
    for _ in range(9):
        assert proxy.get("/").status == 200
    assert all(upstream.requests for upstream in many)


def test_a_limit_that_rises_lets_all_in_who_wait(behind, h2_origin):
    upstream = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),))
    proxy = behind(upstream, max_connections=1)
    client, peer = ask_once(proxy, upstream)
    client.close()
    clients = ask_at_once(proxy, 6)
    running = [peer.read_request()]
    proxy.wait_gauge("fairlead_pending_requests", 5)
    peer.streams_max = 100
    peer.send(frames.settings((MAX_CONCURRENT_STREAMS, 100)))
    running += [peer.read_request() for _ in range(5)]
    for asked in running:
        peer.respond(asked.stream)
    for client in clients:
        assert client.read_response().status == 200


def test_a_burst_for_an_endpoint_that_takes_few_streams(behind, h2_origin):
    """One request goes ahead; when its limit is known the others go to connections of their own, and
    none has to be refused."""
    upstream = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),))
    proxy = behind(upstream)
    with in_one_turn(proxy):
        clients = ask_at_once(proxy, 10)
    for _ in clients:
        conn, asked = upstream.next_request()
        conn.has_news()
        assert not conn.arrived, "more than it said it takes"
        conn.respond(asked.stream)
    for client in clients:
        assert client.read_response().status == 200
    assert proxy.metric("fairlead_retries_total") == 0


# ---- opening ----


def test_a_connect_that_leads_nowhere_is_given_up_though_requests_join_it(behind, origin):
    """They would keep it alive for one another."""
    upstream = origin()
    proxy = behind(upstream, speaks="h2", flags=("--connect-timeout", "300ms"))
    with in_one_turn(proxy):
        clients = ask_at_once(proxy, 4)
    upstream.accept().read_to_end()
    upstream.accept()
    for client in clients:
        assert client.read_response().status in (502, 503)


def test_a_connection_that_has_gone_silent_gets_no_more_requests(behind, h2_origin):
    """Its machine may be gone; a request more would wait in vain too."""
    upstream = h2_origin()
    proxy = behind(upstream, flags=("--connect-timeout", "100ms",
                                    "--response-head-timeout", "300ms"))
    client, peer = ask_once(proxy, upstream)
    client.send(request("GET", "/lost"))
    assert client.read_response().status == 504
    client.send(request("GET", "/again"))
    other = upstream.accept()
    other.respond(other.read_request().stream, b"alive")
    assert client.read_response().body == b"alive"


def test_a_slow_answer_does_not_silence_a_connection(behind, h2_origin):
    """Other things came meanwhile."""
    upstream = h2_origin()
    proxy = behind(upstream, flags=("--connect-timeout", "100ms",
                                    "--response-head-timeout", "300ms"))
    client, peer = ask_once(proxy, upstream)
    client.send(request("GET", "/slow"))
    peer.read_request()
    peer.expect_alive()
    assert client.read_response().status == 504
    client.send(request("GET", "/quick"))
    peer.wait(lambda: peer.arrived, "the next request")
    peer.respond(peer.read_request().stream, b"quick")
    assert client.read_response().body == b"quick"


# ---- the end meets a request ----


@pytest.mark.parametrize("how", ["goaway", "goaway and close", "close"])
def test_a_request_that_was_not_sent_yet_is_sent_elsewhere(behind, h2_origin, how):
    """Of any method: it is on its way to a connection that ends in the same turn."""
    upstream = h2_origin()
    proxy = behind(upstream)
    client, peer = ask_once(proxy, upstream)
    with in_one_turn(proxy):
        client.send(POST)
        if "goaway" in how:
            peer.goaway()
        if "close" in how:
            peer.wire.half_close()
            wait_end_arrived(peer)
    other = upstream.accept()
    asked = other.read_request()
    assert bytes(asked.body) == b"hello"
    other.respond(asked.stream, b"elsewhere")
    assert client.read_response().body == b"elsewhere"


def test_kept_connections_that_end_all_at_once_fail_nobody(behind, h2_origin):
    upstream = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),))
    proxy = behind(upstream)
    client, peer = ask_once(proxy, upstream)
    clients = ask_at_once(proxy, 3)
    for _ in clients:
        upstream.next_request()
    kept = list(upstream.conns)
    for conn in kept:
        for stream in list(conn.messages):
            if conn.sides_done[stream] == 1:
                conn.respond(stream)
    for waiting in clients:
        assert waiting.read_response().status == 200
    assert len(kept) == 3
    with in_one_turn(proxy):
        client.send(POST)
        for conn in kept:
            conn.wire.half_close()
            wait_end_arrived(conn)
    other = upstream.accept()
    asked = other.read_request()
    other.respond(asked.stream, b"fresh")
    assert client.read_response().body == b"fresh"


# ---- a head in pieces ----


def test_a_head_whose_client_has_gone_meanwhile_is_thrown_away(behind, h2_origin):
    """Its fields are not written where another request lives by then."""
    upstream = h2_origin()
    proxy = behind(upstream)
    client = proxy.h2c_client()
    first, second = client.request("GET", "/1"), client.request("GET", "/2")
    peer = upstream.accept()
    one, two = sorted((peer.read_request(), peer.read_request()), key=lambda asked: asked.target)
    large = [("x-large", "x" * 4000)] * 3
    many = [("x-many", "x")] * 20
    peer.send(frames.headers(one.stream, [(":status", "200")]),
              frames.headers(two.stream, [(":status", "200"), *large], end=False, whole=False),
              frames.continuation(two.stream, many, whole=False))
    assert client.response(first).status == 200
    with in_one_turn(proxy):  # before the reset is out
        client.reset(second)
        peer.send(frames.continuation(two.stream, many))
    third = client.request("GET", "/3")
    peer.respond(peer.read_request().stream, b"three")
    assert client.response(third).body == b"three"
    peer.expect_alive()


# ---- tunnels ----


@pytest.fixture(params=["HTTP/1", "HTTP/2"])
def tunnel(fairlead, h2_origin, request):
    """(the program, what the client reads of the tunnel, send, the endpoint's connection, stream)."""
    upstream = h2_origin(settings=((frames.ENABLE_CONNECT_PROTOCOL, 1),))
    proxy = fairlead(manifests.app(
        upstream, annotations=manifests.contour(websocket_routes="/"),
        service_annotations=manifests.upstream_protocol("h2c")))
    client = proxy.client() if request.param == "HTTP/1" else proxy.h2c_client()
    stream = None
    if request.param == "HTTP/1":
        client.send(handshake("/"))
    else:
        client.wait(lambda: client.peer_settings, "the settings")
        stream = client.connect_websocket("/")
    peer = upstream.accept()
    asked = peer.read_request_head()
    peer.respond(asked.stream, b"", end=False)
    if stream is None:
        assert client.read_response().status == 101
    else:
        assert client.head(stream).status == 200
    return proxy, Tunnel(client, stream), peer, asked


class Tunnel:
    """The client's end, whatever it speaks."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream

    def send(self, data=b"", end=False):
        if self.stream is not None:
            self.client.send_data(self.stream, data, end)
            return
        self.client.send(data)
        if end:
            self.client.half_close()

    def read_to_end(self):
        """What came; it has to end well."""
        if self.stream is None:
            data = self.client.read_to_end()
            assert not self.client.was_reset
            return data
        return bytes(self.client.response(self.stream).body)


def test_an_endpoint_that_is_done_with_a_tunnel_ends_it(tunnel):
    """It ends its side and says that it wants no more, as a handler that returns does."""
    proxy, client, peer, asked = tunnel
    client.send(b"hello")
    peer.wait(lambda: bytes(asked.body) == b"hello", "the bytes")
    peer.send(frames.data(asked.stream, b"bye", end=True),
              frames.rst_stream(asked.stream, frames.NO_ERROR))
    assert client.read_to_end() == b"bye"
    proxy.wait_gauge("fairlead_tunnels", 0)
    proxy.wait_gauge("fairlead_upstream_connections", 1, state="idle")


@pytest.mark.parametrize("first", ["client", "endpoint"])
def test_both_sides_of_a_tunnel_end_one_by_one(tunnel, first):
    proxy, client, peer, asked = tunnel
    if first == "client":
        client.send(b"from the client", end=True)
        peer.wait(lambda: asked.ended, "the client's end")
    peer.send_data(asked.stream, b"from the endpoint", end=True)
    assert client.read_to_end() == b"from the endpoint"
    if first == "endpoint":
        client.send(b"from the client", end=True)
        peer.wait(lambda: asked.ended, "the client's end")
    assert bytes(asked.body) == b"from the client" and asked.reset is None
    proxy.wait_gauge("fairlead_tunnels", 0)
    proxy.wait_gauge("fairlead_upstream_connections", 1, state="idle")
    peer.expect_alive()


def test_a_reset_of_the_endpoint_ends_a_tunnel(tunnel):
    proxy, client, peer, asked = tunnel
    peer.reset(asked.stream, frames.INTERNAL_ERROR)
    if client.stream is None:
        client.client.read_to_end()
    else:
        assert client.client.ending(client.stream).reset == frames.INTERNAL_ERROR
    proxy.wait_gauge("fairlead_tunnels", 0)


# ---- sent away ----


@pytest.mark.parametrize("retry_on", ["5xx", "reset", "connect-failure"])
def test_who_is_sent_away_waits_without_the_clock_of_the_attempt_before(fairlead, origin, retry_on):
    """The endpoint takes one stream, and there may be no other connection: the second request waits
    for longer than one attempt may take."""
    upstream = origin()
    proxy = fairlead(manifests.app(
        upstream, annotations=manifests.contour(per_try_timeout="200ms", retry_on=retry_on),
        service_annotations={**manifests.upstream_protocol("h2c"),
                             **manifests.contour(max_connections=1)}), "--workers", "1",
        "--pending-timeout", "1s")
    first, second = proxy.client(), proxy.client()
    first.send(request("POST", "/first", "a.test", "Content-Length: 1000") + b"begin")
    peer = upstream.accept()
    second.send(request("GET", "/second"))
    proxy.wait_gauge("fairlead_streams", 2 + 1)  # this one asks, too
    peer.send(frames.settings((MAX_CONCURRENT_STREAMS, 1)))
    answered = second.read_response()
    assert (answered.status, answered.reason_code) == (503, "pending_timeout")
    assert proxy.is_running()


def test_an_endpoint_that_takes_no_stream_at_all_is_left(fairlead, h2_backend):
    """Else the request would go from connection to connection for ever."""
    upstream = h2_backend(settings=((MAX_CONCURRENT_STREAMS, 0),
                                    (frames.ENABLE_CONNECT_PROTOCOL, 1)))
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(websocket_routes="/"),
                                   service_annotations=manifests.upstream_protocol("h2c")),
                     "--workers", "1")
    client = proxy.client()
    client.send(handshake("/"))
    answered = client.read_response()
    assert (answered.status, answered.reason_code) == (502, "stream_refused")
    assert upstream.connections <= 4


def test_requests_of_which_nothing_was_sent_go_elsewhere_whatever_they_are(behind, origin,
                                                                          h2_backend):
    """The endpoint accepts, and dies before it says how many it takes: one request went ahead."""
    dying, good = origin(), h2_backend()
    proxy = behind(dying, good)
    clients = [proxy.client() for _ in range(12)]
    with in_one_turn(proxy):
        for client in clients:
            client.send(POST)
    peer = dying.accept()
    peer.read_until(b"HTTP/2.0\r\n\r\nSM\r\n\r\n")
    peer.reset()
    dying.close()
    answers = [client.read_response() for client in clients]
    assert sum(answered.status != 200 for answered in answers) <= 1


def test_a_crowd_waits_for_endpoints_that_speak_one_after_another(behind, h2_origin):
    """Each of them takes one stream, and sends the others on to the next, which has not said so yet."""
    many = [h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),)) for _ in range(6)]
    proxy = behind(*many, max_connections=6)
    with in_one_turn(proxy):
        clients = ask_at_once(proxy, 30)
    for upstream in many:
        upstream.accept()

    def look():
        for upstream in many:
            upstream.accept_waiting()
        for conn in (conn for upstream in many for conn in upstream.conns):
            conn.has_news()
            if conn.arrived:
                return conn
        return None

    for _ in clients:
        conn = wait_until(look, "the next request")
        conn.respond(conn.read_request().stream)
    assert {client.read_response().status for client in clients} == {200}
