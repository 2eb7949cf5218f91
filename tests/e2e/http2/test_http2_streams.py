# SPDX-License-Identifier: Apache-2.0
"""Many streams on one connection: flow control, cancelling, limits, the end. RFC 9113 sections 5, 6."""
import threading

import pytest

from support import frames, manifests
from support.origin import answer
from support.wait import wait_until


def window_stays_shut(client, stream):
    """Nothing may be sent, and a PING later still nothing."""
    client.expect_alive()
    return client.may_send(stream) == 0


def push_until_stopped(client, stream, most):
    """Send on a stream until its window stays shut; the count of bytes."""
    sent = 0
    while sent < most:
        sent += client.fill_windows(stream)
        if window_stays_shut(client, stream):
            quiet = not client.has_news()
            if quiet and window_stays_shut(client, stream):
                break
    return sent


def test_what_we_announce(h2, backend):
    client = h2(backend()).client()
    client.get("/")
    said = client.peer_settings
    assert said[frames.MAX_CONCURRENT_STREAMS] == 128
    assert said.get(frames.ENABLE_PUSH, 0) == 0
    assert said.get(frames.MAX_FRAME_SIZE, 16384) == 16384
    assert said.get(frames.MAX_HEADER_LIST_SIZE, 1 << 31) >= 16384
    client.wait(lambda: client.acknowledged == 1, "the acknowledgement of our SETTINGS")


def test_a_hundred_streams_at_once(h2, backend):
    upstream = backend(lambda arrived: answer(arrived.target.encode() * 1000))
    client = h2(upstream).client()
    streams = {client.request("GET", f"/{number}"): number for number in range(100)}
    for stream, number in streams.items():
        assert bytes(client.response(stream).body) == b"/%d" % number * 1000


def test_answers_come_in_the_order_they_are_ready(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    slow = client.request("GET", "/slow")
    slow_peer = upstream.accept()
    slow_peer.read_request()
    for number in range(5):
        quick = client.request("GET", f"/quick-{number}")
        peer = upstream.accept()
        peer.read_request()
        peer.send(answer(b"quick", "200 OK", "Connection: close"))
        assert bytes(client.response(quick).body) == b"quick"
        peer.close()
    slow_peer.send(answer(b"slow"))
    assert bytes(client.response(slow).body) == b"slow"


def test_bodies_of_several_streams_take_turns(h2, origin):
    """A big answer does not keep a small one waiting until it is over."""
    upstream = origin()
    client = h2(upstream).client(consumes=False)
    client.give_window(0, 1 << 30)
    big = client.request("GET", "/big")
    peer = upstream.accept()
    peer.read_request()
    threading.Thread(target=peer.send_if_open, args=(answer(b"x" * (4 << 20)),), daemon=True).start()
    client.head(big)  # its window of 64 KiB fills, and no more comes
    small = client.request("GET", "/small")
    other = upstream.accept()
    other.read_request()
    other.send(answer(b"small"))
    assert bytes(client.response(small).body) == b"small"
    assert not client.messages[big].is_over


# ---- flow control ----


def test_a_client_that_stops_reading_holds_little_memory(h2, origin):
    upstream = origin()
    front = h2(upstream)
    client = front.client(consumes=False)
    before = front.proxy.metric("fairlead_resident_bytes")
    streams = [client.request("GET", f"/{number}") for number in range(20)]
    peers = [upstream.accept() for _ in streams]
    sent = 0
    for peer in peers:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        peer.sock.setblocking(False)
    for _ in range(50):
        client.has_news()
        for peer in peers:
            try:
                while sent < 1 << 30:
                    sent += peer.sock.send(b"x" * 65536)
            except BlockingIOError:
                pass
    assert sent < 20 * (8 << 20), "the proxy goes on reading for a client that does not"
    assert front.proxy.metric("fairlead_resident_bytes") - before < 16 << 20
    client.has_news()
    assert sum(len(client.messages[stream].body) for stream in streams
               if stream in client.messages) <= frames.WINDOW


def test_a_client_that_reads_again_gets_the_rest(h2, backend):
    client = h2(backend(answer(b"x" * 300_000))).client(consumes=False)
    stream = client.request("GET", "/")
    client.wait(lambda: client.room == 0, "a full window")
    client.expect_alive()
    assert len(client.messages[stream].body) == frames.WINDOW
    client.give_window(stream, 1 << 20)
    client.give_window(0, 1 << 20)
    assert len(client.response(stream).body) == 300_000


def test_a_window_of_nothing_is_obeyed(h2, backend):
    """The head comes, the body waits for the first WINDOW_UPDATE."""
    front = h2(backend(answer(b"hello")))
    client = front.client(settings=((frames.INITIAL_WINDOW_SIZE, 0),), consumes=False)
    stream = client.request("GET", "/")
    assert client.head(stream).status == 200
    client.expect_alive()
    assert client.messages[stream].body == b"" and not client.messages[stream].ended
    for _ in range(5):
        client.give_window(stream, 1)
    assert bytes(client.response(stream).body) == b"hello"


def test_a_smaller_window_announced_later_counts_for_open_streams(h2, backend):
    """It may become negative; RFC 9113 section 6.9.2."""
    client = h2(backend(answer(b"x" * 100_000))).client(consumes=False)
    stream = client.request("GET", "/")
    client.wait(lambda: client.room == 0, "a full window")
    client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 1000)))
    client.wait(lambda: client.acknowledged == 2, "the acknowledgement")
    client.give_window(0, 1 << 20)
    client.give_window(stream, 64535)  # which only brings it back to nothing
    client.expect_alive()
    assert len(client.messages[stream].body) == frames.WINDOW
    client.give_window(stream, 100_000)
    assert len(client.response(stream).body) == 100_000


