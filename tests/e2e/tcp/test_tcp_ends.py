# SPDX-License-Identifier: Apache-2.0
"""How bytes and ends cross a relay, passed through or not: back-pressure, half-close, resets, time."""
import contextlib
import hashlib
import random
import select
import ssl

import pytest

from support.tcp import in_thread, was_reset
from support.wait import PATIENCE_S

MEGABYTE = 1 << 20


def stream_of(seed, size):
    return random.Random(seed).randbytes(size)


def send_all(wire, data):
    for at in range(0, len(data), 65536):
        wire.sock.sendall(data[at:at + 65536])


@pytest.mark.parametrize("direction", ["to the endpoint", "to the client"])
def test_tens_of_megabytes_arrive_as_they_were_sent(relay, direction):
    made = relay()
    client, peer = made.open()
    sender, reader = (client, peer) if direction == "to the endpoint" else (peer, client)
    data = stream_of(direction, 24 * MEGABYTE)
    with in_thread(send_all, sender, data):
        digest = hashlib.sha256()
        left = len(data)
        while left:
            piece = reader.read_some()
            assert piece
            digest.update(piece)
            left -= len(piece)
            reader.received.clear()
    assert digest.digest() == hashlib.sha256(data).digest()


def exchange(wire, data, count):
    """Send and read at the same time, in one thread, for a TLS socket is not for two."""
    rest, got = memoryview(data), bytearray()
    wire.sock.setblocking(False)
    while rest or len(got) < count:
        select.select([wire.sock], [wire.sock] if rest else [], [], PATIENCE_S)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            got += wire.sock.recv(262144)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            rest = rest[wire.sock.send(rest[:65536]):] if rest else rest
    return bytes(got)


def test_both_directions_at_once(relay):
    made = relay()
    client, peer = made.open()
    there, back = stream_of(1, 8 * MEGABYTE), stream_of(2, 8 * MEGABYTE)
    with in_thread(exchange, peer, back, len(there)) as at_peer:
        assert exchange(client, there, len(back)) == back
    assert at_peer[0] == there


@pytest.mark.parametrize("direction", ["to the endpoint", "to the client"])
def test_a_reader_that_stands_still_stops_the_sender_and_costs_no_memory(relay, direction):
    made = relay()
    client, peer = made.open()
    sender, reader = (client, peer) if direction == "to the endpoint" else (peer, client)
    data = stream_of(direction, 48 * MEGABYTE)
    before = made.proxy.metric("fairlead_resident_bytes")
    sent = 0
    with in_thread(send_all, sender, data):
        # Nothing moves any more: the sockets are full, and so is the little that waits here.
        label = "in" if direction == "to the endpoint" else "out"
        count = lambda: made.proxy.metric("fairlead_tcp_bytes_total", direction=label)
        while (now := count()) != sent or now == 0:
            sent = now
            made.proxy.metrics()
        assert sent < len(data) / 2
        assert made.proxy.metric("fairlead_resident_bytes") - before < 12 * MEGABYTE
        assert reader.read_exactly(len(data)) == data


# ---- ends ----


def test_an_end_of_the_client_leaves_the_other_direction_open(passing):
    relay = passing()
    client, peer = relay.open()
    client.send(b"last words")
    client.half_close()
    assert peer.read_to_end() == b"last words"
    peer.send(b"a long answer" * 1000)
    assert client.read_exactly(13_000) == b"a long answer" * 1000
    assert relay.proxy.metric("fairlead_tcp_connections") == 1
    peer.close()
    client.expect_end()
    assert not client.was_reset
    relay.wait_ended("ok")


def test_an_end_of_the_endpoint_leaves_the_other_direction_open(passing):
    relay = passing()
    client, peer = relay.open()
    peer.send(b"last words")
    peer.half_close()
    assert client.read_to_end() == b"last words"
    client.send(b"still here")
    assert peer.read_exactly(10) == b"still here"
    client.half_close()
    peer.expect_end()
    relay.wait_ended("ok")


def test_an_end_waits_for_the_bytes_before_it(relay):
    made = relay()
    client, peer = made.open()
    data = stream_of(3, 6 * MEGABYTE)

    def send_and_end():
        send_all(peer, data)
        peer.close()

    with in_thread(send_and_end):
        assert client.read_exactly(len(data)) == data
        client.expect_end()
    assert not client.was_reset


def test_a_reset_of_the_client_resets_the_endpoint(relay):
    made = relay()
    client, peer = made.open()
    client.reset()
    peer.read_to_end()
    assert peer.was_reset
    made.wait_ended("client_gone")
    made.proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")


def test_a_reset_of_the_endpoint_resets_the_client(relay):
    made = relay()
    client, peer = made.open()
    peer.send(b"x")
    assert client.read_exactly(1) == b"x"  # or it might be a connect that failed
    peer.reset()
    client.read_to_end()
    assert was_reset(client)
    made.wait_ended("upstream_reset")
    made.proxy.wait_gauge("fairlead_connections", 0)


def test_a_reset_overtakes_nothing_that_was_sent(passing):
    relay = passing()
    client, peer = relay.open()
    data = stream_of(4, MEGABYTE)
    with in_thread(send_all, peer, data):
        assert client.read_exactly(len(data)) == data
    peer.send(b"the end")
    peer.reset()
    assert client.read_to_end() == b"the end"
    assert client.was_reset


def test_a_client_that_closes_while_it_is_sent_something(relay):
    made = relay()
    client, peer = made.open()
    client.close()
    while peer.send_if_open(b"x" * 65536):
        pass
    made.wait_ended("client_gone")


def test_both_reset_at_once(relay):
    made = relay()
    client, peer = made.open()
    client.reset()
    peer.reset()
    made.proxy.wait_gauge("fairlead_tcp_connections", 0)
    made.proxy.wait_gauge("fairlead_connections", 0)


# ---- time ----


def test_a_silent_connection_is_cut(relay):
    made = relay("--tcp-idle-timeout", "300ms")
    client, peer = made.open()
    client.read_to_end()
    peer.read_to_end()
    assert was_reset(client) and was_reset(peer)
    made.wait_ended("tcp_idle")
    assert made.proxy.timeouts("tcp_idle") == 1


def test_bytes_of_either_side_keep_it_open(relay):
    made = relay("--tcp-idle-timeout", "1s")
    client, peer = made.open()
    for number in range(8):
        sender, reader = (client, peer) if number % 2 else (peer, client)
        reader.expect_silence(0.2)  # the absence of an end is the point
        sender.send(b"x")
        assert reader.read_exactly(1) == b"x"
    assert made.proxy.timeouts("tcp_idle") == 0
