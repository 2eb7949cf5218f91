# SPDX-License-Identifier: Apache-2.0
"""Stopping without anybody noticing: nothing that was accepted is reset, nothing that waits in the queue
of a closing listener is lost (design 4.2)."""
import os
import signal
import socket
import threading
import time

import pytest

from support import http, manifests
from support.client import RawClient, request
from support.load import Load, WebSocket
from support.origin import answer
from support.wait import PATIENCE_S, wait_until
from support.wire import Wire


class Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self, body=b"late"):
        self.entered, self.leave, self.body = threading.Event(), threading.Event(), body

    def __call__(self, _):
        self.entered.set()
        assert self.leave.wait(PATIENCE_S)
        return answer(self.body)


def refuses(port):
    """Nobody listens there any more."""
    with socket.socket() as probe:
        probe.settimeout(0.3)  # while it closes, the listener drops SYNs instead of refusing them
        return probe.connect_ex(("127.0.0.1", port)) not in (0,)


def wait_stopping(proxy):
    proxy.log.wait_for("no longer accepting")


# ---- what the clients see ----

@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_clients_that_reconnect_all_the_time_never_see_a_reset_or_a_silent_end(fairlead, echo, workers):
    proxy = fairlead(manifests.app(echo().port), "--workers", workers, "--access-log", "off")
    with Load(proxy.http_port, connections=12, reconnects=True,
              paths=("/bytes/10", "/delay/20", "/bytes/100000")) as load:
        load.wait_answers(200)
        proxy.terminate()
        assert proxy.wait_exit() == 0
    load.expect_no_failures(at_least=200)
    assert load.closes_told >= 1


class OneShot:
    """Clients that connect, ask once and go: what counts is that whoever got a connection gets an
    answer. A SYN that is not answered any more is no connection."""

    def __init__(self, port, clients=8):
        self.port, self.failures, self.answers = port, [], 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while True:
            sock = socket.socket()
            sock.settimeout(2)
            try:
                sock.connect(("127.0.0.1", self.port))
            except OSError:  # refused, or no longer answered
                sock.close()
                return
            client = Wire(sock)
            try:
                client.send(request("GET", "/bytes/10", "a.test", "Connection: close"))
                assert http.read_response(client).status == 200
                client.expect_end()
                self.answers += 1
            except (OSError, AssertionError) as error:
                self.failures.append(f"{'reset' if client.was_reset else 'failed'}: {error!r}")
            client.close()

    def join(self):
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("turn", range(3))
def test_every_connection_that_was_established_is_answered(fairlead, echo, workers, turn):
    proxy = fairlead(manifests.app(echo().port), "--workers", workers, "--access-log", "off")
    clients = OneShot(proxy.http_port)
    wait_until(lambda: clients.answers >= 50 * (turn + 1), "clients at work")
    proxy.terminate()
    assert proxy.wait_exit() == 0
    clients.join()
    assert not clients.failures, clients.failures[:5]


def test_what_waits_in_the_queue_of_a_closing_listener_is_answered(fairlead, backend):
    """The process stands still while 200 clients connect and ask; the kernel completes their handshakes.
    When it goes on, the first thing it learns is that it must stop."""
    proxy = fairlead(manifests.app(backend()))
    os.kill(proxy.pid, signal.SIGSTOP)
    clients = [proxy.client() for _ in range(200)]
    for client in clients:
        client.send(request())
    proxy.terminate()
    os.kill(proxy.pid, signal.SIGCONT)
    for number, client in enumerate(clients):
        response = client.read_response()
        assert response.status == 200, number
        client.expect_end()
        assert not client.was_reset, number
    assert proxy.wait_exit() == 0


