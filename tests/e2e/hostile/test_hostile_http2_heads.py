# SPDX-License-Identifier: Apache-2.0
"""Heads that are too large over HTTP/2: hostile-input 66 and 67."""
import pytest

from support import frames, manifests
from support.frames import ENHANCE_YOUR_CALM, request_fields
from support.origin import OK

GET = request_fields(scheme="http")


def fields(*more, **changes):
    return request_fields(*more, scheme=changes.pop("scheme", "http"), **changes)


def arrives(site, client, block):
    """A request with this head is answered; as it arrived."""
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    peer = site.origin.accept()
    request = peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    assert client.response(stream).status == 200
    peer.expect_end()
    return request


def too_much(site, client, block):
    """431 or ENHANCE_YOUR_CALM; the connection goes on, its table of fields in step."""
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    message = client.ending(stream)
    assert message.reset == ENHANCE_YOUR_CALM or message.status == 431, message
    site.origin.expect_untouched()


@pytest.mark.parametrize("name", ["x-big", "cookie"])
def test_hostile_66_a_bomb_of_references(site, name):
    """4 KiB once, and 20 references of a byte each: counted as what they stand for."""
    client = site.proxy.h2c_client()
    big = "y" * 4000
    too_much(site, client, frames.block_of(GET) + frames.remembered(name, big)
             + frames.indexed(62) * 20)
    arrived = arrives(site, client, frames.block_of(GET) + frames.indexed(62))
    assert arrived.get(name) == big


def test_hostile_66_a_bomb_of_tiny_fields(site):
    """Each counts 32 bytes more than it has: RFC 7541 section 4.1."""
    client = site.proxy.h2c_client()
    too_much(site, client, frames.block_of(GET) + frames.remembered("x", "") + frames.indexed(62) * 3000)
    assert arrives(site, client, frames.block_of(GET) + frames.indexed(62)).get("x") == ""


@pytest.mark.parametrize("name", ["x", "cookie"])
def test_hostile_66_too_many_fields(site, name):
    client = site.proxy.h2c_client()
    too_much(site, client, fields(*[(name, "1")] * 101))
    assert len(arrives(site, client, fields(*[(name, "1")] * 80)).all(name)) in (1, 80)


def test_hostile_66_bombs_leave_no_memory_behind(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metric("fairlead_resident_bytes")
    clients = [proxy.h2c_client() for _ in range(10)]
    for client in clients:
        block = frames.block_of(GET) + frames.remembered("x", "y" * 4000)
        for _ in range(15):
            stream = client.new_stream()
            client.send(frames.headers(stream, block + frames.indexed(62) * 4000))
            block = frames.block_of(GET)
            client.ending(stream)
    assert proxy.metric("fairlead_resident_bytes") - before < 16 << 20
    assert proxy.get("/").status == 200


def test_hostile_67_a_header_block_over_64_kib(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    piece = frames.literal("x", "y" * 16000)
    client.wire.send_if_open(frames.headers(stream, frames.block_of(GET), whole=False)
                             + frames.continuation(stream, piece, whole=False) * 6)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_too_many_continuations(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.wire.send_if_open(
        frames.headers(stream, frames.block_of(GET), whole=False)
        + frames.continuation(stream, [("x", "y")], whole=False) * 20)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_an_empty_continuation(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.wire.send_if_open(frames.headers(stream, frames.block_of(GET), whole=False)
                             + frames.continuation(stream, b"", whole=False))
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.origin.expect_untouched()


def test_hostile_67_a_flood_of_continuations_without_end(fairlead, backend):
    """A gigabyte of them could be sent; a few frames in, the connection is gone."""
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metric("fairlead_resident_bytes")
    client = proxy.h2c_client()
    client.send(frames.headers(client.new_stream(), frames.block_of(GET), whole=False))
    flood = frames.continuation(1, frames.literal("x", "y" * 1000), whole=False) * 100
    sent = 0
    while sent < 1 << 30 and client.wire.send_if_open(flood):
        sent += len(flood)
    assert sent < 32 << 20
    assert proxy.metric("fairlead_resident_bytes") - before < 4 << 20


def test_hostile_67_a_few_continuations_are_fine(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, [], whole=False))
    for pair in GET:
        client.send(frames.continuation(stream, [pair], whole=False))
    client.send(frames.continuation(stream, b"", whole=True))
    peer = site.origin.accept()
    peer.read_request()
    peer.send(OK)
    assert client.response(stream).status == 200
    peer.close()
