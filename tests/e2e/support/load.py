# SPDX-License-Identifier: Apache-2.0
"""Clients that never stop asking, and what went wrong for them: by the product's promise, nothing."""
import base64
import os
import socket
import struct
import threading

from . import http
from .client import RawClient
from .wait import PATIENCE_S, wait_until
from .wire import Wire


def is_ok(response):
    return response.status == 200


class Load:
    """
    Keep-alive connections that ask again and again, as a context.

    `accepts(response)` says whether an answer will do. Where the proxy says Connection: close, that
    is counted as `closes_told` and the client connects again if `reconnects`. All else that a client
    would call a failure is a sentence in `failures`: a reset, an end without an answer, an answer cut
    short, a status that will not do.
    """

    def __init__(self, port, connections=8, paths=("/",), host="a.test", accepts=is_ok,
                 reconnects=False):
        self.port, self.paths, self.host = port, paths, host
        self.accepts, self.reconnects = accepts, reconnects
        self.failures, self.answers, self.closes_told, self.refused = [], 0, 0, 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                        for number in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_S * 2)
            assert not thread.is_alive(), "a client of the load hangs"

    def wait_answers(self, more):
        """Until so many more answers came: the proxy is really at work."""
        goal = self.answers + more
        wait_until(lambda: self.answers >= goal or self.failures, f"{more} more answers")

    def expect_no_failures(self, at_least=1):
        assert not self.failures, f"{len(self.failures)} failed, the first: {self.failures[:5]}"
        assert self.answers >= at_least, f"only {self.answers} answers"

    def _count(self, name):
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)

    def _run(self, number):
        while not self.stopping.is_set():
            try:
                client = RawClient(self.port)
            except ConnectionRefusedError:
                self._count("refused")
                if self.reconnects:
                    return  # the listener is gone, and nobody had accepted us
                self.failures.append("connection refused")
                return
            except OSError as error:
                self.failures.append(f"connect: {error!r}")
                return
            told = self._ask_on(client, number)
            client.close()
            if not told or not self.reconnects:
                return

    def _ask_on(self, client, number):
        """Requests on one connection. True: the proxy ended it and had said so."""
        asked = 0
        while not self.stopping.is_set():
            path = self.paths[(number + asked) % len(self.paths)]
            asked += 1
            try:
                client.send(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                            % (path.encode(), self.host.encode()))
                response = client.read_response()
            except (OSError, AssertionError) as error:
                kind = "reset" if client.was_reset else "failed"
                self.failures.append(f"request {asked} for {path} {kind}: {error!r}")
                return False
            client.received.clear()  # hours of answers would fill the memory
            if not self.accepts(response):
                self.failures.append(f"{path}: {response} {response.body[:200]!r}")
            self._count("answers")
            if "close" in response.options:
                self._count("closes_told")
                if not self.reconnects:
                    self.failures.append(f"{path}: Connection: close, unasked")
                return True
        return False


class WebSocket(Wire):
    """A client of RFC 6455, as far as echoing goes; closed at the latest when the proxy is stopped."""

    def __init__(self, proxy, path="/ws", host="a.test"):
        super().__init__(socket.create_connection(("127.0.0.1", proxy.http_port), PATIENCE_S))
        proxy.clients.append(self)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                  f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        response = http.Response(self.read_head())
        assert response.status == 101, response

    def send_text(self, payload):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        assert len(payload) < 126
        self.send(struct.pack("BB", 0x81, 0x80 | len(payload)) + mask + masked)

    def read_text(self):
        first, length = self.read_exactly(2)
        assert first == 0x81 and length < 126, (first, length)
        return self.read_exactly(length)

    def expect_echo(self, payload):
        self.send_text(payload)
        answer = self.read_text()
        assert answer == payload, (payload, answer)
