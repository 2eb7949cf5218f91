# SPDX-License-Identifier: Apache-2.0
"""Heads that arrive in pieces while other things happen to their stream or their connection."""
import pytest

from support import frames
from support.origin import answer

pytestmark = pytest.mark.tsan


def test_trailers_of_a_request_that_was_answered_meanwhile(h2, origin):
    """Their fields are not written where another request lives by then. No window: else the stream
    would be over with its answer."""
    upstream = origin()
    front = h2(upstream)
    client = front.client(settings=((frames.INITIAL_WINDOW_SIZE, 0),), consumes=False)
    client.expect_alive()  # no acknowledgement of settings within a head
    early = client.request("POST", "/early", end=False)
    peer = upstream.accept()
    peer.read_request_head()
    other = client.new_stream()
    large = [("x-large", "x" * 4000)] * 3
    many = [("x-many", "x")] * 20
    client.send(frames.headers(other, frames.request_fields(path="/other", scheme=client.scheme)),
                frames.headers(early, large, whole=False),
                frames.continuation(early, many, whole=False))
    second = upstream.accept()
    second.read_request()
    peer.send(answer(b"early"))
    assert client.head(early).status == 200
    second.send(answer(b""))
    assert client.response(other).status == 200
    client.send(frames.continuation(early, many))
    client.expect_alive()
    client.consume(early, 5)
    assert bytes(client.ending(early).body) == b"early"


def test_hostile_84_an_answer_gives_no_head_more_time(h2, origin):
    """A stream that ends does not end the wait for the head of another."""
    upstream = origin()
    front = h2(upstream, flags=("--request-head-timeout", "500ms"))
    client = front.client(consumes=False)
    client.expect_alive()  # no acknowledgement of settings within a head
    first, second = client.request("GET", "/"), client.new_stream()
    peer = upstream.accept()
    peer.read_request()
    block = frames.block_of(frames.request_fields(scheme=client.scheme))
    client.send(frames.headers(second, block[:-2], whole=False))
    peer.send(answer(b"ok"))
    assert client.response(first).status == 200
    client.wire.send_if_open(frames.continuation(second, block[-2:-1], whole=False))
    client.read_to_end()
    assert front.proxy.timeouts("head") == 1
