# SPDX-License-Identifier: Apache-2.0
"""
One program and one endpoint for all the byte variants of a file: each variant has its own
connection, and must leave nothing behind that the next one could see.
"""
import pytest

from support import manifests
from support.fairlead import Fairlead
from support.origin import Origin
from support.site import Site


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
    try:
        assert module_site.proxy.is_running(), module_site.proxy.log.text()
        for client in module_site.proxy.clients:
            client.close()
        module_site.origin.expect_untouched()
    finally:  # one that fails must not fail the next ones
        module_site.proxy.clients.clear()
        for peer in module_site.origin.peers:
            peer.close()
        module_site.origin.peers.clear()
