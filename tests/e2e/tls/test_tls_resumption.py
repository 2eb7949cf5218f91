# SPDX-License-Identifier: Apache-2.0
"""Sessions that are taken up again, and where they must not be: design 5.8, hostile-input 80."""
import ssl

import pytest

from support import manifests
from support.certificates import Authority, client_context

pytestmark = pytest.mark.tsan  # the keys of tickets are shared by workers

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                                   ids=["1.2", "1.3"])


def visit(proxy, context, host="a.test", session=None):
    """One request on a new connection; whether it was resumed, and the session for the next."""
    client = proxy.tls_client(host, context=context, session=session)
    assert client.get("/", host).status == 200
    resumed, session = client.was_resumed, client.session
    client.close()
    return resumed, session


@VERSIONS
def test_a_session_is_resumed(secure, backend, authority, version):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()))
    context = client_context(version=version)
    resumed, session = visit(proxy, context)
    assert not resumed
    for _ in range(3):
        resumed, session = visit(proxy, context, session=session)
        assert resumed
    assert [proxy.metric("fairlead_tls_handshakes_total", result=result)
            for result in ("full", "resumed")] == [1, 3]


@VERSIONS
def test_a_session_is_resumed_by_every_worker(secure, backend, authority, version):
    """The keys of tickets are those of the process."""
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()), "--workers", "2")
    context = client_context(version=version)
    _, session = visit(proxy, context)
    for _ in range(12):
        resumed, session = visit(proxy, context, session=session)
        assert resumed


@VERSIONS
def test_a_session_outlives_changes_of_other_hosts(secure, backend, authority, version):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()))
    context = client_context(version=version)
    _, session = visit(proxy, context)
    proxy.apply("more.yaml", manifests.tls_app(authority.issue("b.test"), backend(), host="b.test",
                                               name="more"))
    assert visit(proxy, context, session=session)[0]


@VERSIONS
def test_one_certificate_for_two_hosts_shares_sessions(secure, backend, authority, version):
    """They are one trust; HTTP/2 clients share whole connections there."""
    certificate, upstream = authority.issue("a.test", "b.test"), backend()
    proxy = secure(manifests.documents(
        manifests.tls_app(certificate, upstream, host="a.test", name="a", secret_name="s"),
        manifests.tls_app(certificate, upstream, host="b.test", name="b", secret_name="s")))
    context = client_context(version=version)
    _, session = visit(proxy, context, "a.test")
    resumed, _ = visit(proxy, context, "b.test", session)
    assert resumed in (True, False)  # OpenSSL itself refuses another name's ticket in TLS 1.3
    assert visit(proxy, context, "b.test")[0] is False


@VERSIONS
def test_hostile_80_not_for_a_host_with_another_certificate(secure, backend, authority, version):
    upstream = backend()
    proxy = secure(manifests.documents(*(
        manifests.tls_app(authority.issue(f"{name}.test"), upstream, host=f"{name}.test", name=name)
        for name in "ab")))
    context = client_context(version=version)
    _, session = visit(proxy, context, "a.test")
    assert visit(proxy, context, "b.test", session)[0] is False


@VERSIONS
def test_hostile_80_not_after_the_certificate_changed(secure, backend, authority, version):
    """The client would go on to trust what is served no more."""
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    context = client_context(version=version)
    _, session = visit(proxy, context)
    proxy.apply("test.yaml", manifests.tls_app(authority.issue("a.test"), upstream))
    assert visit(proxy, context, session=session)[0] is False


@pytest.fixture
def guarded(secure, backend, authority):
    """open.test takes anybody, mtls.test wants a certificate; both have the same certificate."""
    shared, upstream, clients = authority.issue("open.test", "mtls.test"), backend(), Authority()

    def objects(ca):
        return manifests.documents(
            manifests.tls_app(shared, upstream, host="open.test", name="open"),
            manifests.tls_app(shared, upstream, host="mtls.test", name="mtls",
                              annotations=manifests.own(client_ca_secret="clients")),
            manifests.secret("clients", {"ca.crt": ca.pem}))

    proxy = secure(objects(clients))
    return proxy, clients, objects


@VERSIONS
def test_hostile_80_not_from_a_host_without_client_certificates(guarded, version):
    proxy, clients, _ = guarded
    context = client_context(version=version, certificate=clients.issue("me", client=True))
    _, session = visit(proxy, context, "open.test")
    assert visit(proxy, context, "mtls.test", session)[0] is False


@VERSIONS
def test_hostile_80_a_resumed_session_is_still_who_it_was(guarded, version):
    proxy, clients, _ = guarded
    context = client_context(version=version, certificate=clients.issue("me", client=True))
    _, session = visit(proxy, context, "mtls.test")
    assert visit(proxy, context, "mtls.test", session)[0]


@VERSIONS
def test_hostile_80_not_after_the_ca_changed(guarded, version):
    """Who was let in by the old CA has to show a certificate again, and is refused."""
    proxy, clients, objects = guarded
    context = client_context(version=version, certificate=clients.issue("me", client=True))
    _, session = visit(proxy, context, "mtls.test")
    proxy.apply("test.yaml", objects(Authority("another CA")))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client = proxy.tls_client("mtls.test", context=context, session=session)
        client.get("/", "mtls.test")


def test_hostile_80_tickets_mean_nothing_to_another_process(secure, backend, authority):
    upstream, certificate = backend(), authority.issue("a.test")
    context = client_context(version=ssl.TLSVersion.TLSv1_2)
    _, session = visit(secure(manifests.tls_app(certificate, upstream)), context)
    other = secure(manifests.tls_app(certificate, upstream))
    assert visit(other, context, session=session)[0] is False
