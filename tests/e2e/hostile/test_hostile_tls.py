# SPDX-License-Identifier: Apache-2.0
"""Handshakes that are none: hostile-input 77 and 82."""
import os
import random
import re
import socket
import ssl
import struct

import pytest

from support import frames, manifests
from support.certificates import Authority
from support.client import request
from support.tls import (ALERT, COMMON_EXTENSIONS, DATA, HANDSHAKE, client_hello, extension,
                         handshake_message, hello_body, hello_record, read_alert, read_record,
                         record, refusal, s_client, server_name_extension)
from support.wait import wait_until

TLS1_2 = ssl.TLSVersion.TLSv1_2
SNI = server_name_extension("a.test")
FINE = SNI + COMMON_EXTENSIONS


@pytest.fixture(scope="module")
def certificate():
    return Authority().issue("a.test")


@pytest.fixture
def proxy(secure, origin, certificate):
    """One host; its endpoint must never hear of what these tests send."""
    upstream = origin()
    made = secure(manifests.tls_app(certificate, upstream))
    yield made
    upstream.expect_untouched()
    made.stop()


def send_raw(proxy, *pieces):
    """A connection to the HTTPS port with these bytes sent."""
    client = proxy.client_of(proxy.https_port)
    for piece in pieces:
        if not client.send_if_open(piece):
            break
    return client


def expect_no_handshake(client):
    """The connection ends, and no ServerHello came."""
    while (got := read_record(client)) is not None:
        assert got[0] == ALERT, f"it answered: {got}"


# ---- 77: what is refused always ----


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
def test_hostile_77_older_versions(proxy, version):
    client = send_raw(proxy, hello_record(version=version, suites=(0xC013, 0xC009, 0x002F),
                                          extensions=FINE))
    assert read_alert(client) in ("protocol_version", "handshake_failure")
    assert failed_handshakes(proxy) == 1


def test_hostile_77_an_sslv2_hello(proxy):
    hello = b"\x01\x03\x01" + struct.pack(">HHH", 9, 0, 16) + b"\x00\x00\x2f\x00\x00\x35\x00\x00\x0a" + (
        b"c" * 16)
    expect_no_handshake(send_raw(proxy, struct.pack(">H", 0x8000 | len(hello)) + hello))


def test_hostile_77_compression_without_the_null_method(proxy):
    client = send_raw(proxy, hello_record(compressions=b"\1", extensions=FINE))
    assert read_alert(client) in ("decode_error", "illegal_parameter", "handshake_failure")


def test_hostile_77_compression_is_not_taken(proxy):
    client = send_raw(proxy, hello_record(compressions=b"\1\0", extensions=FINE))
    kind, hello = read_record(client)
    assert (kind, hello[0]) == (HANDSHAKE, 2)
    session = hello[38]
    assert hello[39 + session + 2] == 0, "compression was chosen"


def test_hostile_77_renegotiation(proxy):
    said = s_client(proxy.https_port, "-tls1_2", ask=b"R\n")
    assert "RENEGOTIATING" in said
    assert re.search("no renegotiation|handshake failure|unexpected message|closed", said.split(
        "RENEGOTIATING")[1]), said


