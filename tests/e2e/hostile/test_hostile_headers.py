# SPDX-License-Identifier: Apache-2.0
"""Header fields between the two sides: hostile-input 45 to 48, 51 and 52."""
import json
import socket
import struct

import pytest

from support import manifests
from support.client import request
from support.fairlead import Fairlead, run
from support.origin import Backend, answer


def test_hostile_45_hop_by_hop_fields_stay_on_this_side(site):
    arrived = site.accept_request(request(
        "GET", "/", "a.test", "Connection: close, X-Named, , x-other", "X-Named: 1", "X-Other: 2",
        "Keep-Alive: timeout=5", "TE: trailers, gzip", "Trailer: X",
        "Proxy-Authorization: Basic eDp5",
        "X-Kept: yes"))
    assert not arrived.names & {"connection", "keep-alive", "te", "trailer", "proxy-authorization",
                                "x-named", "x-other"}
    assert arrived.get("X-Kept") == "yes"


def test_hostile_45_hop_by_hop_fields_of_an_answer_stay_there(site):
    client, peer = site.begin(request("GET", "/"))
    peer.read_request()
    peer.send(answer(b"ok", "200 OK", "Connection: close, X-Named", "X-Named: 1", "Keep-Alive: x",
                     "Proxy-Authenticate: Basic", "Trailer: X", "Upgrade: h2", "X-Kept: yes"))
    response = client.read_response()
    assert not response.names & {"connection", "keep-alive", "proxy-authenticate", "trailer",
                                 "upgrade",
                                 "x-named"}
    assert (response.get("X-Kept"), response.body) == ("yes", b"ok")
    assert client.ask(request("OPTIONS", "*")).status == 200  # its close was not ours


@pytest.mark.parametrize("name, value", [
    ("Host", "a.test"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "a.test"), ("X-Forwarded-Port", "80"), ("X-Real-IP", "127.0.0.1"),
    ("Content-Length", "5"), ("Authorization", "Basic eDp5"), ("Cookie", "a=b"),
    ("Forwarded", "for=1.2.3.4"), ("Client-Cert", ":x:"), ("SSL-Client-Verify", "NONE"),
    ("X-SSL-Client-Cert", "x"), ("X-Request-Id", "my-id-1"),
])
def test_hostile_45_connection_can_not_remove_protected_fields(site, name, value):
    lines = [f"Connection: {name}, {name.lower()}, {name.upper()}"]
    if name not in ("Host", "Content-Length") and not name.startswith(("X-Forwarded", "X-Real")):
        lines.append(f"{name}: {value}")
    arrived = site.accept_request(request("POST", "/", "a.test", *lines, body=b"hello"))
    assert (arrived.get(name), arrived.body) == (value, b"hello")


def test_hostile_45_connection_can_not_remove_an_encoding(site):
    arrived = site.accept_request(request(
        "POST", "/", "a.test", "Connection: Transfer-Encoding", "Transfer-Encoding: chunked",
        body=b"5\r\nhello\r\n0\r\n\r\n"))
    assert (arrived.get("Transfer-Encoding"), arrived.body) == ("chunked", b"hello")


def test_hostile_45_connection_does_not_name_without_end(site):
    """A list that costs names times fields is refused, or done with at once."""
    client = site.client()
    client.send(request("GET", "/", "a.test", "Connection: " + ",".join(["x"] * 20000),
                        *(f"X-{number}: y" for number in range(90))))
    client.expect_answer_and_end(400)


def test_hostile_46_forwarding_fields_of_strangers_are_set_anew(site):
    """But X-Forwarded-For is appended to and Forwarded left alone: design 5.10."""
    arrived = site.accept_request(request(
        "GET", "/", "a.test", "X-Forwarded-For: 1.1.1.1", "x-forwarded-for: 2.2.2.2",
        "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 443",
        "X-Forwarded-Prefix: /evil", "X-Forwarded-Client-Cert: Hash=x",
        "X-Forwarded-Tls-Client-Cert: x",
        "X-Real-IP: 3.3.3.3", "Forwarded: for=4.4.4.4", "X-Forwarded-Server: evil"))
    assert arrived.get("X-Forwarded-For") == "1.1.1.1, 2.2.2.2, 127.0.0.1"
    assert arrived.get("X-Forwarded-Proto") == "http"
    assert arrived.get("X-Forwarded-Host") == "a.test"
    assert arrived.get("X-Forwarded-Port") == "80"
    assert arrived.get("X-Real-IP") == "127.0.0.1"
    assert arrived.get("Forwarded") == "for=4.4.4.4"
    assert not arrived.names & {"x-forwarded-prefix", "x-forwarded-client-cert",
                                "x-forwarded-server",
                                "x-forwarded-tls-client-cert"}


