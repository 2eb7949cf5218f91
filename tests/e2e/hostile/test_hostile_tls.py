# SPDX-License-Identifier: Apache-2.0
"""Handshakes that are none, hosts that are not meant, certificates that are not good: hostile-input 77 to
83. Sessions (80) have their own file, tls/test_tls_resumption.py."""
import os
import random
import re
import socket
import ssl
import struct

import pytest

from support import frames, manifests
from support.certificates import Authority
from support.client import request
from support.frames import request_fields
from support.tls import (ALERT, COMMON_EXTENSIONS, DATA, HANDSHAKE, client_hello, extension,
                         handshake_message, hello_body, hello_record, read_alert, read_record,
                         record, refusal, s_client, server_name_extension)
from support.wait import wait_until

TLS1_2 = ssl.TLSVersion.TLSv1_2
SNI = server_name_extension("a.test")
FINE = SNI + COMMON_EXTENSIONS


@pytest.fixture(scope="module")
def certificate():
    return Authority().issue("a.test")


@pytest.fixture
def proxy(secure, origin, certificate):
    """One host; its endpoint must never hear of what these tests send."""
    upstream = origin()
    made = secure(manifests.tls_app(certificate, upstream))
    yield made
    upstream.expect_untouched()
    made.stop()


def send_raw(proxy, *pieces):
    """A connection to the HTTPS port with these bytes sent."""
    client = proxy.client_of(proxy.https_port)
    for piece in pieces:
        if not client.send_if_open(piece):
            break
    return client


def expect_no_handshake(client):
    """The connection ends, and no ServerHello came."""
    while (got := read_record(client)) is not None:
        assert got[0] == ALERT, f"it answered: {got}"


# ---- 77: what is refused always ----


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
def test_hostile_77_older_versions(proxy, version):
    client = send_raw(proxy, hello_record(version=version, suites=(0xC013, 0xC009, 0x002F),
                                          extensions=FINE))
    assert read_alert(client) == "protocol_version"
    assert proxy.metric("fairlead_tls_handshakes_total", result="version") == 1


def test_hostile_77_an_sslv2_hello(proxy):
    hello = b"\x01\x03\x01" + struct.pack(">HHH", 9, 0, 16) + b"\x00\x00\x2f\x00\x00\x35\x00\x00\x0a" + (
        b"c" * 16)
    expect_no_handshake(send_raw(proxy, struct.pack(">H", 0x8000 | len(hello)) + hello))


def test_hostile_77_compression_without_the_null_method(proxy):
    client = send_raw(proxy, hello_record(compressions=b"\1", extensions=FINE))
    assert read_alert(client) in ("decode_error", "illegal_parameter", "handshake_failure")


def test_hostile_77_compression_is_not_taken(proxy):
    client = send_raw(proxy, hello_record(compressions=b"\1\0", extensions=FINE))
    kind, hello = read_record(client)
    assert (kind, hello[0]) == (HANDSHAKE, 2)
    session = hello[38]
    assert hello[39 + session + 2] == 0, "compression was chosen"


def test_hostile_77_renegotiation(proxy):
    said = s_client(proxy.https_port, "-tls1_2", ask=b"R\n")
    assert "RENEGOTIATING" in said
    assert re.search("no renegotiation|handshake failure|unexpected message|closed", said.split(
        "RENEGOTIATING")[1]), said


