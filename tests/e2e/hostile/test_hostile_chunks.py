# SPDX-License-Identifier: Apache-2.0
"""Chunked bodies, bodies cut short, trailers: hostile-input 7 to 11."""
import pytest

HEAD = b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = b"3\r\nabc\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


def refuse_body(site, bad, status=400):
    """At once, and after the endpoint has seen the beginning of the body."""
    client = site.client()
    client.send(HEAD + FIRST + bad)
    client.expect_answer_and_end(status)
    while (peer := site.origin.accept_waiting()) is not None:  # a long one comes in pieces
        peer.expect_aborted()

    client, peer = site.begin(HEAD + FIRST)
    request = peer.read_request_head()
    assert request.get("Transfer-Encoding") == "chunked"
    assert peer.read_exactly(len(FIRST)) == FIRST
    client.send(bad)
    client.expect_answer_and_end(status)
    peer.expect_aborted()
    assert b"smuggled" not in peer.received


@pytest.mark.parametrize("size", [
    b"0x5", b"+5", b"-1", b"5_0", b" 5", b"\t5", b"5 ", b"5\t", b"", b"5;", b"5; ", b"g", b"5g",
    b".5", b"5.", b"5,", b"5 5", b"10000000000000000", b"ffffffffffffffff", b"8000000000000000",
    b"00000000000000000000000000000000005x", b"\x005", b"5\x00", b"\xef\xbc\x95", b"\"5\"",
])
def test_hostile_07_a_chunk_size_that_is_no_number(site, size):
    refuse_body(site, size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED)


@pytest.mark.parametrize("extension", [
    b";a", b";a=b", b";a=b;c=d", b";a=\"quoted\"", b";a=\"with \\\" inside\"", b";a=\"b;c\"",
    b";name=" + b"v" * 400,
])
def test_hostile_08_valid_extensions_are_dropped(site, extension):
    request = site.accept_request(
        HEAD + b"5" + extension + b"\r\nhello\r\n0;last=1\r\n\r\n")
    assert request.body == b"hello"
    assert request.chunks[-1] == 0
    assert b";" not in request.raw_head


def test_hostile_08_no_extension_reaches_the_origin(site):
    client, peer = site.begin(HEAD + b"5;secret=1\r\nhello\r\n0;secret=2\r\n\r\n")
    assert peer.read_request().body == b"hello"
    assert b"secret" not in peer.received
    client.close()


@pytest.mark.parametrize("line", [
    b"5;a=\x01", b"5;\x00", b"5;a=b\x7f", b"5;a\rb", b"5;a=\"x\ry\"", b"5;a=\"x\ny\"", b"5;a\nb",
    b"5;a=(", b"5;(=a", b"5;a=\"unfinished", b"5;=b", b"5;;a", b"5;a=", b"5;a=b c", b"5;a=b\xa0,",
])
def test_hostile_08_a_malformed_extension(site, line):
    refuse_body(site, line + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED)


def test_hostile_08_too_much_extension_in_one_chunk(site):
    refuse_body(site, b"5;a=" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n")


def test_hostile_08_too_much_extension_in_many_chunks(site):
    refuse_body(site, (b"1;a=" + b"x" * 100 + b"\r\nh\r\n") * 60 + b"0\r\n\r\n")


def test_hostile_08_an_extension_without_end(site):
    client, peer = site.begin(HEAD + FIRST)
    peer.read_request_head()
    client.send(b"5;a=")
    for _ in range(10):
        client.send_if_open(b"x" * 1000)
    client.expect_answer_and_end(400)
    peer.expect_aborted()


@pytest.mark.parametrize("bad", [
    b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\rhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n", b"5\r\nhello\r\r0\r\n\r\n", b"5\r\nhello\n\r0\r\n\r\n",
    b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n", b"5\r\nhell\r\n0\r\n\r\n", b"5\r\nhello!\r\n0\r\n\r\n",
])
def test_hostile_09_a_line_of_the_body_without_its_end(site, bad):
    refuse_body(site, bad + SMUGGLED)


def test_hostile_09_good_chunks_in_single_bytes(site):
    client, peer = site.begin(HEAD)
    for byte in b"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n":
        client.send(bytes([byte]))
    assert peer.read_request().body == b"hello 0123456789"
    client.close()


CUT = {
    "length": b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello",
    "length_none": b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n",
    "chunk": HEAD + b"5\r\nhel", "between_chunks": HEAD + b"5\r\nhello\r\n",
    "chunk_size": HEAD + b"5\r\nhello\r\n5", "last_chunk": HEAD + b"5\r\nhello\r\n0\r\n",
    "trailer": HEAD + b"5\r\nhello\r\n0\r\nX: y\r\n", "no_body": HEAD,
}


@pytest.mark.parametrize("how", ["half_close", "close", "reset"])
@pytest.mark.parametrize("where", sorted(CUT))
def test_hostile_10_a_body_cut_short(site, where, how):
    client, peer = site.begin(CUT[where])
    peer.read_request_head()
    getattr(client, how)()
    peer.expect_aborted()


@pytest.mark.parametrize("where", ["length", "between_chunks"])
def test_hostile_10_a_pipelined_body_cut_short(site, where):
    """The client's end came while the request before it was answered."""
    client, peer = site.begin(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n" + CUT[where])
    client.half_close()
    assert peer.read_request().target == "/first"
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    assert client.read_response().status == 200
    client.read_to_end()
    while (peer := site.origin.accept_waiting()) is not None:
        peer.expect_aborted()


@pytest.mark.parametrize("trailers", [
    b"X-Trailer: v\r\n",
    b"Host: b.test\r\nAuthorization: Basic eDp5\r\nX-Forwarded-For: 1.2.3.4\r\n",
    b"Connection: close\r\nUpgrade: websocket\r\n",
    b"X: " + b"v" * 1000 + b"\r\nY: z\r\n",
    b"X_Under: v\r\n",
])
def test_hostile_11_trailers_are_dropped(site, trailers):
    request = site.accept_request(HEAD + b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")
    assert (request.body, request.trailers) == (b"hello", [])
    assert not request.names & {"x-trailer", "authorization", "x", "upgrade", "x_under"}
    assert request.get("Host") == "a.test"
    assert request.get("X-Forwarded-For") == "127.0.0.1"


@pytest.mark.parametrize("trailers", [
    b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
    b"X: y\r\nTransfer-Encoding: identity\r\n",
])
def test_hostile_11_framing_names_in_trailers_frame_nothing(site, trailers):
    """Refused like two framings, or dropped like any trailer; never a third meaning."""
    client = site.client()
    client.send(HEAD + b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")
    peer = site.accept_unless_answered(client)
    if peer is None:
        client.expect_answer_and_end(400)
        site.origin.expect_untouched()
    else:
        request = peer.read_request()
        assert (request.body, request.trailers, request.has("Content-Length")) == (b"hello", [],
                                                                                   False)


@pytest.mark.parametrize("trailers", [
    b"X : v\r\n", b" X: v\r\n", b"X: v\r\n folded\r\n", b"X: \x00\r\n", b"X: a\rb\r\n", b"X: v\n",
    b": v\r\n", b"no colon\r\n", b"X\x0b: v\r\n", b"X: v\x01\r\n",
])
def test_hostile_11_malformed_trailers(site, trailers):
    refuse_body(site, b"0\r\n" + trailers + b"\r\n" + SMUGGLED)


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 101, b"X: " + b"v" * 70000 + b"\r\n"],
                         ids=["lines", "bytes"])
def test_hostile_11_too_many_trailers(site, trailers):
    refuse_body(site, b"0\r\n" + trailers + b"\r\n", 431)
