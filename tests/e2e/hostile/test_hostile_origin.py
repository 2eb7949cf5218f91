# SPDX-License-Identifier: Apache-2.0
"""What an endpoint may send, and whose its bytes are: hostile-input 53, 54 and 55."""
import pytest

from support import manifests
from support.client import request
from support.origin import OK, answer

GET = request("GET", "/")
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" + CHUNKS,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: y\r\n folded\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n: y\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 \x00\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"200 OK\r\n\r\n", b"<html>hello</html>", b"\x00", b"\r\n",
    b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"\x16\x03\x01\x00\x05hello",
    b"SSH-2.0-x\r\n", b"HTTP/1.1\t200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200\tOK\r\nContent-Length: 2\r\n\r\nok",
])
def test_hostile_53_a_malformed_answer(site, reply):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(reply)
    response = client.read_response()
    assert (response.status, response.reason_code) == (502, "bad_response")
    peer.expect_end()


@pytest.mark.parametrize("bad", [
    b"0x5\r\nhello\r\n0\r\n\r\n", b"5;\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n", b"zz\r\n", b"-1\r\n", b"5 \r\nhello\r\n", b"ffffffffffffffff\r\nx",
    b"0\r\nX: a\x00\r\n\r\n", b"0\r\nX\r\n\r\n",
])
def test_hostile_53_broken_chunks_never_look_complete(site, bad):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert b"abc" in client.read_until(b"abc\r\n")
    peer.send(bad)
    rest = client.read_to_end()
    assert not rest.endswith(b"0\r\n\r\n")
    peer.expect_end()


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_hostile_53_an_answer_cut_short_never_looks_complete(site, framing, how):
    client, peer = site.begin(GET)
    peer.read_request()
    body = b"3\r\nabc\r\n" if "chunked" in framing else b"abc"
    peer.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + body)
    got = client.read_until(b"abc")
    getattr(peer, how)()
    got += client.read_to_end()
    assert got.split(b"\r\n\r\n", 1)[1] in (b"abc", b"3\r\nabc\r\n", b"3\r\nabc")


@pytest.mark.parametrize("status, method", [("204 No Content", "GET"), ("304 Not Modified", "GET"),
                                            ("200 OK", "HEAD"), ("404 Not Found", "HEAD")])
@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"])
def test_hostile_53_answers_without_a_body_have_none(site, status, method, framing):
    """Whatever their headers say; what follows is not theirs, so the connection is not kept."""
    client, peer = site.begin(request(method, "/"))
    peer.read_request()
    peer.send(f"HTTP/1.1 {status}\r\n{framing}\r\n\r\n".encode() + b"hello")
    response = client.read_response(method)
    assert response.status == int(status[:3])
    if status.startswith("204"):
        assert not response.names & {"content-length", "transfer-encoding"}
    peer.expect_end()
    assert client.ask(request("OPTIONS", "*")).status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_hostile_53_interim_answers_have_no_body(site, framing):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(f"HTTP/1.1 103 Early Hints\r\n{framing}\r\nLink: </x>\r\n\r\n".encode() + OK)
    interim, final = client.read_response(), client.read_response()
    assert (interim.status, final.status, final.body) == (103, 200, b"ok")
    assert not interim.names & {"content-length", "transfer-encoding"}


def test_hostile_53_a_fault_after_the_head_ends_the_client(site):
    """Nothing is appended to an answer that has begun."""
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    assert client.read_until(b"he")
    client.read_until(b"he") if b"Content" in client.pending else None
    peer.reset()
    assert b"502" not in client.read_to_end()


# ---- 54: which connections are used again ----


def test_hostile_54_a_clean_connection_is_used_again(site):
    client, peer = site.begin(GET)
    for _ in range(3):
        peer.read_request()
        peer.send(OK)
        assert client.read_response().status == 200
        client.send(GET)
    peer.read_request()
    site.origin.expect_untouched()
    peer.send(OK)
    assert client.read_response().status == 200
    peer.close()


@pytest.mark.parametrize("extra", [
    b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", b"\r\n",
])
def test_hostile_54_bytes_after_an_answer_are_nobodys(site, extra):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(OK + extra)
    assert client.read_response().body == b"ok"
    peer.expect_end()
    client.send(GET)
    other = site.origin.accept()
    other.read_request()
    other.send(answer(b"mine", "200 OK", "Connection: close"))
    assert client.read_response().body == b"mine"


