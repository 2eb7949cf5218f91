# SPDX-License-Identifier: Apache-2.0
"""Slow peers, many peers, full resources, noise: hostile-input 84 to 89."""
import os
import random
import resource
import select
import socket
import threading
import time

import pytest

from support import manifests
from support.client import RawClient, request
from support.origin import OK, answer
from support.wait import wait_until


def drip(client, data):
    """One byte every 20 ms until an answer comes; how long that took."""
    began = time.monotonic()
    for byte in data:
        client.send_if_open(bytes([byte]))
        if select.select([client.sock], [], [], 0.02)[0]:
            break
    return time.monotonic() - began


def test_hostile_84_a_head_that_is_not_complete_in_time(fairlead):
    proxy = fairlead(manifests.app(), "--request-head-timeout", "300ms")
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n")
    assert client.expect_answer_and_end(408).reason_code == "head_timeout"
    assert proxy.timeouts("head") == 1


def test_hostile_84_drip_feeding_does_not_extend_the_time(fairlead):
    proxy = fairlead(manifests.app(), "--request-head-timeout", "500ms")
    client = proxy.client()
    took = drip(client, b"GET / HTTP/1.1\r\nHost: a.test\r\n" + b"X: y\r\n" * 1000)
    client.expect_answer_and_end(408)
    assert 0.4 < took < 5


def test_hostile_84_it_counts_from_the_first_byte(fairlead, backend):
    """A connection may stay silent longer than a head may take."""
    proxy = fairlead(manifests.app(backend()), "--request-head-timeout", "200ms")
    client = proxy.client()
    client.expect_silence(0.5)
    assert client.get("/").status == 200


