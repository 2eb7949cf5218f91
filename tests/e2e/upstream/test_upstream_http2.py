# SPDX-License-Identifier: Apache-2.0
"""Endpoints that speak HTTP/2: shared connections, limits, GOAWAY, refused streams, fail-over."""
import socket
import ssl
import threading

import pytest

from support import frames, manifests
from support.client import RawClient, request
from support.frames import MAX_CONCURRENT_STREAMS
from support.ports import closed_port
from support.tls import client_context, wrapped_by
from support.wait import PATIENCE_S

GET = request("GET", "/")


@pytest.fixture
def behind(fairlead):
    """The program in front of endpoints that speak h2c."""

    def start(*where, flags=(), annotations=None):
        return fairlead(manifests.app(*where, annotations=annotations,
                                      service_annotations=manifests.upstream_protocol("h2c")),
                        "--workers", "1", *flags)

    return start


def ask_at_once(proxy, count, data=None):
    """So many clients, each with a request under way."""
    clients = [proxy.client() for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(data or request("GET", f"/{number}"))
    return clients


def test_app_protocol_h2c(fairlead, h2_backend):
    upstream = h2_backend()
    assert fairlead(manifests.app(upstream, app_protocol="kubernetes.io/h2c")).get("/").status == 200


def test_h2_is_negotiated_over_tls(fairlead, h2_backend, authority):
    upstream = h2_backend(wrap=wrapped_by(authority.issue("b.test").server_context("h2",
                                                                                   "http/1.1")))
    proxy = fairlead(manifests.app(upstream,
                                   service_annotations=manifests.upstream_protocol("h2")))
    assert proxy.get("/").status == 200
    assert upstream.wires[1].selected_alpn_protocol() == "h2"


def test_h2_that_the_endpoint_does_not_take(fairlead, backend, authority):
    """It is not spoken to in HTTP/1 instead: who says h2 may rely on it."""
    upstream = backend(wrap=wrapped_by(authority.issue("b.test").server_context("http/1.1")))
    proxy = fairlead(manifests.app(upstream,
                                   service_annotations=manifests.upstream_protocol("h2")))
    assert proxy.get("/").status == 502
    assert upstream.requests == []


def test_an_endpoint_that_answers_a_preface_in_http_1(behind, origin):
    upstream = origin()
    client = behind(upstream).client()
    client.send(GET)
    peer = upstream.accept()
    assert peer.read_exactly(len(frames.PREFACE)) == frames.PREFACE
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.reason_code) == (502, "bad_response")
    peer.read_to_end()


