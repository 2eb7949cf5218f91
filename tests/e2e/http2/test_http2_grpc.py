# SPDX-License-Identifier: Apache-2.0
"""gRPC and gRPC-Web through the proxy: unary and streaming calls, errors of either side."""
import base64
import struct

import pytest

from support import manifests
from support.client import request
from support.origin import answer
from support.ports import closed_port
from support.tls import wrapped_by

CALL = (("content-type", "application/grpc"), ("te", "trailers"))
OK_TRAILERS = [("grpc-status", "0"), ("grpc-message", "")]


def message(body, flags=0):
    """A length-prefixed message."""
    return struct.pack(">BI", flags, len(body)) + body


def grpc(body=b"", trailers=OK_TRAILERS):
    return body, 200, [("content-type", "application/grpc")], trailers


def echo(arrived):
    return grpc(bytes(arrived.body))


def test_a_unary_call(h2, h2_backend):
    upstream = h2_backend(echo)
    response = h2(upstream, speaks="h2c").client().ask(
        "POST", "/pkg.Service/Method", "a.test", *CALL, body=message(b"hello"))
    assert (response.status, bytes(response.body)) == (200, message(b"hello"))
    assert response.trailers == OK_TRAILERS
    arrived = upstream.requests[0]
    assert (arrived.target, arrived.get("te"), arrived.get("content-type")) == (
        "/pkg.Service/Method", "trailers", "application/grpc")


@pytest.mark.parametrize("status", ["1", "5", "16"])
def test_an_error_in_the_trailers(h2, h2_backend, status):
    upstream = h2_backend(lambda arrived: grpc(message(b"x"), [("grpc-status", status)]))
    response = h2(upstream, speaks="h2c").client().ask("POST", "/s/m", "a.test", *CALL,
                                                       body=message(b""))
    assert (response.status, response.trailer("grpc-status")) == (200, status)


def test_an_error_without_a_body(h2, h2_backend):
    """Trailers-Only: one HEADERS frame with the end of the stream."""
    upstream = h2_backend(lambda arrived: (b"", 200, [
        ("content-type", "application/grpc"), ("grpc-status", "12"), ("grpc-message", "no")]))
    response = h2(upstream, speaks="h2c").client().ask("POST", "/s/m", "a.test", *CALL,
                                                       body=message(b""))
    assert (response.get("grpc-status"), response.get("grpc-message")) == ("12", "no")
    assert response.data_frames == 0 and response.trailers is None


def test_messages_flow_both_ways_at_the_same_time(h2, h2_origin):
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("POST", "/s/bidi", "a.test", *CALL, end=False)
    peer = upstream.accept()
    call = peer.read_request_head()
    peer.send_head(call.stream, [(":status", "200"), ("content-type", "application/grpc")])
    response = client.head(stream)
    for number in range(10):
        client.send_data(stream, message(b"ping"))
        peer.wait(lambda: len(call.body) == 9 * (number + 1), "the ping")
        peer.send_data(call.stream, message(b"pong"))
        client.wait(lambda: len(response.body) == 9 * (number + 1), "the pong")
    client.send_data(stream, b"", end=True)
    peer.wait(lambda: call.ended, "the half close")
    peer.send_trailers(call.stream, OK_TRAILERS)
    assert client.response(stream).trailers == OK_TRAILERS


@pytest.mark.parametrize("who", ["client", "endpoint"])
def test_hostile_85_a_call_that_is_silent_at_first_has_the_stream_idle_time(h2, h2_origin, who):
    """Whichever side does not speak."""
    upstream = h2_origin()
    front = h2(upstream, speaks="h2c", flags=(
        "--request-body-timeout", "100ms", "--response-head-timeout", "100ms",
        "--stream-idle-timeout", "500ms"))
    client = front.client()
    stream = client.request("POST", "/s/m", "a.test", *CALL, body=message(b"x"),
                            end=who == "endpoint")
    upstream.accept().read_request_head()
    response = client.ending(stream)
    assert (response.get("grpc-status"), response.get("grpc-message")) == ("14", "stream_idle")
    assert [front.proxy.timeouts(kind) for kind in
            ("request_body", "response_head", "stream_idle")] == [0, 0, 1]


def test_hostile_85_an_upload_that_is_no_call_has_not(h2, h2_origin):
    upstream = h2_origin()
    front = h2(upstream, speaks="h2c", flags=("--request-body-timeout", "100ms"))
    client = front.client()
    stream = client.request("POST", "/", "a.test", ("content-type", "application/grpcx"),
                            body=b"x", end=False)
    assert client.ending(stream).status == 408


def test_a_call_of_a_client_that_goes_is_cancelled(h2, h2_origin):
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    client.request("POST", "/s/m", "a.test", *CALL, body=message(b"x"))
    peer = upstream.accept()
    call = peer.read_request()
    client.close()
    peer.wait(lambda: call.reset is not None, "the RST_STREAM")


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto",
                                  "application/grpc;charset=utf-8"])
