# SPDX-License-Identifier: Apache-2.0
"""Heads, bodies, trailers: HTTP/2 in front, HTTP/1 and HTTP/2 behind. RFC 9113 section 8."""
import json

import pytest

from support import frames
from support.client import chunked, request
from support.origin import answer


def echo(arrived):
    return answer(arrived.body)


# ---- HTTP/1 behind ----


def test_a_get(h2, backend):
    upstream = backend(answer(b"hello", "200 OK", "X-Y: z", "Connection: x", "Keep-Alive: 5"))
    front = h2(upstream)
    response = front.client().get("/x?y=z", "a.test", ("user-agent", "test"))
    assert (response.status, bytes(response.body), response.get("x-y")) == (200, b"hello", "z")
    assert response.get("content-length") == "5"
    arrived = upstream.requests[0]
    assert (arrived.method, arrived.target, arrived.minor) == ("GET", "/x?y=z", 1)
    assert {name: arrived.get(name) for name in ("Host", "User-Agent", "X-Forwarded-For",
                                                 "X-Forwarded-Host", "X-Forwarded-Proto")} == {
        "Host": "a.test", "User-Agent": "test", "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": "a.test",
        "X-Forwarded-Proto": "https" if front.over == "tls" else "http"}


def test_a_post_with_a_length(h2, backend):
    upstream = backend(echo)
    client = h2(upstream).client()
    response = client.ask("POST", "/", "a.test", ("content-length", "5"), body=b"hello")
    assert bytes(response.body) == b"hello"
    assert upstream.requests[0].framing() == ("length", 5)


def test_a_post_without_a_length_becomes_chunks(h2, backend):
    upstream = backend(echo)
    response = h2(upstream).client().ask("POST", "/", body=b"hello")
    assert bytes(response.body) == b"hello"
    assert upstream.requests[0].framing() == ("chunked", None)


def test_a_request_without_a_body_has_no_framing(h2, backend):
    upstream = backend()
    h2(upstream).client().ask("GET", "/")
    assert upstream.requests[0].framing() is None


def test_an_empty_post(h2, backend):
    """END_STREAM with the head, or on an empty DATA frame: an empty body either way."""
    upstream = backend(echo)
    client = h2(upstream).client()
    assert client.ask("POST", "/").status == 200
    stream = client.request("POST", "/", end=False)
    client.send_data(stream, b"", end=True)
    assert client.response(stream).status == 200
    assert [arrived.body for arrived in upstream.requests] == [b"", b""]


@pytest.mark.parametrize("size", [1, 16384, 16385, 65535, 65536, 1 << 20, 8 << 20])
def test_bodies_of_any_size_both_ways(h2, backend, size):
    client = h2(backend(echo)).client()
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert bytes(client.ask("POST", "/", body=body).body) == body
    assert client.get("/").status == 200


def test_padding_is_no_body(h2, backend):
    client = h2(backend(echo)).client()
    stream = client.request("POST", "/", end=False)
    client.send(frames.data(stream, b"hel", padding=0), frames.data(stream, b"lo", padding=255),
                frames.data(stream, b"", padding=9, end=True))
    assert bytes(client.response(stream).body) == b"hello"


def test_head_has_no_body(h2, backend):
    upstream = backend(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    client = h2(upstream).client()
    response = client.ask("HEAD", "/")
    assert (response.status, response.get("content-length"), response.data_frames) == (200, "5", 0)
    assert client.ask("HEAD", "/").status == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_that_have_no_body(h2, backend, status):
    client = h2(backend(f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode())).client()
    response = client.get("/")
    assert (response.status, bytes(response.body), response.get("etag")) == (
        int(status[:3]), b"", "x")


def test_chunks_and_bodies_until_the_end(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    for head, body in ((b"Transfer-Encoding: chunked\r\n\r\n", chunked(b"hel", b"lo")),
                       (b"Connection: close\r\n\r\n", b"hello")):
        stream = client.request("GET", "/")
        peer = upstream.accept() if not upstream.peers else upstream.peers[0]
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + head + body)
        if b"close" in head:
            peer.close()
        response = client.response(stream)
        assert (bytes(response.body), response.has("content-length")) == (b"hello", False)


def test_interim_answers_pass(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("GET", "/")
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"ok"))
    response = client.response(stream)
    assert [dict(head)[":status"] for head in response.interim] == ["103"]
    assert (dict(response.interim[0])["link"], response.status) == ("</x>", 200)