@pytest.mark.parametrize("sent", [
    frames.data(0, b"x"), frames.headers(1, b"\x80", whole=False), b"\0\0\4\1\4\0\0\0\1garb",
    frames.window_update(0, 0)], ids=["data of no stream", "an index of 0", "garbage", "no increment"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endpoint_whose_frames_are_wrong(behind, h2_origin, method, sent):
    """It closed nothing: we did, for what it sent."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1, request(method, "/", body=b"x"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(sent)
    response = client.read_response()
    assert (response.status, response.reason_code) == (502, "bad_response")
    upstream.expect_untouched()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_whose_frames_are_wrong(behind, h2_origin, method):
    """It may have been another's answer: what may be sent twice is."""
    upstream = h2_origin()
    proxy = behind(upstream)
    first, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    peer.respond(peer.read_request().stream)
    assert first.read_response().status == 200
    second, = ask_at_once(proxy, 1, request(method, "/", body=b"x"))
    peer.read_request()
    peer.send(frames.data(0, b"x"))
    if method == "GET":
        other = upstream.accept()
        other.respond(other.read_request().stream)
    response = second.read_response()
    assert (response.status, response.reason_code) == (
        (200, None) if method == "GET" else (502, "bad_response"))


# ---- sharing ----


def test_many_requests_share_few_connections(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    clients = ask_at_once(proxy, 60)
    arrived = [upstream.next_request() for _ in clients]
    assert len(upstream.conns) <= 3
    for conn, asked in reversed(arrived):
        conn.respond(asked.stream, asked.target.encode())
    for number, client in enumerate(clients):
        assert client.read_response().body == b"/%d" % number


def test_a_connection_is_used_again_and_again(behind, h2_backend):
    upstream = h2_backend()
    proxy = behind(upstream)
    for _ in range(50):
        assert proxy.get("/").status == 200
    assert upstream.connections == 1


class RecordReader:
    """An HTTP/1 client over TLS that sees each record: the program writes one for each write."""

    def __init__(self, proxy):
        self.sock = socket.create_connection(("127.0.0.1", proxy.https_port))
        self.sock.settimeout(PATIENCE_S)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context().wrap_bio(self.into, self.out, server_hostname="a.test")
        self.until_done(self.tls.do_handshake)

    def until_done(self, act):
        while True:
            try:
                done = act()
                self.sock.sendall(self.out.read())
                return done
            except ssl.SSLWantReadError:
                self.sock.sendall(self.out.read())
                self.take_record()

    def take_record(self):
        head = self.sock.recv(5, socket.MSG_WAITALL)
        self.into.write(head + self.sock.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL))

    def ask(self, target):
        self.until_done(lambda: self.tls.write(b"GET " + target + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"))

    def one_record(self):
        """What the next record with content holds."""
        return self.until_done(lambda: self.tls.read(65536))


def test_what_comes_at_once_goes_on_at_once(secure, authority, h2_origin):
    """Heads of all streams first, as endpoints do it: still head and body are one write."""
    upstream = h2_origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream,
                                     service_annotations=manifests.upstream_protocol("h2c")),
                   "--workers", "1")
    clients = [RecordReader(proxy) for _ in range(3)]
    clients[0].ask(b"/0")
    conn, asked = upstream.next_request()
    conn.respond(asked.stream, b"first", 200, ("content-length", "5"))
    while not clients[0].one_record().endswith(b"first"):
        pass
    streams = {}
    for number, client in enumerate(clients):
        client.ask(b"/%d" % number)
        told, asked = upstream.next_request()
        assert told is conn
        streams[number] = asked.stream
    heads = [frames.headers(stream, [(":status", "200"), ("content-length", "6")], end=False)
             for stream in streams.values()]
    bodies = [frames.data(stream, b"body-%d" % number, number != 2)
              for number, stream in streams.items()]
    conn.send(*heads, *bodies)
    for number, client in enumerate(clients):
        record = client.one_record()
        assert record.startswith(b"HTTP/1.1 200") and record.endswith(b"\r\n\r\nbody-%d" % number)


def test_a_head_that_comes_alone_goes_on_alone(behind, h2_origin):
    upstream = h2_origin()
    client, other = ask_at_once(behind(upstream), 2)
    conn, asked = upstream.next_request()
    conn.send_head(asked.stream, [(":status", "200"), ("content-length", "4")])
    waiting = client if asked.target == "/0" else other
    waiting.read_until(b"\r\n\r\n")
    conn.send_data(asked.stream, b"late", end=True)
    assert waiting.read_exactly(4) == b"late"


def test_a_reset_right_after_part_of_an_answer(behind, h2_origin):
    """All in one read; the part arrives, and the client sees that it is not all."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    conn, asked = upstream.next_request()
    conn.send(frames.headers(asked.stream, [(":status", "200"), ("content-length", "9")], end=False),
              frames.data(asked.stream, b"part"), frames.rst_stream(asked.stream))
    client.read_to_end()
    assert bytes(client.received).startswith(b"HTTP/1.1 200")
    assert bytes(client.received).endswith(b"\r\n\r\npart")


def test_a_slow_answer_holds_nobody_up(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    slow, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    waiting = peer.read_request()
    quick = proxy.client()
    quick.send(request("GET", "/quick"))
    peer.respond(peer.read_request().stream, b"quick")
    assert quick.read_response().body == b"quick"
    peer.respond(waiting.stream, b"slow")
    assert slow.read_response().body == b"slow"


@pytest.mark.parametrize("most", [1, 3])
def test_the_limit_of_streams_is_kept(behind, h2_backend, most):
    """H2End itself checks that no more are open; those that wait get another connection or a turn."""
    gate = threading.Event()

    def respond(arrived):
        gate.wait(0.05)
        return arrived.target.encode()

    upstream = h2_backend(respond, settings=((MAX_CONCURRENT_STREAMS, most),))
    proxy = behind(upstream)
    assert proxy.get("/").status == 200  # by now the limit is known
    clients = ask_at_once(proxy, 20)
    gate.set()
    for number, client in enumerate(clients):
        response = client.read_response()
        assert (response.status, response.body) == (200, b"/%d" % number)
    assert upstream.errors == []


def test_a_limit_that_falls_to_nothing(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    first, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    running = peer.read_request()
    peer.send(frames.settings((MAX_CONCURRENT_STREAMS, 0)))
    peer.wait(lambda: peer.acknowledged == 2, "the acknowledgement")
    second, = ask_at_once(proxy, 1)
    other = upstream.accept()  # not on the first, which takes no more
    other.respond(other.read_request().stream, b"second")
    assert second.read_response().body == b"second"
    peer.respond(running.stream, b"first")
    assert first.read_response().body == b"first"
    assert not peer.arrived


def test_the_settings_we_send(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    client, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    peer.respond(peer.read_request().stream)
    assert client.read_response().status == 200
    assert peer.peer_settings.get(frames.ENABLE_PUSH) == 0
    peer.expect_alive()


def test_a_push_that_nobody_asked_for(behind, h2_origin):
    """ENABLE_PUSH is 0, so it is a connection error: RFC 9113 section 8.4."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    asked = peer.read_request()
    peer.send(frames.push_promise(asked.stream, 2, frames.request_fields(scheme="http")))
    assert client.read_response().status == 502
    peer.expect_goaway(frames.PROTOCOL_ERROR)


def test_large_bodies_share_a_connection(behind, h2_backend):
    upstream = h2_backend(lambda arrived: bytes(arrived.body))
    proxy = behind(upstream)
    body = bytes(range(256)) * 4096
    failures = []

    def ask():
        client = RawClient(proxy.http_port)
        response = client.ask(request("POST", "/", body=body))
        if response.body != body:
            failures.append(response)
        client.close()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(upstream.requests) == 6


# ---- the end of a connection ----


def test_a_goaway_lets_streams_under_way_finish(behind, h2_origin):
    """New requests go on a new connection."""
    upstream = h2_origin()
    proxy = behind(upstream)
    first, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    running = peer.read_request()
    peer.goaway()
    peer.expect_alive()
    second, = ask_at_once(proxy, 1)
    other = upstream.accept()
    other.respond(other.read_request().stream, b"second")
    assert second.read_response().body == b"second"
    peer.respond(running.stream, b"first")
    assert first.read_response().body == b"first"
    peer.read_to_end()  # done with it, we close


def with_one_connection(*where):
    return manifests.app(*where, service_annotations={
        **manifests.upstream_protocol("h2c"), **manifests.contour(max_connections=1)})


def begin_watch(proxy, upstream):
    """An answer that has begun and goes on, on the one connection that there may be."""
    client = proxy.client()
    client.send(request("GET", "/watch"))
    peer = upstream.accept()
    watch = peer.read_request()
    peer.respond(watch.stream, b"first", end=False)
    client.read_until(b"first")
    return client, peer, watch


def expect_end_of_watch(client, peer, watch):
    peer.send_data(watch.stream, b"last", end=True)
    client.read_until(b"last")
    peer.read_to_end()  # done with it, we close


def answer_another(proxy, upstream):
    """A request on a connection of its own."""
    client, = ask_at_once(proxy, 1)
    other = upstream.accept()
    other.respond(other.read_request().stream, b"other")
    assert client.read_response().body == b"other"


def test_after_a_goaway_a_connection_keeps_no_place_of_max_connections(fairlead, h2_origin):
    """Else one stream that lasts would leave 503 for all others."""
    upstream = h2_origin()
    proxy = fairlead(with_one_connection(upstream), "--workers", "1")
    client, peer, watch = begin_watch(proxy, upstream)
    peer.goaway()
    peer.expect_alive()
    answer_another(proxy, upstream)
    expect_end_of_watch(client, peer, watch)


def test_a_goaway_makes_room_for_who_waits(fairlead, h2_origin):
    upstream = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),))
    proxy = fairlead(with_one_connection(upstream), "--workers", "1")
    client, peer, watch = begin_watch(proxy, upstream)
    waiting = ask_at_once(proxy, 2)
    proxy.wait_gauge("fairlead_pending_requests", 2)
    peer.goaway()
    for _ in waiting:
        conn, asked = upstream.next_request()
        assert conn is not peer
        conn.respond(asked.stream)
    assert [one.read_response().status for one in waiting] == [200, 200]
    expect_end_of_watch(client, peer, watch)