def test_hostile_77_early_data(proxy, tmp_path):
    """Requests that may be replayed are not even offered a way."""
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(request("GET", "/early"))
    said = s_client(proxy.https_port, "-tls1_3", "-sess_out", session, "-ign_eof",
                    ask=b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    assert "Max Early Data: 0" in said, said
    said = s_client(proxy.https_port, "-tls1_3", "-sess_in", session, "-early_data", early)
    assert "Early data was accepted" not in said, said


def test_hostile_77_early_data_that_is_sent_all_the_same(proxy):
    """The extension and a record of data right behind the hello."""
    hello = hello_record(extensions=FINE + extension(43, b"\2\3\4") + extension(42, b""))
    client = send_raw(proxy, hello, record(DATA, b"x" * 64))
    while (got := read_record(client)) is not None:
        assert got[0] != DATA


@pytest.mark.parametrize("offered", [("spdy/3",), ("h3",), ("H2",), ("http/1.0",), ("ftp", "smtp")])
def test_hostile_77_no_common_application_protocol(proxy, offered):
    assert refusal(proxy.https_port, alpn=offered) == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
    assert proxy.metric("fairlead_tls_handshakes_total", result="alpn") == 1


@pytest.mark.parametrize("names", [b"", b"\0\0", b"\0\3\5h2", b"\0\1\0", b"\0\5\2h2"])
def test_hostile_77_a_malformed_list_of_application_protocols(proxy, names):
    client = send_raw(proxy, hello_record(extensions=FINE + extension(16, names)))
    assert read_alert(client) in ("decode_error", "illegal_parameter", "internal_error",
                                  "handshake_failure")


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256"])
def test_hostile_77_weak_ciphers(proxy, ciphers):
    why = refusal(proxy.https_port, version=TLS1_2, ciphers=f"{ciphers}:@SECLEVEL=0")
    assert why == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert proxy.metric("fairlead_tls_handshakes_total", result="cipher") == 1


# ---- 82: hellos ----


def with_length(data, at, size, value):
    """The same bytes with another number there."""
    return data[:at] + value.to_bytes(size, "big") + data[at + size:]


BODY = hello_body(extensions=FINE)
HELLOS = {
    "http": request("GET", "/"),
    "a preface": frames.PREFACE + frames.settings(),
    "zeros": b"\0" * 300,
    "noise": random.Random(82).randbytes(5000),
    "an alert": record(ALERT, b"\2\x28"),
    "data": record(DATA, b"GET / HTTP/1.1\r\n\r\n"),
    "a ServerHello": record(HANDSHAKE, handshake_message(2, BODY)),
    "a Finished": record(HANDSHAKE, handshake_message(20, b"x" * 32)),
    "a change of ciphers": record(20, b"\1"),
    "an unknown record": record(99, b"x"),
    "a record too long": b"\x16\x03\x01\xff\xff" + b"x" * 0xffff,
    "an empty hello": record(HANDSHAKE, handshake_message(1, b"")),
    "a hello cut short": record(HANDSHAKE, handshake_message(1, BODY[:40])),
    "a hello with more behind": record(HANDSHAKE, handshake_message(1, BODY + b"more")),
    "a session id too long": record(HANDSHAKE, handshake_message(1, with_length(BODY, 34, 1, 255))),
    "suites past the end": record(HANDSHAKE, handshake_message(1, with_length(BODY, 35, 2, 0xfffe))),
    "an odd list of suites": record(HANDSHAKE, handshake_message(1, with_length(BODY, 35, 2, 5))),
    "no suites": hello_record(suites=(), extensions=FINE),
    "no compression": hello_record(compressions=b"", extensions=FINE),
    "an extension past the end": hello_record(extensions=FINE + b"\0\x23\xff\xff"),
    "an extension cut short": hello_record(extensions=FINE + b"\0"),
    "two server names": hello_record(extensions=FINE + SNI),
    "an empty list of names": hello_record(extensions=extension(0, b"\0\0") + COMMON_EXTENSIONS),
    "an empty name": hello_record(extensions=server_name_extension("") + COMMON_EXTENSIONS),
    "a name past the end": hello_record(
        extensions=extension(0, b"\0\x09\0\0\xffa.test") + COMMON_EXTENSIONS),
    "a name with a NUL": hello_record(
        extensions=server_name_extension(b"a.test\0.evil.test") + COMMON_EXTENSIONS),
    "a name of 300 bytes": hello_record(
        extensions=server_name_extension("a" * 300) + COMMON_EXTENSIONS),
    "a name with a line end": hello_record(
        extensions=server_name_extension(b"a.test\r\nX: y") + COMMON_EXTENSIONS),
    "a name with a slash": hello_record(
        extensions=server_name_extension("a.test/") + COMMON_EXTENSIONS),
    "a name in UTF-8": hello_record(
        extensions=server_name_extension("ä.test".encode()) + COMMON_EXTENSIONS),
    "an address as a name": hello_record(
        extensions=server_name_extension("127.0.0.1") + COMMON_EXTENSIONS),
    "a version from the future only": hello_record(
        extensions=FINE + extension(43, b"\2\x0f\x0f")),
}


@pytest.mark.parametrize("what", HELLOS)
def test_hostile_82_a_malformed_hello(proxy, what):
    """The connection ends without a ServerHello; it is counted; everybody else is served."""
    client = send_raw(proxy, HELLOS[what])
    if what in ("a hello cut short", "a record too long"):
        client.half_close()
    expect_no_handshake(client)
    wait_until(lambda: failed_handshakes(proxy) == 1, "the count")
    good = proxy.tls_client()
    assert good.ask(request("OPTIONS", "*")).status == 200


def failed_handshakes(proxy):
    return sum(value for name, value in proxy.metrics().items()
               if name.startswith("fairlead_tls_handshakes_total") and 'result="ok"' not in name)


def test_hostile_82_a_hello_over_64_kib(proxy):
    """Announced as larger, sent in good records: not kept until it is whole."""
    body = hello_body(extensions=FINE + extension(21, b"\0" * 60000))
    message = handshake_message(1, body + b"\0" * 20000)
    client = proxy.client_of(proxy.https_port)
    for at in range(0, len(message), 16000):
        if not client.send_if_open(record(HANDSHAKE, message[at:at + 16000])):
            break
    expect_no_handshake(client)


def test_hostile_82_a_hello_in_thousands_of_records(proxy):
    """A byte each; slow for us if we let it."""
    client = proxy.client_of(proxy.https_port)
    hello = client_hello()[5:]
    sent = b"".join(record(HANDSHAKE, hello[at:at + 1]) for at in range(len(hello)))
    client.send_if_open(sent)
    got = read_record(client)
    assert got is None or got[0] in (ALERT, HANDSHAKE)


def test_hostile_82_empty_records_without_end(proxy):
    client = proxy.client_of(proxy.https_port)
    sent = 0
    while sent < 64 << 20 and client.send_if_open(record(HANDSHAKE, b"") * 1000):
        sent += 5000
    assert sent < 16 << 20
    expect_no_handshake(client)


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01", client_hello()[:-1]],
                         ids=["nothing", "a byte", "half a head", "all but a byte"])
