# SPDX-License-Identifier: Apache-2.0
"""TLS that is between the client and the endpoint: design 5.17, hostile-input 82 and R4."""
import os
import ssl

import pytest

from support import manifests
from support.certificates import Authority
from support.tcp import PASS, open_passthrough, tcp_app
from support.tls import (HANDSHAKE, TlsClient, client_hello, extension, handshake_message,
                         hello_body, record, refusal, server_name_extension,
                         wrapped_by)

SNI = server_name_extension(PASS)


def handshakes(proxy):
    """Of all results."""
    return sum(value for key, value in proxy.metrics().items()
               if key.startswith("fairlead_tls_handshakes_total"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_client_sees_the_certificate_of_the_endpoint(secure, echo, version):
    theirs = Authority("theirs")
    shown = theirs.issue(PASS)
    endpoint = echo(wrap=wrapped_by(shown.server_context("mqtt")))
    proxy = secure(tcp_app(endpoint))
    client = proxy.tls_client(PASS, trust=theirs, version=version, alpn=("mqtt",))
    assert (client.serial, client.alpn) == (shown.serial, "mqtt")
    assert client.version == version.name.replace("_", ".")
    client.send(b"hello")
    assert client.read_exactly(5) == b"hello"
    assert proxy.metric("fairlead_tcp_connections") == 1
    client.send_close_notify()
    client.close()
    proxy.wait_gauge("fairlead_tcp_connections", 0)
    assert handshakes(proxy) == 0
    assert endpoint.errors == []


def test_every_byte_is_as_it_came(passing):
    relay = passing()
    client, peer = relay.open()
    there, back = os.urandom(200_000), os.urandom(200_000)
    client.send(there)
    assert peer.read_exactly(len(there)) == there
    peer.send(back)
    assert client.read_exactly(len(back)) == back
    client.half_close()
    peer.half_close()
    client.expect_end()
    relay.wait_ended("ok")
    metrics = relay.proxy.metrics()
    hello = len(peer.received) - len(there)
    assert metrics.value("fairlead_tcp_bytes_total", direction="in") == len(there) + hello
    assert metrics.value("fairlead_tcp_bytes_total", direction="out") == len(back)


def test_an_endpoint_may_speak_first(passing):
    client, peer = passing().open()
    peer.send(b"220 ready")
    assert client.read_exactly(9) == b"220 ready"


# ---- the ClientHello ----


def expect_passed(relay, *pieces):
    client = relay.proxy.client_of(relay.proxy.https_port)
    client.send(*pieces)
    whole = b"".join(pieces)
    assert relay.upstream.accept().read_exactly(len(whole)) == whole


def test_a_hello_in_segments_of_one_byte(passing):
    hello = client_hello(PASS)
    expect_passed(passing(), *(hello[at:at + 1] for at in range(len(hello))))


@pytest.mark.parametrize("cut", [1, 3, 4, 60])
def test_a_hello_over_several_records(passing, cut):
    body = client_hello(PASS)[5:]
    expect_passed(passing(), *(record(HANDSHAKE, body[at:at + cut])
                               for at in range(0, len(body), cut)))


def long_hello(size, suites=1):
    """A ClientHello with an unknown extension of that size and so many cipher suites, in records."""
    message = handshake_message(1, hello_body(suites=(0xC02F,) * suites,
                                              extensions=extension(65000, b"x" * size) + SNI))
    return b"".join(record(HANDSHAKE, message[at:at + 16384])
                    for at in range(0, len(message), 16384))


def test_a_hello_of_more_than_16_kib(passing):
    expect_passed(passing(), long_hello(40_000))


def test_bytes_that_come_with_the_hello_follow_it(passing):
    expect_passed(passing(), client_hello(PASS) + b"and more" * 2000)


def test_hellos_that_we_would_not_answer_are_the_endpoints_to_judge(passing):
    body = hello_body(version=0x0301, suites=(0x0005,), compressions=b"\1\0", extensions=SNI)
    expect_passed(passing(), record(HANDSHAKE, handshake_message(1, body)))


@pytest.mark.parametrize("name", ["PASS.test", "pass.test."])
def test_names_are_compared_as_always(passing, name):
    hello = record(HANDSHAKE, handshake_message(1, hello_body(extensions=server_name_extension(name))))
    expect_passed(passing(), hello)


# ---- what is no ClientHello for the endpoint ----


@pytest.mark.parametrize("name", ["other.test", None])
def test_an_unknown_name_or_none_is_refused_here(passing, name):
    relay = passing()
    assert refusal(relay.proxy.https_port, name) == "TLSV1_UNRECOGNIZED_NAME"
    assert relay.proxy.metric("fairlead_tls_handshakes_total", result="unknown_name") == 1
    relay.upstream.expect_untouched()


@pytest.mark.parametrize("garbage, result", [
    (b"GET / HTTP/1.1\r\nHost: pass.test\r\n\r\n", "not_tls"),
    (b"\x00" * 100, "not_tls"),
    (b"SSH-2.0-client\r\n", "not_tls"),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "bad_hello"),
    (record(23, b"application data first"), "bad_hello"),
])
def test_hostile_garbage_reaches_no_endpoint(passing, garbage, result):
    relay = passing()
    client = relay.proxy.client_of(relay.proxy.https_port)
    client.send(garbage)
    client.read_to_end()
    assert relay.proxy.metric("fairlead_tls_handshakes_total", result=result) == 1
    relay.upstream.expect_untouched()


def test_hostile_82_a_hello_of_more_than_64_kib(passing):
    relay = passing()
    client = relay.proxy.client_of(relay.proxy.https_port)
    client.send_if_open(long_hello(40_000, suites=20_000))
    client.read_to_end()
    relay.proxy.wait_metric("fairlead_tls_handshakes_total", result="bad_hello")
    relay.upstream.expect_untouched()


def test_hostile_82_a_hello_that_does_not_come_to_its_end(passing):
    relay = passing("--handshake-timeout", "300ms")
    client = relay.proxy.client_of(relay.proxy.https_port)
    client.send(client_hello(PASS)[:-1])
    client.expect_end()
    assert relay.proxy.timeouts("handshake") == 1
    relay.upstream.expect_untouched()


def test_a_client_that_goes_within_its_hello(passing):
    relay = passing()
    client = relay.proxy.client_of(relay.proxy.https_port)
    client.send(client_hello(PASS)[:40])
    client.close()
    relay.proxy.wait_gauge("fairlead_connections", 0)
    relay.upstream.expect_untouched()


# ---- beside others ----


def test_other_hosts_of_the_listener_are_served_as_ever(secure, origin, backend, certificate):
    upstream = origin()
    proxy = secure(manifests.documents(
        tcp_app(upstream), manifests.tls_app(certificate, backend(), host="web.test", name="web")))
    client, peer = open_passthrough(proxy, upstream)
    assert proxy.tls_client("web.test").get("/", "web.test").status == 200
    peer.send(b"still there")
    assert client.read_exactly(11) == b"still there"


def test_http_for_its_name_on_another_hosts_connection_is_misdirected(secure, origin, backend,
                                                                      certificate):
    upstream = origin()
    proxy = secure(manifests.documents(
        tcp_app(upstream), manifests.tls_app(certificate, backend(), host="web.test", name="web")))
    assert proxy.tls_client("web.test").get("/", PASS).status == 421
    upstream.expect_untouched()


@pytest.mark.tsan
def test_two_hundred_connections_at_once(secure, echo):
    endpoint = echo(wrap=wrapped_by(Authority("theirs").issue(PASS).server_context()))
    proxy = secure(tcp_app(endpoint))
    clients = [TlsClient(proxy.https_port, PASS) for _ in range(200)]
    assert proxy.metric("fairlead_tcp_connections") == 200
    for number, client in enumerate(clients):
        client.send(b"%06d" % number)
    for number, client in enumerate(clients):
        assert client.read_exactly(6) == b"%06d" % number
    for number, client in enumerate(clients):
        if number % 2:
            client.send_close_notify()
        client.close()
    proxy.wait_gauge("fairlead_tcp_connections", 0)
    proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")
    assert endpoint.connections == 200


def test_a_connection_that_is_passed_on_is_no_handshake_under_way(passing):
    relay = passing("--max-handshakes", "1")
    for _ in range(3):
        relay.open()
    assert relay.proxy.metric("fairlead_tcp_connections") == 3
