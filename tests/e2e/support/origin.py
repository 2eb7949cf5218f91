# SPDX-License-Identifier: Apache-2.0
"""
Endpoints on 127.0.0.1, or another address of ours.

Origin: the test itself accepts and speaks, so that both sides of the proxy stand on one screen.
Backend: answers by itself in threads, where a test only needs answers.
"""
import contextlib
import socket
import threading

from . import http
from .ports import listen, stop_listening
from .wait import PATIENCE_S, wait_until
from .wire import Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(body=b"ok", status="200 OK", *lines):
    """Bytes of an answer with a length."""
    head = [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class Peer(Wire):
    """A connection that the proxy opened."""

    def read_request(self):
        return http.read_request(self)

    def read_request_head(self):
        """Only the head; read_request_body() goes on."""
        return http.Request(self.read_head())

    def read_request_body(self, request):
        http.read_request_body(self, request)
        return request.body

    def expect_aborted(self):
        """The proxy ends the connection, and the last message on it is not whole (abort-up)."""
        self.read_to_end()
        if not self.received:
            return
        try:
            replay = Replay(bytes(self.received))
            while replay.pending:
                http.read_request(replay)
        except http.Incomplete:
            return
        raise AssertionError(f"the origin saw complete messages only: {bytes(self.received)!r}")


class Replay(Wire):
    """Reads again what came."""

    def __init__(self, data):
        self.received = bytearray(data)
        self.pending = bytearray(data)
        self.ended = True
        self.was_reset = False


@contextlib.contextmanager
def silent_port():
    """A port that answers no SYN: the queue of its listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(backlog=0))
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def as_it_is(sock):
    return sock


class Origin:
    """
    Connections wait until the test accepts them. `wrap` makes the socket what is spoken over, see
    tls.wrapped_by().
    """

    def __init__(self, port=0, wrap=as_it_is, address="127.0.0.1"):
        self.wrap = wrap
        self.listener = listen(port, address=address)
        self.port = self.listener.getsockname()[1]
        self.peers = []

    def accept(self, patience_s=PATIENCE_S):
        self.listener.settimeout(patience_s)
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers.append(Peer(self.wrap(sock)))
        return self.peers[-1]

    def accept_waiting(self):
        """The next connection if there is one now, else None."""
        try:
            return self.accept(0)
        except BlockingIOError:
            return None

    def expect_untouched(self):
        """Nothing came since the test last accepted or read: no connection, no byte."""
        peer = self.accept_waiting()
        assert peer is None, f"the origin was called: {peer.read_some()!r}"
        for peer in self.peers:
            assert not peer.has_more(), f"bytes came: {bytes(peer.pending[-300:])!r}"

    def close(self):
        stop_listening(self.listener)
        for peer in self.peers:
            peer.close()


class Backend:
    """
    Answers every request; respond(request) gives the bytes, or None to close without an answer.
    `requests` are all that came, `connections` counts. forgets: no request is kept, nor its bytes,
    where so many come that they would fill the memory.
    """

    def __init__(self, respond=None, port=0, wrap=as_it_is, address="127.0.0.1", forgets=False):
        self.forgets = forgets
        self.respond = respond if callable(respond) else lambda request: respond or OK
        self.wrap = wrap
        self.listener = listen(port, address=address)
        self.port = self.listener.getsockname()[1]
        self.requests = []
        self.peers = []
        self.errors = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def connections(self):
        return len(self.peers)

    @property
    def received(self):
        """Bytes of all connections, in order of their opening."""
        return b"".join(bytes(peer.received) for peer in self.peers)

    def wait_requests(self, count):
        wait_until(lambda: len(self.requests) >= count, f"request {count}")
        return self.requests

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._welcome, args=(sock,), daemon=True).start()

    def _welcome(self, sock):
        try:
            peer = Peer(self.wrap(sock))
        except OSError as error:
            self.errors.append(error)
            sock.close()
            return
        peer.sock.settimeout(None)  # idle as long as the proxy likes
        self.peers.append(peer)
        self._serve(peer)

    def _serve(self, peer):
        try:
            while peer.pending or peer._fill():
                request = peer.read_request()
                if self.forgets:
                    peer.received.clear()
                else:
                    self.requests.append(request)
                reply = self.respond(request)
                if reply is None:
                    break
                peer.send(reply)
        except http.Incomplete:
            pass
        except (OSError, AssertionError) as error:
            self.errors.append(error)
        peer.close()

    def close(self):
        stop_listening(self.listener)
        for peer in self.peers:
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
