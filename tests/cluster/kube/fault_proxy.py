# SPDX-License-Identifier: Apache-2.0
"""
A bad network between a client and the API server. TLS passes through: it sees bytes, and how many.

    proxy = FaultProxy((ADDRESS, API_PORT))     listens on 127.0.0.1:proxy.port
    proxy.cut_after(40000)                      each connection ends after so many more bytes
    proxy.cut_new_after(20000, times=2)         so do the next two that are made
    proxy.slow(20000)                           bytes a second from the server; 0: as fast as can be
"""
import contextlib
import socket
import struct
import threading
import time

SLICES_PER_SECOND = 20
NO_LINGER = struct.pack("ii", 1, 0)


class Line:
    """One connection, in both directions. left: bytes from the server until it is cut, or None."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.left = None
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source, sink):
        try:
            while True:
                data = source.recv(self._most(source))
                if not data:
                    break
                sink.sendall(data[:self._passes(source, len(data))])
                if self.left == 0:
                    self.proxy.count_cut()
                    break
        except OSError:
            pass
        self.close()

    def _most(self, source):
        rate = self.proxy.bytes_per_second
        if source is not self.server or rate == 0:
            return 65536
        time.sleep(1 / SLICES_PER_SECOND)
        return max(1, rate // SLICES_PER_SECOND)

    def _passes(self, source, count):
        if source is not self.server or self.left is None:
            return count
        passes = min(self.left, count)
        self.left -= passes
        return passes

    def close(self):
        """As by a machine that fell over: a reset, and nothing that says it was the end."""
        with contextlib.suppress(OSError):
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self.proxy.forget(self)


class FaultProxy:
    def __init__(self, to):
        self.to = to
        self.bytes_per_second = 0
        self.cuts = 0
        self.cuts_to_come, self.bytes_of_new = 0, None
        self.lock = threading.Lock()
        self.lines = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.to, 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._welcome(Line(self, client, server))

    def _welcome(self, line):
        with self.lock:
            self.lines.append(line)
            if self.cuts_to_come > 0:
                self.cuts_to_come -= 1
                line.left = self.bytes_of_new

    def forget(self, line):
        with self.lock:
            if line in self.lines:
                self.lines.remove(line)

    def count_cut(self):
        with self.lock:
            self.cuts += 1

    def cut_after(self, count):
        with self.lock:
            for line in self.lines:
                line.left = count

    def cut_new_after(self, count, times):
        with self.lock:
            self.bytes_of_new, self.cuts_to_come = count, times

    def slow(self, bytes_per_second):
        self.bytes_per_second = bytes_per_second

    def close(self):
        self.listener.close()
        for line in list(self.lines):
            line.close()
