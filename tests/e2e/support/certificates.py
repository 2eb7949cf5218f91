# SPDX-License-Identifier: Apache-2.0
"""
Certificates, revocation lists and OCSP staples, made on the spot.

    authority = Authority()
    certificate = authority.issue("a.test", key="rsa")   # .pem, .key_pem, .serial
    context = client_context(authority)                   # an ssl.SSLContext

Keys take the time, not certificates: all of one kind share one key, unless `own_key`.
"""
import datetime
import functools
import ipaddress
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def make_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else (
        ed25519.Ed25519PrivateKey.generate())


@functools.lru_cache(None)
def shared_key(kind):
    return make_key(kind)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def named(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem_of(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    return x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name)


class Certificate:
    """`pem` is the chain without its root, `key_pem` the key of its leaf."""

    def __init__(self, leaf, key, issuers=""):
        self.leaf, self.key = leaf, key
        self.pem = leaf.public_bytes(serialization.Encoding.PEM).decode() + issuers
        self.der = leaf.public_bytes(serialization.Encoding.DER)
        self.key_pem = pem_of(key)
        self.serial = leaf.serial_number
        self.sha256 = leaf.fingerprint(hashes.SHA256()).hex()
        self.not_after_s = int(leaf.not_valid_after.replace(
            tzinfo=datetime.timezone.utc).timestamp())

    def load_into(self, context):
        """The ssl module reads chains from files only."""
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self.pem + self.key_pem)
            file.flush()
            context.load_cert_chain(file.name)

    def server_context(self, *alpn, version_max=None):
        """To be an endpoint with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.load_into(context)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if version_max:
            context.maximum_version = version_max
        return context


class Authority:
    """A CA. Its own certificate is `pem`."""

    def __init__(self, name="test CA", parent=None):
        self.name = named(name)
        self.key = make_key("ec")  # never shared: one CA must not vouch for another's
        self.parent = parent
        issuer = parent or self
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer.name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(now() + 365 * DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False,
                                         False), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .sign(issuer.key, hashes.SHA256()))
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, *names, key="ec", subject=None, client=False, days=(-1, 30), own_key=False):
        """
        names: DNS names, addresses and URIs for the SAN; the first is the subject's too. days: from
        and until, from now. client: for clients instead of servers.
        """
        private = make_key(key) if own_key else shared_key(key)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        leaf = (
            x509.CertificateBuilder().subject_name(named(subject or names[0]))
            .issuer_name(self.name).public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + days[0] * DAY).not_valid_after(now() + days[1] * DAY)
            .add_extension(x509.SubjectAlternativeName([alternative(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))
        return Certificate(leaf, private, self.pem if self.parent else "")

    def revocations(self, *revoked, days=(-1, 30)):
        """A CRL as PEM text."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(now() + days[0] * DAY).next_update(now() + days[1] * DAY))
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial)
                .revocation_date(now() - DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM).decode()

    def staple(self, certificate):
        """An OCSP response that says good, DER."""
        return (ocsp.OCSPResponseBuilder()
                .add_response(certificate.leaf, self.certificate, hashes.SHA1(),
                              ocsp.OCSPCertStatus.GOOD, now() - DAY, now() + 7 * DAY, None, None)
                .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
                .sign(self.key, hashes.SHA256())
                .public_bytes(serialization.Encoding.DER))


def client_context(trust=None, alpn=("http/1.1",), version=None, ciphers=None, certificate=None):
    """
    trust: an Authority, or None to take any certificate. version: the only one offered. All that
    a client keeps between connections, sessions above all, hangs on its context.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=trust.pem)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if certificate is not None:
        certificate.load_into(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
