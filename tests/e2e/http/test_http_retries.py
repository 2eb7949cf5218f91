# SPDX-License-Identifier: Apache-2.0
"""Other attempts: fail-over of connects, retry-on, num-retries, per-try-timeout. Design 5.11."""
import pytest

from support import manifests
from support.client import request
from support.origin import OK, answer, silent_port
from support.ports import closed_port

NO = answer(b"no", "503 Service Unavailable", "Connection: close")


def test_a_refused_connect_goes_on_to_another_endpoint(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(closed_port(), closed_port(), upstream))
    for method in ("GET", "POST"):
        for _ in range(10):
            assert proxy.ask(request(method, "/", body=b"x")).status == 200
    assert proxy.metric("fairlead_upstream_connect_failures_total") >= 1
    assert proxy.metric("fairlead_retries_total") >= 1


def test_three_attempts_at_most(fairlead):
    proxy = fairlead(manifests.app(*[closed_port() for _ in range(6)]))
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (503, "connect_refused")
    assert proxy.metric("fairlead_upstream_connect_failures_total") == 3
    assert " 3 " in proxy.access_lines()[0].split('"')[2]


def test_a_single_endpoint_that_refuses(fairlead, backend):
    """It is asked again as soon as it is back, for there is no other: lb never ejects all."""
    port = closed_port()
    proxy = fairlead(manifests.app(port))
    assert proxy.get("/").status == 503
    backend(port=port)
    assert proxy.get("/").status == 200


def test_an_endpoint_that_refuses_is_left_out_for_a_while(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(closed_port(), upstream))
    for _ in range(30):
        assert proxy.get("/").status == 200
    assert proxy.metric("fairlead_upstream_connect_failures_total") < 10


def test_a_connect_that_times_out_goes_on_to_another_endpoint(fairlead, backend):
    with silent_port() as silent:
        proxy = fairlead(manifests.app(silent, backend()), "--connect-timeout", "200ms")
        for _ in range(4):
            assert proxy.get("/").status == 200
    assert proxy.timeouts("connect") >= 1


# ---- asked for ----


@pytest.mark.parametrize("retries, attempts", [(None, 2), (0, 2), (1, 2), (3, 4), (-1, 1)])
def test_num_retries(fairlead, backend, retries, attempts):
    upstream = backend(NO)
    annotations = manifests.contour(retry_on="5xx")
    if retries is not None:
        annotations.update(manifests.contour(num_retries=retries))
    proxy = fairlead(manifests.app(upstream, annotations=annotations))
    response = proxy.get("/")
    assert (response.status, response.body) == (503, b"no")  # the endpoint's own answer in the end
    assert len(upstream.requests) == attempts
    assert proxy.metric("fairlead_retries_total") == attempts - 1


@pytest.mark.parametrize("retry_on, status, is_retried", [
    ("5xx", 500, True), ("5xx", 503, True), ("5xx", 404, False), ("gateway-error", 502, True),
    ("gateway-error", 504, True), ("gateway-error", 500, False), ("retriable-4xx", 409, True),
    ("retriable-4xx", 404, False), ("connect-failure", 503, False), ("reset", 503, False),
    ("nonsense", 503, False), ("nonsense, 5xx", 503, True), ("reset,5xx", 503, True),
    ("", 503, False),
])
def test_retry_on(fairlead, backend, retry_on, status, is_retried):
    replies = [answer(b"no", f"{status} No", "Connection: close"), OK]
    upstream = backend(lambda request: replies.pop(0))
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(retry_on=retry_on)))
    assert proxy.get("/").status == (200 if is_retried else status)


def test_a_retry_goes_to_another_endpoint(fairlead, backend):
    bad, good = backend(NO), backend()
    proxy = fairlead(manifests.app(bad, good, annotations=manifests.contour(retry_on="5xx")))
    for _ in range(10):
        assert proxy.get("/").status == 200
    assert len(good.requests) == 10
    assert len(bad.requests) >= 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_not_idempotent_is_never_resent(fairlead, backend, method):
    upstream = backend(NO)
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(
        retry_on="5xx,reset,connect-failure", num_retries=5)))
    assert proxy.ask(request(method, "/", body=b"x")).status == 503
    assert len(upstream.requests) == 1


def test_a_post_that_reached_nobody_goes_on(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(closed_port(), upstream))
    for _ in range(5):
        assert proxy.ask(request("POST", "/", body=b"hello")).status == 200
    assert {arrived.body for arrived in upstream.requests} == {b"hello"}


def test_a_body_is_sent_again_as_it_was(fairlead, backend):
    replies = [NO, OK]
    upstream = backend(lambda request: replies.pop(0))
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(retry_on="5xx")))
    assert proxy.ask(request("PUT", "/", body=b"x" * 10000)).status == 200
    assert [arrived.body for arrived in upstream.requests] == [b"x" * 10000] * 2
    replies[:] = [NO, OK]
    assert proxy.ask(request("PUT", "/", "a.test", "Transfer-Encoding: chunked",
                             body=b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")).status == 200
    assert [arrived.body for arrived in upstream.requests[2:]] == [b"hello world"] * 2


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_endpoint_that_hangs_up_before_its_answer(fairlead, origin, how):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    getattr(peer, how)()
    response = client.read_response()
    assert (response.status, response.reason_code) == (502, "upstream_reset")
    upstream.expect_untouched()
    assert client.ask(request("OPTIONS", "*")).status == 200


def test_per_try_timeout(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(
        retry_on="5xx", num_retries=1, per_try_timeout="300ms")))
    client = proxy.client()
    client.send(request("GET", "/"))
    first = upstream.accept()
    first.read_request()
    second = upstream.accept()  # while the first is silent
    second.read_request()
    first.read_to_end()
    second.send(OK)
    assert client.read_response().status == 200
    assert proxy.timeouts("per_try") == 1


def test_per_try_timeout_of_the_last_try(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream, annotations=manifests.contour(
        retry_on="5xx", num_retries=1, per_try_timeout="200ms")))
    response = proxy.get("/")
    assert (response.status, response.reason_code) == (504, "per_try_timeout")
    assert proxy.timeouts("per_try") == 2


def test_per_try_timeout_needs_retry_on(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream,
                                   annotations=manifests.contour(per_try_timeout="100ms")))
    client = proxy.client()
    client.send(request("GET", "/"))
    peer = upstream.accept()
    peer.read_request()
    client.expect_silence(0.3)
    peer.send(OK)
    assert client.read_response().status == 200


def test_a_dead_kept_connection_is_replaced_without_being_asked(fairlead, origin):
    upstream = origin()
    proxy = fairlead(manifests.app(upstream))
    client = proxy.client()
    for method in ("GET", "PUT"):
        client.send(request("GET", "/"))
        peer = upstream.accept()
        peer.read_request()
        peer.send(OK)
        assert client.read_response().status == 200
        client.send(request(method, "/again", body=b"x" if method == "PUT" else b""))
        peer.read_request()
        peer.close()
        peer = upstream.accept()
        assert peer.read_request().target == "/again"
        peer.send(answer(b"", "200 OK", "Connection: close"))
        assert client.read_response().status == 200
