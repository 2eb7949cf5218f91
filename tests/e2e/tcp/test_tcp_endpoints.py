# SPDX-License-Identifier: Apache-2.0
"""Which endpoint a relayed connection goes to, and when there is none: design 5.11, 5.17."""
import collections

import pytest

from support import manifests
from support.origin import silent_port
from support.ports import closed_port
from support.tcp import PASS, RAW, open_passthrough, tcp_app, tcp_proxy, was_reset
from support.tls import client_hello, read_alert, refusal


def hello_to(proxy, name=PASS):
    client = proxy.client_of(proxy.https_port)
    client.send(client_hello(name))
    return client


def ended(proxy, result):
    return proxy.metric("fairlead_tcp_connections_total", result=result)


# ---- fail-over ----


@pytest.mark.parametrize("host", [PASS, RAW])
def test_a_refused_connect_goes_on_to_another_endpoint(secure, origin, certificate, host):
    upstream = origin()
    proxy = secure(tcp_app(closed_port(), closed_port(), upstream, host=host,
                           certificate=certificate if host == RAW else None))
    if host == RAW:
        client, peer = proxy.tls_client(RAW), upstream.accept()
    else:
        client, peer = open_passthrough(proxy, upstream)
    peer.send(b"here")
    assert client.read_exactly(4) == b"here"
    # Those that were tried are left out for a while.
    failures = proxy.metric("fairlead_upstream_connect_failures_total")
    assert failures <= 2
    assert proxy.metric("fairlead_retries_total") == failures


def test_endpoints_that_refuse_are_left_out_then(secure, origin):
    upstream = origin()
    proxy = secure(tcp_app(closed_port(), upstream), "--workers", "1")
    for _ in range(8):
        client, _ = open_passthrough(proxy, upstream)
        client.close()
    assert proxy.metric("fairlead_upstream_connect_failures_total") == 1


def test_a_connect_that_takes_too_long_goes_on_to_another_endpoint(secure, origin):
    upstream = origin()
    with silent_port() as silent:
        proxy = secure(tcp_app(silent, upstream), "--connect-timeout", "300ms",
                       "--workers", "1")
        for _ in range(2):  # round robin begins anywhere
            open_passthrough(proxy, upstream)
        assert proxy.timeouts("connect") == 1


def test_when_all_refuse_the_client_is_reset(secure):
    proxy = secure(tcp_app(closed_port()))
    client = hello_to(proxy)
    assert client.read_to_end() == b""
    assert client.was_reset
    assert ended(proxy, "connect_refused") == 1
    assert proxy.metric("fairlead_upstream_connect_failures_total") == 3
    proxy.wait_gauge("fairlead_connections", 0)


def test_when_all_refuse_after_our_handshake_the_client_is_reset(secure, certificate):
    proxy = secure(tcp_app(closed_port(), host=RAW, certificate=certificate))
    client = proxy.tls_client(RAW)
    assert client.read_to_end() == b""
    assert was_reset(client)
    assert ended(proxy, "connect_refused") == 1


def test_once_bytes_went_out_it_stays(secure, origin):
    first, second = origin(), origin()
    proxy = secure(tcp_app(first, second))
    client = hello_to(proxy)
    peer = proxy.wait_until(lambda: first.accept_waiting() or second.accept_waiting())
    peer.sock.settimeout(15)
    peer.read_some()
    peer.reset()
    client.read_to_end()
    assert client.was_reset
    first.expect_untouched()
    second.expect_untouched()
    assert proxy.metric("fairlead_retries_total") == 0


# ---- none ----


@pytest.mark.parametrize("host", [PASS, RAW])
@pytest.mark.parametrize("lacks, result", [("endpoints", "no_endpoint"),
                                           ("service", "route_unavailable")])
def test_without_a_service_the_client_hears_an_alert(secure, certificate, host, lacks, result):
    route = tcp_proxy(host, "app", certificate=certificate if host == RAW else None)
    proxy = secure(route if lacks == "service"
                   else manifests.documents(route, manifests.service("app")))
    client = hello_to(proxy, host)
    assert read_alert(client) == "internal_error"
    assert ended(proxy, result) == 1
    assert refusal(proxy.https_port, host) == "TLSV1_ALERT_INTERNAL_ERROR"
    assert ended(proxy, result) == 2
    failed = proxy.metric("fairlead_tls_handshakes_total", result="unavailable")
    assert failed == (2 if host == RAW else 0)


