# SPDX-License-Identifier: Apache-2.0
"""
What tests with a scripted API server have beside the common fixtures.

    api(texts...)      an ApiServer, closed after the test
    follow(api)        fairlead on it
    app(body)          "address:port" of an endpoint that answers with this
    steady()           manifests of a host that no test touches; steady(proxy) asks it all the time

Endpoints are not on the loopback: what an API server gives as an endpoint may not be there.
"""
import contextlib
import socket

import pytest

from support import manifests
from support.apiserver import ApiServer
from support.load import Load
from support.origin import answer


@pytest.fixture
def api(authority):
    with contextlib.ExitStack() as stack:
        def start(*texts, **options):
            made = ApiServer(authority, **options)
            stack.callback(made.close)
            for text in texts:
                made.apply(text)
            return made

        yield start


@pytest.fixture
def follow(fairlead, tmp_path):
    def start(api, *flags, **options):
        path = tmp_path / f"kubeconfig-{start.count}"
        start.count += 1
        return fairlead("", "--kubeconfig", api.kubeconfig(path), "--drain-delay", "0", *flags,
                        **options)

    start.count = 0
    return start


@pytest.fixture(scope="session")
def own_address():
    """An address of this machine; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return sock.getsockname()[0]


@pytest.fixture
def app(backend, own_address):
    def start(body):
        return f"{own_address}:{backend(answer(body), address=own_address, forgets=True).port}"

    return start


@pytest.fixture
def steady(app):
    where = app(b"steady")

    def either(proxy=None):
        if proxy is None:
            return manifests.app(where, host="steady.test", name="steady")
        return Asked(proxy)

    return either


class Asked(Load):
    """Every request of it is answered, by the right endpoint."""

    def __init__(self, proxy):
        super().__init__(proxy.http_port, 2, host="steady.test",
                         accepts=lambda response: response.body == b"steady")

    def __exit__(self, *words):
        if words[0] is None:
            self.wait_answers(20)
        super().__exit__(*words)
        if words[0] is None:
            self.expect_no_failures()