def test_hostile_77_early_data(proxy, tmp_path):
    """Requests that may be replayed are not even offered a way."""
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(request("GET", "/early"))
    said = s_client(proxy.https_port, "-tls1_3", "-sess_out", session, "-ign_eof",
                    ask=b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    assert "Max Early Data: 0" in said, said
    said = s_client(proxy.https_port, "-tls1_3", "-sess_in", session, "-early_data", early)
    assert "Early data was accepted" not in said, said


def test_hostile_77_early_data_that_is_sent_all_the_same(proxy):
    """The extension and a record of data right behind the hello."""
    hello = hello_record(extensions=FINE + extension(43, b"\2\3\4") + extension(42, b""))
    client = send_raw(proxy, hello, record(DATA, b"x" * 64))
    while (got := read_record(client)) is not None:
        assert got[0] != DATA


@pytest.mark.parametrize("offered", [("spdy/3",), ("h3",), ("H2",), ("http/1.0",), ("ftp", "smtp")])
def test_hostile_77_no_common_application_protocol(proxy, offered):
    client = send_raw(proxy, client_hello(alpn=offered))
    assert read_alert(client) == "no_application_protocol"
    assert proxy.metric("fairlead_tls_handshakes_total", result="alpn") == 1


@pytest.mark.parametrize("names", [b"", b"\0\0", b"\0\3\5h2", b"\0\1\0", b"\0\5\2h2"])
def test_hostile_77_a_malformed_list_of_application_protocols(proxy, names):
    client = send_raw(proxy, hello_record(extensions=FINE + extension(16, names)))
    assert read_alert(client) in ("decode_error", "illegal_parameter", "internal_error",
                                  "handshake_failure")


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256"])
def test_hostile_77_weak_ciphers(proxy, ciphers):
    why = refusal(proxy.https_port, version=TLS1_2, ciphers=f"{ciphers}:@SECLEVEL=0")
    assert why == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert proxy.metric("fairlead_tls_handshakes_total", result="cipher") == 1


# ---- 82: hellos ----


def with_length(data, at, size, value):
    """The same bytes with another number there."""
    return data[:at] + value.to_bytes(size, "big") + data[at + size:]


BODY = hello_body(extensions=FINE)
HELLOS = {
    "http": request("GET", "/"),
    "a preface": frames.PREFACE + frames.settings(),
    "zeros": b"\0" * 300,
    "noise": random.Random(82).randbytes(5000),
    "an alert": record(ALERT, b"\2\x28"),
    "data": record(DATA, b"GET / HTTP/1.1\r\n\r\n"),
    "a ServerHello": record(HANDSHAKE, handshake_message(2, BODY)),
    "a Finished": record(HANDSHAKE, handshake_message(20, b"x" * 32)),
    "a change of ciphers": record(20, b"\1"),
    "an unknown record": record(99, b"x"),
    "a record too long": b"\x16\x03\x01\xff\xff" + b"x" * 0xffff,
    "an empty hello": record(HANDSHAKE, handshake_message(1, b"")),
    "a hello cut short": record(HANDSHAKE, handshake_message(1, BODY[:40])),
    "a hello with more behind": record(HANDSHAKE, handshake_message(1, BODY + b"more")),
    "a session id too long": record(HANDSHAKE, handshake_message(1, with_length(BODY, 34, 1, 255))),
    "suites past the end": record(HANDSHAKE, handshake_message(1, with_length(BODY, 35, 2, 0xfffe))),
    "an odd list of suites": record(HANDSHAKE, handshake_message(1, with_length(BODY, 35, 2, 5))),
    "no suites": hello_record(suites=(), extensions=FINE),
    "no compression": hello_record(compressions=b"", extensions=FINE),
    "an extension past the end": hello_record(extensions=FINE + b"\0\x23\xff\xff"),
    "an extension cut short": hello_record(extensions=FINE + b"\0"),
    "two server names": hello_record(extensions=FINE + SNI),
    "an empty list of names": hello_record(extensions=extension(0, b"\0\0") + COMMON_EXTENSIONS),
    "an empty name": hello_record(extensions=server_name_extension("") + COMMON_EXTENSIONS),
    "a name past the end": hello_record(
        extensions=extension(0, b"\0\x09\0\0\xffa.test") + COMMON_EXTENSIONS),
    "a name with a NUL": hello_record(
        extensions=server_name_extension(b"a.test\0.evil.test") + COMMON_EXTENSIONS),
    "a name of 300 bytes": hello_record(
        extensions=server_name_extension("a" * 300) + COMMON_EXTENSIONS),
    "a name with a line end": hello_record(
        extensions=server_name_extension(b"a.test\r\nX: y") + COMMON_EXTENSIONS),
    "a name with a slash": hello_record(
        extensions=server_name_extension("a.test/") + COMMON_EXTENSIONS),
    "a name in UTF-8": hello_record(
        extensions=server_name_extension("ä.test".encode()) + COMMON_EXTENSIONS),
    "an address as a name": hello_record(
        extensions=server_name_extension("127.0.0.1") + COMMON_EXTENSIONS),
    "a version from the future only": hello_record(
        extensions=FINE + extension(43, b"\2\x0f\x0f")),
}


@pytest.mark.parametrize("what", HELLOS)
def test_hostile_82_a_malformed_hello(proxy, what):
    """The connection ends without a ServerHello; it is counted; everybody else is served."""
    client = send_raw(proxy, HELLOS[what])
    expect_no_handshake(client)
    wait_until(lambda: failed_handshakes(proxy) == 1, "the count")
    good = proxy.tls_client()
    assert good.ask(request("OPTIONS", "*")).status == 200


def failed_handshakes(proxy):
    return sum(value for name, value in proxy.metrics().items()
               if name.startswith("fairlead_tls_handshakes_total")
               and 'result="full"' not in name and 'result="resumed"' not in name)


def test_hostile_82_a_hello_over_64_kib(proxy):
    """Announced as larger, sent in good records: not kept until it is whole."""
    body = hello_body(extensions=FINE + extension(21, b"\0" * 60000))
    message = handshake_message(1, body + b"\0" * 20000)
    client = proxy.client_of(proxy.https_port)
    for at in range(0, len(message), 16000):
        if not client.send_if_open(record(HANDSHAKE, message[at:at + 16000])):
            break
    expect_no_handshake(client)


def test_hostile_82_a_hello_in_thousands_of_records(proxy):
    """A byte each; slow for us if we let it."""
    client = proxy.client_of(proxy.https_port)
    hello = client_hello()[5:]
    sent = b"".join(record(HANDSHAKE, hello[at:at + 1]) for at in range(len(hello)))
    client.send_if_open(sent)
    got = read_record(client)
    assert got is None or got[0] in (ALERT, HANDSHAKE)


def test_hostile_82_empty_records_without_end(proxy):
    client = proxy.client_of(proxy.https_port)
    sent = 0
    while sent < 64 << 20 and client.send_if_open(record(HANDSHAKE, b"") * 1000):
        sent += 5000
    assert sent < 16 << 20
    expect_no_handshake(client)


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01", client_hello()[:-1]],
                         ids=["nothing", "a byte", "half a head", "all but a byte"])
