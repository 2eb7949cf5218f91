# SPDX-License-Identifier: Apache-2.0
"""Who gets which certificate, and by which version: design 5.8, 5.18."""
import ssl

import pytest

from support import manifests
from support.certificates import Authority
from support.tls import TlsClient, client_hello, read_alert, refusal, s_client

TLS1_2, TLS1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def both(secure, backend, authority):
    """A host with an RSA and an ECDSA certificate."""
    rsa, ecdsa = authority.issue("a.test", key="rsa"), authority.issue("a.test", key="ec")
    return secure(manifests.tls_app([rsa, ecdsa], backend())), rsa, ecdsa


# ---- versions ----


@pytest.mark.parametrize("version, name", [(TLS1_2, "TLSv1.2"), (TLS1_3, "TLSv1.3")])
@pytest.mark.parametrize("key", ["rsa", "ec", "ed25519"])
def test_versions_and_kinds_of_keys(secure, backend, authority, version, name, key):
    certificate = authority.issue("a.test", key=key)
    proxy = secure(manifests.tls_app(certificate, backend()))
    client = proxy.tls_client(trust=authority, version=version)
    assert (client.version, client.serial) == (name, certificate.serial)
    assert client.get("/").status == 200
    assert proxy.metric("fairlead_tls_handshakes_total", result="full") == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # that they are old is the point
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(both, version):
    proxy, _, _ = both
    why = refusal(proxy.https_port, version=version, ciphers="ALL:@SECLEVEL=0")
    assert why == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert proxy.metric("fairlead_tls_handshakes_total", result="version") == 1


def test_the_minimum_is_of_a_host(secure, backend, authority):
    certificate = authority.issue("new.test", "old.test")
    upstream = backend()
    proxy = secure(manifests.documents(
        manifests.tls_app(certificate, upstream, host="new.test", name="new",
                          annotations=manifests.contour(tls_minimum_protocol_version="1.3")),
        manifests.tls_app(certificate, upstream, host="old.test", name="old")))
    assert refusal(proxy.https_port, "new.test",
                   version=TLS1_2) == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert proxy.tls_client("new.test", version=TLS1_3).get("/", "new.test").status == 200
    assert proxy.tls_client("old.test", version=TLS1_2).get("/", "old.test").status == 200


@pytest.mark.parametrize("entry", [False, True], ids=["a rule", "an entry"])
def test_another_namespace_does_not_shut_out_old_clients_of_a_host(secure, backend, authority,
                                                                   entry):
    upstream = backend()
    spec = manifests.tls_spec(("a.test", "none")) if entry else None
    proxy = secure(manifests.documents(
        manifests.tls_app(authority.issue("a.test"), upstream),
        manifests.ingress_of("stranger", [("a.test", [("/stranger", "app")])], "team",
                             manifests.contour(tls_minimum_protocol_version="1.3"), spec)))
    assert proxy.tls_client(version=TLS1_2).get("/").status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("asked", ["1.1", "1.0", "2", "", "TLSv1.3"])
def test_a_minimum_that_is_none_leaves_the_default(secure, backend, authority, asked):
    proxy = secure(manifests.tls_app(
        authority.issue("a.test"), backend(),
        annotations=manifests.contour(tls_minimum_protocol_version=asked)))
    assert proxy.tls_client(version=TLS1_2).get("/").status == 200
    assert refusal(proxy.https_port, version=ssl.TLSVersion.TLSv1_1,
                   ciphers="ALL:@SECLEVEL=0") == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_forward_secrecy_always(both):
    """No client can bargain it away, RFC 9325 section 4.1."""
    proxy, _, _ = both
    why = refusal(proxy.https_port, version=TLS1_2, ciphers="AES256-GCM-SHA384:AES128-SHA")
    assert why == "SSLV3_ALERT_HANDSHAKE_FAILURE"


# ---- two certificates ----


