# SPDX-License-Identifier: Apache-2.0
"""What requests over TLS look like: forwarding fields, redirects, HSTS, the log, bodies, ends."""
import json
import re
import ssl
import threading

import pytest

from support import manifests
from support.client import request
from support.origin import answer
from support.tls import TlsClient
from support.wait import wait_until
from support.websocket import handshake, switching

SSL_REDIRECT = {"ingress.kubernetes.io/force-ssl-redirect": "true"}


# ---- forwarding ----


def test_the_endpoint_hears_that_it_was_https(secure, backend, authority):
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    proxy.tls_client().ask(request("GET", "/x", "a.test", "X-Forwarded-Proto: http",
                                   "X-Forwarded-Port: 1"))
    proxy.get("/y")
    over_tls, plain = upstream.requests
    assert (over_tls.get("X-Forwarded-Proto"), over_tls.get("X-Forwarded-Port")) == ("https", "443")
    assert (plain.get("X-Forwarded-Proto"), plain.get("X-Forwarded-Port")) == ("http", "80")
    assert over_tls.get("Host") == over_tls.get("X-Forwarded-Host") == "a.test"


@pytest.mark.parametrize("host, port", [("a.test", "8443"), ("a.test:444", "444")])
def test_the_public_https_port_is_a_flag(secure, backend, authority, host, port):
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream),
                   "--public-https-port", "8443")
    proxy.tls_client().get("/", host)
    assert upstream.requests[0].get("X-Forwarded-Port") == port


def test_an_absolute_target_says_https_here(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()))
    assert proxy.tls_client().get("https://a.test/x").status == 200
    assert proxy.tls_client().get("http://a.test/x").status == 400


# ---- which side of a host ----


def test_force_ssl_redirect(secure, backend, authority):
    upstream = backend()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream, annotations=SSL_REDIRECT))
    response = proxy.get("/x/y?z=1", "a.test:8080")
    assert (response.status, response.get("Location")) == (301, "https://a.test/x/y?z=1")
    assert upstream.requests == []
    assert proxy.tls_client().get("/x").status == 200


def test_a_redirect_names_the_public_port(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend(),
                                     annotations=SSL_REDIRECT), "--public-https-port", "8443")
    assert proxy.get("/x").get("Location") == "https://a.test:8443/x"


def test_an_acme_challenge_beside_a_redirect(secure, backend, authority):
    """As cert-manager does it: an Ingress of its own for the longer path, without the annotation."""
    upstream, solver = backend(), backend(answer(b"token"))
    challenge = "/.well-known/acme-challenge/abc"
    proxy = secure(manifests.documents(
        manifests.tls_app(authority.issue("a.test"), upstream, annotations=SSL_REDIRECT),
        manifests.ingress(path=challenge, service="solver", kind="Exact"),
        manifests.service("solver"), manifests.endpoints("solver", solver)))
    response = proxy.get(challenge)
    assert (response.status, response.body) == (200, b"token")
    assert proxy.get(challenge + "d").status == 301
    assert proxy.get("/").status == 301


def test_without_allow_http_a_host_is_https_only(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend(),
                                     annotations={"kubernetes.io/ingress.allow-http": "false"}))
    assert proxy.get("/").status == 404
    assert proxy.tls_client().get("/").status == 200


def test_a_host_without_tls_is_not_served_over_it(secure, backend, authority):
    upstream = backend()
    proxy = secure(manifests.documents(
        manifests.tls_app(authority.issue("a.test"), upstream, name="a"),
        manifests.app(upstream, host="plain.test", name="plain")))
    assert proxy.get("/", "plain.test").status == 200
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        TlsClient(proxy.https_port, "plain.test")
    assert proxy.tls_client().get("/", "plain.test").status in (404, 421)


def test_rules_without_a_host_are_not_served_over_tls(secure, backend, authority):
    upstream = backend()
    proxy = secure(manifests.documents(
        manifests.tls_app(authority.issue("a.test"), upstream, path="/a", name="a"),
        manifests.app(upstream, host=None, name="any")))
    assert proxy.get("/b", "c.test").status == 200
    assert proxy.tls_client().get("/b").status == 404


# ---- HSTS ----


def test_hsts_is_said_over_tls_only(secure, backend, authority):
    policy = "max-age=31536000; includeSubDomains"
    proxy = secure(manifests.tls_app(
        authority.issue("a.test"), backend(),
        annotations=manifests.own(hsts="8760h,includeSubDomains")))
    assert proxy.tls_client().get("/").get("Strict-Transport-Security") == policy
    assert proxy.h2_client().get("/").get("strict-transport-security") == policy
    assert not proxy.get("/").has("Strict-Transport-Security")


def test_hsts_takes_the_place_of_the_endpoints(secure, backend, authority):
    """Two of them would leave it to the client which one counts: RFC 6797 section 8.1."""
    upstream = backend(answer(b"ok", "200 OK", "Strict-Transport-Security: max-age=0"))
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream,
                                     annotations=manifests.own(hsts="77")))
    assert proxy.tls_client().get("/").get("Strict-Transport-Security") == "max-age=77"


def test_hsts_is_in_our_own_answers_too(secure, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"),
                                     annotations=manifests.own(hsts="77")))
    response = proxy.tls_client().get("/")
    assert (response.status, response.get("Strict-Transport-Security")) == (503, "max-age=77")