def test_a_client_that_connected_but_asks_late_is_still_answered(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    os.kill(proxy.pid, signal.SIGSTOP)
    clients = [proxy.client() for _ in range(20)]
    proxy.terminate()
    os.kill(proxy.pid, signal.SIGCONT)
    wait_stopping(proxy)
    for client in clients:
        client.send(request())
    for client in clients:
        response = client.read_response()
        assert response.status == 200 and "close" in response.options
        client.expect_end()
    assert proxy.wait_exit() == 0


def test_a_keep_alive_client_is_told_to_close_and_then_closed(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    assert "close" not in client.get("/").options
    assert proxy.admin("/drain", "POST").status == 200
    response = client.get("/")
    assert response.status == 200 and "close" in response.options
    client.expect_end()
    assert not client.was_reset


def test_an_idle_keep_alive_client_is_closed_without_a_reset(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    assert client.get("/").status == 200
    proxy.terminate()
    client.expect_end()
    assert not client.was_reset
    assert proxy.wait_exit() == 0


def test_pipelined_requests_that_had_arrived_are_answered(fairlead, backend):
    gate = Gate()
    proxy = fairlead(manifests.app(backend(gate)))
    client = proxy.client()
    client.send(request() * 3)
    assert gate.entered.wait(PATIENCE_S)
    proxy.terminate()
    wait_stopping(proxy)
    gate.leave.set()
    # RFC 9112 section 9.6: after Connection: close no further request is answered; the client repeats
    # them elsewhere. What must not happen is an answer cut off or a reset.
    response = client.read_response()
    assert response.status == 200
    while "close" not in response.options:
        response = client.read_response()
    client.expect_end()
    assert not client.was_reset
    assert proxy.wait_exit() == 0


def test_a_slow_response_in_flight_is_finished(fairlead, echo):
    proxy = fairlead(manifests.app(echo().port))
    client = proxy.client()
    client.send(request("GET", "/drip/40/10"))
    assert client.read_head()
    proxy.terminate()
    wait_stopping(proxy)
    assert client.read_exactly(40) == (b"abcdefghijklmnopqrstuvwxyz" * 2)[:40]
    client.expect_end()
    assert proxy.wait_exit() == 0


def test_a_request_body_in_flight_is_taken_to_its_end(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300\r\n\r\n" + b"x" * 100)
    wait_until(lambda: app.connections, "the endpoint to be called")
    proxy.terminate()
    wait_stopping(proxy)
    client.send(b"x" * 100)
    client.send(b"x" * 100)
    assert client.read_response().status == 200
    assert app.requests[0].body == b"x" * 300
    assert proxy.wait_exit() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_access_log_of_the_last_requests_is_not_lost(fairlead, backend, workers):
    gate = Gate()
    proxy = fairlead(manifests.app(backend(gate)), "--workers", workers)
    clients = [proxy.client() for _ in range(10)]
    for client in clients:
        client.send(request())
    assert gate.entered.wait(PATIENCE_S)
    proxy.terminate()
    wait_stopping(proxy)
    gate.leave.set()
    for client in clients:
        assert client.read_response().body == b"late"
    assert proxy.wait_exit() == 0
    proxy.output.thread.join(PATIENCE_S)
    assert len(proxy.output.lines) == 10


# ---- the order of things ----

def test_readiness_fails_first_while_accepting_goes_on_for_the_drain_delay(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--drain-delay", "3s")
    port = proxy.http_port
    began = time.monotonic()
    proxy.terminate()
    wait_until(lambda: proxy.admin("/readyz").status == 503, "readiness to fail")
    assert proxy.admin("/readyz").body == b"draining\n"
    assert proxy.admin("/healthz").status == 200
    for _ in range(20):
        response = proxy.get("/")
        assert response.status == 200 and "close" in response.options
    assert proxy.log.find("no longer accepting") is None
    assert proxy.wait_exit() == 0
    assert time.monotonic() - began > 2.9
    assert refuses(port)


def test_without_a_drain_delay_the_listener_goes_at_once(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    port = proxy.http_port
    proxy.terminate()
    assert proxy.wait_exit() == 0
    assert refuses(port)


def test_post_drain_fails_readiness_and_goes_on_accepting(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--drain-timeout", "1s")
    idle = proxy.client()
    assert idle.get("/").status == 200
    assert proxy.admin("/drain", "POST").body == b"draining\n"
    assert proxy.admin("/readyz").status == 503
    idle.expect_end()
    assert not idle.was_reset
    for _ in range(5):
        response = proxy.get("/")
        assert response.status == 200 and "close" in response.options
    assert proxy.admin("/drain", "POST").status == 200  # twice does no harm
    assert proxy.is_running()
    proxy.terminate()
    assert proxy.wait_exit() == 0


# ---- what does not end by itself ----

def hanging(fairlead, backend, *flags):
    gate = Gate()
    proxy = fairlead(manifests.app(backend(gate)), *flags)
    client = proxy.client()
    client.send(request())
    assert gate.entered.wait(PATIENCE_S)
    return proxy, client, gate


def test_the_drain_timeout_cuts_what_is_left(fairlead, backend):
    proxy, client, gate = hanging(fairlead, backend, "--drain-timeout", "500ms")
    began = time.monotonic()
    proxy.terminate()
    assert proxy.wait_exit() == 0
    assert time.monotonic() - began > 0.45
    assert proxy.log.find("the drain timeout ended")
    client.read_to_end()
    gate.leave.set()


def test_a_tunnel_is_cut_by_the_drain_timeout_and_not_before(fairlead, echo):
    proxy = fairlead(manifests.app(echo().port, annotations=manifests.contour(websocket_routes="/")),
                     "--drain-timeout", "500ms")
    websocket = WebSocket(proxy)
    began = time.monotonic()
    proxy.terminate()
    wait_stopping(proxy)
    websocket.expect_echo(b"still here")
    websocket.read_to_end()
    assert time.monotonic() - began > 0.45
    assert proxy.wait_exit() == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_at_once(fairlead, backend, signal_number):
    proxy, client, gate = hanging(fairlead, backend, "--drain-timeout", "1h")
    proxy.process.send_signal(signal_number)
    wait_stopping(proxy)
    assert proxy.is_running()
    proxy.process.send_signal(signal_number)
    assert proxy.wait_exit() == 0
    client.read_to_end()
    gate.leave.set()


def test_a_second_signal_within_the_drain_delay_cuts_at_once(fairlead, backend):
    proxy, client, gate = hanging(fairlead, backend, "--drain-delay", "1h")
    proxy.terminate()
    proxy.log.wait_for("draining")
    proxy.terminate()
    assert proxy.wait_exit() == 0
    client.read_to_end()
    gate.leave.set()


def test_an_access_log_that_nobody_reads_does_not_hold_the_process(fairlead, echo, tmp_path):
    fifo = tmp_path / "access.log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # there, and never reading
    try:
        proxy = fairlead(manifests.app(echo().port), "--access-log", fifo, "--drain-timeout", "500ms")
        client = proxy.client()
        for _ in range(2000):  # more than a pipe holds
            assert client.get("/").status == 200
        proxy.terminate()
        assert proxy.wait_exit() == 0
        assert proxy.log.find("the access log takes nothing")
    finally:
        os.close(reader)


def test_it_stops_before_it_ever_had_a_client(fairlead):
    proxy = fairlead()
    proxy.terminate()
    assert proxy.wait_exit() == 0


def test_it_stops_while_it_reads_its_first_manifests(fairlead):
    app = manifests.app(9)
    files = {f"{number}.yaml": app.replace("app", f"app{number}").replace("a.test", f"h{number}.test")
             for number in range(300)}
    proxy = fairlead(files, ready=False)
    proxy.log.wait_for("admin listens")
    proxy.terminate()
    assert proxy.wait_exit() == 0


def test_a_client_that_neither_asks_nor_leaves_does_not_hold_up_the_end(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    silent, half = proxy.client(), proxy.client()
    half.send(b"GET / HT")
    proxy.wait_gauge("fairlead_connections", 2)
    proxy.terminate()
    silent.expect_end()
    half.send_if_open(b"TP/1.1\r\nHost: a.test\r\n\r\n")
    assert half.read_response().status == 200
    assert proxy.wait_exit() == 0


def test_an_endpoint_is_left_with_whole_messages_only(fairlead, backend):
    """Idle connections to endpoints are closed too, not reset in the middle of something."""
    app = backend()
    proxy = fairlead(manifests.app(app))
    assert RawClient(proxy.http_port).get("/").status == 200
    proxy.terminate()
    assert proxy.wait_exit() == 0
    wait_until(lambda: app.peers[0].ended, "the connection to the endpoint to end")
    assert not app.peers[0].was_reset and app.errors == []
