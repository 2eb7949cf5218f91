# SPDX-License-Identifier: Apache-2.0
"""The reader of messages is what most tests rest on: it must not be kinder than it says."""
import socket

import hpack
import pytest

from support import frames, h2, http, manifests
from support.certificates import Authority
from support.origin import Replay
from support.ports import closed_port, listen, stop_listening


def read_request(data):
    wire = Replay(data)
    message = http.read_request(wire)
    return message, bytes(wire.pending)


def test_a_whole_request_and_what_follows_it():
    message, rest = read_request(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET")
    assert (message.method, message.target, message.body, rest) == ("POST", "/x", b"ok", b"GET")


def test_a_chunked_request():
    message, rest = read_request(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx")
    assert (message.body, message.chunks, rest) == (b"ok", [2, 0], b"x")


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nX : y\r\n\r\n", b"GET / HTTP/1.1\r\n X: y\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\nX: y\r\n\r\n", b"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n",
])
def test_malformed_messages_fail_the_test(data):
    with pytest.raises(AssertionError):
        read_request(data)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nok",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
])
def test_a_message_cut_short_is_incomplete(data):
    with pytest.raises(http.Incomplete):
        read_request(data)


def test_manifests_are_yaml_with_every_string_quoted():
    assert manifests.to_yaml({"a": [{"b": "x\r\n: y"}, 1], "c": {}}) == (
        '"a":\n  -\n    "b": "x\\r\\n: y"\n  - 1\n"c": {}\n')


# ---- HTTP/2 ----


def test_integers_and_text_as_rfc_7541_has_them():
    assert frames.integer(10, 5) == b"\x0a"
    assert frames.integer(1337, 5) == b"\x1f\x9a\x0a"
    block = frames.block_of([(":method", "GET"), ("x", "y" * 200)]) + frames.remembered("a", "b")
    assert hpack.Decoder().decode(block + frames.indexed(62)) == [
        (":method", "GET"), ("x", "y" * 200), ("a", "b"), ("a", "b")]


def test_a_frame_is_read_as_it_was_written():
    read = frames.read_frame(Replay(frames.data(7, b"hello", end=True, padding=3) + b"rest"))
    assert (read.kind, read.stream, read.content, read.has(frames.END_STREAM)) == (
        frames.DATA, 7, b"hello", True)
    assert frames.read_frame(Replay(frames.goaway(5, frames.ENHANCE_YOUR_CALM))).code == (
        frames.ENHANCE_YOUR_CALM)
    assert frames.read_frame(Replay(frames.settings((3, 128)))).settings() == {3: 128}


@pytest.mark.parametrize("fields, is_request, is_trailers", [
    ([(":status", "200"), ("Upper", "x")], False, False), ([("x", "y")], False, False),
    ([(":status", "200"), ("connection", "x")], False, False),
    ([("x", "y"), (":status", "200")], False, False), ([(":status", "200")], False, True),
    ([(":method", "GET"), (":path", "/")], True, False),
    ([(":status", "200"), ("x", " y")], False, False),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("te", "gzip")], True, False),
])
def test_malformed_heads_fail_the_test(fields, is_request, is_trailers):
    with pytest.raises(AssertionError):
        h2.check_head(fields, is_request, is_trailers)


def client_that_reads(data):
    wire = Replay(data)
    wire.send = wire.send_if_open = lambda *pieces: True
    client = h2.H2Client(wire)
    client.new_stream()
    return client


@pytest.mark.parametrize("data", [
    frames.headers(3, [(":status", "200")]), frames.data(1, b"x"), frames.data(0, b"x"),
    frames.headers(1, [(":status", "200")]) + frames.data(1, b"x"),
    frames.headers(1, [(":status", "200")], whole=False) + frames.ping(),
    frames.headers(1, [(":status", "200")], end=False) + frames.data(1, b"x" * 16384) * 5,
    frames.push_promise(1, 2, [(":status", "200")]), frames.window_update(1, 0),
], ids=["idle-stream", "no-head", "stream-0", "after-the-end", "within-a-block", "past-the-window",
        "push", "no-increment"])
def test_malformed_frames_fail_the_test(data):
    client = client_that_reads(data)
    client.consumes = False
    with pytest.raises(AssertionError):
        client.read_to_end()


def test_certificates_say_what_they_were_asked_to():
    authority = Authority()
    made = authority.issue("a.test", "127.0.0.1", "spiffe://x", days=(-1, 10))
    assert made.leaf.issuer == authority.certificate.subject
    assert "BEGIN CERTIFICATE" in made.pem and "BEGIN PRIVATE KEY" in made.key_pem
    assert authority.issue("a.test").serial != made.serial
    assert Authority("team", parent=authority).issue("b.test").pem.count("BEGIN") == 2


def test_a_port_where_nobody_listens_stays_ours_and_can_be_listened_on_again():
    port = closed_port()
    for _ in range(2):
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.1", port))
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port))
        listener = listen(port)
        socket.create_connection(("127.0.0.1", port)).close()
        stop_listening(listener)
