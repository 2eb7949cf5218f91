# SPDX-License-Identifier: Apache-2.0
"""
One program and one endpoint for all the byte variants of a file: each variant has its own
connection, and must leave nothing behind that the next one could see.
"""
import pytest

from support import manifests
from support.fairlead import Fairlead
from support.origin import Origin


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


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    origin = Origin()
    proxy = Fairlead(tmp_path_factory.mktemp("site"), manifests.app(origin))
    try:
        yield Site(proxy, origin)
    finally:
        origin.close()
        proxy.stop()


@pytest.fixture
def site(module_site):
    """Checked after each test: it still runs, and the endpoint heard nothing more."""
    yield module_site
    assert module_site.proxy.is_running(), module_site.proxy.log.text()
    for client in module_site.proxy.clients:
        client.close()
    module_site.proxy.clients.clear()
    module_site.origin.expect_untouched()
    for peer in module_site.origin.peers:
        peer.close()
    module_site.origin.peers.clear()