def test_without_a_healthy_endpoint_the_client_hears_an_alert(secure):
    proxy = secure(tcp_app(closed_port(), healthCheck={"path": "/", "intervalSeconds": 1,
                                                       "unhealthyThresholdCount": 1}))
    proxy.wait_gauge("fairlead_health_endpoints", 1, state="unhealthy")
    assert read_alert(hello_to(proxy)) == "internal_error"
    assert ended(proxy, "no_endpoint") == 1


# ---- choosing ----


def test_weights_are_kept(secure, origin):
    heavy, light = origin(), origin()
    proxy = secure(manifests.documents(
        tcp_proxy(PASS, ("heavy", 3), ("light", 1)),
        manifests.service("heavy"), manifests.endpoints("heavy", heavy),
        manifests.service("light"), manifests.endpoints("light", light)))
    counts = collections.Counter()
    for _ in range(200):
        client = hello_to(proxy)
        peer = proxy.wait_until(lambda: heavy.accept_waiting() or light.accept_waiting())
        counts[peer.sock.getsockname()[1]] += 1
        client.close()
    # 200 draws at 3 in 4: ten standard deviations are no chance.
    assert 90 < counts[heavy.port] < 199
    assert counts[light.port] == 200 - counts[heavy.port]


def test_endpoints_take_turns(secure, origin):
    upstreams = [origin() for _ in range(3)]
    proxy = secure(tcp_app(*upstreams), "--workers", "1")
    order = []
    for _ in range(9):
        hello_to(proxy)
        peer = proxy.wait_until(lambda: next(filter(None, (one.accept_waiting()
                                                           for one in upstreams)), None))
        order.append(peer.sock.getsockname()[1])
    assert order[:3] == order[3:6] == order[6:]
    assert len(set(order)) == 3


@pytest.mark.parametrize("strategy", ["RingHash", "Maglev"])
def test_by_hash_a_client_stays_where_it_was(secure, origin, strategy):
    upstreams = [origin() for _ in range(4)]
    proxy = secure(tcp_app(*upstreams, strategy=strategy), "--proxy-protocol")
    places = {}
    for client_ip in [f"192.0.2.{number}" for number in range(1, 13)] * 2:
        client = proxy.client_of(proxy.https_port)
        client.send(f"PROXY TCP4 {client_ip} 192.0.2.99 1000 443\r\n".encode()
                    + client_hello(PASS))
        peer = proxy.wait_until(lambda: next(filter(None, (one.accept_waiting()
                                                           for one in upstreams)), None))
        port = peer.sock.getsockname()[1]
        assert places.setdefault(client_ip, port) == port
    assert len(set(places.values())) > 1


def test_a_relay_counts_as_load_for_its_endpoint(secure, origin):
    """Of two choices the one with fewer wins; so with two endpoints neither gets far ahead."""
    upstreams = [origin() for _ in range(2)]
    proxy = secure(tcp_app(*upstreams, strategy="WeightedLeastRequest"), "--workers", "1")
    counts = collections.Counter()
    for _ in range(40):
        hello_to(proxy)
        peer = proxy.wait_until(lambda: next(filter(None, (one.accept_waiting()
                                                           for one in upstreams)), None))
        counts[peer.sock.getsockname()[1]] += 1
    assert min(counts.values()) >= 14


# ---- limits ----


def test_past_max_connections_nobody_waits(secure, origin):
    upstream = origin()
    proxy = secure(tcp_app(upstream, service_annotations=manifests.contour(max_connections=2)),
                   "--workers", "1")
    open_now = [open_passthrough(proxy, upstream) for _ in range(2)]
    third = hello_to(proxy)
    third.read_to_end()
    assert third.was_reset
    assert ended(proxy, "overflow_connections") == 1
    assert proxy.limit_hits("cluster_connections") == 1
    open_now[0][0].reset()
    proxy.wait_gauge("fairlead_tcp_connections", 1)
    open_passthrough(proxy, upstream)


def test_max_requests_counts_connections(secure, origin):
    upstream = origin()
    proxy = secure(tcp_app(upstream, service_annotations=manifests.contour(max_requests=1)),
                   "--workers", "1")
    open_passthrough(proxy, upstream)
    second = hello_to(proxy)
    second.read_to_end()
    assert second.was_reset
    assert ended(proxy, "overflow_requests") == 1
    assert proxy.limit_hits("cluster_requests") == 1
