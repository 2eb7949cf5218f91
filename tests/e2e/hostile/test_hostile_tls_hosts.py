# SPDX-License-Identifier: Apache-2.0
"""Whose connection it is: hostile-input 78 and 79. Sessions (80) are in tls/test_tls_resumption.py."""
import ssl

import pytest

from support import frames, manifests
from support.certificates import Authority
from support.client import request
from support.frames import request_fields
from support.origin import answer
from support.tls import refusal


@pytest.fixture
def tenants(secure, backend, authority):
    """
    a and b have certificates of their own, c and d share one, e wants TLS 1.3, mtls wants client
    certificates and shares its own with open.
    """
    upstream, clients = backend(), Authority("client CA")
    shared = authority.issue("c.test", "d.test", "e.test")
    guarded = authority.issue("mtls.test", "open.test")

    def host(name, certificate, **annotations):
        return manifests.tls_app(certificate, upstream, host=f"{name}.test", name=name, **annotations)

    proxy = secure(manifests.documents(
        host("a", authority.issue("a.test")), host("b", authority.issue("b.test")),
        host("c", shared), host("d", shared),
        host("e", shared, annotations=manifests.contour(tls_minimum_protocol_version="1.3")),
        host("open", guarded),
        host("mtls", guarded, annotations=manifests.own(client_ca_secret="clients")),
        manifests.secret("clients", {"ca.crt": clients.pem}),
        manifests.tls_secret("fallback", authority.issue("fallback.test"))),
        "--default-certificate", "default/fallback")
    return proxy, upstream, clients


def ask_both_ways(proxy, server_name, host, **options):
    """The statuses of a request for `host` on connections for `server_name`, HTTP/1 and HTTP/2."""
    over_h1 = proxy.tls_client(server_name, **options).get("/", host)
    over_h2 = proxy.h2_client(wire=proxy.tls_client(server_name, alpn=("h2",), **options)).get("/", host)
    return over_h1.status, over_h2.status


@pytest.mark.parametrize("server_name, host", [
    ("a.test", "b.test"), ("b.test", "a.test"), ("a.test", "c.test"), ("c.test", "e.test"),
    ("c.test", "mtls.test"), ("open.test", "mtls.test"), ("mtls.test", "a.test"), (None, "a.test"),
    ("unknown.test", "a.test"), ("a.test", "B.TEST"), ("a.test", "b.test."), ("a.test", "b.test:443"),
])
def test_hostile_78_another_host_than_the_handshakes(tenants, server_name, host):
    proxy, upstream, clients = tenants
    options = {"certificate": clients.issue("me", client=True)} if server_name == "mtls.test" else {}
    assert ask_both_ways(proxy, server_name, host, **options) == (421, 421)
    assert upstream.requests == []


@pytest.mark.parametrize("server_name, host", [("c.test", "d.test"), ("d.test", "c.test"),
                                               ("a.test", "A.test."), ("a.test", "a.test:8443")])
def test_hostile_78_hosts_that_are_one_trust_share_connections(tenants, server_name, host):
    proxy, _, _ = tenants
    assert ask_both_ways(proxy, server_name, host) == (200, 200)


def test_hostile_78_on_every_request_of_a_connection(tenants):
    proxy, upstream, _ = tenants
    client = proxy.tls_client("a.test")
    for host, status in [("a.test", 200), ("b.test", 421), ("a.test", 200), ("b.test", 421)]:
        if status == 200 and client.ended:
            client = proxy.tls_client("a.test")
        response = client.get("/", host)
        assert response.status == status, (host, response)
        if "close" in response.options:
            client.expect_end()
    h2 = proxy.h2_client("a.test")
    statuses = [h2.get("/", host).status for host in ("a.test", "b.test", "a.test", "b.test")]
    assert statuses == [200, 421, 200, 421]
    assert {arrived.get("Host") for arrived in upstream.requests} == {"a.test"}


def test_hostile_78_a_table_that_changes_the_certificate_meanwhile(secure, backend, authority):
    """The connection was made for the host as it was; it may go on, or be told 421, never more."""
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    kept = proxy.tls_client()
    assert kept.get("/").status == 200
    proxy.apply("test.yaml", manifests.tls_app(authority.issue("a.test"), upstream))
    assert kept.get("/").status == 200


@pytest.mark.parametrize("server_name", ["a.test", "open.test", "unknown.test", None])
@pytest.mark.parametrize("head", [
    request("GET", "/", "mtls.test"), request("GET", "/", "MTLS.test"),
    request("GET", "/", "mtls.test."), request("GET", "/", "mtls.test:443"),
    request("GET", "https://mtls.test/", "mtls.test"),
    request("GET", "/", "mtls.test", "X-Forwarded-Host: a.test"),
], ids=["plain", "upper-case", "dot", "port", "absolute", "forwarded-host"])
def test_hostile_79_a_guarded_host_by_another_name(tenants, server_name, head):
    proxy, upstream, _ = tenants
    assert proxy.tls_client(server_name).ask(head).status in (400, 421)
    assert upstream.requests == []


def test_hostile_79_a_guarded_host_needs_its_certificate(tenants):
    proxy, upstream, clients = tenants
    assert refusal(proxy.https_port, "mtls.test") in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "CLOSED")
    assert refusal(proxy.https_port, "mtls.test", version=ssl.TLSVersion.TLSv1_2) in (
        "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "CLOSED")
    assert upstream.requests == []
    mine = clients.issue("me", client=True)
    assert ask_both_ways(proxy, "mtls.test", "mtls.test", certificate=mine) == (200, 200)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.0.0.1:443"])
def test_hostile_79_addresses_lead_to_nobody(tenants, host):
    proxy, upstream, _ = tenants
    for server_name in ("a.test", None):
        assert proxy.tls_client(server_name).get("/", host).status in (404, 421)
    assert upstream.requests == []


def test_hostile_79_pipelined_behind_an_innocent_request(tenants):
    proxy, upstream, _ = tenants
    client = proxy.tls_client("open.test")
    client.send(request("GET", "/", "open.test") + request("GET", "/secret", "mtls.test"))
    assert [client.read_response().status for _ in range(2)] == [200, 421]
    assert [arrived.get("Host") for arrived in upstream.requests] == ["open.test"]


def test_hostile_79_beside_an_innocent_stream(tenants):
    proxy, upstream, _ = tenants
    client = proxy.h2_client("open.test")
    streams = [client.request("GET", "/", host) for host in ("open.test", "mtls.test")]
    assert [client.response(stream).status for stream in streams] == [200, 421]
    stream = client.new_stream()
    client.send(frames.headers(stream, request_fields(("host", "mtls.test"), host=None)))
    assert client.ending(stream).status == 421
    assert [arrived.get("Host") for arrived in upstream.requests] == ["open.test"]


def test_hostile_44_a_host_of_one_team_is_no_other_teams_wildcard_over_https(
        secure, backend, authority):
    """It is named over HTTP only; its name over TLS is nobody's."""
    ours, theirs = backend(answer(b"ours")), backend(answer(b"theirs"))
    proxy = secure(manifests.documents(
        manifests.tls_app(authority.issue("*.team.test"), theirs, host="*.team.test", name="wild",
                          namespace="theirs"),
        manifests.app(ours, host="shop.team.test", name="shop", namespace="ours")))
    assert proxy.get("/", "shop.team.test").body == b"ours"
    assert proxy.tls_client("b.team.test").get("/", "b.team.test").body == b"theirs"
    assert "UNRECOGNIZED_NAME" in refusal(proxy.https_port, "shop.team.test")
    assert proxy.tls_client("b.team.test").get("/", "shop.team.test").status == 421
