# SPDX-License-Identifier: Apache-2.0
"""wrk as clients that never stop asking: kept connections beside new ones, in clear text or over TLS."""
import re
import signal
import subprocess
import tempfile

# Each connection pauses between two requests, so that the machine is not full with them; and names
# of .test are in no DNS.
SCRIPT = """
function delay() return 10 end
local resolve = wrk.resolve
function wrk.resolve(host, service) resolve("127.0.0.1", service) end
"""
PATIENCE_S = 10  # an answer that takes longer is a failed request


class Wrk:
    """One process of it, from now until stop()."""

    def __init__(self, port, host, connections, scheme="http", *fields):
        self.script = tempfile.NamedTemporaryFile("w", suffix=".lua")
        self.script.write(SCRIPT)
        self.script.flush()
        headers = [word for field in fields for word in ("-H", field)]
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", "-d24h", f"--timeout={PATIENCE_S}s",
             f"-s{self.script.name}", *headers, f"{scheme}://{host}:{port}/bytes/100"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.requests = self.failed = 0
        self.text = ""

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.text = self.process.communicate(timeout=30)[0]
        self.script.close()
        requests = re.search(r"(\d+) requests in", self.text)
        assert requests, f"wrk failed: {self.text}"
        self.requests = int(requests[1])
        errors = re.search(r"Socket errors: (.*)", self.text)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", self.text)
        self.failed = sum(map(int, re.findall(r"\d+", errors[1]))) if errors else 0
        self.failed += int(bad[1]) if bad else 0


class Clients:
    """Several of them, as a context; `requests` and `failed` are their sums once they are stopped."""

    def __init__(self, proxy, host, tls=False):
        ports = [("http", proxy.http_port)] + ([("https", proxy.https_port)] if tls else [])
        self.all = [Wrk(port, host, connections, scheme, *fields) for scheme, port in ports
                    for connections, fields in ((8, ()), (2, ("Connection: close",)))]
        self.requests = self.failed = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def check_running(self):
        for wrk in self.all:
            assert wrk.process.poll() is None, "wrk ended"

    def stop(self):
        for wrk in self.all:
            wrk.stop()
        self.requests = sum(wrk.requests for wrk in self.all)
        self.failed = sum(wrk.failed for wrk in self.all)

    def text(self):
        return "\n".join(wrk.text for wrk in self.all)