def test_hostile_84_it_counts_for_the_second_request_too(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--request-head-timeout", "300ms")
    client = proxy.client()
    assert client.get("/").status == 200
    client.send(b"GET ")
    client.expect_answer_and_end(408)


@pytest.mark.parametrize("head", [
    request("POST", "/", "a.test", "Content-Length: 100000"),
    request("POST", "/", "a.test", "Transfer-Encoding: chunked"),
], ids=["length", "chunked"])
def test_hostile_85_a_body_that_stands_still(fairlead, origin, head):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--request-body-timeout", "300ms")
    client = proxy.client()
    client.send(head)
    peer = upstream.accept()
    peer.read_request_head()
    assert client.expect_answer_and_end(408).reason_code == "body_timeout"
    peer.expect_aborted()
    assert proxy.timeouts("request_body") == 1


def test_hostile_85_a_body_slower_than_100_bytes_a_second(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--request-body-timeout", "500ms")
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Content-Length: 100000"))
    peer = upstream.accept()
    peer.read_request_head()
    took = drip(client, b"x" * 1000)  # 50 bytes a second
    client.expect_answer_and_end(408)
    assert 0.4 < took < 5
    peer.expect_aborted()


def test_hostile_85_a_body_that_is_fast_enough(fairlead, origin):
    """100 bytes a second and no silence: it may take as long as it likes."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--request-body-timeout", "300ms")
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Content-Length: 1000"))
    peer = upstream.accept()
    head = peer.read_request_head()
    for _ in range(20):
        client.expect_silence(0.05)
        client.send(b"x" * 50)
    assert len(peer.read_request_body(head)) == 1000
    peer.send(OK)
    assert client.read_response().status == 200


def test_hostile_85_once_the_answer_began_the_stream_idle_time_counts(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--request-body-timeout", "200ms",
                     "--stream-idle-timeout", "1s")
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Content-Length: 10"))
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    client.read_head()
    client.expect_silence(0.5)
    client.read_to_end()
    assert (proxy.timeouts("request_body"), proxy.timeouts("stream_idle")) == (0, 1)


def test_hostile_86_a_client_that_does_not_read(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--client-write-timeout", "500ms")
    client = proxy.client(receive_buffer=4096)
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    before = proxy.metric("fairlead_resident_bytes")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    peer.sock.settimeout(0.3)
    sent = 0
    try:
        while sent < 1 << 30:
            sent += peer.sock.send(b"x" * 65536)
    except (TimeoutError, ConnectionError):
        pass
    assert sent < 32 << 20, "the proxy goes on reading for a client that does not"
    assert proxy.metric("fairlead_resident_bytes") - before < 8 << 20
    proxy.wait_metric("fairlead_timeouts_total", timeout="client_write")
    peer.sock.settimeout(5)
    peer.read_to_end()
    client.read_to_end()
    assert client.was_reset


def test_hostile_86_a_client_that_reads_slowly_is_served(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--client-write-timeout", "400ms")
    client = proxy.client(receive_buffer=65536)
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    size = 12_000_000
    peer.sock.settimeout(None)
    sender = threading.Thread(target=peer.send, args=(answer(b"x" * size),), daemon=True)
    sender.start()
    client.read_head()
    got, began = 0, time.monotonic()
    while time.monotonic() - began < 1.5:  # slow for longer than the timeout
        got += len(client.read_some())
        time.sleep(0.02)
    got += len(client.read_exactly(size - got))
    assert got == size
    assert proxy.timeouts("client_write") == 0


def test_hostile_87_connections_in_total_are_bounded(fairlead, backend):
    """Those over it wait to be accepted, and are served when there is room."""
    proxy = fairlead(manifests.app(backend()), "--max-connections", "5", "--workers", "1")
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        assert client.get("/").status == 200
    waiting = proxy.client()
    waiting.send(request("GET", "/"))
    waiting.expect_silence(0.2)
    assert proxy.limit_hits("connections") >= 1  # and the admin port answers
    clients[0].close()
    assert waiting.read_response().status == 200


def test_hostile_87_connections_of_one_address_are_bounded(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--max-connections-per-address", "3",
                     "--workers", "1")
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        assert client.get("/").status == 200
    over = proxy.client()
    over.send_if_open(request("GET", "/"))
    assert over.read_to_end() == b""
    assert proxy.limit_hits("connections_per_address") == 1
    other = socket.create_connection(("127.0.0.1", proxy.http_port),
                                     source_address=("127.0.0.2", 0))
    other.sendall(request("GET", "/"))
    assert other.recv(15) == b"HTTP/1.1 200 OK"
    other.close()
    clients[0].close()

    def is_served():
        client = proxy.client()
        client.send_if_open(request("GET", "/", "a.test", "Connection: close"))
        return client.read_to_end().startswith(b"HTTP/1.1 200")

    wait_until(is_served, "room for this address")


def test_hostile_87_out_of_files_accepting_pauses_and_recovers(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    assert proxy.get("/").status == 200
    idle = [proxy.client() for _ in range(20)]
    for client in idle:
        assert client.get("/").status == 200
    used = len(os.listdir(f"/proc/{proxy.pid}/fd"))
    soft, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (used, hard))
    try:
        waiting = [RawClient(proxy.http_port) for _ in range(30)]
        proxy.clients += waiting
        for client in waiting:
            client.send(request("GET", "/"))
        began = cpu_seconds(proxy.pid)
        time.sleep(1)
        assert cpu_seconds(proxy.pid) - began < 0.5, "a busy loop"
        assert proxy.is_running()
    finally:
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for client in waiting:
        assert client.read_response().status in (200, 503)
    assert proxy.get("/").status == 200
    assert proxy.admin("/healthz").status == 200
    assert proxy.limit_hits("open_files") >= 1


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_hostile_88_over_the_memory_mark(fairlead, origin):
    """Any process is over this mark: idle connections close, new requests get 503, running ones
    end well."""
    upstream = origin()
    proxy = fairlead(manifests.app(upstream), "--max-memory-bytes", "1")
    running = proxy.client()
    running.send(request("GET", "/"))
    peer = upstream.accept()  # the mark is looked at once a second, so not yet
    peer.read_request()
    idle = proxy.client()
    proxy.wait_metric("fairlead_limit_hits_total", limit="memory")
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (503, "over_memory")
    assert int(response.get("Retry-After")) >= 1
    idle.expect_end()
    peer.send(OK)
    assert running.read_response().status == 200


def noise(seed, count):
    """Half random bytes, half pieces of HTTP in random order."""
    chance = random.Random(seed)
    pieces = [b"GET / HTTP/1.1\r\n", b"Host: a.test\r\n", b"\r\n", b"Content-Length: 5\r\n", b"\r",
              b"\n",
              b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b" ", b":",
              b"\x00",
              b"PROXY TCP4 ", b"\x16\x03\x01", b"Connection: upgrade\r\n", b"POST /x HTTP/1.1\r\n"]
    data = bytearray()
    while len(data) < count:
        data += chance.choice(pieces) if chance.random() < 0.7 else chance.randbytes(20)
    return bytes(data[:count])


@pytest.mark.parametrize("flags", [(), ("--proxy-protocol",)], ids=["http", "proxy-protocol"])
@pytest.mark.parametrize("kind", ["random", "pieces"])
def test_hostile_89_noise_on_any_port(fairlead, backend, kind, flags):
    proxy = fairlead(manifests.app(backend()), *flags)
    sent = 0
    number = 0
    while sent < 1_000_000:
        size = 200 + 977 * number % 4000
        data = (random.Random(number).randbytes(size) if kind == "random" else noise(number, size))
        client = RawClient(proxy.http_port if number % 4 else proxy.admin_port)
        client.send_if_open(data)
        try:
            client.half_close()
            client.read_to_end()
        except OSError:
            pass
        client.close()
        sent += size
        number += 1
    assert proxy.admin("/healthz").status == 200
    assert len(proxy.log.lines) < 200
    assert sum(map(len, proxy.log.lines)) < 100_000


def test_hostile_89_noise_in_one_piece(fairlead):
    proxy = fairlead(manifests.app())
    for seed in range(3):
        for port in (proxy.http_port, proxy.admin_port):
            client = RawClient(port)
            client.send_if_open(random.Random(seed).randbytes(1_000_000))
            client.close()
    assert proxy.get("/").status == 503
    assert len(proxy.log.lines) < 50


def test_hostile_89_an_endpoint_that_answers_with_noise(fairlead, backend):
    chance = random.Random(89)
    upstream = backend(lambda request: noise(chance.random(), chance.randrange(1, 3000)))
    proxy = fairlead(manifests.app(upstream))
    for _ in range(150):
        client = proxy.client()
        client.send(request("GET", "/"))
        client.half_close()
        assert client.read_to_end()[:9] == b"HTTP/1.1 "
        client.close()
    assert len(proxy.log.lines) < 100
