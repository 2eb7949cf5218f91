# SPDX-License-Identifier: Apache-2.0
"""Malformed HTTP/2 messages and frames: hostile-input 59 to 67 and 73 to 75. Floods have their own file."""
import random

import pytest

from support import frames, manifests
from support.frames import (CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR,
                            FRAME_SIZE_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, frame, request_fields)
from support.origin import OK

GET = request_fields(scheme="http")


def fields(*more, **changes):
    return request_fields(*more, scheme=changes.pop("scheme", "http"), **changes)


def refuse(site, block, *codes, answers=()):
    """
    A request with this head is reset and reaches nobody; or, where `answers` allows it, answered so.
    The connection lives on.
    """
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    message = client.ending(stream)
    if message.fields is not None and answers:
        assert message.status in answers, message
    else:
        client.expect_reset(stream, *(codes or (PROTOCOL_ERROR,)))
    client.expect_alive()
    site.origin.expect_untouched()


def arrives(site, client, block):
    """A request with this head is answered; as it arrived."""
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    peer = site.origin.accept()
    request = peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    assert client.response(stream).status == 200
    peer.expect_end()
    return request


def test_what_these_tests_vary_is_a_request(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("x", "y")))
    assert (arrived.method, arrived.target, arrived.get("x")) == ("GET", "/", "y")


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
        frames.headers(1, GET, end=False) + frame(frames.DATA, frames.PADDED, 1), FRAME_SIZE_ERROR),
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
    frames.goaway(0, 0x99),
], ids=["unknown-frame", "unknown-on-idle", "unknown-setting", "unknown-flags", "priority",
        "priority-on-idle", "no-table", "largest-window", "unknown-error"])
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


# ---- 60: pseudo-fields ----


@pytest.mark.parametrize("block", [
    fields((":unknown", "x")), fields((":status", "200")), fields((":method", "GET")),
    fields((":path", "/other")), fields((":authority", "b.test")), fields((":scheme", "http")),
    fields(method=None), fields(path=None), fields(scheme=None),
    [("x", "y"), *GET], [*GET[:3], ("x", "y"), GET[3]],
    fields(path=""), fields(method=""), fields(scheme=""), fields(("", "x")),
], ids=["unknown", "of-a-response", "two-methods", "two-paths", "two-authorities", "two-schemes",
        "no-method", "no-path", "no-scheme", "late", "one-late", "empty-path", "empty-method",
        "empty-scheme", "empty-name"])
def test_hostile_60_pseudo_fields(site, block):
    refuse(site, block)


@pytest.mark.parametrize("name", [":path", ":method", ":status", ":unknown"])
def test_hostile_60_pseudo_fields_in_trailers(site, name):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [(name, "/x")]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer.expect_aborted()


def test_hostile_60_trailers_that_do_not_end_the_stream(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [("x", "y")], end=False))
    client.wait(lambda: client.goaways or client.messages.get(stream), "the refusal")
    code = client.goaways[0].code if client.goaways else client.messages[stream].reset
    assert code == PROTOCOL_ERROR
    peer.expect_aborted()


# ---- 61: names and values ----


@pytest.mark.parametrize("name", [
    "X-Upper", "x-Upper", "x:y", "x y", "x\ty", "x\0", "x\r", "x\n", "x\r\ny", "x\x7f", "x\x80", "x\xe9",
    "x(y", "x,y", " x", "x ",
])
def test_hostile_61_a_name_that_is_none(site, name):
    refuse(site, fields((name, "1")))


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\r\nInjected: 1", "a\0b", "\r", "\n", "\0",
                                   "a\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"])
def test_hostile_61_a_value_with_a_line_end(site, value):
    refuse(site, fields(("x", value)))


@pytest.mark.parametrize("value", [" a", "a ", "\ta", "a\t", " ", "a \t"])
def test_hostile_61_blanks_around_a_value(site, value):
    refuse(site, fields(("x", value)))


@pytest.mark.parametrize("value", ["", "a b", "a\tb", "\xff\x80", "a" * 8000])
def test_hostile_61_other_values_pass(site, value):
    assert arrives(site, site.proxy.h2c_client(), fields(("x", value))).get("x") == value


@pytest.mark.parametrize("pseudo", ["method", "path", "host", "scheme"])
@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\0", " ", "\x7f", "\t"])
def test_hostile_61_pseudo_fields_inject_nothing(site, pseudo, bad):
    start = {"method": "GET", "path": "/", "host": "a.test", "scheme": "http"}[pseudo]
    refuse(site, fields(**{pseudo: start + bad}))


# ---- 62: fields of a connection ----


@pytest.mark.parametrize("field", [
    ("connection", "close"), ("connection", "x"), ("transfer-encoding", "chunked"),
    ("transfer-encoding", "identity"), ("upgrade", "websocket"), ("upgrade", "h2c"),
    ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("te", "gzip"),
    ("te", "trailers, gzip"), ("te", ""), ("te", "chunked"),
], ids=lambda field: "-".join(field))
def test_hostile_62_fields_of_a_connection(site, field):
    refuse(site, fields(field))