CLAIMS = ("X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: front.test",
          "X-Forwarded-Port: 443", "X-Real-IP: 1.1.1.1", "X-Forwarded-Prefix: /p")


@pytest.mark.parametrize("ranges, is_trusted", [
    ("127.0.0.0/8", True), ("10.0.0.0/8,127.0.0.1/32", True), ("127.0.0.1", True),
    ("0.0.0.0/0", True), ("10.0.0.0/8", False), ("127.0.0.2/32", False), ("::1/128", False),
])
def test_hostile_46_only_trusted_peers_are_believed(fairlead, backend, ranges, is_trusted):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--trusted-proxies", ranges)
    proxy.get("/", "a.test", *CLAIMS)
    arrived = upstream.requests[0]
    assert arrived.get("X-Forwarded-For") == "1.1.1.1, 127.0.0.1"
    found = {name: arrived.get(name) for name in ("X-Forwarded-Proto", "X-Forwarded-Host",
                                                  "X-Forwarded-Port", "X-Real-IP",
                                                  "X-Forwarded-Prefix")}
    assert found == ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.test",
                      "X-Forwarded-Port": "443", "X-Real-IP": "1.1.1.1", "X-Forwarded-Prefix": "/p"}
                     if is_trusted else
                     {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.test",
                      "X-Forwarded-Port": "80",
                      "X-Real-IP": "127.0.0.1", "X-Forwarded-Prefix": None})


@pytest.mark.parametrize("lines", [
    ["Proxy: http://evil"], ["PROXY: x"], ["Proxy-Connection: keep-alive"],
    ["HTTP2-Settings: AAMAAABkAAQAAP__"], ["X-Fairlead-Route: x"], ["x-fairlead-anything: y"],
    ["Upgrade: h2c"], ["Connection: Upgrade", "Upgrade: h2c"],
    ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Connection: Upgrade", "Upgrade: H2C"], ["Connection: Upgrade", "Upgrade: h2c, foo"],
])
def test_hostile_47_fields_that_mislead_origins_are_dropped(site, lines):
    arrived = site.accept_request(request("GET", "/", "a.test", *lines))
    assert not arrived.names & {"proxy", "proxy-connection", "http2-settings", "upgrade",
                                "connection"}
    assert not [name for name in arrived.names if name.startswith("x-fairlead")]


# ---- 48: the PROXY protocol ----

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def version_2(source="9.8.7.6", port=1234, command=1, extra=b""):
    body = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack("!HH", port,
                                                                                 80) + extra
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, 0x11, len(body)) + body


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    """A listener that wants PROXY headers."""
    backend = Backend()
    proxy = Fairlead(tmp_path_factory.mktemp("balanced"), manifests.app(backend),
                     "--proxy-protocol")
    try:
        yield proxy, backend
    finally:
        proxy.stop()
        backend.close()


@pytest.mark.parametrize("header, address", [
    (b"PROXY TCP4 9.8.7.6 10.0.0.1 1234 80\r\n", "9.8.7.6"),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 1234 80\r\n", "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (version_2(), "9.8.7.6"),
    (version_2(extra=b"\x04\x00\x01x"), "9.8.7.6"),
    (version_2(command=0), "127.0.0.1"),
], ids=["v1", "v1-ipv6", "v1-unknown", "v2", "v2-tlv", "v2-local"])
def test_hostile_48_a_proxy_header_says_who_calls(balanced, header, address):
    proxy, backend = balanced
    for pieces in ([header + request("GET", "/")], [bytes([byte]) for byte in header] +
                   [request("GET", "/")]):
        count = len(backend.requests)
        client = proxy.client()
        client.send(*pieces)
        assert client.read_response().status == 200
        client.close()
        assert backend.wait_requests(count + 1)[-1].get("X-Forwarded-For") == address


@pytest.mark.parametrize("header", [
    b"GET / HTTP/1.1\r\n\r\n", b"PROXY\r\n", b"PROXY TCP4 9.8.7.6 10.0.0.1 1234\r\n",
    b"PROXY TCP4 9.8.7.6 10.0.0.1 1234 99999\r\n", b"PROXY TCP4 999.8.7.6 10.0.0.1 1 2\r\n",
    b"PROXY TCP4 9.8.7.6 10.0.0.1 1234 80\n", b"PROXY TCP9 a b 1 2\r\n",
    b"proxy TCP4 1.1.1.1 1.1.1.1 1 2\r\n",
    b"PROXY UNKNOWN " + b"x" * 600 + b"\r\n", SIGNATURE + b"\x31\x11\x00\x0c" + b"\x00" * 12,
    SIGNATURE + b"\x22\x11\x00\x0c" + b"\x00" * 12, SIGNATURE + b"\x21\x11\x00\x04" + b"\x00" * 4,
    SIGNATURE + b"\x21\x11\xff\xff" + b"\x00" * 600, b"\x16\x03\x01",
])
def test_hostile_48_a_bad_or_oversized_proxy_header(balanced, header):
    proxy, backend = balanced
    count = len(backend.requests)
    client = proxy.client()
    client.send(header + request("GET", "/"))
    client.expect_end()
    assert len(backend.requests) == count


