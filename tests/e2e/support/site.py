# SPDX-License-Identifier: Apache-2.0
"""A program and an endpoint that many small tests share."""
import select

from .wait import PATIENCE_S


class Site:
    """http://a.test/ in front of `origin`."""

    def __init__(self, proxy, origin):
        self.proxy = proxy
        self.origin = origin

    def client(self, **options):
        return self.proxy.client(**options)

    def refuse(self, data, status=400, method="GET"):
        """The bytes are answered with this status and the end; nothing reaches the endpoint."""
        client = self.client()
        client.send(data)
        response = client.expect_answer_and_end(status, method)
        self.origin.expect_untouched()
        client.close()
        return response

    def refuse_silently(self, data):
        """The connection ends without an answer; nothing reaches the endpoint."""
        client = self.client()
        client.send(data)
        client.expect_end()
        self.origin.expect_untouched()
        client.close()

    def begin(self, data):
        """Send; the client and the endpoint's side of the request."""
        client = self.client()
        client.send(data)
        return client, self.origin.accept()

    def accept_unless_answered(self, client):
        """The endpoint's side of the request, or None when the client gets an answer instead."""
        ready, _, _ = select.select([client.sock, self.origin.listener], [], [], PATIENCE_S)
        assert ready, "neither an answer nor a request"
        return self.origin.accept() if self.origin.listener in ready else None

    def accept_request(self, data, method="GET"):
        """The bytes are a request that arrives and is answered; the request as it arrived."""
        client, peer = self.begin(data)
        request = peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        response = client.read_response(method)
        assert response.status == 200, response
        peer.expect_end()
        peer.close()
        client.close()
        return request

    def path_of(self, target):
        """The target as the endpoint gets it."""
        return self.accept_request(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()).target