def test_hostile_62_te_trailers_is_fine(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("te", "trailers")))
    assert not arrived.has("Transfer-Encoding")


@pytest.mark.parametrize("field", [("transfer-encoding", "chunked"), ("connection", "close")])
def test_hostile_62_not_in_trailers_either(site, field):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [field]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer.expect_aborted()


# ---- 63: lengths ----


@pytest.mark.parametrize("length, sent", [("5", b"hell"), ("5", b"hello!"), ("5", b""), ("0", b"x"),
                                          ("5", b"hello\r\nGET /smuggled HTTP/1.1\r\n\r\n")])
def test_hostile_63_a_length_that_is_not_kept(site, length, sent):
    """The endpoint never sees a complete request, nor a byte more than the length."""
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", length), method="POST"), end=False),
                frames.data(stream, sent, end=True))
    client.expect_reset(stream, PROTOCOL_ERROR)
    client.expect_alive()
    peer = site.origin.accept_waiting()
    if peer is not None:
        peer.expect_aborted()
        assert b"smuggled" not in peer.received


def test_hostile_63_a_body_that_grows_past_its_length_after_a_while(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), method="POST"), end=False),
                frames.data(stream, b"hel"))
    peer = site.origin.accept()
    peer.read_until(b"hel")
    client.send(frames.data(stream, b"lo and more"))
    client.expect_reset(stream, PROTOCOL_ERROR)
    assert b"more" not in peer.read_to_end()
    peer.expect_aborted()


def test_hostile_63_an_end_before_the_length(site):
    refuse(site, fields(("content-length", "5"), method="POST"))


def test_hostile_63_trailers_before_the_length(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), method="POST"), end=False),
                frames.data(stream, b"hell"), frames.headers(stream, [("x", "y")]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer = site.origin.accept_waiting()
    assert peer is None or peer.expect_aborted() is None


@pytest.mark.parametrize("value", ["+5", "-1", "0x5", "5 5", "", "5,5", "99999999999999999999", "1_0"])
def test_hostile_63_a_length_that_is_no_number(site, value):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", value), method="POST"), end=False))
    client.expect_reset(stream, PROTOCOL_ERROR)
    site.origin.expect_untouched()


@pytest.mark.parametrize("second", ["5", "6"])
def test_hostile_63_two_lengths(site, second):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), ("content-length", second),
                                              method="POST"), end=False))
    client.expect_reset(stream, PROTOCOL_ERROR)
    site.origin.expect_untouched()


# ---- 64, 65: what a request line would be ----


@pytest.mark.parametrize("changes", [
    {"method": "GE T"}, {"method": "GET/"}, {"method": "G" * 33}, {"method": "\xe9"},
    {"path": "x"}, {"path": "http://a.test/"}, {"path": "*"}, {"path": "/a b"}, {"path": "/\x80"},
    {"path": "/#x"}, {"path": "/\x01"}, {"scheme": "ftp"}, {"scheme": "https"}, {"scheme": "HTTP/"},
    {"method": "OPTIONS", "path": "*x"},
], ids=str)
def test_hostile_64_a_request_line_that_could_not_be(site, changes):
    refuse(site, fields(**changes))


@pytest.mark.parametrize("path", ["/%zz", "/%u002f", "/%", "/%0", "/%00", "/..", "/a/../../b",
                                  "/%2e%2e/", "/\\", "/%5c"])
def test_hostile_64_a_path_with_no_normal_form(site, path):
    """As over HTTP/1: rules 33 to 37."""
    refuse(site, fields(path=path), answers=(400,))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_hostile_64_methods_that_are_not_for_here(site, method):
    changes = {"path": None, "scheme": None} if method == "CONNECT" else {}
    refuse(site, fields(method=method, **changes), answers=(400, 405))


def test_hostile_64_unknown_methods_pass(site):
    assert arrives(site, site.proxy.h2c_client(), fields(method="BREW")).method == "BREW"


@pytest.mark.parametrize("host", [
    "user@a.test", "a.test/x", "a test", "a.test:99999", "a.test:x", "a%2etest", "", "a.test,b.test",
    "a.test?x", "a.test#x", "[::1", "http://a.test",
])
@pytest.mark.parametrize("where", ["authority", "host"])
def test_hostile_65_an_authority_that_is_none(site, host, where):
    block = (fields(host=host) if where == "authority" else fields(("host", host), host=None))
    refuse(site, block)


@pytest.mark.parametrize("host", ["b.test", "a.test:81", "a.test.evil", "a.tes", ""])
def test_hostile_65_authority_and_host_that_differ(site, host):
    refuse(site, fields(("host", host)))


def test_hostile_65_two_hosts(site):
    refuse(site, fields(("host", "a.test"), ("host", "b.test"), host=None))


