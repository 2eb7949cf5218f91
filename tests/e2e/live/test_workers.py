# SPDX-License-Identifier: Apache-2.0
"""Two workers are two loops that share nothing on the request path and look like one from outside."""
import os
import threading

import pytest

import prometheus
from support import manifests
from support.client import request
from support.load import Load, WebSocket
from support.origin import answer
from support.wait import wait_until

pytestmark = pytest.mark.tsan


def threads(proxy):
    return len(os.listdir(f"/proc/{proxy.pid}/task"))


def cpu_ticks_by_thread(proxy):
    """utime + stime of each thread, by its id."""
    ticks = {}
    for task in os.listdir(f"/proc/{proxy.pid}/task"):
        with open(f"/proc/{proxy.pid}/task/{task}/schedstat", encoding="ascii") as stat:
            ticks[task] = int(stat.read().split()[0])
    return ticks


def worker_of(client):
    """Pools are the workers' own: so the endpoint's connection tells which worker a client is at."""
    return client.get("/").get("X-Connection")


def connection_naming(backend):
    """An endpoint that names the connection it was called on."""
    def respond(_):
        return answer(b"ok", "200 OK", f"X-Connection: {threading.get_ident()}")

    return backend(respond)


def test_both_workers_serve_and_each_keeps_its_own_pool(fairlead, backend):
    app = connection_naming(backend)
    proxy = fairlead(manifests.app(app), "--workers", 2)
    clients = [proxy.client() for _ in range(40)]
    assert {worker_of(client) for client in clients} == {worker_of(client) for client in clients}
    assert app.connections == 2, "one connection a worker, for the clients ask one after the other"


def test_a_change_reaches_both_workers_and_no_request_after_it_sees_the_old(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend(answer(b"0")))}, "--workers", 2)
    clients = [proxy.client() for _ in range(20)]
    for number in range(1, 11):
        proxy.apply("app.yaml", manifests.app(backend(answer(b"%d" % number))))
        wait_until(lambda: {client.get("/").body for client in clients} == {b"%d" % number},
                   f"change {number} at both")
    # Workers learn of a table one after the other, but never of an older one after a newer one.
    proxy.wait_gauge("fairlead_tables", 1)


def test_metrics_are_the_sum_of_both(fairlead, echo):
    proxy = fairlead(manifests.app(echo().port, annotations=manifests.contour(websocket_routes="/")),
                     "--workers", 2)
    sockets = [WebSocket(proxy) for _ in range(16)]
    clients = [proxy.client() for _ in range(16)]
    for client in clients:
        assert client.get("/bytes/1000").status == 200
    families = prometheus.parse(proxy.admin("/metrics").body.decode())
    assert prometheus.total(families, "fairlead_tunnels") == 16
    assert prometheus.total(families, "fairlead_connections") == 32  # the admin port counts for none
    assert prometheus.total(families, "fairlead_requests_total", code="2xx") == 16
    # The admin port's short answers to the wait for readiness are in there, too.
    sent = prometheus.total(families, "fairlead_client_bytes_total", direction="out")
    assert 16_000 <= sent < 16_999
    count = "fairlead_request_duration_seconds_count"
    duration = families["fairlead_request_duration_seconds"].samples
    assert sum(value for (name, _), value in duration.items() if name == count) == 16
    for websocket in sockets:
        websocket.close()
    proxy.wait_gauge("fairlead_tunnels", 0)


def test_both_workers_do_work_under_load(fairlead, echo):
    proxy = fairlead(manifests.app(echo().port), "--workers", 2, "--access-log", "off")
    before = cpu_ticks_by_thread(proxy)
    with Load(proxy.http_port, connections=24) as load:
        load.wait_answers(2000)
    load.expect_no_failures(at_least=2000)
    busy = [now - before.get(task, 0) for task, now in cpu_ticks_by_thread(proxy).items()]
    busy.sort(reverse=True)
    assert busy[1] > busy[0] / 20, busy


def test_one_worker_is_one_loop(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--workers", 1)
    two = fairlead(manifests.app(backend()), "--workers", 2)
    assert threads(two) == threads(proxy) + 1


def test_the_round_robin_of_each_worker_is_even(fairlead, backend):
    apps = [backend(answer(name)) for name in (b"a", b"b", b"c")]
    proxy = fairlead(manifests.app(*apps), "--workers", 2)
    for client in [proxy.client() for _ in range(10)]:
        assert sorted(client.get("/").body for _ in range(3)) == [b"a", b"b", b"c"]


def test_admin_answers_while_both_workers_change_and_serve(fairlead, echo):
    """Gathering passes messages between the loops; it must not wait for a busy one for long."""
    proxy = fairlead({"app.yaml": manifests.app(echo().port)}, "--workers", 2, "--access-log", "off")
    with Load(proxy.http_port, connections=6, paths=("/", "/bytes/200000")) as load:
        for number in range(30):
            proxy.write("other.yaml", manifests.ingress(f"h{number}.test", name="other"))
            prometheus.parse(proxy.admin("/metrics").body.decode())
            assert proxy.admin("/table").status == 200
            assert proxy.admin("/explain?url=http://a.test/").status == 200
        load.wait_answers(100)
    load.expect_no_failures(at_least=100)


def test_two_workers_end_together_while_clients_come_and_go(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--workers", 2)
    clients = [proxy.client() for _ in range(30)]
    for client in clients[::2]:
        client.send(request())
    proxy.terminate()
    for client in clients[::2]:
        assert client.read_response().status == 200
    for client in clients:
        client.expect_end()
        assert not client.was_reset
    assert proxy.wait_exit() == 0


def test_a_broken_and_a_good_file_are_told_once_and_not_once_a_worker(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend()), "bad.yaml": "kind: [\n"}, "--workers", 2)
    assert proxy.get("/").status == 200
    assert len([line for line in proxy.log.lines if "http listens" in line]) == 1
    assert proxy.metric("fairlead_file_parse_errors_total") == 1