def test_hostile_82_a_handshake_that_stands_still(secure, origin, certificate, sent):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "300ms")
    client = send_raw(proxy, sent)
    expect_no_handshake(client)
    assert proxy.timeouts("handshake") == 1


def test_hostile_82_dripping_does_not_extend_it(secure, origin, certificate):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "400ms")
    client = proxy.client_of(proxy.https_port)
    hello = client_hello()
    client.sock.settimeout(0.05)
    for byte in hello:
        try:
            client.sock.sendall(bytes([byte]))
            if client.sock.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("it waited for the last byte")
    wait_until(lambda: proxy.timeouts("handshake") == 1, "the count")


def test_hostile_82_a_client_that_stops_after_the_servers_flight(secure, origin, certificate):
    proxy = secure(manifests.tls_app(certificate, origin()), "--handshake-timeout", "300ms")
    client = send_raw(proxy, client_hello())
    assert read_record(client)[0] == HANDSHAKE
    client.read_to_end()
    assert proxy.timeouts("handshake") == 1


def test_hostile_82_many_that_stand_still_hold_nobody_up(secure, backend, certificate):
    proxy = secure(manifests.tls_app(certificate, backend()), "--handshake-timeout", "2s")
    before = proxy.metric("fairlead_resident_bytes")
    standing = [send_raw(proxy, client_hello()[:100]) for _ in range(300)]
    for _ in range(5):
        assert proxy.tls_client().get("/").status == 200
    assert proxy.metric("fairlead_resident_bytes") - before < 300 * (128 << 10)
    for client in standing:
        expect_no_handshake(client)


def test_hostile_82_noise_after_the_handshake(proxy):
    """A record that does not decrypt: bad_record_mac, and the end."""
    for seed in range(20):
        client = proxy.tls_client()
        beneath = socket.socket(fileno=os.dup(client.sock.fileno()))
        beneath.sendall(record(DATA, random.Random(seed).randbytes(100), 0x0303))
        beneath.close()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            while client.sock.recv(1000):
                pass
            raise ConnectionError("closed")
    assert len(proxy.log.lines) < 100
