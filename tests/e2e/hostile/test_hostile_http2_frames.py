# SPDX-License-Identifier: Apache-2.0
"""Frames that are out of order, of a wrong size, or not to be read: hostile-input 59, 73 and 74."""
import random

import pytest

from support import frames, manifests
from support.frames import (CANCEL, COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR,
                            STREAM_CLOSED, frame, request_fields)

GET = request_fields(scheme="http")


def fields(*more, **changes):
    return request_fields(*more, scheme=changes.pop("scheme", "http"), **changes)


# ---- 59: frames ----


@pytest.mark.parametrize("first", [
    frames.PREFACE[:-1] + b"X", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n\0\0\0\0\0\0",
    b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", b"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n",
])
def test_hostile_59_a_bad_preface(site, first):
    client = site.client()
    client.send(first + frames.settings() + frames.headers(1, GET))
    client.read_to_end()
    assert b" 200 " not in client.received
    site.origin.expect_untouched()


def test_hostile_59_a_bad_preface_over_tls(secure, origin, authority):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client(alpn=("h2",))
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    client.read_to_end()
    assert b"HTTP/1.1" not in client.received
    upstream.expect_untouched()


@pytest.mark.parametrize("first", [
    frames.headers(1, GET), frames.ping(), frames.data(1, b"x"), frames.SETTINGS_ACK,
    frames.window_update(0, 1), frame(0x77, 0, 0, b"x"),
], ids=["headers", "ping", "data", "settings-ack", "window-update", "unknown"])
def test_hostile_59_a_bad_first_frame(site, first):
    client = site.proxy.h2c_client(begins=False)
    client.send(frames.PREFACE + first)
    client.expect_goaway(PROTOCOL_ERROR)
    site.origin.expect_untouched()


def long(size):
    return b"x" * size


