# SPDX-License-Identifier: Apache-2.0
"""Requests after requests, early answers, Expect, odd bodies, upgrades: hostile-input 12 to 16."""
import pytest

from support import manifests
from support.client import request
from support.origin import answer

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def test_hostile_12_pipelined_requests_are_answered_in_order(site):
    """Also where each answer comes over a connection of its own."""
    client = site.client()
    client.send(b"".join(request("GET", f"/{number}") for number in range(40)))
    for number in range(40):
        peer = site.origin.accept()
        assert peer.read_request().target == f"/{number}"
        site.origin.expect_untouched()  # the next one waits for this one's answer
        peer.send(answer(b"%d" % number, "200 OK", "Connection: close"))
        assert client.read_response().body == b"%d" % number


def test_hostile_12_a_body_that_looks_like_a_request_is_a_body(site):
    client = site.client()
    client.send(request("POST", "/first", body=SMUGGLED) + request("GET", "/second"))
    peer = site.origin.accept()
    first = peer.read_request()
    assert (first.target, first.body) == ("/first", SMUGGLED)
    peer.send(LAST)
    peer = site.origin.accept()
    assert peer.read_request().target == "/second"
    peer.send(LAST)
    assert [client.read_response().status for _ in range(2)] == [200, 200]


def test_hostile_12_unread_pipelined_requests_are_bounded(fairlead, origin):
    """While the first is not answered, the proxy stops taking more."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/first"))
    peer = upstream.accept()
    peer.read_request()
    before = proxy.metric("fairlead_resident_bytes")
    client.sock.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += client.sock.send(request("GET", "/" + "x" * 4000) * 16)
    except TimeoutError:
        pass
    assert sent < 32 << 20, "the proxy takes whatever comes"  # the rest is the kernel's
    assert proxy.metric("fairlead_resident_bytes") - before < 16 << 20
    assert proxy.limit_hits("pipelined_bytes") >= 1


@pytest.mark.parametrize("status", ["200 OK", "413 Content Too Large", "500 Oops"])
@pytest.mark.parametrize("head", [
    b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
], ids=["length", "chunked"])
def test_hostile_13_an_answer_before_the_body_ended(site, head, status):
    part = b"5\r\nhello\r\n"
    client, peer = site.begin(head + part)
    peer.read_request_head()
    assert b"hello" in peer.read_until(b"hello")
    peer.send(answer(b"early", status))
    response = client.read_response()
    assert (response.status, response.body) == (int(status[:3]), b"early")
    assert "close" in response.options
    client.send_if_open(SMUGGLED)
    client.expect_end()
    peer.expect_aborted()
    assert b"smuggled" not in peer.received
    site.origin.expect_untouched()


def test_hostile_13_the_rest_of_a_refused_body_is_no_request(site):
    """Our own answer comes before the body too."""
    client = site.client()
    client.send(request("POST", "/x", "b.test", f"Content-Length: {len(SMUGGLED)}"))
    assert client.read_response().status == 404
    client.send_if_open(SMUGGLED)
    client.expect_end()
    site.origin.expect_untouched()


@pytest.mark.parametrize("value", [
    "100-continue, 100-continue", "100-continue; q=1", "200-ok", "100", "\"100-continue\"",
    "100-continue,", "x", "100 continue",
])
def test_hostile_14_an_unknown_expectation(site, value):
    site.refuse(request("POST", "/x", "a.test", f"Expect: {value}", body=b"hello"), 417)


def test_hostile_14_two_expectations(site):
    site.refuse(request("POST", "/x", "a.test", "Expect: 100-continue", "Expect: 100-continue",
                        body=b"hello"), 417)


@pytest.mark.parametrize("value", ["100-continue", "100-Continue", "100-CONTINUE"])
def test_hostile_14_100_continue_is_passed_on_and_not_answered_twice(site, value):
    client, peer = site.begin(
        request("POST", "/x", "a.test", f"Expect: {value}", "Content-Length: 5"))
    head = peer.read_request_head()
    assert head.get("Expect") == "100-continue"
    client.expect_silence()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.read_response().status == 100
    client.send(b"hello")
    assert peer.read_request_body(head) == b"hello"
    peer.send(LAST)
    assert client.read_response().status == 200


@pytest.mark.parametrize("status", [417, 403, 200])
def test_hostile_14_the_origin_refuses_and_rule_13_holds(site, status):
    client, peer = site.begin(
        request("POST", "/x", "a.test", "Expect: 100-continue", f"Content-Length: {len(SMUGGLED)}"))
    peer.read_request_head()
    peer.send(answer(b"no", f"{status} Final"))
    response = client.read_response()
    assert (response.status, "close" in response.options) == (status, True)
    client.send_if_open(SMUGGLED)
    client.expect_end()
    peer.expect_aborted()
    assert b"smuggled" not in peer.received


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_hostile_15_a_body_on_any_method_is_framed_and_forwarded(site, method, is_chunked):
    if is_chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
        data = request(method, "/first", "a.test", "Transfer-Encoding: chunked", body=body)
    else:
        data = request(method, "/first", body=SMUGGLED)
    client = site.client()
    client.send(data + request("GET", "/second"))
    peer = site.origin.accept()
    first = peer.read_request()
    assert (first.method, first.target, first.body) == (method, "/first", SMUGGLED)
    assert not peer.has_more()
    peer.send(LAST.removesuffix(b"ok") if method == "HEAD" else LAST)
    assert client.read_response(method).status == 200
    peer = site.origin.accept()
    assert peer.read_request().target == "/second"
    peer.send(LAST)
    assert client.read_response().status == 200


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0", "foo"])
@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hostile_16_an_upgrade_with_a_body(site, protocol, framing, method):
    body = b"hello" if "Length" in framing else b"5\r\nhello\r\n0\r\n\r\n"
    site.refuse(request(method, "/x", "a.test", "Connection: Upgrade", f"Upgrade: {protocol}",
                        "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", framing, body=body))