@pytest.mark.parametrize("extra", [
    b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", b"\r\n",
])
def test_hostile_54_bytes_on_an_idle_connection_close_it(site, extra):
    before = site.proxy.metric("fairlead_upstream_unexpected_bytes_total")
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(OK)
    assert client.read_response().body == b"ok"
    peer.send(extra)
    peer.expect_end()
    assert site.proxy.metric("fairlead_upstream_unexpected_bytes_total") == before + 1
    client.send(GET)
    other = site.origin.accept()
    other.read_request()
    other.send(answer(b"mine", "200 OK", "Connection: close"))
    assert client.read_response().body == b"mine"


def test_hostile_54_a_race_between_poison_and_request(fairlead, origin):
    """Sent together with the next request: that one must not get it."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    poisoned = 0
    for number in range(50):
        client.send(request("GET", f"/{number}"))
        peer = upstream.accept()
        assert peer.read_request().target == f"/{number}"
        peer.send(answer(b"%d" % number))
        assert client.read_response().body == b"%d" % number
        if number % 2 == 0:  # either may overtake the other, but not always
            peer.send(answer(b"poison"))
        client.send(request("POST", f"/next-{number}", body=b"x"))
        if number % 2 == 1:
            peer.send_if_open(answer(b"poison"))
        fresh = upstream.accept_waiting()
        while fresh is None and not peer.has_more() and not peer.ended:
            fresh = upstream.accept_waiting()
        if fresh is None and not peer.pending:
            fresh = upstream.accept()
        if fresh is not None:
            fresh.read_request()
            fresh.send(answer(b"mine", "200 OK", "Connection: close"))
            assert client.read_response().body == b"mine"
        else:  # the request was on its way first; what comes then may pass for its answer
            poisoned += 1
            client.read_response()
        peer.close()
    assert poisoned < 50


@pytest.mark.parametrize("reply", [
    answer(b"ok", "200 OK", "Connection: close"),
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n\r\nok",
], ids=["close", "1.0", "until-close"])
def test_hostile_54_an_answer_that_ends_the_connection(site, reply):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(reply)
    if b"Content-Length" not in reply:
        peer.half_close()
    assert client.read_response().body == b"ok"
    peer.expect_end()


def test_hostile_54_an_answer_before_the_request_is_complete(site):
    client, peer = site.begin(request("POST", "/", "a.test", "Content-Length: 10") + b"hello")
    peer.read_request_head()
    peer.read_exactly(5)
    peer.send(OK)
    client.expect_answer_and_end(200)
    peer.expect_end()


def test_hostile_54_an_answer_nobody_asked_for_yet(site):
    """Bytes that a fresh connection brings along are no answer to what is sent then."""
    site.origin.expect_untouched()
    client, peer = site.begin(request("POST", "/", "a.test", "Content-Length: 5") + b"hel")
    peer.read_request_head()
    client.close()
    peer.expect_aborted()
    peer.close()


# ---- 55 ----


def test_hostile_55_eight_interim_answers_pass(site):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 8 + OK)
    assert [client.read_response().status for _ in range(9)] == [103] * 8 + [200]


def test_hostile_55_nine_interim_answers_do_not(site):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + OK)
    responses = [client.read_response() for _ in range(9)]
    assert [response.status for response in responses] == [103] * 8 + [502]
    assert responses[-1].reason_code == "too_many_interim"
    peer.expect_end()


@pytest.mark.parametrize("asked", [(), ("Connection: Upgrade", "Upgrade: foo"),
                                   ("Connection: Upgrade", "Upgrade: h2c")])
def test_hostile_55_a_101_that_was_not_asked_for(site, asked):
    client, peer = site.begin(request("GET", "/", "a.test", *asked))
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
    response = client.read_response()
    assert response.status == 502
    peer.expect_end()


@pytest.mark.parametrize("lines", [
    b"X: " + b"y" * 70000 + b"\r\n", b"X: y\r\n" * 200, (b"X: " + b"y" * 1000 + b"\r\n") * 70,
], ids=["value", "lines", "sum"])
def test_hostile_55_a_head_that_is_too_large(site, lines):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send_if_open(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 2\r\n\r\nok")
    assert client.read_response().status == 502
    peer.read_to_end()


def test_hostile_55_a_head_without_end(site):
    client, peer = site.begin(GET)
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(20):
        peer.send_if_open(b"y" * 5000)
    assert client.read_response().status == 502
    peer.read_to_end()
