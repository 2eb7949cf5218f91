# SPDX-License-Identifier: Apache-2.0
"""Clients of the TLS bench: wrk, h2load and greet, all with the same version and suite of TLS."""
import json
import re
import subprocess

from proc import LOAD_CPU, TOOLS, Wrk, say

SUITE = "TLS_AES_128_GCM_SHA256"
# wrk has no options for TLS, but its library reads this.
OPENSSL_CONF = f"""
openssl_conf = root
[root]
ssl_conf = modules
[modules]
system_default = clients
[clients]
MinProtocol = TLSv1.3
Ciphersuites = {SUITE}
Groups = X25519
"""
# Names of .test are in no DNS: the host of the URL is for SNI, the address is this one.
WRK_SCRIPT = """
local resolve = wrk.resolve
function wrk.resolve(host, service) resolve("127.0.0.1", service) end
"""


class WrkTls(Wrk):
    """wrk, and where its two files are."""

    def __init__(self, work, port, connections, seconds, host):
        config, script = work / "openssl.cnf", work / "loopback.lua"
        config.write_text(OPENSSL_CONF)
        script.write_text(WRK_SCRIPT)
        super().__init__(port, connections, seconds, host=host, script=script, scheme="https",
                         env={"OPENSSL_CONF": str(config)})


class H2load:
    """One run of h2load and what it told. more: its options beyond those for TLS."""

    def __init__(self, port, host, path, *more):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CPU), "h2load", "--tls13-ciphers", SUITE, "--groups", "X25519",
             "--connect-to", f"127.0.0.1:{port}", *map(str, more), f"https://{host}{path}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        self.text = self.process.communicate()[0]
        self.requests = self.number(r"(\d+) succeeded")
        self.failed = self.number(r"(\d+) failed") + self.number(r"(\d+) errored")
        self.body_bytes = self.number(r"\((\d+)\) data")
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", self.text)
        if self.process.returncode != 0 or not rate or f"Cipher: {SUITE}" not in self.text:
            raise SystemExit(f"h2load failed: {self.text}")
        self.rate = float(rate[1])
        return self

    def number(self, pattern):
        found = re.search(pattern, self.text)
        return int(found[1]) if found else 0


class Greet:
    """Connections with a handshake and a request each; see greet.c."""

    def __init__(self, port, host, path, *more):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CPU), TOOLS / "greet", "--to", f"127.0.0.1:{port}",
             "--host", host, "--path", path, *map(str, more)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def told(self):
        """Its one line; where it holds connections they stay until stop()."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"greet ended with {self.process.wait()}")
        return json.loads(line)

    def stop(self):
        self.process.communicate()


def load_h1(work, peer, host, seconds):
    """Requests that were answered."""
    return WrkTls(work, peer.port, 64, seconds, host).wait().must_be_clean(peer.name).requests


def load_h2(peer, host, seconds):
    run = H2load(peer.port, host, "/bytes/1024", "-c16", "-m32", "-D", seconds).wait()
    if run.failed:
        say(f"{peer.name}: {run.failed} requests failed")
    return run.requests


def load_new(peer, host, seconds, resume):
    """Connections that were made, all of them resumed or none but the first ones."""
    greet = Greet(peer.port, host, "/bytes/1024", "--connections", 64, "--seconds", seconds,
                  *(["--resume"] if resume else []))
    told = greet.told()
    greet.stop()
    if told["failed"] or (resume and told["resumed"] < told["done"] - 200):
        say(f"{peer.name}: {told}")
    return told["done"]
