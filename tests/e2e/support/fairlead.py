# SPDX-License-Identifier: Apache-2.0
"""The real program, started on a directory of manifests."""
import os
import pathlib
import re
import signal
import subprocess
import threading

from .client import RawClient, request
from .h2 import H2Client
from .tls import TlsClient
from .wait import PATIENCE_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILDS = ("asan", "dev", "release", "lead")
REPORTS = re.compile(r"Sanitizer|runtime error:|CHECK\(|check failed", re.IGNORECASE)
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")


def binary():
    """FAIRLEAD_BIN, or the first build there is."""
    if "FAIRLEAD_BIN" in os.environ:
        return os.environ["FAIRLEAD_BIN"]
    for build in BUILDS:
        path = ROOT / "build" / build / "fairlead"
        if path.exists():
            return str(path)
    raise AssertionError("no build/{" + ",".join(BUILDS) + "}/fairlead; build one or set "
                         "FAIRLEAD_BIN")


def is_sanitized():
    """Sanitizers hold back what was freed, so that a resident size says little."""
    with open(binary(), "rb") as program:
        return re.search(rb"__[at]san_init", program.read()) is not None


def environment():
    """Sanitizers report and fail, leaks too."""
    return {**os.environ,
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=4",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
            "TSAN_OPTIONS": "exitcode=99:halt_on_error=0"}


