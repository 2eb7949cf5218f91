# SPDX-License-Identifier: Apache-2.0
"""A client of raw bytes."""
import socket

from . import http
from .wait import PATIENCE_S
from .wire import Wire


class RawClient(Wire):
    def __init__(self, port, address="127.0.0.1", receive_buffer=None):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:  # before the connect, or the window is offered already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE_S)
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock)

    @property
    def port(self):
        return self.sock.getsockname()[1]

    def read_response(self, method="GET"):
        """The next response, be it an interim one."""
        return http.read_response(self, method)

    def ask(self, request, method=None):
        """Send a request, read its answer."""
        self.send(request)
        return self.read_response(method or request.split(b" ", 1)[0].decode("latin-1"))

    def get(self, path="/", host="a.test", *lines):
        return self.ask(request("GET", path, host, *lines))

    def expect_answer_and_end(self, status, method="GET"):
        """An answer that ends the connection; gives the answer."""
        response = self.read_response(method)
        assert response.status == status, f"{status} expected: {response}"
        assert "close" in response.options, f"no Connection: close: {response}"
        self.expect_end()
        return response


def request(method="GET", path="/", host="a.test", *lines, body=b"", version="1.1"):
    """Bytes of a request; lines are header lines as str or bytes, without CR LF."""
    head = [f"{method} {path} HTTP/{version}".encode()]
    if host is not None:
        head.append(f"Host: {host}".encode())
    head += [line.encode("latin-1") if isinstance(line, str) else line for line in lines]
    if body and not any(line.lower().startswith((b"content-length", b"transfer-encoding"))
                        for line in head):
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(*chunks):
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
