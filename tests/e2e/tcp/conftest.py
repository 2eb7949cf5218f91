# SPDX-License-Identifier: Apache-2.0
"""Fixtures of connections that are relayed without HTTP."""
import pytest

from support.origin import Origin
from support.tcp import RAW, Echo, open_passthrough, open_terminated, tcp_app


@pytest.fixture(scope="session")
def certificate(authority):
    """Of the host whose TLS ends at the proxy."""
    return authority.issue(RAW, "raw2.test", "web.test")


@pytest.fixture
def echo():
    """A factory of endpoints that echo, closed after the test."""
    made = []

    def make(**options):
        made.append(Echo(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Relay:
    """The program with one tcp host and the endpoint of it."""

    def __init__(self, secure, origin, certificate, flags):
        self.upstream = origin
        self.is_terminated = certificate is not None
        host = {"host": RAW, "certificate": certificate} if certificate else {}
        self.proxy = secure(tcp_app(origin, **host), *flags)

    def open(self, **options):
        """(client, peer) of a new connection, ClientHello and handshake behind them."""
        how = open_terminated if self.is_terminated else open_passthrough
        return how(self.proxy, self.upstream, **options)

    def ended(self, result):
        return self.proxy.metric("fairlead_tcp_connections_total", result=result)

    def wait_ended(self, result, count=1):
        self.proxy.wait_metric("fairlead_tcp_connections_total", count, result=result)


@pytest.fixture
def passing(secure, origin):
    """A factory: passthrough."""
    return lambda *flags: Relay(secure, origin(), None, flags)


@pytest.fixture
def terminating(secure, origin, certificate):
    return lambda *flags: Relay(secure, origin(), certificate, flags)


@pytest.fixture(params=["passthrough", "terminated"])
def relay(request, passing, terminating):
    """Both, for what is the same in both."""
    return passing if request.param == "passthrough" else terminating
