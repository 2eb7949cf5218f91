# SPDX-License-Identifier: Apache-2.0
"""What a client may do too often over HTTP/2: hostile-input 68 to 72."""
import pytest

from support import frames, manifests
from support.frames import (ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, PROTOCOL_ERROR, REFUSED_STREAM,
                            frame, request_fields)
from support.origin import OK, answer
from support.wait import wait_until

GET = request_fields(scheme="http")
POST = request_fields(scheme="http", method="POST")
OPTIONS = request_fields(scheme="http", method="OPTIONS", path="*")


@pytest.fixture
def proxy(fairlead, backend):
    return fairlead(manifests.app(backend()))


def ended(proxy):
    """How many sessions we ended, for any reason."""
    return sum(value for name, value in proxy.metrics().items()
               if name.startswith("fairlead_http2_sessions_ended_total"))


# ---- 68, 69: resets ----


def test_hostile_68_streams_at_once_are_bounded(fairlead, origin):
    upstream = origin()
    client = fairlead(manifests.app(upstream)).h2c_client()
    streams = [client.request("GET", f"/{number}") for number in range(129)]
    client.expect_reset(streams[128], REFUSED_STREAM)
    assert all(stream not in client.messages for stream in streams[:128])
    peer = upstream.accept()
    peer.read_request()
    peer.send(OK)
    client.wait(lambda: any(stream in client.messages for stream in streams[:128]), "an answer")
    assert client.messages.keys() & set(streams[:128])
    assert not client.goaways


def test_hostile_68_rapid_reset(proxy):
    client = proxy.h2c_client()
    for _ in range(300):
        stream = client.new_stream()
        if not client.wire.send_if_open(frames.headers(stream, GET) + frames.rst_stream(stream)):
            break
    client.expect_goaway(ENHANCE_YOUR_CALM)
    assert ended(proxy) == 1
    assert proxy.get("/").status == 200


def test_hostile_68_streams_that_were_reset_do_not_pile_up_upstream(fairlead, origin):
    """However often a client opens and resets, an endpoint sees no more than the limit at once."""
    upstream = origin()
    client = fairlead(manifests.app(upstream)).h2c_client()
    for _ in range(190):
        stream = client.new_stream()
        client.send(frames.headers(stream, GET), frames.rst_stream(stream))
    client.expect_alive()
    peers = []
    while (peer := upstream.accept_waiting()) is not None:
        peers.append(peer)
    for peer in peers:
        peer.read_to_end()  # all of them are ended by us


def test_hostile_68_resets_now_and_then_are_fine(proxy):
    client = proxy.h2c_client()
    for _ in range(150):
        stream = client.request("GET", "/")
        client.reset(stream)
    assert client.get("/").status == 200


def provoke_resets(client, make):
    """
    300 streams of make(stream), within the limit of streams at once: so every 50 the answers are
    read. Ends early when the connection does.
    """
    for number in range(300):
        client.reply(make(client.new_stream()))
        if number % 50 == 49:
            pongs = len(client.pongs)
            client.reply(frames.ping())
            while len(client.pongs) == pongs and client.read():
                pass


@pytest.mark.parametrize("provoke", [
    lambda stream: frames.window_update(stream, 0x7FFFFFFF),
    lambda stream: frames.headers(stream, [(":path", "/")]),
], ids=["window-overflow", "bad-trailers"])
def test_hostile_69_resets_that_the_client_provokes(fairlead, origin, provoke):
    """They are ours, but the work is the same."""
    proxy = fairlead(manifests.app(origin()))
    client = proxy.h2c_client()
    provoke_resets(client, lambda stream: frames.headers(stream, POST, end=False) + provoke(stream))
    client.expect_goaway(ENHANCE_YOUR_CALM)
    assert ended(proxy) == 1


def test_hostile_69_requests_that_are_refused_for_their_heads_count(proxy):
    client = proxy.h2c_client()
    provoke_resets(client, lambda stream: frames.headers(stream, [*GET, ("Bad", "x")]))
    client.expect_goaway(ENHANCE_YOUR_CALM)