def test_an_http_1_endpoint_that_stops_reading_stops_its_stream_only(h2, origin):
    upstream = origin()
    front = h2(upstream)
    client = front.client()
    before = front.proxy.metric("fairlead_resident_bytes")
    stream = client.request("POST", "/stuck", end=False)
    peer = upstream.accept()
    sent = push_until_stopped(client, stream, 64 << 20)
    assert sent < 32 << 20
    assert front.proxy.metric("fairlead_resident_bytes") - before < 8 << 20
    other = client.request("POST", "/free", body=b"y" * 200_000)
    free = upstream.accept()
    assert len(free.read_request().body) == 200_000
    free.send(answer(b"ok"))
    assert client.response(other).status == 200
    client.send(frames.data(stream, b"", end=True))
    assert len(peer.read_request().body) == sent
    peer.send(answer(b"late"))
    assert bytes(client.response(stream).body) == b"late"


def test_an_http_2_endpoint_that_stops_reading_stops_its_stream_only(h2, h2_origin):
    upstream = h2_origin(consumes=False)
    front = h2(upstream, speaks="h2c")
    client = front.client()
    before = front.proxy.metric("fairlead_resident_bytes")
    stream = client.request("POST", "/stuck", end=False)
    peer = upstream.accept()
    stuck = peer.read_request_head()
    sent = push_until_stopped(client, stream, 8 << 20)
    assert sent < 2 << 20, "more than the windows of the endpoint and our own"
    assert front.proxy.metric("fairlead_resident_bytes") - before < 4 << 20
    peer.give_window(0, 1 << 30)
    other = client.request("POST", "/free", body=b"y" * 10_000)
    free = peer.read_request()
    assert len(free.body) == 10_000
    peer.respond(free.stream)
    assert client.response(other).status == 200
    client.send(frames.data(stream, b"", end=True))
    peer.give_window(stuck.stream, 1 << 30)
    peer.wait(lambda: stuck.ended, "the rest")
    assert len(stuck.body) == sent


# ---- cancelling ----


@pytest.mark.parametrize("code", [frames.CANCEL, frames.NO_ERROR, frames.INTERNAL_ERROR])
def test_a_cancelled_stream_takes_its_request_with_it(h2, origin, code):
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("GET", "/")
    peer = upstream.accept()
    peer.read_request()
    client.reset(stream, code)
    peer.read_to_end()  # the connection to the endpoint ends
    client.expect_alive()


def test_a_cancelled_stream_is_cancelled_at_an_http_2_endpoint(h2, h2_origin):
    """And the connection goes on."""
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("GET", "/one")
    peer = upstream.accept()
    one = peer.read_request()
    client.reset(stream)
    peer.wait(lambda: one.reset is not None, "the RST_STREAM")
    assert one.reset in (frames.CANCEL, frames.NO_ERROR)
    stream = client.request("GET", "/two")
    peer.respond(peer.read_request().stream)
    assert client.response(stream).status == 200
    upstream.expect_untouched()