def test_hostile_65_no_host_at_all(site):
    refuse(site, fields(host=None), answers=(400,))


def test_hostile_65_authority_and_host_that_agree(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("host", "a.test")))
    assert arrived.get("Host") == "a.test"


# ---- 66, 67: heads that are too large ----


def too_much(site, client, block):
    """431 or ENHANCE_YOUR_CALM; the connection goes on, its table of fields in step."""
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    message = client.ending(stream)
    assert message.reset == ENHANCE_YOUR_CALM or message.status == 431, message
    site.origin.expect_untouched()


@pytest.mark.parametrize("name", ["x-big", "cookie"])
def test_hostile_66_a_bomb_of_references(site, name):
    """4 KiB once, and 20 references of a byte each: counted as what they stand for."""
    client = site.proxy.h2c_client()
    big = "y" * 4000
    too_much(site, client, frames.block_of(GET) + frames.remembered(name, big)
             + frames.indexed(62) * 20)
    arrived = arrives(site, client, frames.block_of(GET) + frames.indexed(62))
    assert arrived.get(name) == big


def test_hostile_66_a_bomb_of_tiny_fields(site):
    """Each counts 32 bytes more than it has: RFC 7541 section 4.1."""
    client = site.proxy.h2c_client()
    too_much(site, client, frames.block_of(GET) + frames.remembered("x", "") + frames.indexed(62) * 3000)
    assert arrives(site, client, frames.block_of(GET) + frames.indexed(62)).get("x") == ""


@pytest.mark.parametrize("name", ["x", "cookie"])
def test_hostile_66_too_many_fields(site, name):
    client = site.proxy.h2c_client()
    too_much(site, client, fields(*[(name, "1")] * 101))
    assert len(arrives(site, client, fields(*[(name, "1")] * 80)).all(name)) in (1, 80)


def test_hostile_66_bombs_leave_no_memory_behind(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metric("fairlead_resident_bytes")
    clients = [proxy.h2c_client() for _ in range(10)]
    for client in clients:
        block = frames.block_of(GET) + frames.remembered("x", "y" * 4000)
        for _ in range(15):
            stream = client.new_stream()
            client.send(frames.headers(stream, block + frames.indexed(62) * 4000))
            block = frames.block_of(GET)
            client.ending(stream)
    assert proxy.metric("fairlead_resident_bytes") - before < 16 << 20
    assert proxy.get("/").status == 200


def test_hostile_67_a_header_block_over_64_kib(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    piece = frames.literal("x", "y" * 16000)
    client.wire.send_if_open(frames.headers(stream, frames.block_of(GET), whole=False)
                             + frames.continuation(stream, piece, whole=False) * 6)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_too_many_continuations(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.wire.send_if_open(
        frames.headers(stream, frames.block_of(GET), whole=False)
        + frames.continuation(stream, [("x", "y")], whole=False) * 20)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_an_empty_continuation(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.wire.send_if_open(frames.headers(stream, frames.block_of(GET), whole=False)
                             + frames.continuation(stream, b"", whole=False))
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_a_flood_of_continuations_without_end(fairlead, backend):
    """A gigabyte of them could be sent; a few frames in, the connection is gone."""
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metric("fairlead_resident_bytes")
    client = proxy.h2c_client()
    client.send(frames.headers(client.new_stream(), frames.block_of(GET), whole=False))
    flood = frames.continuation(1, frames.literal("x", "y" * 1000), whole=False) * 100
    sent = 0
    while sent < 1 << 30 and client.wire.send_if_open(flood):
        sent += len(flood)
    assert sent < 32 << 20
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20


def test_hostile_67_a_few_continuations_are_fine(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, [], whole=False))
    for pair in GET:
        client.send(frames.continuation(stream, [pair], whole=False))
    client.send(frames.continuation(stream, b"", whole=True))
    peer = site.origin.accept()
    peer.read_request()
    peer.send(OK)
    assert client.response(stream).status == 200
    peer.close()


# ---- 73 to 75 ----


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
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20


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


def test_hostile_75_a_client_does_not_push(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.push_promise(stream, 2, GET))
    client.expect_goaway(PROTOCOL_ERROR)
    peer.expect_aborted()


@pytest.mark.parametrize("protocol", ["connect-udp", "", "websocket\r\n", "h2c"])
def test_hostile_75_an_extended_connect_of_another_kind(site, protocol):
    refuse(site, fields((":protocol", protocol), method="CONNECT"), answers=(400, 405, 501))


def test_hostile_75_a_protocol_without_a_connect(site):
    refuse(site, [*GET, (":protocol", "websocket")])


def test_hostile_75_goaways_of_a_client_are_no_weapon(site):
    client = site.proxy.h2c_client()
    for last in (5, 0, 0x7FFFFFFF, 1, 2):
        client.wire.send_if_open(frames.goaway(last, PROTOCOL_ERROR))
    client.read_to_end()
    assert site.proxy.ask(b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 200