def test_expect_continue(h2, origin):
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("POST", "/", "a.test", ("expect", "100-continue"),
                            ("content-length", "5"), end=False)
    peer = upstream.accept()
    head = peer.read_request_head()
    if head.has("Expect"):
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.wait(lambda: stream in client.messages and client.messages[stream].interim, "the 100")
    client.send_data(stream, b"hello", end=True)
    assert peer.read_request_body(head) == b"hello"
    peer.send(answer(b"done"))
    assert bytes(client.response(stream).body) == b"done"


def test_an_answer_that_comes_early_is_whole(h2, origin):
    """The stream is closed with NO_ERROR, so that the client stops sending (RFC 9113 section 8.1)."""
    upstream = origin()
    client = h2(upstream).client()
    stream = client.request("POST", "/", body=b"x" * 1000, end=False)
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(answer(b"enough", "413 Content Too Large", "Connection: close"))
    response = client.response(stream)
    assert (response.status, bytes(response.body)) == (413, b"enough")
    client.wait(lambda: response.reset is not None, "the RST_STREAM")
    assert response.reset in (frames.NO_ERROR, frames.CANCEL)
    client.expect_alive()


def test_cookie_crumbs_become_one_line(h2, backend):
    """RFC 9113 section 8.2.3: HTTP/1 has one Cookie field."""
    upstream = backend()
    h2(upstream).client().get("/", "a.test", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3"))
    assert upstream.requests[0].all("Cookie") == ["a=1; b=2; c=3"]


def test_several_cookies_stay_several(h2, backend):
    upstream = backend(answer(b"", "200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2"))
    response = h2(upstream).client().get("/")
    assert response.all("set-cookie") == ["a=1", "b=2"]


def test_names_are_written_small(h2, backend):
    upstream = backend(answer(b"", "200 OK", "X-UPPER: Value", "ETag: Q"))
    response = h2(upstream).client().get("/")
    assert (response.get("x-upper"), response.get("etag")) == ("Value", "Q")


def test_a_host_field_will_do_for_an_authority(h2, backend):
    upstream = backend()
    client = h2(upstream).client()
    stream = client.new_stream()
    client.send_head(stream, [(":method", "GET"), (":scheme", client.scheme), (":path", "/"),
                              ("host", "a.test")], end=True)
    assert client.response(stream).status == 200
    assert upstream.requests[0].get("Host") == "a.test"


@pytest.mark.parametrize("path, normal", [("/a/../b", "/b"), ("//a", "/a"), ("/%61", "/a")])
def test_paths_have_one_normal_form(h2, backend, path, normal):
    upstream = backend()
    h2(upstream).client().get(path)
    assert upstream.requests[0].target == normal


def test_our_own_answers(h2):
    client = h2().client()
    response = client.get("/")
    assert (response.status, response.reason_code) == (503, "no_endpoint")
    assert not response.has("connection")
    assert client.ask("HEAD", "/").data_frames == 0
    assert client.get("/", "none.test").status in (404, 421)


def test_options_for_the_server_itself(h2, backend):
    assert h2(backend()).client().ask("OPTIONS", "*").status == 200


def test_the_log_says_http_2(h2, backend):
    front = h2(backend(), flags=("--access-log-format", "json"))
    front.client().ask("POST", "/x?y=z", "a.test", ("x-request-id", "my-id"), body=b"hello")
    line = json.loads(front.proxy.access_lines()[0])
    assert {name: line[name] for name in ("method", "host", "path", "query", "protocol", "status",
                                          "bytes_in", "bytes_out", "request_id")} == {
        "method": "POST", "host": "a.test", "path": "/x", "query": "?y=z", "protocol": "HTTP/2",
        "status": 200, "bytes_in": 5, "bytes_out": 2, "request_id": "my-id"}


# ---- HTTP/2 behind ----


def test_http_2_on_both_sides(h2, h2_backend):
    upstream = h2_backend(lambda arrived: (bytes(arrived.body), 201, [("x-y", "z")]))
    front = h2(upstream, speaks="h2c")
    response = front.client().ask("POST", "/x?y=z", "a.test", ("x-a", "b"), body=b"hello")
    assert (response.status, bytes(response.body), response.get("x-y")) == (201, b"hello", "z")
    arrived = upstream.requests[0]
    assert (arrived.method, arrived.target, arrived.get(":authority"), arrived.get("x-a")) == (
        "POST", "/x?y=z", "a.test", "b")
    assert arrived.get(":scheme") in ("http", "https")
    assert not arrived.has("host")


def test_trailers_of_an_answer_pass(h2, h2_backend):
    upstream = h2_backend(lambda arrived: (b"ok", 200, [], [("x-sum", "1"), ("x-more", "2")]))
    response = h2(upstream, speaks="h2c").client().get("/", "a.test", ("te", "trailers"))
    assert (bytes(response.body), response.trailers) == (b"ok", [("x-sum", "1"), ("x-more", "2")])


def test_trailers_of_a_request_pass(h2, h2_backend):
    upstream = h2_backend()
    h2(upstream, speaks="h2c").client().ask("POST", "/", body=b"hello", trailers=[("x-check", "sum")])
    assert upstream.requests[0].trailers == [("x-check", "sum")]


def test_trailers_without_a_body(h2, h2_backend):
    upstream = h2_backend(lambda arrived: (b"", 200, [], [("x-sum", "0")]))
    response = h2(upstream, speaks="h2c").client().get("/")
    assert (bytes(response.body), response.trailers) == (b"", [("x-sum", "0")])


@pytest.mark.parametrize("name", ["content-length", "host", "authorization", "x-forwarded-for",
                                  "x-forwarded-client-cert", "cookie", "transfer-encoding"])
def test_hostile_11_trailers_that_could_mean_more_do_not_pass(h2, h2_backend, name):
    """Those are dropped, or the request with them is; the harmless one beside them may pass."""
    upstream = h2_backend()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("POST", "/", body=b"x", trailers=[(name, "1"), ("x-fine", "2")])
    message = client.ending(stream)
    if message.reset is None:
        assert [key for key, _ in upstream.requests[0].trailers or []] in (["x-fine"], [])
    else:
        assert message.reset == frames.PROTOCOL_ERROR and upstream.requests == []


def test_an_http_1_client_of_an_http_2_endpoint(h2, h2_backend):
    upstream = h2_backend(lambda arrived: (bytes(arrived.body), 200, [("x-y", "z")],
                                           [("x-sum", "1")]))
    front = h2(upstream, speaks="h2c")
    client = front.proxy.client() if front.over == "h2c" else front.proxy.tls_client()
    response = client.ask(request("POST", "/", "a.test", "Transfer-Encoding: chunked",
                                  body=chunked(b"hel", b"lo")))
    assert (response.body, response.get("X-Y")) == (b"hello", "z")
    response = client.ask(request("POST", "/", "a.test", "Connection: x-drop", "X-Drop: 1",
                                  body=b"hello"))
    assert response.body == b"hello"
    first, second = upstream.requests
    assert second.get("content-length") == "5" and not second.has("x-drop")
    assert not first.has("content-length")


def test_head_of_an_http_2_endpoint(h2, h2_backend):
    front = h2(h2_backend(lambda arrived: (b"", 200, [("content-length", "5")])), speaks="h2c")
    response = front.client().ask("HEAD", "/")
    assert (response.get("content-length"), response.data_frames) == ("5", 0)
    assert front.proxy.ask(request("HEAD", "/")).get("Content-Length") == "5"


# ---- other people's clients ----


def test_the_h2_library_gets_along_with_us(h2, backend):
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, StreamEnded

    front = h2(backend(answer(b"x" * 100_000)))
    wire = (front.proxy.tls_client(alpn=("h2",)) if front.over == "tls" else front.proxy.client())
    conn = H2Connection(H2Configuration(client_side=True))
    conn.initiate_connection()
    conn.send_headers(1, [(":method", "GET"), (":path", "/"), (":authority", "a.test"),
                          (":scheme", "https" if front.over == "tls" else "http")],
                      end_stream=True)
    wire.send(conn.data_to_send())
    got, ended = 0, False
    while not ended:
        for event in conn.receive_data(wire.read_some()):
            if isinstance(event, DataReceived):
                got += len(event.data)
                conn.acknowledge_received_data(event.flow_controlled_length, 1)
            ended = ended or isinstance(event, StreamEnded)
        wire.send(conn.data_to_send())
    assert got == 100_000
