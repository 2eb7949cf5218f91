# SPDX-License-Identifier: Apache-2.0
"""What happens when there is no room for another connection: accepting pauses, goes on by itself,
spins on nothing, and the admin port stays reachable (hostile-input 87, 88)."""
import os
import resource
import select
import shlex
import socket
import time

import pytest

from support import manifests
from support.client import RawClient, request
from support.fairlead import binary
from support.origin import answer
from support.wait import PATIENCE_S, wait_until
from support.wire import Wire


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def expect_calm(proxy, seconds=1.0):
    """It waits, and does not spin: a busy loop would use all of the time."""
    before = cpu_seconds(proxy.pid)
    time.sleep(seconds)
    used = cpu_seconds(proxy.pid) - before
    assert used < 0.3 * seconds, f"{used:.2f} s of CPU in {seconds} s"


# None can be opened: those that are, stay. The number of open ones would leave room for each that is
# closed just then.
NO_MORE_FILES = 3


def open_files(proxy):
    return len(os.listdir(f"/proc/{proxy.pid}/fd"))


# ---- max-connections ----

@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_87_at_the_connection_limit_accepting_pauses_and_recovers(fairlead, backend, workers):
    proxy = fairlead(manifests.app(backend()), "--max-connections", 10, "--workers", workers)
    clients = [proxy.client() for _ in range(30)]
    for client in clients:
        client.send(request())
    proxy.wait_metric("fairlead_limit_hits_total", limit="connections")
    # Each worker has its share, rounded up.
    assert proxy.metric("fairlead_connections") <= 10 + workers
    assert proxy.admin("/healthz").status == 200
    expect_calm(proxy)
    answered, waiting = [], list(clients)
    while waiting:  # who got in is answered; each that leaves makes room for another
        client = wait_until(lambda: next((c for c in waiting if has_answer(c)), None), "an answer")
        assert client.read_response().status == 200
        waiting.remove(client)
        answered.append(client)
        client.close()
    assert len(answered) == 30


def has_answer(client):
    return bool(select.select([client.sock], [], [], 0)[0])