def test_hostile_76_an_endpoint_that_is_dead(h2, kind):
    response = h2(closed_port(), speaks="h2c").client().ask(
        "POST", "/s/m", "a.test", ("content-type", kind), ("te", "trailers"), body=message(b"x"))
    assert (response.status, response.get("grpc-status")) == (200, "14")
    assert response.get("content-type").startswith("application/grpc")
    assert response.data_frames == 0 and response.has("grpc-message")


def test_hostile_76_no_endpoint_at_all(h2):
    response = h2(speaks="h2c").client().ask("POST", "/s/m", "a.test", *CALL, body=message(b"x"))
    assert (response.status, response.get("grpc-status")) == (200, "14")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_hostile_76_an_endpoint_that_dies_before_it_answers(h2, h2_origin, how):
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("POST", "/s/m", "a.test", *CALL, body=message(b"x"))
    peer = upstream.accept()
    peer.read_request()
    getattr(peer.wire, how)()
    response = client.response(stream)
    assert (response.status, response.get("grpc-status")) == (200, "14")


def test_hostile_76_an_endpoint_that_dies_within_its_answer(h2, h2_origin):
    """A client must not take what it has for all: a reset, or trailers that say 14."""
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("POST", "/s/m", "a.test", *CALL, body=message(b"x"))
    peer = upstream.accept()
    call = peer.read_request()
    peer.send_head(call.stream, [(":status", "200"), ("content-type", "application/grpc")])
    peer.send_data(call.stream, message(b"part"))
    response = client.head(stream)
    client.wait(lambda: response.body, "the part")
    peer.wire.reset()
    client.ending(stream)
    assert response.reset not in (None, 0) or response.trailer("grpc-status") == "14"
    client.expect_alive()


def test_a_call_that_no_route_takes(h2, h2_backend):
    front = h2(h2_backend(), speaks="h2c", path="/only")
    response = front.client().ask("POST", "/s/m", "a.test", *CALL, body=message(b"x"))
    assert (response.status, response.get("grpc-status")) == (200, "12")


def test_te_trailers_is_there_for_the_endpoint_only_when_the_client_said_so(h2, h2_backend):
    upstream = h2_backend()
    client = h2(upstream, speaks="h2c").client()
    client.get("/")
    client.get("/", "a.test", ("te", "trailers"))
    assert [arrived.get("te") for arrived in upstream.requests] in (
        [None, "trailers"], ["trailers", "trailers"])


def test_ordinary_requests_get_ordinary_errors(h2):
    response = h2(closed_port(), speaks="h2c").client().get("/")
    assert response.status == 503 and not response.has("grpc-status")


# ---- gRPC-Web ----


def split_messages(body):
    """[(flags, payload)...] of a body of length-prefixed messages."""
    found = []
    while body:
        flags, length = struct.unpack_from(">BI", body)
        assert len(body) >= 5 + length, f"a message cut short: {body!r}"
        found.append((flags, bytes(body[5:5 + length])))
        body = body[5 + length:]
    return found


def trailers_of(payload):
    lines = [line for line in payload.decode().split("\r\n") if line]
    return {name.strip().lower(): value.strip() for name, _, value in
            (line.partition(":") for line in lines)}


def decode_segments(body):
    """Base64 that may be padded wherever a piece of it ended."""
    return b"".join(base64.b64decode(body[at:at + 4]) for at in range(0, len(body), 4))


def web_status(response):
    """grpc-status where it may be: in the head of an answer without messages, or in its last one."""
    if response.all("grpc-status"):
        return response.all("grpc-status")[0]
    body = bytes(response.body)
    if "text" in response.get("content-type"):
        body = decode_segments(body)
    flags, payload = split_messages(body)[-1]
    assert flags == 0x80, response
    return trailers_of(payload)["grpc-status"]


class Web:
    """A browser: HTTP/1 or HTTP/2, the same answers."""

    def __init__(self, front, speaks):
        self.front, self.speaks = front, speaks

    def call(self, body, kind="application/grpc-web+proto", path="/s/m"):
        if self.speaks == "HTTP/2":
            return self.front.client().ask("POST", path, "a.test", ("content-type", kind),
                                           ("x-grpc-web", "1"), body=body)
        proxy = self.front.proxy
        client = proxy.client() if self.front.over == "h2c" else proxy.tls_client()
        return client.ask(request("POST", path, "a.test", f"Content-Type: {kind}", "X-Grpc-Web: 1",
                                  body=body))


@pytest.fixture(params=["HTTP/1", "HTTP/2"])
def web(h2, request):
    def start(*where, **options):
        return Web(h2(*where, speaks="h2c", **options), request.param)

    return start


