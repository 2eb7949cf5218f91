# SPDX-License-Identifier: Apache-2.0
"""Two Fairleads with the same ports: the new one takes over, nobody is lost."""
import json
import signal
import socket
import subprocess
import threading

import pytest

from support.client import RawClient, request
from support.fairlead import Lines, binary, environment, run
from support.manifests import app
from support.wait import wait_until


def free_port():
    """Nobody else gets it while its socket is kept; a Fairlead that shares may."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    kept.bind(("127.0.0.1", 0))
    return kept, kept.getsockname()[1]


def answering(backend, name):
    body = name.encode()
    return backend(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def served_by(port):
    client = RawClient(port)
    try:
        return client.ask(request("GET", "/", "a.test", "Connection: close"))
    finally:
        client.close()


def site(backend, name):
    return app(f"127.0.0.1:{answering(backend, name).port}")


def socket_of(tmp_path, name):
    return f"unix:{tmp_path}/{name}.sock"


def is_ready(admin):
    return run("probe", "ready", "--admin", admin)[0] == 0


class Asking:
    """Requests on new connections, all the time, and who answered."""

    def __init__(self, port):
        self.port, self.answers, self.faults = port, [], []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def _ask(self):
        while not self.ended.is_set():
            try:
                answer = served_by(self.port)
                self.answers.append((answer.status, answer.body))
            except (OSError, EOFError, AssertionError) as error:
                self.faults.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def test_a_second_one_takes_over_and_no_request_fails(fairlead, backend, tmp_path):
    kept, port = free_port()
    admins = [socket_of(tmp_path, name) for name in ("old", "new")]
    old = fairlead(site(backend, "old"), "--share-ports", "--http", f"127.0.0.1:{port}",
                   "--admin", admins[0], ready=False)
    wait_until(lambda: is_ready(admins[0]), "the old one")
    with Asking(port) as asking:
        wait_until(lambda: len(asking.answers) > 100, "traffic")
        fairlead(site(backend, "new"), "--share-ports", "--http", f"127.0.0.1:{port}",
                 "--admin", admins[1], ready=False)
        wait_until(lambda: is_ready(admins[1]), "the new one")
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(30) == 0
        count = len(asking.answers)
        wait_until(lambda: len(asking.answers) > count + 100, "traffic of the new one")
    kept.close()
    assert asking.faults == []
    assert {status for status, _ in asking.answers} == {200}
    assert asking.answers[-1][1] == b"new"


@pytest.fixture
def without_objects(tmp_path):
    """fairlead serve whose API server cannot be reached: its first table never comes."""
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": {"token": "x"}}]}))
    started = []

    def start(*flags):
        started.append(subprocess.Popen([binary(), "serve", "--kubeconfig", config, *flags],
                                        env=environment(), stderr=subprocess.PIPE))
        return Lines(started[-1].stderr)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_one_that_is_not_ready_takes_no_connection_from_the_other(fairlead, backend, tmp_path,
                                                                  without_objects):
    kept, port = free_port()
    http, admins = f"127.0.0.1:{port}", [socket_of(tmp_path, name) for name in ("old", "new")]
    fairlead(site(backend, "old"), "--share-ports", "--http", http, "--admin", admins[0],
             ready=False)
    wait_until(lambda: is_ready(admins[0]), "the old one")
    log = without_objects("--share-ports", "--http", http, "--https", "off", "--admin", admins[1],
                          "--drain-delay", "0s")
    log.wait_for("admin listens")
    assert {served_by(port).body for _ in range(50)} == {b"old"}
    kept.close()


def test_without_the_flag_a_port_in_use_is_refused_still(fairlead, backend):
    first = fairlead(site(backend, "first"), "--share-ports")
    code, _, said = run("serve", "--objects", first.objects, "--http",
                        f"127.0.0.1:{first.http_port}", "--https", "off", "--admin", "127.0.0.1:0")
    assert code == 1 and "another process has this port" in said


def test_a_metrics_port_tells_nothing_of_routes(fairlead, backend):
    program = fairlead(site(backend, "app"), "--metrics", "127.0.0.1:0")
    port = int(program.log.wait_for(r"metrics listens address=\S*:(\d+)")[1])

    def status_of(path, method="GET"):
        client = RawClient(port)
        try:
            return client.ask(request(method, path, "admin", "Connection: close")).status
        finally:
            client.close()

    assert [status_of(path) for path in ("/metrics", "/healthz", "/readyz")] == [200] * 3
    assert [status_of(path) for path in ("/table", "/explain?url=http://a.test/")] == [404] * 2
    assert status_of("/drain", "POST") == 404 and status_of("/readyz") == 200


def test_probe_says_by_its_exit_code_how_a_process_is(fairlead, backend, tmp_path):
    admin = socket_of(tmp_path, "admin")
    program = fairlead(site(backend, "app"), "--admin", admin, ready=False)
    wait_until(lambda: is_ready(admin), "readiness")
    assert run("probe", "alive", "--admin", admin)[:2] == (0, "ok\n")
    program.process.send_signal(signal.SIGTERM)
    program.process.wait(30)
    code, out, said = run("probe", "ready", "--admin", admin)
    assert (code, out) == (1, "") and "cannot connect" in said
    assert run("probe", "well", "--admin", admin)[0] == 2