# By what is wrong: what is sent after the preface, and the errors that fit.
CONNECTION_ERRORS = {
    "data on stream 0": (frames.data(0, b"x"), PROTOCOL_ERROR),
    "data on an idle stream": (frames.data(1, b"x"), PROTOCOL_ERROR),
    "data with too much padding": (frames.headers(1, GET, end=False)
                                   + frame(frames.DATA, frames.PADDED, 1, b"\x05xx"), PROTOCOL_ERROR),
    "data with nothing where the padding is told": (
        frames.headers(1, GET, end=False) + frame(frames.DATA, frames.PADDED, 1), FRAME_SIZE_ERROR,
        PROTOCOL_ERROR),
    "headers on stream 0": (frames.headers(0, GET), PROTOCOL_ERROR),
    "headers on an even stream": (frames.headers(2, GET), PROTOCOL_ERROR),
    "headers on a lower stream": (
        frames.headers(5, fields(method="OPTIONS", path="*"))
        + frames.headers(3, GET), PROTOCOL_ERROR, STREAM_CLOSED),
    "headers with too much padding": (
        frame(frames.HEADERS, frames.PADDED | 5, 1, b"\xff" + frames.block_of(GET)), PROTOCOL_ERROR),
    "priority on stream 0": (frames.priority(0), PROTOCOL_ERROR),
    "reset of stream 0": (frames.rst_stream(0), PROTOCOL_ERROR),
    "reset of an idle stream": (frames.rst_stream(1), PROTOCOL_ERROR),
    "reset too short": (frames.headers(1, GET, end=False) + frame(frames.RST_STREAM, 0, 1, b"123"),
                        FRAME_SIZE_ERROR),
    "settings on a stream": (frame(frames.SETTINGS, 0, 1), PROTOCOL_ERROR),
    "settings of an odd size": (frame(frames.SETTINGS, 0, 0, b"12345"), FRAME_SIZE_ERROR),
    "settings acknowledged with a payload": (frame(frames.SETTINGS, frames.ACK, 0, b"123456"),
                                             FRAME_SIZE_ERROR),
    "push neither on nor off": (frames.settings((frames.ENABLE_PUSH, 2)), PROTOCOL_ERROR),
    "a window too large": (frames.settings((frames.INITIAL_WINDOW_SIZE, 1 << 31)),
                           FLOW_CONTROL_ERROR),
    "frames too small": (frames.settings((frames.MAX_FRAME_SIZE, 16383)), PROTOCOL_ERROR),
    "frames too large": (frames.settings((frames.MAX_FRAME_SIZE, 1 << 24)), PROTOCOL_ERROR),
    "ping on a stream": (frame(frames.PING, 0, 1, b"12345678"), PROTOCOL_ERROR),
    "ping of another size": (frame(frames.PING, 0, 0, b"1234567"), FRAME_SIZE_ERROR),
    "goaway on a stream": (frame(frames.GOAWAY, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
    "goaway too short": (frame(frames.GOAWAY, 0, 0, b"\0" * 7), FRAME_SIZE_ERROR),
    "window update of another size": (frame(frames.WINDOW_UPDATE, 0, 0, b"123"), FRAME_SIZE_ERROR),
    "window update of nothing": (frames.window_update(0, 0), PROTOCOL_ERROR),
    "window update of an idle stream": (frames.window_update(1, 1), PROTOCOL_ERROR),
    "continuation of nothing": (frames.continuation(1, GET), PROTOCOL_ERROR),
    "continuation after the end": (frames.headers(1, GET) + frames.continuation(1, GET),
                                   PROTOCOL_ERROR),
    "a frame within a header block": (frames.headers(1, GET, whole=False) + frames.ping(),
                                      PROTOCOL_ERROR),
    "an unknown frame within a header block": (
        frames.headers(1, GET, whole=False) + frame(0x77, 0, 1), PROTOCOL_ERROR),
    "another stream within a header block": (
        frames.headers(1, GET, whole=False) + frames.continuation(3, GET), PROTOCOL_ERROR),
    "data too long": (frames.headers(1, GET, end=False) + frame(frames.DATA, 0, 1, long(16385)),
                      FRAME_SIZE_ERROR),
    "headers too long": (frame(frames.HEADERS, 5, 1, long(16385)), FRAME_SIZE_ERROR),
    "an unknown frame too long": (frame(0x77, 0, 0, long(16385)), FRAME_SIZE_ERROR),
    "an index that is not there": (frames.headers(1, frames.indexed(99)), COMPRESSION_ERROR),
    "index 0": (frames.headers(1, b"\x80"), COMPRESSION_ERROR),
    "a length past the end": (frames.headers(1, b"\0\x7f\x20x"), COMPRESSION_ERROR),
    "an integer without end": (frames.headers(1, b"\xff" + b"\xff" * 20), COMPRESSION_ERROR),
    "a table larger than allowed": (frames.headers(1, frames.table_size(1 << 20)
                                                   + frames.block_of(GET)), COMPRESSION_ERROR),
    "a table size at the end": (frames.headers(1, frames.block_of(GET) + frames.table_size(100)),
                                COMPRESSION_ERROR),
    "Huffman padding of zeros": (frames.headers(1, b"\0\x81\x00\x01x"), COMPRESSION_ERROR),
    "Huffman with the end in it": (frames.headers(1, b"\0\x84\xff\xff\xff\xff\x01x"),
                                   COMPRESSION_ERROR),
}


@pytest.mark.parametrize("what", CONNECTION_ERRORS)
def test_hostile_59_a_connection_error(fairlead, backend, what):
    """GOAWAY with the error of RFC 9113, and the end. Its own program: some of it may get through."""
    sent, *codes = CONNECTION_ERRORS[what]
    proxy = fairlead(manifests.app(backend()))
    client = proxy.h2c_client()
    client.new_stream()
    client.new_stream()
    client.new_stream()
    client.wire.send_if_open(sent)
    client.expect_goaway(*codes)
    assert proxy.get("/").status == 200


@pytest.mark.parametrize("sent", [
    frame(0x77, 0xff, 0, b"x" * 100), frame(0x77, 0, 99, b"x"), frames.settings((0x99, 1)),
    frame(frames.PING, 0xfe & ~1, 0, b"12345678"), frames.priority(7), frames.priority(1, on=3),
    frames.settings((frames.HEADER_TABLE_SIZE, 0)), frames.window_update(0, 0x7fffffff - 65535),
], ids=["unknown-frame", "unknown-on-idle", "unknown-setting", "unknown-flags", "priority",
        "priority-on-idle", "no-table", "largest-window"])
def test_hostile_59_what_is_to_be_ignored_is(site, sent):
    client = site.proxy.h2c_client()
    client.send(sent)
    client.expect_alive()


def test_hostile_59_data_after_the_end_of_a_request(site):
    """A stream error or a connection error; nobody sees the bytes."""
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, GET))
    peer = site.origin.accept()
    assert peer.read_request().framing() is None
    client.send(frames.data(stream, b"more"))
    client.wait(lambda: client.goaways or client.messages.get(stream), "the refusal")
    code = client.goaways[0].code if client.goaways else client.messages[stream].reset
    assert code == STREAM_CLOSED
    assert b"more" not in peer.read_to_end()