# ---- 70, 71: frames that carry nothing ----


EMPTY = {
    "ping": lambda stream: frames.ping(),
    "ping-ack": lambda stream: frames.ping(ack=True),
    "settings": lambda stream: frames.settings(),
    "settings-ack": lambda stream: frames.SETTINGS_ACK,
    "priority": lambda stream: frames.priority(stream),
    "priority-of-idle": lambda stream: frames.priority(stream + 1000),
    "empty-data": lambda stream: frames.data(stream),
    "padding-only": lambda stream: frames.data(stream, padding=1),
    "window-update": lambda stream: frames.window_update(0, 1),
    "window-update-of-a-stream": lambda stream: frames.window_update(stream, 1),
    "unknown": lambda stream: frame(0x77, 0, 0, b"x"),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_hostile_70_a_flood_of_frames_that_carry_nothing(fairlead, origin, kind):
    proxy = fairlead(manifests.app(origin()))
    client = proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, POST, end=False))
    for _ in range(20):
        if not client.wire.send_if_open(EMPTY[kind](stream) * 100):
            break
    # An acknowledgement of settings that were never sent is an error of its own.
    client.expect_goaway(ENHANCE_YOUR_CALM, *([PROTOCOL_ERROR] if kind == "settings-ack" else []))
    assert ended(proxy) == 1


def test_hostile_70_one_budget_for_all_kinds(fairlead, origin):
    client = fairlead(manifests.app(origin())).h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, POST, end=False))
    mixed = b"".join(make(stream) for kind, make in EMPTY.items() if "ack" not in kind)
    for _ in range(200):
        if not client.wire.send_if_open(mixed):
            break
    client.expect_goaway(ENHANCE_YOUR_CALM)


@pytest.mark.parametrize("kind", ["ping", "settings", "priority", "unknown"])
def test_hostile_70_some_of_them_are_fine(proxy, kind):
    client = proxy.h2c_client()
    client.send(*[EMPTY[kind](1) for _ in range(900)])
    client.expect_alive()
    assert client.get("/").status == 200


def test_hostile_70_answers_that_the_client_does_not_read(fairlead, backend):
    """The connection ends, though nothing can be said to its peer any more; no memory grows."""
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metric("fairlead_resident_bytes")
    client = proxy.h2c_client(receive_buffer=4096)
    sent = 0
    while sent < 64 << 20 and client.wire.send_if_open(frames.ping() * 1000):
        sent += 17_000
    assert sent < 16 << 20
    wait_until(lambda: ended(proxy) == 1, "the end")
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20


def test_hostile_70_a_download_may_need_many_window_updates(fairlead, backend):
    """Two a frame: thousands, and each of them with a reason."""
    proxy = fairlead(manifests.app(backend(answer(b"x" * (24 << 20)))), "--access-log", "off")
    client = proxy.h2c_client()
    assert len(client.get("/").body) == 24 << 20
    assert client.get("/").status == 200


def test_hostile_70_many_requests_are_no_flood(proxy):
    client = proxy.h2c_client()
    for _ in range(20):
        streams = [client.request("GET", "/") for _ in range(100)]
        assert {client.response(stream).status for stream in streams} == {200}


def test_hostile_71_settings_with_too_many_entries(proxy):
    client = proxy.h2c_client()
    client.send(frames.settings(*[(0x99, 1)] * 33))
    client.expect_goaway(ENHANCE_YOUR_CALM)


def test_hostile_71_settings_with_many_entries(proxy):
    client = proxy.h2c_client()
    client.send(frames.settings(*[(0x99, 1)] * 32))
    client.expect_alive()


def test_hostile_71_a_table_that_changes_its_size_all_the_time(proxy):
    client = proxy.h2c_client()
    for number in range(60):
        block = frames.table_size((0, 4096)[number % 2]) + frames.block_of(OPTIONS)
        if not client.wire.send_if_open(frames.headers(client.new_stream(), block)):
            break
    client.expect_goaway(ENHANCE_YOUR_CALM)


