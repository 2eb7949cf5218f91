# SPDX-License-Identifier: Apache-2.0
"""Certificates that change while requests run, and many of them."""
import ssl
import threading

import pytest

from support import manifests
from support.client import request
from support.tls import TlsClient, refusal
from support.wait import PATIENCE_S, wait_until


class Visitors:
    """
    Clients that connect, ask a few times and go, again and again, as a context. `serials` is what
    they were shown, in no order; `failures` what went wrong.
    """

    def __init__(self, port, count=4, host="a.test"):
        self.port, self.host = port, host
        self.serials, self.failures, self.visits = set(), [], 0
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_S * 2)
            assert not thread.is_alive(), "a visitor hangs"

    def _run(self):
        while not self.stopping.is_set():
            try:
                client = TlsClient(self.port, self.host)
                for _ in range(5):
                    response = client.get("/", self.host)
                    assert response.status == 200, response
                with self.lock:
                    self.serials.add(client.serial)
                    self.visits += 1
                client.close()
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def wait_visits(self, more):
        goal = self.visits + more
        wait_until(lambda: self.visits >= goal or self.failures, f"{more} visits")


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_a_certificate_changes_and_nobody_notices(secure, backend, authority, workers):
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream), "--workers", workers,
                   "--access-log", "off")
    kept = proxy.tls_client()
    with Visitors(proxy.https_port) as visitors:
        for number in range(6):
            fresh = authority.issue("a.test", key=("rsa", "ec")[number % 2])
            proxy.apply("test.yaml", manifests.tls_app(fresh, upstream))
            wait_until(lambda: fresh.serial in visitors.serials or visitors.failures,
                       "a visitor who sees the new certificate")
            assert kept.get("/").status == 200  # an open connection lives on
        visitors.wait_visits(10)
        assert TlsClient(proxy.https_port).serial == fresh.serial
    assert visitors.failures == []
    assert len(visitors.serials) >= 6


def test_only_the_new_certificate_is_shown_once_it_is_published(secure, backend, authority):
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream), "--workers", "1")
    for _ in range(5):
        fresh = authority.issue("a.test")
        proxy.apply("test.yaml", manifests.tls_app(fresh, upstream))
        assert proxy.tls_client().serial == fresh.serial


def test_a_handshake_under_way_keeps_the_certificate_it_began_with(secure, backend, authority):
    """Between the server's flight and the client's answer the table changes."""
    upstream, old = backend(), authority.issue("a.test")
    proxy = secure(manifests.tls_app(old, upstream))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.pem)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    shaken = context.wrap_bio(into, out, server_hostname="a.test")
    client = proxy.client_of(proxy.https_port)
    is_changed = False
    while True:
        try:
            shaken.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.send(out.read())
            into.write(client.read_some())
            if not is_changed:
                proxy.apply("test.yaml", manifests.tls_app(authority.issue("a.test"), upstream))
                is_changed = True
    shaken.write(request("GET", "/"))
    client.send(out.read())
    answer = b""
    while b"200 OK" not in answer:
        into.write(client.read_some())
        try:
            answer += shaken.read(10000)
        except ssl.SSLWantReadError:
            pass


def test_a_host_whose_secret_goes_is_refused_and_comes_back(secure, backend, authority):
    upstream, certificate = backend(), authority.issue("a.test")
    proxy = secure({"app.yaml": manifests.tls_app(None, upstream),
                    "secret.yaml": manifests.tls_secret("a.test-0", certificate)})
    kept = proxy.tls_client()
    assert kept.get("/").status == 200
    before = proxy.generation()
    proxy.remove("secret.yaml")
    proxy.wait_generation(before)
    assert refusal(proxy.https_port) == "TLSV1_UNRECOGNIZED_NAME"
    proxy.apply("secret.yaml", manifests.tls_secret("a.test-0", certificate))
    assert proxy.tls_client().get("/").status == 200


@pytest.mark.slow
def test_a_thousand_hosts_with_a_certificate_each(secure, backend, authority):
    upstream = backend()
    made = {f"h{number}.test": authority.issue(f"h{number}.test", key=("rsa", "ec")[number % 2])
            for number in range(1000)}

    def objects():
        yield manifests.service("app")
        yield manifests.endpoints("app", upstream)
        for host, certificate in made.items():
            yield manifests.ingress_of(host, [(host, [("/", "app")])],
                                       spec=manifests.tls_spec((host, f"{host}-0")))
            yield manifests.tls_secret(f"{host}-0", certificate)

    proxy = secure(manifests.documents(*objects()))
    for host, certificate in made.items():
        client = TlsClient(proxy.https_port, host)
        assert client.serial == certificate.serial, host
        client.close()
    client = proxy.tls_client("h7.test", trust=authority)
    assert client.get("/", "h7.test").status == 200
    fresh = authority.issue("h500.test")
    proxy.apply("z.yaml", manifests.tls_app(fresh, upstream, host="h1000.test", name="last"))
    assert proxy.tls_client("h1000.test").serial == fresh.serial
    assert client.get("/", "h7.test").status == 200