# ---- 73, 74: windows and resets ----


def test_hostile_73_the_window_of_a_stream_overflows(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, GET))
    peer = site.origin.accept()
    client.send(frames.window_update(stream, 0x7FFFFFFF))
    client.expect_reset(stream, FLOW_CONTROL_ERROR)
    client.expect_alive()
    peer.read_to_end()


def test_hostile_73_the_window_of_a_connection_overflows(site):
    client = site.proxy.h2c_client()
    client.send(frames.window_update(0, 0x7FFFFFFF))
    client.expect_goaway(FLOW_CONTROL_ERROR)


def test_hostile_73_a_setting_makes_a_window_overflow(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, GET))
    peer = site.origin.accept()
    client.send(frames.window_update(stream, 0x7FFFFFFF - 65535),
                frames.settings((frames.INITIAL_WINDOW_SIZE, 65536)))
    client.wait(lambda: client.goaways or client.messages.get(stream), "the refusal")
    code = client.goaways[0].code if client.goaways else client.messages[stream].reset
    assert code == FLOW_CONTROL_ERROR
    peer.read_to_end()


def test_hostile_73_a_session_that_overflowed_leaves_nothing_behind(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    proxy.get("/")
    before = proxy.metric("fairlead_resident_bytes")
    for _ in range(100):
        client = proxy.h2c_client()
        client.send(frames.headers(client.new_stream(), GET), frames.window_update(0, 0x7FFFFFFF))
        client.expect_goaway(FLOW_CONTROL_ERROR)
        client.close()
    assert proxy.metric("fairlead_resident_bytes") - before < 100 * (128 << 10)


@pytest.mark.slow
def test_hostile_74_resets_and_data_in_any_order(fairlead, backend):
    """10,000 of them; whatever they hit, it is not freed memory."""
    proxy = fairlead(manifests.app(backend()), "--access-log", "off")
    chance = random.Random(74)
    for _ in range(100):
        client = proxy.h2c_client()
        sent = b""
        for number in range(100):
            stream = 2 * (number // 2) + 1
            opens = frames.headers(stream, fields(method="POST"), end=False)
            some = [frames.rst_stream(stream, CANCEL), frames.data(stream, b"x" * 10),
                    frames.data(stream, b"x", end=True), frames.window_update(stream, 10),
                    frames.headers(stream, [("x", "y")]), frames.priority(stream)]
            sent += (opens if number % 2 == 0 else b"") + b"".join(
                chance.choices(some[:2], k=1) + chance.choices(some, k=chance.randrange(3)))
        client.wire.send_if_open(sent)
        client.wire.send_if_open(frames.ping())
        client.wire.close()
    assert proxy.get("/").status == 200
