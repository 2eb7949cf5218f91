# SPDX-License-Identifier: Apache-2.0
"""Endpoints that speak TLS: unverified, verified, and never plain. Design 5.2, hostile-input 56, 57."""
import contextlib
import ssl

import pytest

from support import manifests
from support.certificates import Authority
from support.client import request
from support.h2_origin import H2Backend
from support.origin import OK, Backend, answer
from support.tls import wrapped_by
from support.wait import wait_until


def speaking(certificate, *alpn, **options):
    """wrap= of an endpoint with this certificate."""
    return wrapped_by(certificate.server_context(*alpn, **options))


def verified(ca="upstream-ca", subject=None, protocol="tls"):
    """Annotations of a Service whose endpoints are to be verified."""
    asked = {"upstream_ca_secret": ca, **({"upstream_subject_name": subject} if subject else {})}
    return {**manifests.upstream_protocol(protocol), **manifests.own(**asked)}


def app_of(upstream, annotations, ca=None):
    parts = [manifests.app(upstream, service_annotations=annotations)]
    if ca is not None:
        parts.append(manifests.secret("upstream-ca", {"ca.crt": ca.pem}))
    return manifests.documents(*parts)


@pytest.mark.parametrize("version, name", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                                           (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_tls_without_verification(fairlead, backend, authority, version, name, key):
    upstream = backend(wrap=speaking(authority.issue("b.test", key=key), version_max=version))
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    for _ in range(3):
        assert proxy.get("/").status == 200
    assert upstream.connections == 1  # kept and used again
    assert upstream.peers[0].sock.version() == name


@pytest.mark.parametrize("ports", ["80", "http", "443,http", "other, 80"])
def test_ports_are_named_or_numbered(fairlead, backend, authority, ports):
    upstream = backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls", ports)))
    assert proxy.get("/").status == 200


def test_a_port_that_is_not_listed_is_plain(fairlead, backend):
    proxy = fairlead(app_of(backend(), manifests.upstream_protocol("tls", "443,https")))
    assert proxy.get("/").status == 200


def test_app_protocol_https(fairlead, backend, authority):
    upstream = backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(manifests.app(upstream, app_protocol="https"))
    assert proxy.get("/").status == 200


def test_http_1_is_asked_for(fairlead, backend, authority):
    """An endpoint that would rather speak HTTP/2 must not be let to."""
    upstream = backend(wrap=speaking(authority.issue("b.test"), "h2", "http/1.1"))
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    assert proxy.get("/").status == 200
    assert upstream.peers[0].sock.selected_alpn_protocol() in ("http/1.1", None)


def test_the_whole_of_a_large_body_both_ways(fairlead, backend, authority):
    upstream = backend(lambda arrived: answer(arrived.body),
                       wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    body = bytes(range(256)) * (4 << 12)
    assert proxy.ask(request("POST", "/", body=body)).body == body


# ---- verified ----


@pytest.mark.parametrize("protocol", ["tls", "h2"])
@pytest.mark.parametrize("subject", ["b.test", None])
def test_a_certificate_that_is_as_it_should_be(fairlead, backend, h2_backend, authority, protocol,
                                               subject):
    kind, alpn = (backend, "http/1.1") if protocol == "tls" else (h2_backend, "h2")
    upstream = kind(wrap=speaking(authority.issue("x.test", "b.test"), alpn))
    proxy = fairlead(app_of(upstream, verified(subject=subject, protocol=protocol), authority))
    assert proxy.get("/").status == 200


def test_the_subject_name_is_the_server_name_that_is_sent(fairlead, backend, authority):
    seen = []
    context = authority.issue("b.test").server_context()
    context.sni_callback = lambda sock, name, _: seen.append(name)
    proxy = fairlead(app_of(backend(wrap=wrapped_by(context)), verified(subject="b.test"),
                            authority))
    assert proxy.get("/").status == 200
    assert seen == ["b.test"]


WRONG = {
    "another-ca": lambda authority: Authority("test CA").issue("b.test"),
    "another-name": lambda authority: authority.issue("c.test"),
    "a-parent-of-the-name": lambda authority: authority.issue("test"),
    "a-wildcard-too-wide": lambda authority: authority.issue("*.test.b.test"),
    "only-the-subject": lambda authority: authority.issue("c.test", subject="b.test"),
    "expired": lambda authority: authority.issue("b.test", days=(-10, -1)),
    "not-yet": lambda authority: authority.issue("b.test", days=(1, 10)),
    "for-clients": lambda authority: authority.issue("b.test", client=True),
    "a-nul-in-the-name": lambda authority: authority.issue("b.test\0.evil.test"),
}


@pytest.mark.parametrize("protocol", ["tls", "h2"])
@pytest.mark.parametrize("fault", WRONG)
def test_hostile_57_a_certificate_that_is_not(fairlead, authority, backend, h2_backend, fault,
                                              protocol):
    """502, and nothing of the request goes there in any form."""
    kind, alpn = (backend, "http/1.1") if protocol == "tls" else (h2_backend, "h2")
    upstream = kind(wrap=speaking(WRONG[fault](authority), alpn))
    proxy = fairlead(app_of(upstream, verified(subject="b.test", protocol=protocol), authority))
    for _ in range(2):
        response = proxy.ask(request("GET", "/secret", "a.test", "Authorization: secret"))
        assert response.status == 502, response
    assert upstream.requests == []
    # The endpoint saw handshakes and nothing else, so whatever it met was TLS.
    assert all(isinstance(error, (ssl.SSLError, ConnectionError, AssertionError))
               for error in upstream.errors)
    assert not any(getattr(error, "reason", "") == "HTTP_REQUEST" for error in upstream.errors)


SAID = {
    "another-ca": "local issuer", "another-name": "hostname mismatch", "expired": "has expired",
    "not-yet": "not yet valid", "for-clients": "purpose", "a-wildcard-too-wide": "hostname mismatch",
}


@pytest.mark.parametrize("fault", SAID)
def test_the_log_says_what_is_wrong_with_a_certificate(fairlead, authority, backend, fault):
    upstream = backend(wrap=speaking(WRONG[fault](authority)))
    proxy = fairlead(app_of(upstream, verified(subject="b.test"), authority))
    assert proxy.get("/").reason_code == "upstream_tls"
    said = proxy.log.wait_for('TLS with an endpoint failed .*cluster=default/app/80 '
                              'why="the peer\'s certificate was not accepted: ([^"]*)"')
    assert SAID[fault] in said[1]


def ask_through(proxy, origin, act):
    """The answer to a request while every connection to the origin is met by act(peer)."""
    client = proxy.client()
    client.send(request("GET", "/secret"))

    def meet():
        peer = origin.accept_waiting()
        if peer is not None:
            act(peer)
        return client.has_more()

    wait_until(meet, "an answer")
    return client.read_response()


def test_hostile_57_an_endpoint_that_speaks_no_tls(fairlead, origin):
    """It gets a ClientHello, and when it answers in clear text nothing more."""
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))

    def answers_in_clear_text(peer):
        assert peer.read_exactly(3)[:2] == b"\x16\x03"
        peer.send(OK)

    response = ask_through(proxy, upstream, answers_in_clear_text)
    assert (response.status, response.reason_code) == (502, "upstream_tls")
    for peer in upstream.peers:
        peer.read_to_end()
        assert b"secret" not in peer.received


def meets_no_clear_text(origin):
    """Accepts what has come and closes it; never True."""
    peer = origin.accept_waiting()
    if peer is not None:
        assert peer.read_exactly(2) == b"\x16\x03"
        peer.close()
    return False


def test_hostile_57_no_other_endpoint_is_tried_in_clear_text(fairlead, origin, backend, authority):
    bad = backend(wrap=speaking(Authority("evil").issue("b.test")))
    plain = origin()
    proxy = fairlead(manifests.documents(
        manifests.app(bad, plain, service_annotations=verified(subject="b.test")),
        manifests.secret("upstream-ca", {"ca.crt": authority.pem})))
    for _ in range(4):
        client = proxy.client()
        client.send(request("GET", "/secret"))
        wait_until(lambda: meets_no_clear_text(plain) or client.has_more(), "an answer")
        assert client.read_response().status in (502, 503)
        client.close()
    assert bad.requests == []


@pytest.mark.parametrize("ca", [None, "garbage", "empty", "no key"])
def test_hostile_57_validation_that_cannot_be_set_up_drops_the_route(fairlead, backend, authority,
                                                                     ca):
    """503, and the endpoint hears nothing at all: design 5.2."""
    upstream = backend(wrap=speaking(authority.issue("b.test")))
    values = {"garbage": {"ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
              "empty": {"ca.crt": ""}, "no key": {"tls.crt": authority.pem}}
    secrets = [] if ca is None else [manifests.secret("upstream-ca", values[ca])]
    proxy = fairlead(manifests.documents(
        manifests.app(upstream, service_annotations=verified(subject="b.test")), *secrets))
    assert proxy.get("/").status == 503
    assert (upstream.requests, upstream.connections, upstream.errors) == ([], 0, [])


def test_hostile_57_a_subject_name_without_a_ca_verifies_nothing_so_is_refused(fairlead, backend,
                                                                               authority):
    """Who names a subject expects it to be checked."""
    upstream = backend(wrap=speaking(authority.issue("c.test")))
    annotations = {**manifests.upstream_protocol("tls"),
                   **manifests.own(upstream_subject_name="b.test")}
    proxy = fairlead(manifests.app(upstream, service_annotations=annotations))
    assert proxy.get("/").status in (502, 503)
    assert upstream.requests == []


def test_the_ca_changes(fairlead, backend, authority):
    other = Authority("other CA")
    upstream = backend(wrap=speaking(other.issue("b.test")))
    proxy = fairlead(app_of(upstream, verified(subject="b.test"), authority))
    assert proxy.get("/").status == 502
    proxy.apply("test.yaml", app_of(upstream, verified(subject="b.test"), other))
    assert proxy.get("/").status == 200


def test_a_connection_verified_by_an_older_ca_is_used_no_more(fairlead, backend, authority):
    upstream = backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(app_of(upstream, verified(subject="b.test"), authority))
    assert proxy.get("/").status == 200
    proxy.apply("test.yaml", app_of(upstream, verified(subject="b.test"), Authority("other CA")))
    assert proxy.get("/").status == 502
    assert len(upstream.requests) == 1


# ---- an endpoint's bytes ----


@pytest.mark.parametrize("reply", [OK, b"HTTP/1.1 200 OK\r\n\r\n", b"\x00" * 100, b"\n" * 10],
                         ids=["answer", "head", "zeros", "line-ends"])
def test_hostile_56_plain_text_before_the_handshake_ended_is_no_data(fairlead, origin, reply):
    """Sent before the endpoint has even read the ClientHello."""
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    response = ask_through(proxy, upstream, lambda peer: peer.send(reply))
    assert (response.status, response.reason_code) == (502, "upstream_tls")
    for peer in upstream.peers:
        peer.read_to_end()


def test_hostile_56_plain_text_in_the_middle_of_a_handshake(fairlead, origin, authority):
    """The ServerHello is real, what follows is not."""
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    context = authority.issue("b.test").server_context()

    def answers_half(peer):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(into, out, server_side=True)
        into.write(peer.read_some())
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        flight = out.read()
        server_hello = 5 + int.from_bytes(flight[3:5], "big")
        peer.send(flight[:server_hello] + OK)

    response = ask_through(proxy, upstream, answers_half)
    assert (response.status, response.reason_code) == (502, "upstream_tls")


def expect_tls_failures(proxy, why, count=3):
    """Three attempts at the only endpoint, each a line that names the Service."""
    def told():
        return [line for line in list(proxy.log.lines) if "TLS with an endpoint failed" in line]

    wait_until(lambda: len(told()) >= count, f"{count} lines")
    assert len(told()) == count and all(
        "cluster=default/app/80" in line and why in line for line in told()), told()
    assert proxy.metric("fairlead_upstream_tls_failures_total") == count


@pytest.mark.parametrize("protocol", ["tls", "h2"])
def test_an_endpoint_that_hangs_in_its_handshake(fairlead, origin, protocol):
    """The connect timeout covers the handshake too. It was connected, so that is not what it says."""
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol(protocol)), "--connect-timeout",
                     "300ms")
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (502, "upstream_tls")
    upstream.accept().read_to_end()
    expect_tls_failures(proxy, "--connect-timeout; does it speak TLS?")
    assert proxy.timeouts("connect") == 3