def test_hostile_82_a_handshake_that_stands_still(secure, origin, certificate, sent):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "300ms")
    client = send_raw(proxy, sent)
    expect_no_handshake(client)
    assert proxy.timeouts("handshake") == 1


def test_hostile_82_dripping_does_not_extend_it(secure, origin, certificate):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "400ms")
    client = proxy.client_of(proxy.https_port)
    hello = client_hello()
    client.sock.settimeout(0.05)
    for byte in hello:
        try:
            client.sock.sendall(bytes([byte]))
            if client.sock.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("it waited for the last byte")
    wait_until(lambda: proxy.timeouts("handshake") == 1, "the count")


def test_hostile_82_a_client_that_stops_after_the_servers_flight(secure, origin, certificate):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "300ms")
    client = send_raw(proxy, client_hello())
    assert read_record(client)[0] == HANDSHAKE
    client.read_to_end()
    assert proxy.timeouts("handshake") == 1


def test_hostile_82_many_that_stand_still_hold_nobody_up(secure, backend, certificate):
    proxy = secure(manifests.tls_app(certificate, backend()), "--handshake-timeout", "2s")
    before = proxy.metric("fairlead_resident_bytes")
    standing = [send_raw(proxy, client_hello()[:100]) for _ in range(300)]
    for _ in range(5):
        assert proxy.tls_client().get("/").status == 200
    assert proxy.metric("fairlead_resident_bytes") - before < 300 * (64 << 10)
    for client in standing:
        expect_no_handshake(client)


def test_hostile_82_noise_after_the_handshake(proxy):
    """A record that does not decrypt: bad_record_mac, and the end."""
    for seed in range(20):
        client = proxy.tls_client()
        beneath = socket.socket(fileno=os.dup(client.sock.fileno()))
        beneath.sendall(record(DATA, random.Random(seed).randbytes(100), 0x0303))
        beneath.close()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            while client.sock.recv(1000):
                pass
            raise ConnectionError("closed")
    assert len(proxy.log.lines) < 100