@pytest.mark.parametrize("kind, behind", [
    ("application/grpc-web", "application/grpc"),
    ("application/grpc-web+proto", "application/grpc+proto"),
])
def test_grpc_web_is_translated(web, h2_backend, kind, behind):
    upstream = h2_backend(echo)
    response = web(upstream).call(message(b"hello"), kind)
    assert response.status == 200
    assert response.get("content-type").startswith("application/grpc-web")
    assert "text" not in response.get("content-type")
    first, last = split_messages(bytes(response.body))
    assert (first, last[0]) == ((0, b"hello"), 0x80)
    assert trailers_of(last[1])["grpc-status"] == "0"
    arrived = upstream.requests[0]
    assert (arrived.get("content-type"), arrived.get("te"), bytes(arrived.body)) == (
        behind, "trailers", message(b"hello"))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100_000])
def test_grpc_web_text_is_base64_both_ways(web, h2_backend, size):
    upstream = h2_backend(echo)
    body = bytes(range(256)) * (size // 256 + 1)
    response = web(upstream).call(base64.b64encode(message(body[:size])),
                                  "application/grpc-web-text")
    assert response.get("content-type").startswith("application/grpc-web-text")
    first, last = split_messages(decode_segments(bytes(response.body)))
    assert first == (0, body[:size])
    assert trailers_of(last[1])["grpc-status"] == "0"
    assert bytes(upstream.requests[0].body) == message(body[:size])


def test_grpc_web_text_in_pieces_that_are_padded_each(web, h2_backend):
    upstream = h2_backend(echo)
    whole = message(b"hello, you")
    pieces = b"".join(base64.b64encode(whole[at:at + 4]) for at in range(0, len(whole), 4))
    web(upstream).call(pieces, "application/grpc-web-text")
    assert bytes(upstream.requests[0].body) == whole


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_a_message_of_grpc_web_text_is_whole_before_the_next_one_comes(h2, h2_origin, size):
    """No byte of it waits for others to fill a group of base64."""
    upstream = h2_origin()
    client = h2(upstream, speaks="h2c").client()
    stream = client.request("POST", "/s/watch", "a.test", ("content-type", "application/grpc-web-text"),
                            body=base64.b64encode(message(b"x")))
    peer = upstream.accept()
    call = peer.read_request()
    peer.send_head(call.stream, [(":status", "200"), ("content-type", "application/grpc")])
    response = client.head(stream)
    sent = b""
    for number in range(3):
        event = message(b"abcd"[:size])
        peer.send_data(call.stream, event)
        sent += event
        client.wait(lambda: decode_segments(bytes(response.body)) == sent, f"message {number}")
    peer.send_trailers(call.stream, OK_TRAILERS)
    client.response(stream)
    assert trailers_of(split_messages(decode_segments(bytes(response.body)))[-1][1])[
        "grpc-status"] == "0"


@pytest.mark.parametrize("bad", [b"!!!!", b"AAA", b"AA=A", b"\x00\xff\x00\xff"])
def test_grpc_web_text_that_is_no_base64(web, h2_backend, bad):
    """The endpoint never sees a complete call."""
    upstream = h2_backend(echo)
    browser = web(upstream)
    try:
        response = browser.call(bad, "application/grpc-web-text")
    except (AssertionError, OSError):
        response = None  # reset or closed will do
    assert response is None or response.status >= 400 or web_status(response) != "0"
    assert upstream.requests == []
    assert browser.front.client().get("/").status == 200


def test_an_error_of_the_endpoint_reaches_the_browser(web, h2_backend):
    upstream = h2_backend(lambda arrived: (b"", 200, [
        ("content-type", "application/grpc"), ("grpc-status", "7"), ("grpc-message", "no")]))
    response = web(upstream).call(message(b"x"))
    assert (response.status, web_status(response)) == (200, "7")


@pytest.mark.parametrize("kind", ["application/grpc-web", "application/grpc-web-text"])
def test_hostile_76_a_dead_endpoint_of_a_browser(web, kind):
    response = web(closed_port()).call(base64.b64encode(message(b"x")), kind)
    assert (response.status, web_status(response)) == (200, "14")


def test_grpc_web_to_an_http_1_endpoint_is_left_alone(h2, backend):
    """It may be one that speaks gRPC-Web itself."""
    upstream = backend(lambda arrived: answer(arrived.body))
    response = h2(upstream).client().ask("POST", "/s/m", "a.test",
                                         ("content-type", "application/grpc-web"),
                                         body=message(b"x"))
    assert bytes(response.body) == message(b"x")
    assert upstream.requests[0].get("Content-Type") == "application/grpc-web"


def test_grpc_over_tls_upstream(secure, h2_backend, authority):
    upstream = h2_backend(echo, wrap=wrapped_by(authority.issue("b.test").server_context("h2")))
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream,
                                     service_annotations=manifests.upstream_protocol("h2")))
    response = proxy.h2_client().ask("POST", "/s/m", "a.test", *CALL, body=message(b"hello"))
    assert (bytes(response.body), response.trailers) == (message(b"hello"), OK_TRAILERS)
