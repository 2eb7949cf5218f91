# SPDX-License-Identifier: Apache-2.0
"""PROXY protocol, version 1 and 2, on the HTTP port (--proxy-protocol): who it names is the client.

Source: haproxy doc/proxy-protocol.txt sections 2.1 and 2.2; hostile-input 48."""
import ipaddress
import re
import struct

import pytest

from support import manifests
from support.client import RawClient, request

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version1(source="203.0.113.7", destination="198.51.100.1", ports="56324 80", family="TCP4"):
    return f"PROXY {family} {source} {destination} {ports}\r\n".encode()


def version2(source="203.0.113.7", port=56324, command=0x21, tlvs=b"", family=None):
    address = ipaddress.ip_address(source)
    packed = address.packed
    body = packed + packed + struct.pack("!HH", port, 80) + tlvs
    kind = family if family is not None else (0x11 if address.version == 4 else 0x21)
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body)) + body


@pytest.fixture
def front(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app), "--proxy-protocol", "--workers", 1)
    proxy.app = app
    return proxy


def ask(proxy, header, pieces=1):
    client = RawClient(proxy.http_port)
    try:
        data = header + request("GET", "/", "a.test")
        step = -(-len(data) // pieces)
        for start in range(0, len(data), step):
            client.send(data[start:start + step])
        return client.read_response()
    finally:
        client.close()


def client_of(proxy):
    """Whom the endpoint takes for the client."""
    return proxy.app.requests[-1].get("X-Forwarded-For")


@pytest.mark.parametrize("header,client", [
    (version1(), "203.0.113.7"),
    (version1("2001:db8::7", "2001:db8::1", family="TCP6"), "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (b"PROXY UNKNOWN what ever comes here\r\n", "127.0.0.1"),
    (version2(), "203.0.113.7"),
    (version2("2001:db8::7"), "2001:db8::7"),
    (version2(command=0x20), "127.0.0.1"),  # LOCAL: the balancer's own health check
    (version2(tlvs=b"\x04\x00\x03abc" + b"\x01\x00\x02h2"), "203.0.113.7"),
    (version2(family=0x00), "127.0.0.1"),  # UNSPEC
], ids=["v1 IPv4", "v1 IPv6", "v1 UNKNOWN", "v1 UNKNOWN with more", "v2 IPv4", "v2 IPv6", "v2 LOCAL",
        "v2 with TLVs", "v2 UNSPEC"])
def test_the_client_that_the_header_names_is_forwarded(front, header, client):
    assert ask(front, header).status == 200
    assert client_of(front) == client


def test_the_client_that_the_header_names_is_logged(front):
    for header in (version1(), version2("2001:db8::7"), version2(command=0x20)):
        assert ask(front, header).status == 200
    clients = [line.split(" ")[1] for line in front.access_lines(3)]
    assert clients == ["203.0.113.7", "2001:db8::7", "127.0.0.1"]


@pytest.mark.parametrize("header", [
    version1(), version2(), version2("2001:db8::7", tlvs=b"\x04\x00\x01a")],
                         ids=["v1", "v2", "v2 with a TLV"])
def test_the_header_may_come_in_any_number_of_pieces(front, header):
    for pieces in (2, 3, len(header) + 5, 1000):
        assert ask(front, header, pieces).status == 200, pieces
        assert client_of(front) in ("203.0.113.7", "2001:db8::7")


def test_the_header_counts_for_all_requests_of_the_connection_and_comes_once(front):
    client = front.client()
    client.send(version1() + request() + request())
    assert client.read_response().status == client.read_response().status == 200
    assert client.get("/").status == 200
    assert [seen.get("X-Forwarded-For") for seen in front.app.requests] == ["203.0.113.7"] * 3
    client.send(version1())
    client.expect_answer_and_end(400)


BAD = {
    "none at all": request(),
    "a wrong word": b"PROXIE TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
    "a bad address": version1("203.0.113.777"),
    "a leading zero": version1("203.0.113.07"),
    "IPv6 in TCP4": version1("2001:db8::7"),
    "a port too large": version1(ports="65536 80"),
    "a port missing": version1(ports="80"),
    "a bare LF": version1().replace(b"\r\n", b"\n"),
    "two blanks": version1().replace(b" TCP4 ", b"  TCP4 "),
    "107 bytes without an end": b"PROXY TCP4 " + b"1" * 120,
    "version 1 of v2": SIGNATURE + struct.pack("!BBH", 0x11, 0x11, 12) + b"\0" * 12,
    "an unknown command": version2(command=0x22),
    "addresses cut short": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 4) + b"\0" * 4,
    "60 KB announced": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 60_000) + b"\0" * 1000,
    "a signature with one byte wrong": version2()[:11] + b"X" + version2()[12:],
}


@pytest.mark.parametrize("what", BAD)
def test_hostile_48_a_header_that_is_not_one_closes_without_an_answer(front, what):
    client = front.client()
    client.send_if_open(BAD[what])
    client.send_if_open(request())
    assert client.read_to_end() == b""
    assert front.app.connections == 0
    assert ask(front, version1()).status == 200


def test_hostile_48_a_header_that_does_not_come_is_waited_for_only_so_long(front):
    silent, half = front.client(), front.client()
    half.send(version1()[:20])
    assert silent.read_to_end() == half.read_to_end() == b""
    assert front.timeouts("proxy_header") == 2


def test_hostile_48_without_the_flag_a_header_is_a_bad_request(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app))
    for header in (version1(), version2()):
        client = proxy.client()
        client.send(header + request())
        response = client.read_response()
        assert response.status == 400
        client.expect_end()
    assert app.connections == 0


def test_hostile_48_a_header_of_512_bytes_of_tlvs_is_taken_and_a_longer_one_is_not(front):
    assert ask(front, version2(tlvs=b"\x04" + struct.pack("!H", 497) + b"x" * 497)).status == 200
    client = front.client()
    client.send(version2(tlvs=b"\x04" + struct.pack("!H", 800) + b"x" * 800))
    assert client.read_to_end() == b""


def test_the_admin_port_takes_no_header(front):
    assert front.admin("/healthz").status == 200
    client = RawClient(front.admin_port)
    client.send(version1() + request())
    assert client.read_response().status == 400
    client.close()


def test_the_header_shapes_no_line_of_the_log(front):
    client = front.client()
    client.send_if_open(b"PROXY TCP4 \x1b[31m\x00 evil\n 1 1\r\n")
    assert client.read_to_end() == b""
    said = front.log.wait_for("bad PROXY header")
    assert re.fullmatch(r"[ -~]+", said.string), said.string