def test_an_endpoint_that_went_keeps_no_place_of_max_connections(fairlead, h2_origin):
    upstream, newer = h2_origin(settings=((MAX_CONCURRENT_STREAMS, 1),)), h2_origin()
    proxy = fairlead(with_one_connection(upstream), "--workers", "1")
    client, peer, watch = begin_watch(proxy, upstream)
    waiting, = ask_at_once(proxy, 1)
    proxy.wait_gauge("fairlead_pending_requests", 1)
    proxy.apply("test.yaml", with_one_connection(newer))
    other = newer.accept()
    other.respond(other.read_request().stream)
    assert waiting.read_response().status == 200
    expect_end_of_watch(client, peer, watch)


def test_a_silent_connection_keeps_no_place_of_max_connections(fairlead, h2_origin):
    upstream = h2_origin()
    proxy = fairlead(with_one_connection(upstream), "--workers", "1",
                     "--connect-timeout", "100ms", "--response-head-timeout", "300ms")
    client, peer, watch = begin_watch(proxy, upstream)
    assert proxy.get("/unanswered").reason_code == "response_head_timeout"
    answer_another(proxy, upstream)
    expect_end_of_watch(client, peer, watch)


def test_a_goaway_that_does_not_cover_a_stream_lets_it_be_sent_again(behind, h2_origin):
    """Whatever its method: the endpoint says that it did nothing. Hostile-input 58."""
    upstream = h2_origin()
    proxy = behind(upstream)
    client, = ask_at_once(proxy, 1, request("POST", "/", body=b"hello"))
    peer = upstream.accept()
    peer.read_request()
    peer.goaway(0)
    other = upstream.accept()
    again = other.read_request()
    assert bytes(again.body) == b"hello"
    other.respond(again.stream, b"again")
    assert client.read_response().body == b"again"


