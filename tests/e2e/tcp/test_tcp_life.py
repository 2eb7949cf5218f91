# SPDX-License-Identifier: Apache-2.0
"""Relayed connections while the program changes around them, and what is told of them."""
import json
import re

import pytest

from support import manifests
from support.fairlead import run
from support.origin import silent_port
from support.tcp import (PASS, RAW, open_passthrough, open_terminated, tcp_app, tcp_proxy,
                         was_reset)
from support.tls import client_hello


def talk(client, peer, word=b"hello"):
    client.send(word)
    assert peer.read_exactly(len(word)) == word
    peer.send(word)
    assert client.read_exactly(len(word)) == word


# ---- changes ----


@pytest.mark.tsan
def test_other_tables_change_nothing_for_an_open_connection(relay):
    made = relay()
    client, peer = made.open()
    tables = made.proxy.metric("fairlead_tables")
    for number in range(5):
        made.proxy.apply("other.yaml", manifests.app(1, host=f"h{number}.test", name="other"))
        talk(client, peer)
    # And it holds none of the tables it has seen.
    made.proxy.wait_gauge("fairlead_tables", tables)


def test_a_connection_outlives_its_route_and_its_endpoint(relay):
    made = relay()
    client, peer = made.open()
    before = made.proxy.generation()
    made.proxy.remove("test.yaml")
    made.proxy.wait_generation(before)
    talk(client, peer)
    assert made.proxy.metric("fairlead_tcp_connections") == 1
    client.reset()
    made.proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")


def test_a_host_becomes_a_tcp_host_for_the_next_connection(secure, origin, backend, certificate):
    upstream = origin()
    proxy = secure(manifests.tls_app(certificate, backend(), host=RAW, name="web"))
    client = proxy.tls_client(RAW)
    assert client.get("/", RAW).status == 200
    proxy.apply("test.yaml", tcp_app(upstream, host=RAW, certificate=certificate))
    # It speaks HTTP on with whoever opened it for that, and is told to go.
    assert client.get("/", RAW).status == 421
    talk(*open_terminated(proxy, upstream))


# ---- stopping ----


def test_a_relay_lives_on_while_the_program_drains(relay):
    made = relay()
    client, peer = made.open()
    made.proxy.terminate()
    made.proxy.log.wait_for("no longer accepting")
    talk(client, peer)
    peer.half_close()
    client.read_to_end()
    client.close()
    assert made.proxy.wait_exit() == 0


def test_a_relay_is_cut_at_the_end_of_the_drain(relay):
    made = relay("--drain-timeout", "300ms")
    client, peer = made.open()
    made.proxy.terminate()
    client.read_to_end()
    peer.read_to_end()
    assert was_reset(client) and was_reset(peer)
    assert made.proxy.wait_exit() == 0
    assert any(" shutdown " in line for line in made.proxy.output.lines)


def test_a_connect_is_cut_at_the_end_of_the_drain(secure):
    with silent_port() as silent:
        proxy = secure(tcp_app(silent), "--drain-timeout", "200ms", "--connect-timeout", "60s")
        client = proxy.client_of(proxy.https_port)
        client.send(client_hello(PASS))
        proxy.wait_gauge("fairlead_tcp_connections", 1)
        proxy.terminate()
        client.read_to_end()
        assert proxy.wait_exit() == 0


def test_relays_are_never_closed_for_room(secure, origin):
    upstream = origin()
    proxy = secure(tcp_app(upstream), "--max-memory-bytes", "1000000")
    proxy.wait_until(lambda: proxy.limit_hits("memory") > 0)
    client = proxy.client_of(proxy.https_port)
    client.send(client_hello(PASS))
    client.read_to_end()
    assert proxy.metric("fairlead_tcp_connections_total", result="over_memory") == 1
    upstream.expect_untouched()


# ---- what is told ----


def test_the_access_log_tells_of_a_connection(relay):
    made = relay()
    client, peer = made.open()
    talk(client, peer)
    peer.half_close()
    client.read_to_end()
    client.send_close_notify() if made.is_terminated else client.half_close()
    peer.read_to_end()
    made.wait_ended("ok")
    line = made.proxy.access_lines()[0]
    count = len(peer.received)
    words = "tcp TLSv1.3 TLS_[A-Z0-9_]+ raw.test" if made.is_terminated else "tls - - pass.test"
    assert re.fullmatch(
        rf'\S+ 127\.0\.0\.1 "- - -" 0 - {count} 5 [0-9.]+ms 127\.0\.0\.1:{made.upstream.port} 1 '
        rf'"[A-Za-z]+ default/app-tcp" - {words}', line), line


def test_the_access_log_in_json(secure, origin):
    upstream = origin()
    proxy = secure(tcp_app(upstream), "--access-log-format", "json")
    client, peer = open_passthrough(proxy, upstream)
    peer.reset()
    client.read_to_end()
    line = json.loads(proxy.access_lines()[0])
    assert line.pop("time") and line.pop("duration_us") >= 0
    assert line.pop("route").endswith(" default/app-tcp")
    assert line == {"client": "127.0.0.1", "protocol": "tls", "tls_version": "", "tls_cipher": "",
                    "sni": PASS, "reason": "upstream_reset", "bytes_in": len(peer.received),
                    "bytes_out": 0, "upstream": f"127.0.0.1:{upstream.port}", "attempts": 1}


def test_refused_connections_are_logged_with_the_reason(secure, certificate):
    proxy = secure(tcp_proxy(PASS, "app"))
    client = proxy.client_of(proxy.https_port)
    client.send(client_hello(PASS))
    client.read_to_end()
    assert ' "- - -" 0 route_unavailable 0 0 ' in proxy.access_lines()[0]


@pytest.mark.parametrize("host, words", [
    (PASS, "verdict   relayed as it comes, TLS and all, to default/app/80"),
    (RAW, "verdict   what is inside TLS is relayed to default/app/80"),
])
def test_explain_says_where_connections_go(secure, origin, certificate, host, words):
    upstream = origin()
    proxy = secure(tcp_app(upstream, host=host, certificate=certificate if host == RAW else None))
    code, said, _ = run("explain", "--admin", f"127.0.0.1:{proxy.admin_port}", f"https://{host}/x")
    assert code == 0
    assert words in said
    assert f"endpoint  127.0.0.1:{upstream.port}" in said