def run(*arguments, **options):
    """fairlead check, explain, table, version: (exit code, stdout, stderr)."""
    done = subprocess.run([binary(), *map(str, arguments)], env=environment(), timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    stderr = done.stderr.decode("utf-8", "replace")
    assert not REPORTS.search(stderr), stderr
    return done.returncode, done.stdout.decode("utf-8", "replace"), stderr


class Lines:
    """What a pipe says, read by a thread so that it never fills."""

    def __init__(self, pipe):
        self.lines = []
        self.thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self.thread.start()

    def _read(self, pipe):
        for line in pipe:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def find(self, pattern):
        """The first line in which the pattern is found, as a match, or None."""
        for line in list(self.lines):
            match = re.search(pattern, line)
            if match:
                return match
        return None

    def wait_for(self, pattern):
        return wait_until(lambda: self.find(pattern), f"a line like {pattern!r}")

    def text(self):
        return "\n".join(self.lines)


class Metrics(dict):
    """Samples by name and labels as they stand: 'a_total{x="y"}'."""

    def __init__(self, text):
        super().__init__()
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = SAMPLE.fullmatch(line)
            assert match, f"no metric sample: {line!r}"
            key = f"{match[1]}{{{match[2]}}}" if match[2] else match[1]
            self[key] = float(match[3])

    def value(self, name, **labels):
        """0 for a sample that is not there, which is how counters begin."""
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return self.get(f"{name}{{{inside}}}" if inside else name, 0.0)


class Fairlead:
    """
    fairlead serve. `objects` is its directory, unless a flag --kubeconfig has it ask an API server; `log` what it says on stderr, `output` on stdout
    (the access log, unless a flag sends it elsewhere).
    """

    def __init__(self, tmp_path, manifests="", *flags, ready=True):
        self.objects = pathlib.Path(tmp_path) / "objects"
        self.objects.mkdir(parents=True, exist_ok=True)
        if isinstance(manifests, dict):
            for name, text in manifests.items():
                self.write(name, text)
        elif manifests:
            self.write("test.yaml", manifests)
        self.clients = []
        self.stopped = False
        flags = [str(flag) for flag in flags]
        command = [binary(), "serve"]
        if "--kubeconfig" not in flags:
            command += ["--objects", str(self.objects)]
        if "--http" not in flags:
            command += ["--http", "127.0.0.1:0"]
        if "--https" not in flags:
            command += ["--https", "127.0.0.1:0"]
        if "--admin" not in flags:
            command += ["--admin", "127.0.0.1:0"]
        if "--workers" not in flags:
            command += ["--workers", os.environ.get("FAIRLEAD_WORKERS", "1")]
        self.process = subprocess.Popen(command + flags, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment())
        self.log = Lines(self.process.stderr)
        self.output = Lines(self.process.stdout)
        if ready:
            self._wait_ready_or_kill()

    # ---- where it is ----

    def _port(self, what):
        def look():
            assert self.process.poll() is None, f"it ended: {self.log.text()}"
            return self.log.find(rf"\b{what} listens address=\S*:(\d+)\b")

        return int(wait_until(look, f"the {what} listener")[1])

    @property
    def http_port(self):
        return self._port("http")

    @property
    def https_port(self):
        """Only with a flag --https."""
        return self._port("https")

    @property
    def admin_port(self):
        return self._port("admin")

    @property
    def pid(self):
        return self.process.pid

    def resident_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def _wait_ready_or_kill(self):
        """Nobody stops what could not be made."""
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def wait_ready(self, patience_s=PATIENCE_S):
        """A thousand keys take a while to read where sanitizers watch and others are busy."""
        wait_until(lambda: self.admin("/readyz").status == 200, "readiness", patience_s)

    # ---- talking to it ----

    def client(self, **options):
        """A raw connection to the HTTP port, closed at the latest by stop()."""
        return self.client_of(self.http_port, **options)

    def client_of(self, port, **options):
        """The same to another port."""
        client = RawClient(port, **options)
        self.clients.append(client)
        return client

    def tls_client(self, server_name="a.test", **options):
        """A connection to the HTTPS port after its handshake."""
        client = TlsClient(self.https_port, server_name, **options)
        self.clients.append(client)
        return client

    def h2_client(self, server_name="a.test", receive_buffer=None, wire=None, **options):
        """HTTP/2 over TLS; options are H2Client's."""
        return H2Client(wire or self.tls_client(server_name, alpn=("h2",),
                                                receive_buffer=receive_buffer), **options)

    def h2c_client(self, receive_buffer=None, **options):
        """HTTP/2 on the HTTP port, with prior knowledge."""
        return H2Client(self.client(receive_buffer=receive_buffer), scheme="http", **options)

    def ask(self, data, method=None):
        """One request on a connection of its own."""
        client = self.client()
        try:
            return client.ask(data, method)
        finally:
            client.close()

    def get(self, path="/", host="a.test", *lines):
        return self.ask(request("GET", path, host, *lines))

    def admin(self, path, method="GET"):
        """One request to the admin port."""
        client = RawClient(self.admin_port)
        try:
            return client.ask(request(method, path, "admin", "Connection: close"))
        finally:
            client.close()

    # ---- what it counts ----

    def metrics(self):
        response = self.admin("/metrics")
        assert response.status == 200, response
        return Metrics(response.body.decode())

    def metric(self, name, **labels):
        return self.metrics().value(name, **labels)

    def wait_metric(self, name, at_least=1, **labels):
        return wait_until(lambda: self.metric(name, **labels) >= at_least, f"{name} {labels}")

    def wait_gauge(self, name, value, **labels):
        wait_until(lambda: self.metric(name, **labels) == value, f"{name} {labels} = {value}")

    def timeouts(self, kind):
        return self.metric("fairlead_timeouts_total", timeout=kind)

    def limit_hits(self, limit):
        return self.metric("fairlead_limit_hits_total", limit=limit)

    def access_lines(self, count=1):
        """At least so many lines of the access log on stdout."""
        wait_until(lambda: len(self.output.lines) >= count, f"{count} lines of the access log")
        return list(self.output.lines)

    # ---- changing what it serves ----

    def write(self, name, text):
        """Whole or not at all: the watcher never sees half of it."""
        path = self.objects / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text)
        os.replace(new, path)

    def remove(self, name):
        (self.objects / name).unlink()

    def generation(self):
        return self.metric("fairlead_table_generation")

    def wait_generation(self, above):
        return wait_until(lambda: (now := self.generation()) > above and now,
                          f"a generation above {above}")

    def apply(self, name, text):
        """Write a file that changes the table and wait until it is served."""
        before = self.generation()
        self.write(name, text)
        return self.wait_generation(before)

    def wait_until(self, predicate, what="the condition", **options):
        return wait_until(predicate, what, **options)

    # ---- its end ----

    def is_running(self):
        return self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends it without a word."""
        self.stopped = True
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait()
        self.check_log()

    def wait_exit(self, patience_s=PATIENCE_S):
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not stop within {patience_s} s:\n"
                                 f"{self.log.text()[-4000:]}") from None

    def check_log(self):
        """Nothing that only a bug can cause was said."""
        report = REPORTS.search(self.log.text())
        assert report is None, self.log.text()[max(0, report.start() - 500):][:8000]

    def stop(self):
        """Ends it gently. May be called twice."""
        if self.stopped:
            return
        self.stopped = True
        for client in self.clients:
            client.close()
        if self.is_running():
            self.terminate()
        code = self.wait_exit()
        self.log.thread.join(10)
        self.output.thread.join(10)
        self.check_log()
        assert code == 0, f"exit code {code}:\n{self.log.text()[-4000:]}"