def test_hostile_58_a_refused_stream_is_sent_once_more(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    client, = ask_at_once(proxy, 1, request("POST", "/", body=b"hello"))
    conn, asked = upstream.next_request()
    conn.reset(asked.stream, frames.REFUSED_STREAM)
    conn, asked = upstream.next_request()
    assert bytes(asked.body) == b"hello"
    conn.respond(asked.stream, b"again")
    assert client.read_response().body == b"again"


def test_hostile_58_a_post_is_refused_only_so_often(behind, h2_origin):
    """Once for any method; then the client hears of it."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1, request("POST", "/", body=b"hello"))
    conn, asked = upstream.next_request()
    conn.reset(asked.stream, frames.REFUSED_STREAM)
    conn, asked = upstream.next_request()
    conn.reset(asked.stream, frames.REFUSED_STREAM)
    assert client.read_response().status in (502, 503)
    upstream.expect_untouched()


@pytest.mark.parametrize("code", [frames.INTERNAL_ERROR, frames.CANCEL, frames.PROTOCOL_ERROR])
def test_hostile_58_another_reset_is_not_sent_again(behind, h2_origin, code):
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1, request("POST", "/", body=b"hello"))
    conn, asked = upstream.next_request()
    conn.reset(asked.stream, code)
    assert client.read_response().status == 502
    upstream.expect_untouched()
    conn.expect_alive()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_breaks_fails_all_its_requests(behind, h2_origin, how):
    upstream = h2_origin()
    proxy = behind(upstream)
    clients = ask_at_once(proxy, 5, request("POST", "/", body=b"x"))
    peer = upstream.accept()
    for _ in clients:
        peer.read_request()
    getattr(peer.wire, how)()
    for client in clients:
        response = client.read_response()
        assert response.status == 502
        assert response.reason_code in ("upstream_reset", "reuse_dead")
    upstream.expect_untouched()


def test_a_dead_kept_connection_is_replaced_without_being_asked(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream)
    client = proxy.client()
    for _ in range(3):
        client.send(GET)
        peer = upstream.accept()
        peer.respond(peer.read_request().stream)
        assert client.read_response().status == 200
        peer.close()


def test_an_endpoint_that_dies_fails_over(behind, h2_backend):
    """Clients notice nothing but, at most, those whose requests it had."""
    first, second = h2_backend(), h2_backend()
    proxy = behind(first, second)
    for _ in range(10):
        assert proxy.get("/").status == 200
    first.close()
    for _ in range(20):
        assert proxy.get("/").status == 200
    assert len(second.requests) >= 20


def test_an_endpoint_that_refuses_connections(behind, h2_backend):
    proxy = behind(closed_port(), h2_backend())
    for _ in range(10):
        assert proxy.ask(request("POST", "/", body=b"x")).status == 200


def test_endpoints_share_the_load_though_connections_are_shared(behind, h2_backend):
    many = [h2_backend() for _ in range(3)]
    proxy = behind(*many)
    for _ in range(30):
        assert proxy.get("/").status == 200
    assert all(len(upstream.requests) >= 5 for upstream in many)


def test_an_endpoint_that_is_removed_lets_its_streams_finish(behind, h2_origin, h2_backend):
    upstream, other = h2_origin(), h2_backend()
    proxy = behind(upstream)
    client, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    running = peer.read_request()
    proxy.apply("test.yaml", manifests.app(other, service_annotations=(
        manifests.upstream_protocol("h2c"))))
    assert proxy.get("/").status == 200
    peer.respond(running.stream, b"late")
    assert client.read_response().body == b"late"
    peer.read_to_end()
    assert len(other.requests) == 1


def test_idle_connections_are_closed(behind, h2_origin):
    upstream = h2_origin()
    proxy = behind(upstream, flags=("--upstream-idle-timeout", "200ms"))
    client, = ask_at_once(proxy, 1)
    peer = upstream.accept()
    peer.respond(peer.read_request().stream)
    assert client.read_response().status == 200
    peer.read_to_end()


# ---- what an endpoint may send ----


@pytest.mark.parametrize("fields", [
    [(":status", "200"), ("Upper", "x")], [(":status", "200"), ("connection", "close")],
    [(":status", "200"), ("transfer-encoding", "chunked")], [(":status", "20")],
    [(":status", "abc")], [("x", "y")], [(":status", "200"), (":status", "200")],
    [(":status", "200"), (":path", "/")], [("x", "y"), (":status", "200")],
    [(":status", "200"), ("x", "a\r\nb: c")], [(":status", "200"), ("x", "a\0b")],
    [(":status", "200"), ("content-length", "x")],
    [(":status", "200"), ("content-length", "1"), ("content-length", "2")],
    [(":status", "101"), ("upgrade", "websocket")],
], ids=["upper-case", "connection", "transfer-encoding", "short-status", "no-number", "no-status",
        "two-statuses", "a-path", "late-status", "line-end", "nul", "bad-length", "two-lengths",
        "101"])
def test_hostile_53_a_malformed_head_over_http_2(behind, h2_origin, fields):
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    asked = peer.read_request()
    peer.send(frames.headers(asked.stream, fields, end=False), frames.data(asked.stream, b"ok", True))
    assert client.read_response().status == 502


@pytest.mark.parametrize("sent", [b"hello!", b"hell"])
def test_hostile_53_a_length_that_is_not_kept(behind, h2_origin, sent):
    """The client's message never looks complete."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    asked = peer.read_request()
    peer.send(frames.headers(asked.stream, [(":status", "200"), ("content-length", "5")], end=False),
              frames.data(asked.stream, sent, end=True))
    got = client.read_to_end()
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502") or len(body) < 5


def test_hostile_55_interim_answers_are_bounded(behind, h2_origin):
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    asked = peer.read_request()
    for _ in range(9):
        peer.send(frames.headers(asked.stream, [(":status", "103")], end=False))
    while (response := client.read_response()).status == 103:
        pass
    assert response.status == 502


def test_hostile_55_a_head_that_is_too_large(behind, h2_origin):
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    asked = peer.read_request()
    peer.wire.send_if_open(frames.headers(asked.stream, [(":status", "200"), ("x", "y" * 16000)],
                                          end=False, whole=False))
    for _ in range(5):
        peer.wire.send_if_open(frames.continuation(asked.stream, [("x", "y" * 16000)], whole=False))
    assert client.read_response().status == 502


def test_an_endpoint_that_floods_us_is_left(behind, h2_origin):
    """The budgets of hostile-input 70 hold for endpoints too."""
    upstream = h2_origin()
    client, = ask_at_once(behind(upstream), 1)
    peer = upstream.accept()
    peer.read_request()
    for _ in range(60):
        if not peer.wire.send_if_open(frames.ping() * 50):
            break
    assert client.read_response().status == 502