@pytest.mark.parametrize("policy", ["yes", "max-age=x", "1; evil", "1\r\nX: y", "1,\x01"])
def test_hsts_that_is_none_is_left_out(secure, backend, authority, policy):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend(),
                                     annotations=manifests.own(hsts=policy)))
    response = proxy.tls_client().get("/")
    assert response.status == 200
    assert not response.names & {"strict-transport-security", "x"}


# ---- the log ----


def test_the_log_names_version_cipher_and_server_name(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()),
                   "--access-log-format", "json")
    client = proxy.tls_client(version=ssl.TLSVersion.TLSv1_2,
                              ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    client.get("/one")
    line = json.loads(proxy.access_lines()[0])
    assert {name: line[name] for name in ("tls_version", "tls_cipher", "sni", "protocol")} == {
        "tls_version": "TLSv1.2", "tls_cipher": "ECDHE-ECDSA-AES128-GCM-SHA256", "sni": "a.test",
        "protocol": "HTTP/1.1"}
    proxy.h2_client().get("/two")
    line = json.loads(proxy.access_lines(2)[1])
    assert (line["tls_version"], line["protocol"], line["sni"]) == ("TLSv1.3", "HTTP/2", "a.test")
    assert re.fullmatch("TLS_[A-Z0-9_]+", line["tls_cipher"])


def test_the_log_of_a_plain_request_names_no_tls(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()),
                   "--access-log-format", "json")
    proxy.get("/")
    line = json.loads(proxy.access_lines()[0])
    assert {line.get(name, "-") for name in ("tls_version", "tls_cipher", "sni")} <= {"-", ""}


# ---- bytes ----


@pytest.mark.parametrize("size", [1, 16384, 16385, 100_000, 8 << 20])
def test_bodies_of_any_size_both_ways(secure, backend, authority, size):
    upstream = backend(lambda arrived: answer(arrived.body))
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client()
    body = bytes(range(256)) * (size // 256 + 1)
    # The endpoint answers when it has all, so writing first and reading then is no deadlock.
    response = client.ask(request("POST", "/", body=body[:size]))
    assert response.body == body[:size]
    assert client.get("/").status == 200


def test_many_requests_on_one_connection(secure, backend, authority):
    upstream = backend(lambda arrived: answer(arrived.target.encode()))
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client()
    for number in range(100):
        assert client.get(f"/{number}").body == b"/%d" % number
    client.send(b"".join(request("GET", f"/p{number}") for number in range(10)))  # pipelined
    assert [client.read_response().body for _ in range(10)] == [b"/p%d" % n for n in range(10)]


def test_a_request_in_one_record_a_byte(secure, backend, authority):
    proxy = secure(manifests.tls_app(authority.issue("a.test"), backend()))
    client = proxy.tls_client()
    for byte in request("GET", "/"):
        client.send(bytes([byte]))
    assert client.read_response().status == 200


def test_the_end_is_said_by_close_notify(secure, origin, authority):
    """Else nobody could tell the end of an answer without a length from an attack on it."""
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client()
    client.sock.suppress_ragged_eofs = False
    client.send(request("GET", "/", "a.test", "Connection: close"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    peer.close()
    assert client.read_to_end().endswith(b"all of it") or b"all of it" in client.received


def test_an_answer_cut_short_does_not_end_well(secure, origin, authority):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    client.read_until(b"hello")
    peer.reset()
    assert client.read_to_end() == b""


def test_a_client_that_goes_takes_its_request_with_it(secure, origin, authority):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    client.close()
    peer.expect_end()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_websocket_over_tls(secure, origin, authority, direction):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream,
                                     annotations=manifests.contour(websocket_routes="/")))
    client = proxy.tls_client()
    client.send(handshake("/ws"))
    peer = upstream.accept()
    peer.read_request_head()
    peer.send(switching())
    assert client.read_response().status == 101
    sender, reader = (client, peer) if direction == "up" else (peer, client)
    thread = threading.Thread(target=sender.send, args=(b"x" * (1 << 20),), daemon=True)
    thread.start()
    assert reader.read_exactly(1 << 20) == b"x" * (1 << 20)
    thread.join()


def test_a_client_that_does_not_read_holds_little_memory(secure, origin, authority):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    client = proxy.tls_client(receive_buffer=4096)
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    before = proxy.metric("fairlead_resident_bytes")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    peer.sock.settimeout(0.3)
    sent = 0
    try:
        while sent < 256 << 20:
            sent += peer.sock.send(b"x" * 65536)
    except TimeoutError:
        pass
    assert sent < 32 << 20
    assert proxy.metric("fairlead_resident_bytes") - before < 8 << 20
    client.read_exactly(sent // 2)


def test_stopping_ends_idle_connections_and_lets_running_requests_finish(secure, origin, authority):
    upstream = origin()
    proxy = secure(manifests.tls_app(authority.issue("a.test"), upstream))
    idle, running = proxy.tls_client(), proxy.tls_client()
    running.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    proxy.terminate()
    idle.expect_end()
    wait_until(lambda: proxy.log.find("no longer accepting"), "the drain")
    peer.send(answer(b"late"))
    response = running.read_response()
    assert (response.body, response.options) == (b"late", {"close"})
    running.expect_end()
    assert proxy.wait_exit() == 0