@pytest.mark.parametrize("protocol", ["tls", "h2"])
def test_requests_that_wait_for_one_handshake_are_one_line(fairlead, origin, protocol):
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol(protocol)), "--connect-timeout",
                     "300ms", "--workers", "1")
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        client.send(request("GET", "/"))
    for client in clients:
        assert client.read_response().reason_code == "upstream_tls"
    count = proxy.metric("fairlead_upstream_connections_total")
    assert count == 15 if protocol == "tls" else count < 15
    expect_tls_failures(proxy, "does it speak TLS?", count)


@pytest.mark.parametrize("protocol", ["tls", "h2"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_endpoint_that_goes_in_each_handshake(fairlead, origin, protocol, how):
    upstream = origin()
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol(protocol)))

    def act(peer):
        peer.read_some()
        getattr(peer, how)()

    response = ask_through(proxy, upstream, act)
    assert (response.status, response.reason_code) == (502, "upstream_tls")
    expect_tls_failures(proxy, "closed the connection during the handshake")


def test_an_endpoint_whose_handshake_hangs_fails_over(fairlead, origin, backend, authority):
    hanging, good = origin(), backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(manifests.app(hanging, good, service_annotations=(
        manifests.upstream_protocol("tls"))), "--connect-timeout", "300ms")
    for _ in range(4):
        assert proxy.ask(request("POST", "/", body=b"x")).status == 200
    assert hanging.accept_waiting() is not None


