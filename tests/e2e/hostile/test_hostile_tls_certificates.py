# SPDX-License-Identifier: Apache-2.0
"""Certificates of clients and Secrets of hosts that are not good: hostile-input 81 and 83."""
import ssl

import pytest

from support import manifests
from support.certificates import Authority
from support.tls import refusal

TLS1_2, TLS1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


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


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3], ids=["1.2", "1.3"])
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
