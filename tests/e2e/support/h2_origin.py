# SPDX-License-Identifier: Apache-2.0
"""
Endpoints that speak HTTP/2, in clear text or wrapped by tls.wrapped_by().

H2Origin: the test accepts and speaks. H2Backend: answers by itself in threads.
"""
import threading

from . import frames
from .frames import MAX_CONCURRENT_STREAMS
from .h2 import H2End
from .origin import Origin, Peer, as_it_is
from .wait import wait_until

READ_PREFACE = len(frames.PREFACE)


class H2Peer(H2End):
    """A connection that the proxy opened, after its preface."""

    def __init__(self, wire, settings=((MAX_CONCURRENT_STREAMS, 100),), consumes=True):
        preface = wire.read_exactly(READ_PREFACE)
        assert preface == frames.PREFACE, f"no preface: {preface!r}"
        super().__init__(wire, False, settings, consumes)

    def read_request_head(self):
        """The next stream, when its head is there."""
        self.wait(lambda: self.arrived, "a request")
        return self.messages[self.arrived.popleft()]

    def read_request(self):
        """The next stream, when its request is whole."""
        request = self.read_request_head()
        self.wait(lambda: request.is_over, "the end of the request")
        assert request.ended, request
        return request

    def respond(self, stream, body=b"ok", status=200, *fields, trailers=None, end=True):
        self.send_head(stream, [(":status", str(status)), *fields],
                       end and not body and trailers is None)
        if body:
            self.send_data(stream, body, end and trailers is None)
        if trailers is not None:
            self.send_trailers(stream, trailers)


class H2Origin(Origin):
    """Options are those of Origin and H2Peer."""

    def __init__(self, port=0, wrap=as_it_is, **options):
        super().__init__(port, wrap)
        self.options = options
        self.conns = []

    def accept(self, *arguments):
        """The next connection, as H2Peer."""
        peer = super().accept(*arguments)
        self.conns.append(H2Peer(peer, **self.options))
        return self.conns[-1]

    def next_request(self):
        """(conn, request) of the next one that is whole, be it on an old connection or a new one."""
        def look():
            self.accept_waiting()
            for conn in self.conns:
                conn.has_news()
                if conn.arrived:
                    return conn
            return None

        conn = wait_until(look, "a request on any connection")
        return conn, conn.read_request()

    def expect_untouched(self):
        """No connection and no request that the test has not taken."""
        assert self.accept_waiting() is None, "the origin was called"
        for conn in self.conns:
            conn.has_news()
            assert not conn.arrived, f"a request came: {conn.messages[conn.arrived[0]]}"


class H2Backend:
    """
    respond(request) gives (body, status, fields, trailers), as many as wanted of them, or bytes; or
    it speaks itself: respond(request, conn) if `speaks`. `requests` are all whole ones that came.
    """

    def __init__(self, respond=None, port=0, wrap=as_it_is, speaks=False, **options):
        self.respond = respond if callable(respond) else lambda request: respond or b"ok"
        self.speaks = speaks
        self.origin = Origin(port, wrap)
        self.origin.listener.settimeout(None)
        self.port = self.origin.port
        self.options = options
        self.requests, self.conns, self.errors, self.wires = [], [], [], []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self):
        return len(self.conns)

    def wait_requests(self, count):
        wait_until(lambda: len(self.requests) >= count, f"request {count}")
        return self.requests

    def _accept(self):
        while True:
            try:
                sock, _ = self.origin.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._welcome, args=(sock,), daemon=True).start()

    def _welcome(self, sock):
        self.wires.append(sock)
        try:
            wire = Peer(self.origin.wrap(sock))
            self.wires.append(wire.sock)
            wire.sock.settimeout(None)  # idle as long as the proxy likes
            conn = H2Peer(wire, **self.options)
            self.conns.append(conn)
            self._serve(conn)
        except (OSError, AssertionError) as error:
            self.errors.append(error)
        sock.close()

    def _serve(self, conn):
        waiting = []
        while conn.read() or conn.arrived:
            while conn.arrived:
                waiting.append(conn.messages[conn.arrived.popleft()])
            # Others become whole while one is answered.
            while request := next((request for request in waiting if request.is_over), None):
                waiting.remove(request)
                if request.ended:
                    self.requests.append(request)
                    self._answer(conn, request)
            if conn.ended:
                break

    def _answer(self, conn, request):
        if self.speaks:
            self.respond(request, conn)
            return
        reply = self.respond(request)
        if isinstance(reply, bytes):
            reply = (reply,)
        body, status, fields, trailers = (*reply, *(b"", 200, (), None)[len(reply):])
        conn.respond(request.stream, body, status, *fields, trailers=trailers)

    def close(self):
        for sock in [self.origin.listener, *self.wires]:
            try:
                sock.shutdown(2)
            except OSError:
                pass
            sock.close()