@pytest.mark.parametrize("ciphers, is_rsa", [
    ("ECDHE-RSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES128-GCM-SHA256", False),
])
def test_the_ciphers_of_the_client_choose_the_certificate(both, ciphers, is_rsa):
    proxy, rsa, ecdsa = both
    client = proxy.tls_client(version=TLS1_2, ciphers=ciphers)
    assert client.serial == (rsa if is_rsa else ecdsa).serial
    assert client.get("/").status == 200


@pytest.mark.parametrize("flag", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("algorithms, kind", [
    ("rsa_pss_rsae_sha256:RSA+SHA256", "RSA"), ("ECDSA+SHA256", "ECDSA"),
])
def test_the_signature_algorithms_of_the_client_choose_the_certificate(both, flag, algorithms, kind):
    proxy, _, _ = both
    said = s_client(proxy.https_port, flag, "-sigalgs", algorithms)
    assert f"Peer signature type: {kind}" in said, said


def test_a_client_that_takes_both_gets_the_cheaper_one(both):
    proxy, _, ecdsa = both
    assert proxy.tls_client().serial == ecdsa.serial


# ---- names ----


@pytest.fixture
def names(secure, backend, authority):
    """Three hosts, each with its own certificate."""
    upstream = backend()
    made = {host: authority.issue(host) for host in ("a.test", "b.test", "*.wild.test")}
    proxy = secure(manifests.documents(*(
        manifests.tls_app(certificate, upstream, host=host, name=f"app-{number}")
        for number, (host, certificate) in enumerate(made.items()))))
    return proxy, {host: certificate.serial for host, certificate in made.items()}


@pytest.mark.parametrize("asked, host", [
    ("a.test", "a.test"), ("b.test", "b.test"), ("A.TEST", "a.test"), ("a.test.", "a.test"),
    ("x.wild.test", "*.wild.test"),
])
def test_the_server_name_chooses_the_certificate(names, asked, host):
    proxy, serials = names
    client = proxy.tls_client(asked)
    assert client.serial == serials[host]
    assert client.get("/", asked).status == 200


@pytest.mark.parametrize("asked", [
    "c.test", "x.a.test", "test", "wild.test", "x.y.wild.test", "a.test.evil.test",
])
def test_an_unknown_server_name_gets_an_alert(names, asked):
    proxy, _ = names
    assert refusal(proxy.https_port, asked) == "TLSV1_UNRECOGNIZED_NAME"
    assert proxy.metric("fairlead_tls_handshakes_total", result="unknown_name") == 1


def test_no_server_name_gets_an_alert_too(names):
    """Nobody's certificate is shown by chance."""
    proxy, _ = names
    assert refusal(proxy.https_port, None) == "TLSV1_UNRECOGNIZED_NAME"


def test_the_alert_is_all_that_is_said(names):
    proxy, _ = names
    client = proxy.client_of(proxy.https_port)
    client.send(client_hello("c.test"))
    assert read_alert(client) == "unrecognized_name"


@pytest.mark.parametrize("asked", ["c.test", None])
def test_the_default_certificate_is_for_names_that_nobody_serves(secure, backend, authority, asked):
    default, certificate = authority.issue("default.test"), authority.issue("a.test")
    proxy = secure(manifests.documents(
        manifests.tls_app(certificate, backend()),
        manifests.tls_secret("fallback", default, "certificates")),
        "--default-certificate", "certificates/fallback")
    client = proxy.tls_client(asked)
    assert client.serial == default.serial
    assert client.get("/", asked or "c.test").status == 404
    assert proxy.tls_client("a.test").serial == certificate.serial


def test_an_ingress_without_its_secret_is_served_with_the_default_certificate(secure, backend,
                                                                              authority):
    default = authority.issue("default.test")
    proxy = secure(manifests.documents(manifests.tls_app(None, backend()),
                                       manifests.tls_secret("fallback", default)),
                   "--default-certificate", "default/fallback")
    client = proxy.tls_client("a.test")
    assert client.serial == default.serial
    assert client.get("/").status == 200


def test_an_opaque_secret_will_do(secure, backend, authority):
    certificate = authority.issue("a.test")
    proxy = secure(manifests.documents(
        manifests.tls_app(None, backend(), secret_name="mine"),
        manifests.secret("mine-0", {"tls.crt": certificate.pem, "tls.key": certificate.key_pem})))
    assert proxy.tls_client(trust=authority).serial == certificate.serial


def test_the_whole_chain_is_sent(secure, backend, authority):
    """A client that trusts the root alone is content."""
    between = Authority("intermediate CA", parent=authority)
    proxy = secure(manifests.tls_app(between.issue("a.test"), backend()))
    assert proxy.tls_client(trust=authority).get("/").status == 200


# ---- what else a handshake says ----


@pytest.mark.parametrize("offered, chosen", [
    (("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1"),
    (("spdy/3", "http/1.1"), "http/1.1"), ((), None),
])
def test_the_application_protocol(both, offered, chosen):
    proxy, _, _ = both
    assert proxy.tls_client(alpn=offered).alpn == chosen


def test_a_client_without_alpn_speaks_http_1(both):
    proxy, _, _ = both
    assert proxy.tls_client(alpn=()).get("/").status == 200


@pytest.mark.parametrize("flag", ["-tls1_2", "-tls1_3"])
def test_an_ocsp_response_is_stapled(secure, backend, authority, flag):
    certificate = authority.issue("a.test")
    proxy = secure(manifests.tls_app(certificate, backend(), staple=authority.staple(certificate)))
    said = s_client(proxy.https_port, flag, "-status")
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said, said


def test_without_a_staple_none_is_sent(both):
    proxy, _, _ = both
    assert "OCSP response: no response sent" in s_client(proxy.https_port, "-status")


def test_a_client_may_send_its_hello_in_pieces(both):
    proxy, _, _ = both
    client = proxy.client_of(proxy.https_port)
    hello = client_hello()
    for at in range(0, len(hello), 7):
        client.send(hello[at:at + 7])
    assert client.read_exactly(1) == b"\x16"


def test_a_client_may_ask_for_another_group(both):
    """A HelloRetryRequest: the client's first key share is of a group that the server does not take."""
    proxy, _, _ = both
    said = s_client(proxy.https_port, "-tls1_3", "-groups", "P-521:P-256:X25519", "-msg")
    assert "Verification" in said and "TLSv1.3" in said, said


def test_the_not_after_of_each_certificate_is_a_metric(secure, backend, authority):
    certificate = authority.issue("a.test", days=(-1, 10))
    proxy = secure(manifests.tls_app(certificate, backend()))
    assert proxy.metric("fairlead_certificate_not_after_seconds",
                        secret="default/a.test-0") == certificate.not_after_s


def test_an_expired_certificate_is_served_all_the_same(secure, backend, authority):
    """Whether to accept it is the client's business; the metric tells the operator."""
    certificate = authority.issue("a.test", days=(-10, -1))
    proxy = secure(manifests.tls_app(certificate, backend()))
    assert proxy.tls_client().serial == certificate.serial
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsClient(proxy.https_port, trust=authority)


def test_several_https_listeners(fairlead, backend, authority):
    proxy = fairlead(manifests.tls_app(authority.issue("a.test"), backend()),
                     "--https", "127.0.0.1:0", "--https", "127.0.0.1:0")
    ports = {int(line.rsplit(":", 1)[1].split()[0]) for line in proxy.log.lines
             if "https listens address=" in line}
    assert len(ports) == 2
    for port in ports:
        client = TlsClient(port)
        assert client.get("/").status == 200
        client.close()


def test_https_can_be_off(fairlead, backend, authority):
    proxy = fairlead(manifests.tls_app(authority.issue("a.test"), backend()), "--https", "off")
    assert proxy.get("/").status == 200
    assert proxy.log.find("https listens") is None
