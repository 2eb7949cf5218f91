# SPDX-License-Identifier: Apache-2.0
"""Endpoints that are told who the client is, by the PROXY protocol's version 2."""
import ipaddress
import socket
import struct

import pytest

from support.tcp import PASS, RAW, tcp_app
from support.tls import client_hello

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ASKED = {"fairlead.dev/upstream-proxy-protocol": "v2"}


def read_header(peer):
    """(source, destination) as "address port", or None for LOCAL."""
    head = peer.read_exactly(16)
    assert head[:12] == SIGNATURE
    command, family, length = struct.unpack(">BBH", head[12:])
    block = peer.read_exactly(length)
    if command == 0x20:
        assert (family, block) == (0, b"")
        return None
    assert command == 0x21
    size = {0x11: 4, 0x21: 16}[family]
    assert length == 2 * size + 4
    ports = struct.unpack(">HH", block[2 * size:])
    ends = [ipaddress.ip_address(block[:size]), ipaddress.ip_address(block[size:2 * size])]
    return tuple(f"{end} {port}" for end, port in zip(ends, ports))


@pytest.fixture
def told(fairlead, origin, certificate):
    def start(*flags, host=PASS):
        upstream = origin()
        return fairlead(tcp_app(upstream, host=host, service_annotations=ASKED,
                              certificate=certificate if host == RAW else None),
                      *flags), upstream

    return start


def test_the_header_comes_first_and_names_both_ends(told):
    proxy, upstream = told()
    client = proxy.client_of(proxy.https_port)
    client.send(client_hello(PASS))
    peer = upstream.accept()
    assert read_header(peer) == (f"127.0.0.1 {client.port}", f"127.0.0.1 {proxy.https_port}")
    assert peer.read_some()[:3] == b"\x16\x03\x01"


def test_over_ipv6(told):
    proxy, upstream = told("--https", "[::1]:0")
    with socket.create_connection(("::1", proxy.https_port)) as client:
        client.sendall(client_hello(PASS))
        port = client.getsockname()[1]
        assert read_header(upstream.accept()) == (f"::1 {port}", f"::1 {proxy.https_port}")


def test_an_endpoint_that_speaks_first_has_it_before(told):
    proxy, upstream = told(host=RAW)
    client = proxy.tls_client(RAW)
    peer = upstream.accept()
    assert read_header(peer) == (f"127.0.0.1 {client.port}", f"127.0.0.1 {proxy.https_port}")
    peer.send(b"220 ready")
    assert client.read_exactly(9) == b"220 ready"
    client.send(b"hello")
    assert peer.read_exactly(5) == b"hello"


@pytest.mark.parametrize("line, told_of", [
    (b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n", ("192.0.2.7 4711", "198.51.100.9 443")),
    (b"PROXY TCP6 2001:db8::7 2001:db8::9 4711 443\r\n", ("2001:db8::7 4711", "2001:db8::9 443")),
])
def test_what_a_balancer_in_front_said_is_passed_on(told, line, told_of):
    proxy, upstream = told("--proxy-protocol")
    client = proxy.client_of(proxy.https_port)
    client.send(line + client_hello(PASS))
    assert read_header(upstream.accept()) == told_of


def test_a_client_of_a_unix_socket_has_no_address(told, tmp_path):
    path = tmp_path / "s"
    proxy, upstream = told("--https", f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(client_hello(PASS))
        assert read_header(upstream.accept()) is None


