# SPDX-License-Identifier: Apache-2.0
"""Endpoints that answer probes with too much, too slowly or with noise: bounded, and unhealthy."""
import socket
import threading

import pytest

from support import frames, manifests
from support.checked import Patient, checked, wait_state
from support.wait import wait_until


def flood(sock, head, piece, limit=1 << 30):
    """Send until the proxy closes; how many bytes went out."""
    sent = 0
    try:
        sock.sendall(head)
        while sent < limit:
            sock.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


class Flooder:
    """Answers each connection with a head and then pieces without end; `sent` of each that is over."""

    def __init__(self, head, piece):
        self.head, self.piece, self.sent = head, piece, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                sock.recv(65536)
                self.sent.append(flood(sock, self.head, self.piece))

    def first_sent(self):
        return wait_until(lambda: self.sent, "the proxy to close")[0]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def flooder():
    made = []

    def start(*arguments):
        made.append(Flooder(*arguments))
        return made[-1]

    yield start
    for each in made:
        each.close()


SOME_MB = 8 << 20  # what the sockets' own buffers may take on top


@pytest.mark.parametrize("head, piece", [
    (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 6000),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    (b"", b"\0\xff\r\n" * 1000),
], ids=["fields", "field", "interim", "garbage"])
def test_a_head_without_end_fails_soon(fairlead, flooder, head, piece):
    endless = flooder(head, piece)
    proxy = fairlead(checked(endless, interval=60, timeout=60, unhealthy=1))
    wait_state(proxy, "unhealthy")
    assert proxy.metric("fairlead_health_probes_total", result="bad_answer") == 1
    assert endless.first_sent() < SOME_MB


@pytest.mark.parametrize("framing", ["Content-Length: 1073741824", "Transfer-Encoding: chunked",
                                     "X: y"])
def test_of_a_large_body_little_is_read(fairlead, flooder, framing):
    piece = b"a\r\n0123456789\r\n" * 500 if "chunked" in framing else b"x" * 7500
    large = flooder(b"HTTP/1.1 200 OK\r\n" + framing.encode() + b"\r\n\r\n", piece)
    proxy = fairlead(checked(large, interval=2, timeout=60))
    wait_state(proxy, "healthy")
    proxy.wait_metric("fairlead_health_probes_total", 2, result="passed")
    assert large.first_sent() < SOME_MB


def test_a_body_that_never_comes_holds_nothing_up(fairlead, origin):
    upstream = origin()
    proxy = fairlead(checked(upstream, interval=1, timeout=1), ready=False)
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    wait_state(proxy, "healthy")
    peer.read_to_end()


def test_a_drip_does_not_stretch_the_timeout(fairlead, origin):
    upstream = origin()
    proxy = fairlead(checked(upstream, interval=60, timeout=1, unhealthy=1), ready=False)
    peer = upstream.accept()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    try:
        while not peer.has_more():
            peer.send(b"X: y\r\n")
            if proxy.metric("fairlead_health_endpoints", state="unhealthy"):
                break
    except OSError:
        pass
    wait_state(proxy, "unhealthy")
    assert proxy.metric("fairlead_health_probes_total", result="timeout") == 1


def test_an_http2_body_stays_within_its_window(fairlead, h2_backend):
    upstream = h2_backend(lambda asked: (b"x" * 500_000, 200))
    proxy = fairlead(checked(upstream, service_annotations=manifests.upstream_protocol("h2c")))
    wait_state(proxy, "healthy")


def test_noise_after_an_http2_preface(fairlead, flooder):
    noisy = flooder(b"", frames.ping(b"12345678") * 100)
    proxy = fairlead(checked(noisy, interval=60, timeout=60, unhealthy=1,
                             service_annotations=manifests.upstream_protocol("h2c")))
    wait_state(proxy, "unhealthy")
    assert noisy.first_sent() < SOME_MB


def test_no_text_of_an_object_becomes_a_header(fairlead, backend):
    """Whatever stands in a check: if it is probed at all, it is one request with our own fields."""
    asked = Patient(backend, path="/")
    proxy = fairlead(checked(asked, path="/a b\r\nX-Evil: 1", host="h\r\nX-Evil: 2", unhealthy=1))
    wait_until(lambda: asked.endpoint.requests or not proxy.metric(
        "fairlead_health_endpoints", state="unknown"), "a probe, or none")
    for probe in asked.endpoint.requests:
        assert probe.names == {"host", "user-agent", "connection"}
    assert not asked.endpoint.errors


@pytest.mark.slow
def test_many_silent_endpoints_wait_in_line(fairlead):
    """No more than 500 probes are under way; the others have their turn."""
    with socket.create_server(("0.0.0.0", 0), backlog=2048) as silent:
        port = silent.getsockname()[1]
        where = [f"127.1.{number // 250}.{number % 250 + 1}:{port}" for number in range(600)]
        proxy = fairlead(checked(*where, interval=60, timeout=3, unhealthy=1), ready=False)
        wait_state(proxy, "unhealthy", 600)
        assert proxy.limit_hits("health_probes") >= 1
        assert proxy.metric("fairlead_health_probes_total", result="timeout") == 600


def test_the_proxy_ends_while_probes_are_under_way(fairlead, origin):
    upstream = origin()
    proxy = fairlead(checked(upstream, timeout=60), ready=False)
    upstream.accept()
    proxy.terminate()
    assert proxy.wait_exit() == 0
