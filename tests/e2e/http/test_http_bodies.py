# SPDX-License-Identifier: Apache-2.0
"""Bodies in both directions, of any framing and size; answers without one; interim answers."""
import hashlib
import random
import threading

import pytest

from support import manifests
from support.client import chunked, request
from support.origin import OK, answer
from support.turns import in_one_turn

MEGABYTE = 1 << 20


@pytest.fixture
def pair(fairlead, origin):
    """A program, a client and the endpoint."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    return proxy, proxy.client(), upstream


def exchange(pair, data, reply, method="GET"):
    """One request through; what the endpoint and what the client got."""
    _, client, upstream = pair
    client.send(data)
    peer = upstream.accept()
    arrived = peer.read_request()
    peer.send(reply)
    if b"Content-Length" not in reply and b"chunked" not in reply and method != "HEAD":
        peer.half_close()
    return arrived, client.read_response(method)


@pytest.mark.parametrize("size", [0, 1, 4095, 16384, 65535, 65536, 300_000])
def test_a_request_body_with_a_length(pair, size):
    body = random.Random(size).randbytes(size)
    arrived, _ = exchange(pair,
                          request("POST", "/", "a.test", f"Content-Length: {size}", body=body), OK)
    assert (arrived.get("Content-Length"), arrived.body) == (str(size), body)


@pytest.mark.parametrize("sizes", [[], [1], [5, 1, 70000], [1] * 300, [16384] * 10])
def test_a_request_body_in_chunks(pair, sizes):
    parts = [random.Random(size).randbytes(size) for size in sizes]
    arrived, _ = exchange(pair, request("POST", "/", "a.test", "Transfer-Encoding: chunked",
                                        body=chunked(*parts)), OK)
    assert (arrived.get("Transfer-Encoding"), arrived.body) == ("chunked", b"".join(parts))


@pytest.mark.parametrize("size", [0, 1, 16384, 65536, 300_000])
def test_an_answer_with_a_length(pair, size):
    body = random.Random(size).randbytes(size)
    _, response = exchange(pair, request("GET", "/"), answer(body))
    assert (response.get("Content-Length"), response.body) == (str(size), body)


@pytest.mark.parametrize("sizes", [[], [1], [5, 1, 70000], [1] * 300])
def test_an_answer_in_chunks_and_its_trailers_are_dropped(pair, sizes):
    parts = [random.Random(size).randbytes(size) for size in sizes]
    body = chunked(*parts).removesuffix(b"\r\n") + b"X-Trailer: v\r\nContent-MD5: x\r\n\r\n"
    _, response = exchange(
        pair, request("GET", "/"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert (response.body, response.trailers) == (b"".join(parts), [])
    _, client, upstream = pair
    client.send(request("GET", "/"))
    assert upstream.peers[-1].read_request()  # the connection is used again


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_an_answer_that_ends_with_its_connection(pair, version, size):
    body = random.Random(size).randbytes(size)
    _, response = exchange(pair, request("GET", "/"),
                           f"HTTP/{version} 200 OK\r\n\r\n".encode() + body)
    assert (response.get("Transfer-Encoding"), response.body) == ("chunked", body)
    _, client, upstream = pair
    client.send(request("GET", "/"))  # ours goes on
    upstream.accept().read_request()


@pytest.mark.parametrize("lines", ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""])
def test_an_answer_to_head(pair, lines):
    _, client, upstream = pair
    client.send(request("HEAD", "/"))
    peer = upstream.accept()
    assert peer.read_request().method == "HEAD"
    peer.send(f"HTTP/1.1 200 OK\r\n{lines}ETag: \"x\"\r\n\r\n".encode())
    response = client.read_response("HEAD")
    assert (response.status, response.get("ETag")) == (200, '"x"')
    if "Length" in lines:
        assert response.get("Content-Length") == "5"
    client.send(request("GET", "/again"))
    assert peer.read_request().target == "/again"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "205 Reset Content"])
def test_answers_without_a_body(pair, status):
    _, client, upstream = pair
    lines = "Content-Length: 0\r\n" if status.startswith("205") else ""
    _, response = exchange(pair, request("GET", "/"),
                           f"HTTP/1.1 {status}\r\n{lines}ETag: \"x\"\r\n\r\n".encode(), "HEAD")
    assert (response.status, response.get("ETag")) == (int(status[:3]), '"x"')
    client.send(request("GET", "/again"))
    assert upstream.peers[-1].read_request().target == "/again"


def test_a_304_may_say_how_long_it_would_be(pair):
    _, response = exchange(pair, request("GET", "/"),
                           b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n")
    assert response.get("Content-Length") == "1234"


@pytest.mark.parametrize("code", [102, 103, 199])
def test_interim_answers_are_relayed(pair, code):
    _, client, upstream = pair
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(f"HTTP/1.1 {code} Wait\r\nLink: </style.css>; rel=preload\r\n\r\n".encode())
    interim = client.read_response()
    assert (interim.status, interim.get("Link")) == (code, "</style.css>; rel=preload")
    assert not interim.has("Connection")
    peer.send(OK)
    assert client.read_response().status == 200


def test_a_100_nobody_asked_for_does_no_harm(pair):
    _, response = exchange(pair, request("POST", "/", body=b"x"),
                           b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    final = response if response.status == 200 else pair[1].read_response()
    assert (final.status, final.body) == (200, b"ok")


def test_expect_100_continue_all_the_way(pair):
    _, client, upstream = pair
    client.send(request("PUT", "/", "a.test", "Expect: 100-continue", "Content-Length: 3"))
    peer = upstream.accept()
    head = peer.read_request_head()
    assert head.get("Expect") == "100-continue"
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_response().status == 100
    client.send(b"abc")
    assert peer.read_request_body(head) == b"abc"
    peer.send(OK)
    assert client.read_response().status == 200
    client.send(request("GET", "/again"))  # nothing is left over on either side
    assert peer.read_request().target == "/again"


def test_a_client_that_does_not_wait_for_its_100(pair):
    _, client, upstream = pair
    client.send(request("PUT", "/", "a.test", "Expect: 100-continue", body=b"abc"))
    peer = upstream.accept()
    assert peer.read_request().body == b"abc"
    peer.send(OK)
    assert client.read_response().status == 200


def test_an_answer_before_the_request_body_is_relayed_at_once(pair):
    _, client, upstream = pair
    client.send(request("POST", "/", "a.test", "Content-Length: 1000000") + b"x" * 1000)
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(answer(b"too large", "413 Content Too Large", "Connection: close"))
    peer.half_close()
    assert client.expect_answer_and_end(413).body == b"too large"


def test_body_bytes_are_relayed_as_they_come(pair):
    """Neither side waits for more than is there."""
    _, client, upstream = pair
    client.send(request("POST", "/", "a.test", "Transfer-Encoding: chunked"))
    peer = upstream.accept()
    peer.read_request_head()
    for word in (b"one", b"two", b"three"):
        client.send(b"%x\r\n%s\r\n" % (len(word), word))
        assert peer.read_until(word + b"\r\n") == b"%x\r\n%s\r\n" % (len(word), word)
    client.send(b"0\r\n\r\n")
    assert peer.read_until(b"0\r\n\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.read_head()
    for word in (b"one", b"two", b"three"):
        peer.send(b"%x\r\n%s\r\n" % (len(word), word))
        assert client.read_until(word + b"\r\n") == b"%x\r\n%s\r\n" % (len(word), word)


# ---- large bodies and back-pressure ----


class Stream(threading.Thread):
    """Sends `count` megabytes of the same piece through a wire; `digest` is of what was sent."""

    def __init__(self, wire, count):
        super().__init__(daemon=True)
        self.wire = wire
        self.piece = random.Random(count).randbytes(MEGABYTE)
        self.count = count
        self.start()

    def run(self):
        self.wire.sock.settimeout(60)
        for _ in range(self.count):
            self.wire.send(self.piece)

    @property
    def digest(self):
        digest = hashlib.sha256()
        for _ in range(self.count):
            digest.update(self.piece)
        return digest.hexdigest()


def drain(wire, count):
    """Reads so many bytes without keeping them."""
    digest = hashlib.sha256()
    while count > 0:
        if not wire.pending:
            wire.received.clear()
            assert wire._fill(), f"{count} bytes are missing"
        data = wire._take(min(count, len(wire.pending)))
        digest.update(data)
        count -= len(data)
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["up", "down"])
def test_64_megabytes_stream_through_and_memory_stays_flat(pair, direction):
    proxy, client, upstream = pair
    size = 64 * MEGABYTE
    client.send(request("POST", "/", "a.test",
                        f"Content-Length: {size if direction == 'up' else 0}"))
    peer = upstream.accept()
    peer.read_request_head()
    before = proxy.metric("fairlead_resident_bytes")
    if direction == "up":
        stream = Stream(client, 64)
        got = drain(peer, size)
        peer.send(OK)
    else:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        client.read_head()
        stream = Stream(peer, 64)
        got = drain(client, size)
    assert got == stream.digest
    assert proxy.metric("fairlead_resident_bytes") - before < 8 * MEGABYTE
    label = "in" if direction == "up" else "out"
    if direction == "up":
        assert client.read_response().status == 200
    proxy.wait_metric("fairlead_client_bytes_total", size, direction=label)


def push(wire, limit=64 * MEGABYTE):
    """Send until nobody takes more; how much that was."""
    wire.sock.settimeout(0.3)
    sent = 0
    try:
        while sent < limit:
            sent += wire.sock.send(b"x" * 65536)
    except TimeoutError:
        pass
    wire.sock.settimeout(15)
    return sent


def test_a_slow_reader_stops_the_endpoint(pair):
    proxy, _, upstream = pair
    client = proxy.client(receive_buffer=4096)
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    before = proxy.metric("fairlead_resident_bytes")
    size = 48 * MEGABYTE
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    sent = push(peer)
    assert sent < 24 * MEGABYTE  # what the kernel's buffers on the way hold
    assert proxy.metric("fairlead_resident_bytes") - before < 4 * MEGABYTE
    client.read_head()
    feeder = threading.Thread(target=peer.send_if_open, args=(b"x" * (size - sent),), daemon=True)
    feeder.start()
    drain(client, size)  # and it goes on when the reader does


def test_a_slow_endpoint_stops_the_client(pair):
    proxy, client, upstream = pair
    size = 48 * MEGABYTE
    client.send(request("POST", "/", "a.test", f"Content-Length: {size}"))
    peer = upstream.accept()
    peer.read_request_head()
    before = proxy.metric("fairlead_resident_bytes")
    sent = push(client)
    assert sent < 24 * MEGABYTE
    assert proxy.metric("fairlead_resident_bytes") - before < 4 * MEGABYTE
    feeder = threading.Thread(target=client.send_if_open, args=(b"x" * (size - sent),), daemon=True)
    feeder.start()
    drain(peer, size)
    peer.send(OK)
    assert client.read_response().status == 200


def test_twenty_slow_readers_cost_a_bounded_amount(pair):
    proxy, _, upstream = pair
    peers = []
    before = proxy.metric("fairlead_resident_bytes")
    for _ in range(20):
        client = proxy.client(receive_buffer=4096)
        client.send(request("GET", "/"))
        peers.append(upstream.accept())
        peers[-1].read_request()
        peers[-1].send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        peers[-1].sock.setblocking(False)
    for _ in range(40):
        for peer in peers:
            try:
                peer.sock.send(b"x" * 262144)
            except BlockingIOError:
                pass
    assert proxy.metric("fairlead_resident_bytes") - before < 16 * MEGABYTE


def test_an_answer_until_the_end_that_is_cut_while_the_body_goes_up_is_not_taken_for_whole(
        fairlead, origin):
    """The write of the body meets the reset first, and the read after it sees a mere end."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--workers", "1")
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nonly a part")
    client.read_until(b"only a part")
    peer.read_some()
    with in_one_turn(proxy):
        client.send(b"5\r\nworld\r\n")
        peer.reset()
    assert not client.read_to_end().endswith(b"0\r\n\r\n")
    proxy.output.wait_for("response_truncated")
