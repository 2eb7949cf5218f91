# SPDX-License-Identifier: Apache-2.0
"""One end of a connection: bytes in and out, every wait with a deadline."""
import socket
import ssl
import struct

from . import http
from .wait import PATIENCE_S


class Wire:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE_S)
        self.received = bytearray()  # everything that ever came
        self.pending = bytearray()   # of it, what nobody has read yet
        self.ended = False           # the peer closed its side
        self.was_reset = False

    # ---- out ----

    def send(self, *pieces):
        """Each piece in a segment of its own, as far as the kernel lets us."""
        for piece in pieces:
            self.sock.sendall(piece)

    def send_if_open(self, data):
        """For bytes that the peer may refuse to take any more."""
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # ---- in ----

    def _fill(self):
        """One read; False at the end."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError:
            self.ended = self.was_reset = True
            return False
        except ssl.SSLWantReadError:  # of has_more(): nothing whole has come
            raise BlockingIOError from None
        except socket.timeout:
            raise AssertionError(f"nothing came for {self.sock.gettimeout()} s; before it: "
                                 f"{bytes(self.pending[-300:])!r}") from None
        if not data:
            self.ended = True
            return False
        self.received += data
        self.pending += data
        return True

    def _take(self, count):
        data = bytes(self.pending[:count])
        del self.pending[:count]
        return data

    def has_more(self):
        """Whether bytes are there that nobody has read, without waiting for them."""
        if self.sock.fileno() >= 0:
            self.sock.setblocking(False)
            try:
                self._fill()
            except BlockingIOError:
                pass
            finally:
                self.sock.settimeout(PATIENCE_S)
        return bool(self.pending)

    def read_until(self, marker):
        start = 0
        while (at := self.pending.find(marker, start)) < 0:
            start = max(0, len(self.pending) - len(marker) + 1)
            if not self._fill():
                raise http.Incomplete(f"closed before {marker!r}: {bytes(self.pending[-300:])!r}")
        return self._take(at + len(marker))

    def read_exactly(self, count):
        while len(self.pending) < count:
            if not self._fill():
                raise http.Incomplete(f"closed after {len(self.pending)} of {count} bytes")
        return self._take(count)

    def read_some(self):
        """At least one byte, or b"" at the end."""
        if not self.pending:
            self._fill()
        return self._take(len(self.pending))

    def read_to_end(self):
        while self._fill():
            pass
        return self._take(len(self.pending))

    def read_head(self):
        return self.read_until(b"\r\n\r\n")

    def expect_end(self):
        """The peer closes and nothing more comes."""
        rest = self.read_to_end()
        assert rest == b"", f"bytes before the end: {rest[:300]!r}"

    def expect_silence(self, seconds=0.1):
        """For this long neither bytes nor the end come. Only where the absence is the point."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(1)
        except socket.timeout:
            data = None
        finally:
            self.sock.settimeout(PATIENCE_S)
        assert not self.pending and data is None, f"came: {bytes(self.pending)!r} {data!r}"