def test_hostile_87_connections_of_one_address_are_bounded_and_others_are_served(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--max-connections-per-address", 4, "--workers", 1)
    mine = [proxy.client() for _ in range(4)]
    for client in mine:
        assert client.get("/").status == 200
    fifth = proxy.client()
    assert fifth.read_to_end() == b""
    assert proxy.limit_hits("connections_per_address") == 1
    assert mine[0].get("/").status == 200
    other = RawClientFrom("127.0.0.2", proxy.http_port)
    assert other.get("/").status == 200
    other.close()
    mine.pop().close()
    wait_until(lambda: can_ask(proxy), "the place of the one that left")
    assert proxy.admin("/healthz").status == 200  # not counted, not refused


def can_ask(proxy):
    client = RawClient(proxy.http_port)
    client.send_if_open(request("GET", "/", "a.test", "Connection: close"))
    return client.read_to_end().startswith(b"HTTP/1.1 200")


class RawClientFrom(RawClient):
    """A client with another address of this machine."""

    def __init__(self, source, port):  # pylint: disable=super-init-not-called
        Wire.__init__(self, socket.create_connection(("127.0.0.1", port), PATIENCE_S, (source, 0)))


# ---- open files ----

def limit_files(proxy, count):
    _, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_hostile_87_out_of_files_accepting_pauses_and_recovers_and_admin_answers(fairlead, backend):
    proxy = fairlead(manifests.app(backend(answer(b"ok"))), "--workers", 1)
    assert proxy.get("/").status == 200
    limit_files(proxy, open_files(proxy) + 8)
    clients = [proxy.client() for _ in range(40)]
    proxy.log.wait_for("cannot accept")
    assert proxy.admin("/healthz").status == 200  # it may take an idle client's file
    assert proxy.limit_hits("open_files") >= 1
    expect_calm(proxy)
    lines = [line for line in proxy.log.lines if "cannot accept" in line]
    assert len(lines) < 200, "the log says it at most 50 times a second"
    limit_files(proxy, 1024)
    for client in clients[-20:]:
        client.send(request())
        assert client.read_response().status == 200
    expect_calm(proxy, 0.3)


def test_hostile_87_out_of_files_existing_connections_are_served_on(fairlead, backend):
    """Nothing new can be opened, but what is open works: on the pooled connection to the endpoint."""
    app = backend(answer(b"ok"))
    proxy = fairlead(manifests.app(app), "--workers", 1)
    client = proxy.client()
    assert client.get("/").status == 200
    limit_files(proxy, NO_MORE_FILES)
    for _ in range(20):
        assert client.get("/").status == 200
    assert app.connections == 1
    limit_files(proxy, 1024)  # who looks for leaks at its end opens files


def test_out_of_files_an_endpoint_that_cannot_be_called_is_503_and_not_an_end(fairlead, backend):
    proxy = fairlead(manifests.app(backend(answer(b"ok"))), "--workers", 1)
    client = proxy.client()
    assert client.get("/", "nobody.test").status == 404
    limit_files(proxy, NO_MORE_FILES)
    response = client.get("/")
    assert (response.status, response.reason_code) == (503, "connect_failed")
    limit_files(proxy, 1024)
    wait_until(lambda: client.get("/").status == 200, "the endpoint, once there are files again")


@pytest.mark.slow
def test_out_of_files_a_change_waits_and_is_not_lost(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend(answer(b"1")))}, "--workers", 1)
    client = proxy.client()
    assert client.get("/").body == b"1"
    limit_files(proxy, NO_MORE_FILES)
    proxy.write("app.yaml", manifests.app(backend(answer(b"2"))))
    proxy.log.wait_for("app.yaml|objects")
    assert client.get("/").body == b"1"
    limit_files(proxy, 1024)
    wait_until(lambda: client.get("/").body == b"2", "the change")


def test_started_with_few_files_it_keeps_its_clients_below_them_and_says_so(
        fairlead, backend, tmp_path, monkeypatch):
    wrapper = tmp_path / "few-files"
    wrapper.write_text(f"#!/bin/sh\nulimit -n 200\nexec {shlex.quote(binary())} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("FAIRLEAD_BIN", str(wrapper))
    proxy = fairlead(manifests.app(backend()), "--workers", 1)
    said = proxy.log.wait_for(r"fewer client connections.*connections_max=(\d+)")
    assert 10 <= int(said[1]) < 150
    clients = [proxy.client() for _ in range(180)]
    proxy.wait_metric("fairlead_limit_hits_total", limit="connections")
    assert proxy.limit_hits("open_files") == 0
    assert clients[0].get("/").status == 200  # there is still room for its endpoint
    expect_calm(proxy, 0.5)
    for client in clients[:150]:
        client.close()
    assert clients[-1].get("/").status == 200


# ---- memory ----

def test_hostile_88_over_the_memory_mark_new_streams_get_503_and_idle_connections_close(
        fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--max-memory-bytes", 1, "--workers", 1)
    idle = proxy.client()
    idle.expect_end()
    assert not idle.was_reset
    proxy.log.wait_for("over the memory mark")
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (503, "over_memory")
    assert response.get("Retry-After") == "1"
    assert proxy.limit_hits("memory") >= 1
    assert proxy.admin("/healthz").status == 200
    assert len([line for line in proxy.log.lines if "memory mark" in line]) == 1


def test_hostile_88_a_request_that_runs_goes_on_over_the_memory_mark(fairlead, echo):
    """The mark is looked at once a second: so a request that comes right after the start gets in."""
    proxy = fairlead(manifests.app(echo().port), "--workers", 1, "--max-memory-bytes", 1)
    running = proxy.client()
    running.send(request("GET", "/drip/16/100"))
    assert b" 200 " in running.read_head()
    assert running.read_exactly(16) == b"abcdefghijklmnop"
    assert proxy.limit_hits("memory") >= 1
