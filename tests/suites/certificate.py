# SPDX-License-Identifier: Apache-2.0
"""A certificate for localhost and the authority that signed it, made anew for each run."""
import base64

from bounded import run, what_was_wrong

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


class Certificate:
    """Files: `authority` for clients to trust, `chain` and `key` for the server."""

    def __init__(self, work):
        self.authority, self.authority_key = work / "authority.pem", work / "authority.key"
        self.chain, self.key = work / "server.pem", work / "server.key"
        self._make(work, "authority", self.authority, self.authority_key)
        self._make(work, "server", self.chain, self.key,
                   "-CA", self.authority, "-CAkey", self.authority_key)

    def _make(self, work, role, certificate, key, *signer):
        config = work / f"{role}.cnf"
        config.write_text(CONFIG.format(name="localhost" if role == "server" else "Suites"))
        done = run(["openssl", "req", "-x509", "-config", config, "-extensions", role,
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "90", "-out", certificate, "-keyout", key, *signer], 30)
        if done[0] != 0:
            raise SystemExit(f"no certificate: {what_was_wrong(*done)}")

    def secret(self, name):
        def encoded(path):
            return base64.b64encode(path.read_bytes()).decode()

        return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": {"name": name, "namespace": "default"},
                "data": {"tls.crt": encoded(self.chain), "tls.key": encoded(self.key)}}
