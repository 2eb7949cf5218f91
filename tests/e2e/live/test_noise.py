# SPDX-License-Identifier: Apache-2.0
"""hostile-input 89: a million bytes of noise on any port: no crash, no leak, no log line per byte."""
import random

import pytest

from support import manifests
from support.client import RawClient

BYTES = 1_000_000
LOG_LINES_MAX = 500


def noise(seed, count=BYTES):
    return random.Random(seed).randbytes(count)


def throw(port, data, piece):
    """All of it, on as many connections as it takes: each is closed at the first bad byte."""
    at = 0
    while at < len(data):
        client = RawClient(port)
        start = at
        while at < len(data):
            if not client.send_if_open(data[at:at + piece]):
                break
            at += piece
            if at - start >= 64 * piece:
                break
        finish(client)


def finish(client):
    """Say that nothing more comes, and read what the proxy has to say to that."""
    try:
        client.half_close()
    except OSError:
        pass  # it has closed long ago
    client.read_to_end()
    client.close()


def expect_unmoved(proxy, lines_before):
    assert proxy.is_running()
    assert proxy.get("/").status == 200
    assert proxy.admin("/healthz").status == 200
    assert len(proxy.log.lines) - lines_before < LOG_LINES_MAX, proxy.log.lines[-5:]
    proxy.wait_gauge("fairlead_connections", 0)
    assert proxy.metric("fairlead_streams") <= 1  # the one that asks


@pytest.mark.parametrize("port", ["http", "admin"])
@pytest.mark.parametrize("piece", [1024, 50_000])
def test_hostile_89_a_million_random_bytes_do_no_harm(fairlead, backend, port, piece):
    app = backend()
    proxy = fairlead(manifests.app(app))
    lines = len(proxy.log.lines)
    throw(getattr(proxy, f"{port}_port"), noise(89), piece)
    expect_unmoved(proxy, lines)
    assert len(app.requests) == 1, "noise reached the endpoint"


def test_hostile_89_a_million_random_bytes_do_no_harm_where_a_proxy_header_is_due(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app), "--proxy-protocol")
    lines = len(proxy.log.lines)
    throw(proxy.http_port, noise(890), 1024)
    throw(proxy.http_port, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n" + noise(891), 1024)
    assert proxy.is_running() and app.connections == 0
    assert len(proxy.log.lines) - lines < LOG_LINES_MAX


BEGINNINGS = {
    "within a head": b"GET / HTTP/1.1\r\nHost: a.test\r\n",
    "after a length": b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n",
    "as chunks": b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
    "as a target": b"GET /",
    "as TLS": b"\x16\x03\x01\x02\x00",
    "as HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("where", BEGINNINGS)
def test_hostile_89_noise_after_a_good_beginning_does_no_harm(fairlead, backend, where):
    proxy = fairlead(manifests.app(backend()))
    lines = len(proxy.log.lines)
    for seed in range(40):
        client = proxy.client()
        client.send_if_open(BEGINNINGS[where])
        client.send_if_open(noise(seed, 25_000))
        finish(client)
    expect_unmoved(proxy, lines)


def test_hostile_89_noise_of_text_does_no_harm(fairlead, backend):
    """Random lines of what heads are made of: they get further than random bytes."""
    words = [b"GET", b" ", b"/", b"HTTP/1.1", b"\r\n", b"Host:", b"a.test", b":", b"Content-Length: ",
             b"Transfer-Encoding: chunked", b"0", b"5", b"\n", b"\r\n\r\n", b"Connection: close", b"%2f",
             b"POST", b"Expect: 100-continue", b"Upgrade: websocket", b"..", b";", b"\x00", b"f00"]
    generator = random.Random(1989)
    proxy = fairlead(manifests.app(backend()))
    lines = len(proxy.log.lines)
    for _ in range(300):
        client = proxy.client()
        text = b"".join(generator.choice(words) for _ in range(300))
        client.send_if_open(generator.choice([b"", b"GET / HTTP/1.1\r\nHost: a.test\r\n"]) + text)
        finish(client)
    expect_unmoved(proxy, lines)
