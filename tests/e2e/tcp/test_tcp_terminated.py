# SPDX-License-Identifier: Apache-2.0
"""TLS that ends here, and the plain bytes go on: design 5.17."""
import os
import ssl

import pytest

from support import manifests
from support.certificates import Authority
from support.tcp import RAW, RecordClient, open_terminated, tcp_app


def test_the_endpoint_gets_the_plain_bytes_and_nothing_else(terminating):
    relay = terminating()
    client, peer = relay.open()
    there, back = os.urandom(300_000), os.urandom(300_000)
    client.send(there)
    assert peer.read_exactly(len(there)) == there
    peer.send(back)
    assert client.read_exactly(len(back)) == back
    assert bytes(peer.received) == there
    assert relay.proxy.metric("fairlead_tls_handshakes_total", result="full") == 1


def test_an_endpoint_may_speak_first(terminating):
    client, peer = terminating().open()
    peer.send(b"220 ready")
    assert client.read_exactly(9) == b"220 ready"


@pytest.mark.parametrize("offered", [("h2", "http/1.1"), ("mqtt",), ()])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_protocol_is_named_whatever_is_offered(terminating, offered, version):
    client, peer = terminating().open(alpn=offered, version=version)
    assert client.alpn is None
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert peer.read_exactly(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def test_the_client_sees_the_certificate_of_the_secret(terminating, certificate, authority):
    client, _ = terminating().open(trust=authority)
    assert client.serial == certificate.serial


def test_no_endpoint_hears_of_a_handshake_that_fails(terminating):
    relay = terminating()
    with pytest.raises(ssl.SSLError):
        relay.proxy.tls_client(RAW, trust=Authority("another"))
    relay.upstream.expect_untouched()
    relay.proxy.wait_metric("fairlead_tls_handshakes_total", result="refused_by_peer")
    assert relay.proxy.metric("fairlead_tcp_connections") == 0


def test_a_session_goes_on_at_another_connection(terminating):
    relay = terminating()
    client, peer = relay.open()
    context = client.sock.context
    peer.send(b"x")
    assert client.read_exactly(1) == b"x"
    again = relay.proxy.tls_client(RAW, context=context, session=client.session)
    assert again.was_resumed
    other = relay.upstream.accept()
    again.send(b"here")
    assert other.read_exactly(4) == b"here"
    assert relay.proxy.metric("fairlead_tls_handshakes_total", result="resumed") == 1


# ---- ends ----


def test_close_notify_of_the_client_is_an_end_and_the_answer_still_comes(terminating):
    relay = terminating()
    client = RecordClient(relay.proxy.https_port)
    peer = relay.upstream.accept()
    client.send(b"question")
    client.send_close_notify()
    assert peer.read_to_end() == b"question"
    peer.send(b"answer" * 1000)
    peer.close()
    # What the ssl module makes of bytes after its own close_notify depends on its OpenSSL: what
    # counts here is that they came, and then the end.
    assert len(client.wire.read_to_end()) > 6000
    assert not client.wire.was_reset
    relay.wait_ended("ok")
    client.close()


def test_the_end_of_the_endpoint_is_a_close_notify_and_the_client_goes_on(terminating):
    relay = terminating()
    client, peer = relay.open()
    peer.send(b"bye")
    peer.half_close()
    assert client.read_to_end() == b"bye"
    client.send(b"one more thing")
    assert peer.read_exactly(14) == b"one more thing"
    client.send_close_notify()
    peer.expect_end()
    relay.wait_ended("ok")


def test_an_end_without_close_notify_is_a_reset_for_the_endpoint_after_all_that_came(terminating):
    """Whoever is in between may have cut it."""
    relay = terminating()
    client, peer = relay.open()
    client.send(b"half of it")
    client.close()
    assert peer.read_to_end() == b"half of it"
    assert peer.was_reset
    relay.wait_ended("client_gone")


def test_records_that_are_wrong_end_the_connection(terminating):
    relay = terminating()
    client = RecordClient(relay.proxy.https_port)
    peer = relay.upstream.accept()
    client.wire.send(b"\x17\x03\x03\x00\x20" + b"z" * 32)
    peer.read_to_end()
    assert peer.was_reset
    client.close()
    relay.wait_ended("client_gone")


# ---- the endpoint's side ----


def test_what_the_service_says_its_ports_speak_does_not_count(secure, origin, certificate):
    upstream = origin()
    proxy = secure(tcp_app(upstream, host=RAW, certificate=certificate,
                           service_annotations=manifests.upstream_protocol("tls")))
    client, peer = open_terminated(proxy, upstream)
    client.send(b"in clear")
    assert peer.read_exactly(8) == b"in clear"
