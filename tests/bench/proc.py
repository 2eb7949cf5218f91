# SPDX-License-Identifier: Apache-2.0
"""Programs under measurement: started pinned, watched through /proc, ended by their ids."""
import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
FAIRLEAD = RELEASE / "fairlead"
TOOLS = RELEASE / "bench"
PROXY_CPU, LOAD_CPU = (1, 0) if (os.cpu_count() or 1) > 1 else (0, 0)


def be_preferred():
    """We and what we start go before other programs of this machine, where we may: what is measured is
    how the threads of one program get along, not who else is busy."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        say("other programs may disturb the figures: only root may go before them")


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def work_dir():
    """A folder that goes when this script does."""
    folder = tempfile.TemporaryDirectory(prefix="fairlead-bench-")
    os.chmod(folder.name, 0o755)
    atexit.register(folder.cleanup)
    return Path(folder.name)


class Program:
    """One running program, pinned to one CPU; `log` takes its output."""

    running = []

    def __init__(self, command, cpu, log, env=None):
        self.log = Path(log)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(cpu), *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        Program.running.append(self)

    def is_running(self):
        return self.process.poll() is None

    def pids(self):
        """The program and its children (nginx has a master and a worker)."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def cpu_ns(self):
        """Time on a CPU of all its threads, to the nanosecond."""
        total = 0
        for pid in self.pids():
            for task in os.listdir(f"/proc/{pid}/task"):
                try:
                    total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
                except FileNotFoundError:
                    pass
        return total

    def status_kb(self, what):
        """VmRSS, RssAnon or VmHWM, the most it ever was."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+)", text, re.MULTILINE)[1])

    def memory_kb(self, what="Pss"):
        """Pss of smaps_rollup (shared pages counted by their share), or Rss."""
        total = 0
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(rf"^{what}:\s+(\d+)", text, re.MULTILINE)[1])
        return total

    def wait_port(self, port, seconds=10):
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if not self.is_running():
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"not listening on port {port}: {self.log.read_text()[-2000:]}")

    def stop(self, how=signal.SIGTERM):
        if self.is_running():
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in Program.running:
            Program.running.remove(self)
        return self.process.returncode


@atexit.register
def stop_all():
    for program in list(Program.running):
        program.stop()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def start_echo(work, name="api", cpu=LOAD_CPU):
    port = free_port()
    command = [TOOLS / "echo", "--listen", f"127.0.0.1:{port}", "--name", name]
    return Program(command, cpu, work / f"echo-{name}.log").wait_port(port), port


def start_echo_h2(work, cpu=LOAD_CPU):
    port = free_port()
    command = [TOOLS / "echo_h2", "--listen", f"127.0.0.1:{port}"]
    return Program(command, cpu, work / "echo-h2.log").wait_port(port), port


class Fairlead:
    """The proxy on a folder of manifests, or on an API server."""

    def __init__(self, work, objects, workers=1, cpu=PROXY_CPU, env=None, name="fairlead", wait=30,
                 kubeconfig=None):
        self.port, self.https, self.admin = free_port(), free_port(), free_port()
        source = ["--kubeconfig", kubeconfig] if kubeconfig else ["--objects", objects]
        command = [FAIRLEAD, "serve", *source, "--http", f"127.0.0.1:{self.port}",
                   "--https", f"127.0.0.1:{self.https}", "--admin", f"127.0.0.1:{self.admin}",
                   "--workers", workers, "--access-log", "off"]
        self.started = time.monotonic()
        self.program = Program(command, cpu, work / f"{name}.log", env)
        self.ready_seconds = self.wait_ready(wait)

    def wait_ready(self, seconds):
        while time.monotonic() - self.started < seconds:
            if not self.program.is_running():
                break
            try:
                if self.ask_admin("/readyz")[0] == 200:
                    return time.monotonic() - self.started
            except OSError:
                pass
            time.sleep(0.005)
        raise SystemExit(f"fairlead is not ready: {self.program.log.read_text()[-2000:]}")

    def ask_admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """{"name{labels}": value} of one scrape."""
        lines = self.ask_admin("/metrics")[1].splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def stop(self):
        return self.program.stop()


class Wrk:
    """One run of wrk and what it told."""

    def __init__(self, port, connections, seconds, path="/bytes/1024", host="app.test", script=None,
                 scheme="http", env=None):
        command = ["taskset", "-c", str(LOAD_CPU), "wrk", "-t1", f"-c{connections}",
                   f"-d{seconds}s", "--latency", "-H", f"Host: {host}"]
        if script:
            command += ["-s", str(script)]
        name = "127.0.0.1" if scheme == "http" else host
        self.process = subprocess.Popen([*command, f"{scheme}://{name}:{port}{path}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True,
                                        env={**os.environ, **(env or {})})

    def wait(self):
        self.text = self.process.communicate()[0]
        requests = re.search(r"(\d+) requests in", self.text)
        if self.process.returncode != 0 or not requests:
            raise SystemExit(f"wrk failed: {self.text}")
        self.requests = int(requests[1])
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", self.text)[1])
        self.p50_ms, self.p99_ms = self.percentile(50), self.percentile(99)
        errors = re.search(r"Socket errors: (.*)", self.text)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", self.text)
        self.socket_errors = sum(map(int, re.findall(r"\d+", errors[1]))) if errors else 0
        self.bad_answers = int(bad[1]) if bad else 0
        return self

    def percentile(self, which):
        found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s|m)\s*$", self.text, re.MULTILINE)
        return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[found[2]]

    def must_be_clean(self, who):
        if self.socket_errors or self.bad_answers:
            say(f"{who}: {self.socket_errors} socket errors, {self.bad_answers} bad answers")
        return self


def run_wrk(*arguments, **named):
    return Wrk(*arguments, **named).wait()