# ---- 78, 79: whose connection it is ----


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
    assert refusal(proxy.https_port, "mtls.test", version=TLS1_2) in (
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


# ---- 81: certificates of clients ----


WRONG = {
    "of another CA": lambda ca: Authority("client CA").issue("me", client=True),
    "expired": lambda ca: ca.issue("me", client=True, days=(-10, -1)),
    "not valid yet": lambda ca: ca.issue("me", client=True, days=(1, 10)),
    "for servers": lambda ca: ca.issue("me"),
    "signed by a leaf": lambda ca: signed_by_a_leaf(ca),
}


def signed_by_a_leaf(ca):
    """The issuer is a good certificate, but no CA."""
    impostor = Authority("me", parent=ca)
    leaf = ca.issue("me", client=True, own_key=True)
    impostor.key, impostor.pem = leaf.key, leaf.pem
    return impostor.issue("you", client=True)


@pytest.fixture
def guarded(secure, backend, authority):
    def start(ca, mode="required", **values):
        upstream = backend()
        return secure(manifests.documents(
            manifests.tls_app(authority.issue("a.test"), upstream, annotations=manifests.own(
                client_ca_secret="clients", client_certificate=mode)),
            manifests.secret("clients", {"ca.crt": ca.pem, **values}))), upstream

    return start


@pytest.mark.parametrize("version", [TLS1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("mode", ["required", "optional"])
@pytest.mark.parametrize("fault", WRONG)
def test_hostile_81_a_certificate_that_is_not_good(guarded, fault, mode, version):
    ca = Authority("client CA")
    proxy, upstream = guarded(ca, mode)
    refusal(proxy.https_port, certificate=WRONG[fault](ca), version=version)
    assert upstream.requests == []
    assert proxy.metric("fairlead_tls_handshakes_total", result="certificate_invalid") == 1
    good = proxy.tls_client(certificate=ca.issue("me", client=True), version=version)
    assert good.get("/").status == 200


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_hostile_81_a_certificate_that_was_revoked(guarded, mode):
    ca = Authority("client CA")
    bad, good = ca.issue("bad", client=True), ca.issue("good", client=True)
    proxy, upstream = guarded(ca, mode, **{"ca.crl": ca.revocations(bad)})
    assert refusal(proxy.https_port, certificate=bad) == "SSLV3_ALERT_CERTIFICATE_REVOKED"
    assert upstream.requests == []
    assert proxy.tls_client(certificate=good).get("/").status == 200


@pytest.mark.parametrize("fault", ["of another CA", "outdated", "from the future"])
def test_hostile_81_a_revocation_list_that_says_nothing_lets_nobody_in(guarded, fault):
    ca = Authority("client CA")
    lists = {"of another CA": lambda: Authority("other CA").revocations(),
             "outdated": lambda: ca.revocations(days=(-10, -1)),
             "from the future": lambda: ca.revocations(days=(1, 10))}
    proxy, upstream = guarded(ca, **{"ca.crl": lists[fault]()})
    refusal(proxy.https_port, certificate=ca.issue("me", client=True))
    assert upstream.requests == []


def test_hostile_81_an_intermediate_without_its_list(guarded):
    ca = Authority("client CA")
    between = Authority("team CA", parent=ca)
    proxy, upstream = guarded(ca, **{"ca.crl": ca.revocations()})
    refusal(proxy.https_port, certificate=between.issue("me", client=True))
    assert upstream.requests == []


@pytest.mark.parametrize("mode", ["required", "optional"])
@pytest.mark.parametrize("values", [
    {"ca.crt": ""}, {"ca.crt": "garbage"}, {"tls.crt": "x"}, None,
    {"ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
    {"ca.crl": "garbage"},
], ids=["empty", "garbage", "no-key", "no-secret", "bad-pem", "bad-list"])
def test_hostile_81_a_check_that_cannot_be_set_up_lets_nobody_in(secure, backend, authority, values,
                                                                 mode):
    ca, upstream = Authority("client CA"), backend()
    parts = [manifests.tls_app(authority.issue("a.test"), upstream, annotations=manifests.own(
        client_ca_secret="clients", client_certificate=mode))]
    if values is not None:
        base = {"ca.crt": ca.pem} if "ca.crl" in values else {}
        parts.append(manifests.secret("clients", {**base, **values}))
    proxy = secure(manifests.documents(*parts))
    refusal(proxy.https_port, certificate=ca.issue("me", client=True))
    refusal(proxy.https_port)
    assert upstream.requests == []


@pytest.mark.parametrize("mode", ["Required", "yes", "none", "", "optional ", "off"])
def test_hostile_81_a_mode_that_is_unknown_is_no_way_around(guarded, mode):
    """A slip of the pen must not open a host: it is required, or the host is out."""
    ca = Authority("client CA")
    proxy, upstream = guarded(ca, mode)
    refusal(proxy.https_port)
    assert upstream.requests == []


# ---- 83: Secrets ----


def broken_secrets(authority):
    good, other = authority.issue("b.test"), authority.issue("b.test", own_key=True)
    pair = {"tls.crt": good.pem, "tls.key": good.key_pem}
    yield "missing", None
    yield "empty", {}
    yield "no key", {"tls.crt": good.pem}
    yield "no certificate", {"tls.key": good.key_pem}
    yield "empty values", {"tls.crt": "", "tls.key": ""}
    yield "another key", {**pair, "tls.key": other.key_pem}
    yield "garbage", {**pair, "tls.crt": "garbage"}
    yield "a certificate cut short", {**pair, "tls.crt": good.pem[:200]}
    yield "a key cut short", {**pair, "tls.key": good.key_pem[:100]}
    yield "a key that is no base64", {**pair, "tls.key": (
        "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n")}
    yield "two keys", {**pair, "tls.key": good.key_pem + other.key_pem}
    yield "swapped", {"tls.crt": good.key_pem, "tls.key": good.pem}
    yield "a chain in the wrong order", {**pair, "tls.crt": authority.pem + good.pem}
    yield "a staple of another", {**pair, "tls.ocsp": authority.staple(other)}
    yield "a staple that is none", {**pair, "tls.ocsp": b"\x30\x03\x0a\x01\x06garbage"}
    yield "binary", {**pair, "tls.crt": bytes(range(256)) * 10}


@pytest.mark.parametrize("what", [name for name, _ in broken_secrets(Authority())])
def test_hostile_83_a_secret_that_is_broken_takes_its_own_host_out(secure, backend, authority, what):
    """Its handshakes are refused; others do not notice; nobody else's certificate is shown instead."""
    values = dict(broken_secrets(authority))[what]
    upstream, good = backend(), authority.issue("a.test")
    parts = [manifests.tls_app(good, upstream, name="a"),
             manifests.tls_app(None, upstream, host="b.test", name="b")]
    if values is not None:
        parts.append(manifests.secret("b.test-0", values, kind="kubernetes.io/tls"))
    proxy = secure(manifests.documents(*parts))
    assert refusal(proxy.https_port, "b.test") == "TLSV1_UNRECOGNIZED_NAME"
    client = proxy.tls_client("a.test")
    assert client.serial == good.serial
    assert client.get("/").status == 200
    assert "PRIVATE KEY" not in proxy.log.text()


def test_hostile_83_a_secret_that_breaks_while_it_is_served(secure, backend, authority):
    """Open connections live on, the next handshakes are refused, and it heals."""
    upstream, good, other = backend(), authority.issue("b.test"), authority.issue("a.test")
    proxy = secure({"hosts.yaml": manifests.documents(
        manifests.tls_app(other, upstream, name="a"),
        manifests.tls_app(None, upstream, host="b.test", name="b")),
        "secret.yaml": manifests.tls_secret("b.test-0", good)})
    kept, innocent = proxy.tls_client("b.test"), proxy.tls_client("a.test")
    assert kept.get("/", "b.test").status == 200
    proxy.apply("secret.yaml", manifests.secret("b.test-0", {"tls.crt": good.pem, "tls.key": "x"},
                                                kind="kubernetes.io/tls"))
    assert refusal(proxy.https_port, "b.test") == "TLSV1_UNRECOGNIZED_NAME"
    assert innocent.get("/").status == 200
    assert proxy.tls_client("a.test").get("/").status == 200
    proxy.apply("secret.yaml", manifests.tls_secret("b.test-0", good))
    assert proxy.tls_client("b.test").get("/", "b.test").status == 200


def test_hostile_83_a_secret_of_another_type(secure, backend, authority):
    certificate = authority.issue("a.test")
    values = {"tls.crt": certificate.pem, "tls.key": certificate.key_pem}
    proxy = secure(manifests.documents(
        manifests.tls_app(None, backend()),
        manifests.secret("a.test-0", values, kind="kubernetes.io/service-account-token")))
    assert refusal(proxy.https_port) == "TLSV1_UNRECOGNIZED_NAME"


def test_hostile_83_a_secret_of_another_namespace_is_not_ones_own(secure, backend, authority):
    proxy = secure(manifests.documents(
        manifests.tls_app(None, backend()),
        manifests.tls_secret("a.test-0", authority.issue("a.test"), namespace="other")))
    assert refusal(proxy.https_port) == "TLSV1_UNRECOGNIZED_NAME"


def test_hostile_83_keys_are_in_no_answer_and_no_log(secure, backend, authority):
    certificate = authority.issue("a.test", own_key=True)
    proxy = secure(manifests.tls_app(certificate, backend()), "--log-level", "debug")
    proxy.tls_client().get("/")
    secret = certificate.key_pem.splitlines()[1]
    said = proxy.log.text() + "\n".join(proxy.output.lines)
    for path in ("/table", "/table?format=json", "/metrics",
                 "/explain?method=GET&url=https://a.test/"):
        said += proxy.admin(path).body.decode("utf-8", "replace")
    assert secret not in said and "PRIVATE KEY" not in said