def test_hostile_48_a_late_proxy_header(balanced):
    proxy, _ = balanced
    before = proxy.timeouts("proxy_header")
    client = proxy.client()
    client.send(b"PROXY TCP4 9.8")
    client.expect_end()
    assert proxy.timeouts("proxy_header") == before + 1


def test_hostile_48_a_proxy_header_of_a_stranger(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--proxy-protocol", "--trusted-proxies",
                     "10.0.0.0/8")
    client = proxy.client()
    client.send_if_open(version_2() + request("GET", "/"))
    assert client.read_to_end() == b""


def test_hostile_48_no_proxy_header_where_none_is_asked_for(site):
    site.refuse(b"PROXY TCP4 9.8.7.6 10.0.0.1 1234 80\r\n" + request("GET", "/"))
    client = site.client()
    client.send(version_2() + request("GET", "/"))
    client.expect_answer_and_end(400)


# ---- 51: no line ends through objects ----


@pytest.mark.parametrize("host", [
    "a.test\r\nX: y", "a.test\nX: y", "a.test\0", "a test", "a.test/x", "a.test:80", "*.*.test",
    "a..test",
])
def test_hostile_51_an_object_can_not_bring_line_ends_into_a_head(fairlead, backend, host):
    """The bad rule is left out and said; the other is served."""
    upstream = backend()
    proxy = fairlead({
        "good.yaml": manifests.app(upstream),
        "bad.yaml": manifests.ingress(host, "/", name="bad", annotations={
            "ingress.kubernetes.io/force-ssl-redirect": "true"})})
    assert proxy.get("/").status == 200
    code, out, _ = run("check", proxy.objects)
    assert code == 1
    assert "bad.yaml" in out


def test_hostile_51_a_redirect_carries_no_line_end(fairlead):
    proxy = fairlead(manifests.app(
        annotations={"ingress.kubernetes.io/force-ssl-redirect": "true"}))
    for target in ("/%0d%0aSet-Cookie:x", "/x?a=%0d%0aSet-Cookie:x"):
        response = proxy.get(target)
        assert response.status == 301
        assert response.get("Location").lower() == f"https://a.test{target}".lower()
        assert not response.has("Set-Cookie")


# ---- 52: no raw client bytes in answers and logs ----


@pytest.mark.parametrize("data", [
    b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: none.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n",
    b"GET /%zz<script> HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"<script> / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: none.test\r\n<script>: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: none.test\r\nContent-Length: <script>\r\n\r\n",
])
def test_hostile_52_error_pages_echo_nothing(site, data):
    response = site.client().ask(data, "GET")
    assert response.status in (400, 404)
    assert b"script" not in response.body + response.raw_head
    assert response.get("Content-Type").startswith("text/plain")


def test_hostile_52_logs_escape_what_clients_send(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--workers", "1")
    evil = b"GET /\"x\\ HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: a\"b\r\n\r\n"
    assert proxy.ask(evil).status == 400
    assert proxy.ask(b"GET /\x1b[31m\xff\x00 HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 400
    assert proxy.get("/q?\"forged\" 200", "a.test").status == 400
    assert proxy.get("/q?\"forged\"\\x").status == 200
    lines = proxy.access_lines(4)
    assert len(lines) == 4
    assert "\\\"forged\\\"" in lines[3] or "\\x22forged\\x22" in lines[3]
    for line in lines + proxy.log.lines:
        assert all(0x20 <= ord(letter) <= 0x7e for letter in line), repr(line)


def test_hostile_52_json_logs_stay_json(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--access-log-format", "json")
    assert proxy.get("/q?\"},{\"status\":200,\"x\":\"\\u0000").status == 200
    assert proxy.ask(b"G\x00T /\xff\x1b HTTP/1.1\r\nHost: \xc3\x28\r\n\r\n").status == 400
    for line in proxy.access_lines(2):
        assert all(0x20 <= ord(letter) <= 0x7e for letter in line), repr(line)
        assert isinstance(json.loads(line), dict)


def test_hostile_52_metric_labels_come_from_configuration(site):
    for word in ("evilhost.test", "evilmethod", "evilpath"):
        site.client().ask(request(word.upper()[:20], f"/{word}", f"{word}.test"))
    text = site.proxy.admin("/metrics").body.decode()
    assert "evil" not in text.lower()
