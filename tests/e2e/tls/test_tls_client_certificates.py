# SPDX-License-Identifier: Apache-2.0
"""Clients that show who they are: required and optional certificates, and what the endpoint hears."""
import re

import pytest

from support import manifests
from support.certificates import Authority
from support.client import request
from support.tls import refusal

XFCC = "X-Forwarded-Client-Cert"


@pytest.fixture(scope="module")
def clients():
    return Authority("client CA")


@pytest.fixture
def guarded(secure, backend, authority, clients):
    """start(mode, revoked=CRL) gives the program and its endpoint."""

    def objects(upstream, mode=None, revoked=None, ca=clients):
        values = {"ca.crt": ca.pem, **({"ca.crl": revoked} if revoked is not None else {})}
        asked = {"client_ca_secret": "clients", **({"client_certificate": mode} if mode else {})}
        return manifests.documents(
            manifests.tls_app(guarded_certificate, upstream, annotations=manifests.own(**asked)),
            manifests.secret("clients", values))

    def start(*arguments, **options):
        upstream = backend()
        return secure(objects(upstream, *arguments, **options)), upstream

    guarded_certificate = authority.issue("a.test")
    start.objects = objects
    return start


@pytest.mark.parametrize("mode", [None, "required"])
def test_a_required_certificate(guarded, clients, mode):
    proxy, _ = guarded(mode)
    client = proxy.tls_client(certificate=clients.issue("me", client=True))
    assert client.get("/").status == 200
    assert refusal(proxy.https_port) in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "CLOSED")
    assert proxy.metric("fairlead_tls_handshakes_total", result="certificate_missing") == 1


def test_an_optional_certificate(guarded, clients):
    proxy, upstream = guarded("optional")
    mine = clients.issue("me", client=True)
    assert proxy.tls_client(certificate=mine).get("/").status == 200
    assert proxy.tls_client().get("/").status == 200
    assert [arrived.has(XFCC) for arrived in upstream.requests] == [True, False]
    stranger = Authority("stranger").issue("me", client=True)
    assert refusal(proxy.https_port, certificate=stranger) == "TLSV1_ALERT_UNKNOWN_CA"


def test_what_the_endpoint_hears(guarded, clients):
    proxy, upstream = guarded()
    mine = clients.issue("me.test", "spiffe://cluster/ns/app", subject="me", client=True)
    proxy.tls_client(certificate=mine).get("/")
    said = upstream.requests[0].get(XFCC)
    elements = dict(element.split("=", 1) for element in said.split(";"))
    assert elements["Hash"] == mine.sha256
    assert elements["Subject"] == '"CN=me"'
    assert elements["URI"] == "spiffe://cluster/ns/app"
    assert elements["DNS"] == "me.test"


def test_a_subject_cannot_forge_another_element(guarded, clients):
    proxy, upstream = guarded()
    mine = clients.issue("me.test", subject='x";Subject="CN=admin";Hash=00', client=True)
    proxy.tls_client(certificate=mine).get("/")
    said = upstream.requests[0].get(XFCC)
    unquoted = re.sub(r'"(?:\\.|[^"\\])*"', '""', said)
    assert re.findall("Subject=", unquoted) == ["Subject="], said
    assert re.findall("Hash=", unquoted) == ["Hash="], said


@pytest.mark.parametrize("name", [XFCC, "x-forwarded-client-cert", "X_Forwarded_Client_Cert"])
@pytest.mark.parametrize("over", ["http", "tls", "mtls"])
def test_what_a_client_says_of_itself_is_dropped(guarded, secure, backend, authority, clients, over,
                                                 name):
    forged = request("GET", "/", "a.test", f"{name}: Hash=00;Subject=\"CN=admin\"")
    if over == "mtls":
        proxy, upstream = guarded()
        mine = clients.issue("me", client=True)
        assert proxy.tls_client(certificate=mine).ask(forged).status == 200
        assert mine.sha256 in upstream.requests[0].get(XFCC)
    else:
        upstream = backend()
        proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
        client = proxy.client() if over == "http" else proxy.tls_client()
        assert client.ask(forged).status == 200
        assert not upstream.requests[0].has(XFCC)
    assert b"admin" not in upstream.received


def test_every_request_of_a_connection_carries_it(guarded, clients):
    proxy, upstream = guarded()
    mine = clients.issue("me", client=True)
    client = proxy.tls_client(certificate=mine)
    for _ in range(3):
        client.get("/")
    stream = proxy.h2_client(wire=proxy.tls_client(certificate=mine, alpn=("h2",))).get("/")
    assert stream.status == 200
    assert [mine.sha256 in arrived.get(XFCC) for arrived in upstream.requests] == [True] * 4


def test_a_chain_of_clients_is_followed(guarded, clients):
    between = Authority("team CA", parent=clients)
    proxy, _ = guarded()
    assert proxy.tls_client(certificate=between.issue("me", client=True)).get("/").status == 200


def test_the_ca_changes(guarded, clients):
    proxy, upstream = guarded()
    mine, other = clients.issue("me", client=True), Authority("other CA")
    assert proxy.tls_client(certificate=mine).get("/").status == 200
    proxy.apply("test.yaml", guarded.objects(upstream, ca=other))
    assert refusal(proxy.https_port, certificate=mine) == "TLSV1_ALERT_UNKNOWN_CA"
    assert proxy.tls_client(certificate=other.issue("me", client=True)).get("/").status == 200


def test_a_revocation_counts_from_the_next_handshake(guarded, clients):
    proxy, upstream = guarded(revoked=clients.revocations())
    mine = clients.issue("me", client=True)
    assert proxy.tls_client(certificate=mine).get("/").status == 200
    proxy.apply("test.yaml", guarded.objects(upstream, revoked=clients.revocations(mine)))
    assert refusal(proxy.https_port, certificate=mine) == "SSLV3_ALERT_CERTIFICATE_REVOKED"


def test_a_connection_under_older_rules_is_used_no_more(guarded, clients):
    """Its client was let in by a CA that is not believed any more."""
    proxy, upstream = guarded()
    kept = proxy.tls_client(certificate=clients.issue("me", client=True))
    assert kept.get("/").status == 200
    proxy.apply("test.yaml", guarded.objects(upstream, ca=Authority("other CA")))
    assert kept.get("/").status == 421
    assert len(upstream.requests) == 1