def test_hostile_71_a_table_that_changes_its_size_once(proxy):
    client = proxy.h2c_client()
    for number in range(30):
        block = frames.table_size(100) if number == 3 else b""
        stream = client.new_stream()
        client.send(frames.headers(stream, block + frames.block_of(OPTIONS)))
        assert client.response(stream).status == 200


# ---- 72: windows that stay shut ----


@pytest.mark.parametrize("shut", ["stream", "connection"])
def test_hostile_72_a_window_that_stays_shut(fairlead, backend, shut):
    """The stream is reset after a while; the connection and its other streams live on."""
    proxy = fairlead(manifests.app(backend(answer(b"x" * 200_000))), "--client-write-timeout", "400ms")
    if shut == "stream":
        client = proxy.h2c_client(settings=((frames.INITIAL_WINDOW_SIZE, 0),), consumes=False)
    else:
        client = proxy.h2c_client(settings=((frames.INITIAL_WINDOW_SIZE, 1 << 20),), consumes=False)
    stream = client.request("GET", "/")
    message = client.ending(stream)
    assert message.reset is not None and not message.ended
    assert proxy.timeouts("client_write") == 1
    client.expect_alive()


def test_hostile_72_a_window_that_opens_a_little_now_and_then(fairlead, backend):
    """Bytes move, so the timeout begins anew; the answer comes whole."""
    proxy = fairlead(manifests.app(backend(answer(b"x" * 50))), "--client-write-timeout", "2s")
    client = proxy.h2c_client(settings=((frames.INITIAL_WINDOW_SIZE, 0),), consumes=False)
    stream = client.request("GET", "/")
    for count in range(1, 51):
        client.give_window(stream, 1)
        client.wait(lambda: stream in client.messages
                    and len(client.messages[stream].body) == count, "a byte")
    assert client.response(stream).status == 200


def test_hostile_72_what_waits_for_windows_is_bounded(fairlead, origin):
    """128 streams, each with an endpoint that has a gigabyte: reading from them stops."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--access-log", "off")
    client = proxy.h2c_client(settings=((frames.INITIAL_WINDOW_SIZE, 0),), consumes=False)
    before = proxy.metric("fairlead_resident_bytes")
    peers = []
    for number in range(128):
        client.request("GET", f"/{number}")
        peers.append(upstream.accept())
        peers[-1].read_request()
        peers[-1].send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        peers[-1].sock.setblocking(False)
    for _ in range(10):
        client.has_news()
        for peer in peers:
            try:
                peer.sock.send(b"x" * (1 << 20))
            except BlockingIOError:
                pass
    client.expect_alive()
    assert proxy.metric("fairlead_resident_bytes") - before < 128 * (256 << 10)


def test_hostile_72_a_client_that_does_not_even_read(fairlead, backend):
    """Its windows are wide open, its socket is full: the connection ends."""
    proxy = fairlead(manifests.app(backend(answer(b"x" * (32 << 20)))), "--client-write-timeout",
                     "500ms")
    client = proxy.h2c_client(receive_buffer=4096, settings=(
        (frames.INITIAL_WINDOW_SIZE, 1 << 30),), consumes=False)
    client.send(frames.window_update(0, 1 << 30))
    client.request("GET", "/")
    proxy.wait_metric("fairlead_timeouts_total", timeout="client_write")


def test_hostile_73_a_flood_past_our_own_window(fairlead, origin):
    """The endpoint does not read, so the window is not given back: one frame too many is enough."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, POST, end=False))
    upstream.accept()
    sent = 0
    while sent < 64 << 20 and client.wire.send_if_open(frames.data(stream, b"x" * 16384)):
        sent += 16384
        if client.has_news() and (client.goaways or stream in client.messages):
            break
    codes = [goaway.code for goaway in client.goaways]
    codes += [message.reset for message in client.messages.values()]
    assert FLOW_CONTROL_ERROR in codes or client.wire.ended