def test_hostile_57_another_endpoint_is_tried_and_verified_as_well(fairlead, backend, authority):
    bad = backend(wrap=speaking(Authority("evil").issue("b.test")))
    good = backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(manifests.documents(
        manifests.app(bad, good, service_annotations=verified(subject="b.test")),
        manifests.secret("upstream-ca", {"ca.crt": authority.pem})))
    for _ in range(4):
        assert proxy.ask(request("POST", "/", body=b"x")).status == 200
    wait_until(lambda: bad.errors, "the handshake to fail at its end")
    assert bad.requests == []


def goes(origin, how):
    """Accepts a connection that has come, reads the ClientHello and ends it; never True."""
    peer = origin.accept_waiting()
    if peer is not None:
        peer.read_some()
        getattr(peer, how)()
    return False


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_endpoint_that_goes_in_its_handshake_fails_over(fairlead, origin, backend, authority, how):
    bad, good = origin(), backend(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(manifests.app(bad, good,
                                   service_annotations=manifests.upstream_protocol("tls")))
    for _ in range(4):
        client = proxy.client()
        client.send(request("POST", "/", body=b"x"))
        wait_until(lambda: goes(bad, how) or client.has_more(), "an answer")
        assert client.read_response().status == 200
    assert bad.peers


def test_an_answer_until_the_end_needs_a_close_notify(fairlead, origin, authority):
    """A cut connection must not pass for a whole answer."""
    upstream = origin(wrap=speaking(authority.issue("b.test")))
    proxy = fairlead(app_of(upstream, manifests.upstream_protocol("tls")))
    for is_whole in (True, False):
        client = proxy.client()
        client.send(request("GET", "/", "a.test", "Connection: close"))
        peer = upstream.accept()
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        if is_whole:
            peer.sock.setblocking(False)  # close_notify goes out, theirs is not waited for
            with contextlib.suppress(OSError):
                peer.sock.unwrap()
        peer.close()
        got = client.read_to_end()
        assert b"hello" in got
        assert got.endswith(b"0\r\n\r\n") == is_whole


def test_the_endpoint_hears_what_the_client_used(secure, backend, authority):
    """TLS behind says nothing about TLS in front."""
    upstream = backend(wrap=speaking(authority.issue("b.test")))
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream,
                                     service_annotations=manifests.upstream_protocol("tls")))
    proxy.get("/")
    proxy.tls_client().get("/")
    assert [arrived.get("X-Forwarded-Proto") for arrived in upstream.requests] == ["http", "https"]


def test_both_kinds_of_endpoints_are_backends():
    """What the parameters above rely on."""
    assert {"requests", "errors"} <= set(vars(Backend())) & set(vars(H2Backend()))
