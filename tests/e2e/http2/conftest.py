# SPDX-License-Identifier: Apache-2.0
"""
What the HTTP/2 tests share: h2(endpoint...) starts the program in front of them and opens a client.
Each test that uses it runs twice, over TLS and in clear text with prior knowledge.
"""
import pytest

from support import manifests


class Front:
    def __init__(self, proxy, over):
        self.proxy, self.over = proxy, over

    def client(self, **options):
        """A new HTTP/2 connection."""
        opens = self.proxy.h2_client if self.over == "tls" else self.proxy.h2c_client
        return opens(**options)


@pytest.fixture(params=["tls", "h2c"])
def h2(secure, authority, request):
    """speaks: what the endpoints speak, None for HTTP/1."""

    def start(*where, speaks=None, flags=(), objects=None, **options):
        service = manifests.upstream_protocol(speaks) if speaks else None
        return Front(secure(objects or manifests.tls_app(
            authority.issue("a.test"), *where, service_annotations=service, **options), *flags),
            request.param)

    return start