def test_an_answer_that_breaks_off_resets_its_stream(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("GET", "/")
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    client.wait(lambda: stream in client.messages and client.messages[stream].body, "the half")
    peer.reset()
    message = client.ending(stream)
    assert message.reset not in (None, frames.NO_ERROR) and not message.ended
    client.expect_alive()


def test_a_connection_that_goes_cancels_all_its_streams(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    for number in range(5):
        client.request("GET", f"/{number}")
    peers = [upstream.accept() for _ in range(5)]
    for peer in peers:
        peer.read_request()
    client.close()
    for peer in peers:
        peer.read_to_end()


# ---- the end ----


def test_stopping_says_goaway_and_lets_streams_finish(h2, origin):
    upstream = origin()
    front = h2(upstream)
    idle, busy = front.client(), front.client()
    idle.expect_alive()
    stream = busy.request("POST", "/", body=b"half", end=False)
    peer = upstream.accept()
    head = peer.read_request_head()
    front.proxy.terminate()
    idle.read_to_end()
    assert idle.goaways[-1].code == frames.NO_ERROR
    busy.wait(lambda: busy.goaways, "the GOAWAY")
    assert busy.goaways[0].code == frames.NO_ERROR
    assert busy.goaways[0].number >= stream
    busy.send_data(stream, b" and half", end=True)
    assert peer.read_request_body(head) == b"half and half"
    peer.send(answer(b"late"))
    assert bytes(busy.response(stream).body) == b"late"
    busy.read_to_end()
    assert busy.goaways[-1].number == stream
    assert front.proxy.wait_exit() == 0


def test_no_stream_is_lost_between_two_goaways(h2, backend):
    """Streams that were on their way when the first came are answered, or said to be refused."""
    front = h2(backend(), flags=("--drain-delay", "200ms"))
    client = front.client()
    client.get("/")
    front.proxy.terminate()
    asked = []
    try:
        while not client.goaways and not client.ended and len(asked) < 100_000:
            asked.append(client.request("GET", "/"))
            client.wait(lambda: client.messages.get(asked[-1]) and
                        client.messages[asked[-1]].is_over or client.goaways, "an answer")
        client.read_to_end()
    except OSError:
        pass
    last = client.goaways[-1].number
    for stream in asked:
        if stream <= last:
            message = client.messages[stream]
            assert message.ended or message.reset == frames.REFUSED_STREAM, message
    assert front.proxy.wait_exit() == 0


def test_an_idle_connection_is_closed_with_a_goaway(h2, backend):
    front = h2(backend(), flags=("--keep-alive-timeout", "300ms"))
    client = front.client()
    client.get("/")
    client.expect_goaway(frames.NO_ERROR)


def test_a_connection_that_rested_goes_on_as_before(h2, backend):
    """Settings, windows and both header tables are what they were; a PING alone wakes it too."""
    front = h2(backend(lambda arrived: answer(arrived.target.encode(), "200 OK", "X-Same: again")),
               flags=("--keep-alive-timeout", "900ms"))
    client = front.client()
    for number in range(3):
        response = client.get(f"/{number}", "a.test", ("x-mine", "again"))
        assert (response.status, bytes(response.body)) == (200, b"/%d" % number)
        client.wire.expect_silence(0.3)
        client.expect_alive()
        client.wire.expect_silence(0.3)
    client.expect_goaway(frames.NO_ERROR)


def test_a_connection_that_rests_is_told_of_the_drain(h2, backend):
    front = h2(backend())
    client = front.client()
    client.get("/")
    client.wire.expect_silence(0.3)
    front.proxy.terminate()
    client.expect_goaway(frames.NO_ERROR)
    client.read_to_end()
    assert front.proxy.wait_exit() == 0


def test_a_connection_with_a_stream_is_not_idle(h2, origin):
    upstream = origin()
    front = h2(upstream, flags=("--keep-alive-timeout", "100ms"))
    client = front.client()
    stream = client.request("GET", "/")
    peer = upstream.accept()
    peer.read_request()
    client.expect_alive()
    client.wire.expect_silence(0.4)
    peer.send(answer(b"late"))
    assert bytes(client.response(stream).body) == b"late"


def test_a_client_that_says_goaway_gets_its_answers(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("GET", "/")
    peer = upstream.accept()
    peer.read_request()
    client.goaway(0)
    peer.send(answer(b"late"))
    assert bytes(client.response(stream).body) == b"late"
    client.read_to_end()


def test_a_table_that_changes_takes_nothing_away(h2, backend, authority):
    """Streams find the new table, the connection stays."""
    upstream, certificate = backend(), authority.issue("a.test")
    front = h2(objects=manifests.tls_app(certificate, upstream, path="/old"))
    client = front.client()
    assert (client.get("/old").status, client.get("/new").status) == (200, 404)
    front.proxy.apply("test.yaml", manifests.tls_app(certificate, upstream, path="/new"))
    assert (client.get("/old").status, client.get("/new").status) == (404, 200)


def test_the_sessions_that_we_end_are_counted(h2, backend):
    front = h2(backend())
    client = front.client()
    client.send(frames.data(1, b"x"))
    client.expect_goaway(frames.PROTOCOL_ERROR, frames.STREAM_CLOSED)
    wait_until(lambda: sum(value for name, value in front.proxy.metrics().items()
                           if name.startswith("fairlead_http2_sessions_ended_total")) == 1,
               "the count")
