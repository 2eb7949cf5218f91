# SPDX-License-Identifier: Apache-2.0
"""Sessions that are taken up again, and where they must not be: design 5.8, hostile-input 80."""
import ssl

import pytest

from support import manifests
from support.certificates import Authority, client_context
from support.wait import wait_until

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


def is_refused(proxy, context, session=None):
    """Whether mtls.test lets nobody in on a new connection."""
    try:
        visit(proxy, context, "mtls.test", session)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


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

    def objects(ca, revoked=None):
        values = {"ca.crt": ca.pem, **({"ca.crl": revoked} if revoked is not None else {})}
        return manifests.documents(
            manifests.tls_app(shared, upstream, host="open.test", name="open"),
            manifests.tls_app(shared, upstream, host="mtls.test", name="mtls",
                              annotations=manifests.own(client_ca_secret="clients")),
            manifests.secret("clients", values))

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
    assert is_refused(proxy, context, session)


@VERSIONS
def test_hostile_80_not_after_a_list_was_replaced(guarded, version):
    """Who is in the new list is let in by no session of the old one's."""
    proxy, clients, objects = guarded
    mine = clients.issue("me", client=True)
    proxy.apply("test.yaml", objects(clients, clients.revocations()))
    context = client_context(version=version, certificate=mine)
    _, session = visit(proxy, context, "mtls.test")
    proxy.apply("test.yaml", objects(clients, clients.revocations(mine)))
    assert is_refused(proxy, context, session)


def sessions_under_a_list_that_ends(proxy, clients, objects, contexts):
    """
    A session of each context's, good under a list that ends soon. Where the machine is too slow to
    make them before that, under one that ends later.
    """
    for seconds in (4, 16, 64):
        ends_soon = clients.revocations(days=(-1, seconds / 86400))
        proxy.apply("test.yaml", objects(clients, ends_soon))
        try:
            return [visit(proxy, context, "mtls.test")[1] for context in contexts]
        except (ssl.SSLError, ConnectionError):
            continue
    raise AssertionError("no handshake came to an end in a minute")


def test_hostile_81_not_after_the_revocation_list_has_run_out(guarded):
    """Nobody says any more that the client is not revoked: its full handshake fails, so its ticket
    must not let it in."""
    proxy, clients, objects = guarded
    mine = clients.issue("me", client=True)
    contexts = [client_context(version=version, certificate=mine)
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    sessions = sessions_under_a_list_that_ends(proxy, clients, objects, contexts)
    fresh = client_context(certificate=mine)
    wait_until(lambda: is_refused(proxy, fresh), "the end of the list")
    for context, session in zip(contexts, sessions):
        assert is_refused(proxy, context, session)
    assert proxy.metric("fairlead_tls_handshakes_total", result="certificate_invalid") >= 3
    proxy.apply("test.yaml", objects(clients, clients.revocations()))
    assert [visit(proxy, context, "mtls.test")[0] for context in contexts] == [False, False]


def test_hostile_80_tickets_mean_nothing_to_another_process(secure, backend, authority):
    upstream, certificate = backend(), authority.issue("a.test")
    context = client_context(version=ssl.TLSVersion.TLSv1_2)
    _, session = visit(secure(manifests.tls_app(certificate, upstream)), context)
    other = secure(manifests.tls_app(certificate, upstream))
    assert visit(other, context, session=session)[0] is False
