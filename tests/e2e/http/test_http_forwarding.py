# SPDX-License-Identifier: Apache-2.0
"""What a request and an answer look like on the other side: design 5.8, 5.9, 5.10, 5.15, 5.19."""
import re

import pytest

from support import manifests
from support.client import request
from support.fairlead import Fairlead
from support.origin import Backend, answer

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    backend = Backend()
    proxy = Fairlead(tmp_path_factory.mktemp("shared"), manifests.app(backend))
    try:
        yield proxy, backend
    finally:
        proxy.stop()
        backend.close()


@pytest.fixture
def forwarded(shared):
    """The request that arrives for the bytes that are sent."""
    proxy, backend = shared

    def forward(data):
        count = len(backend.requests)
        response = proxy.ask(data, "GET")
        assert response.status == 200, response
        return backend.wait_requests(count + 1)[count]

    return forward


def test_forwarding_fields_say_who_asked_and_how(forwarded):
    arrived = forwarded(request("GET", "/x?y=z", "a.test", "User-Agent: test"))
    assert (arrived.method, arrived.target, arrived.minor) == ("GET", "/x?y=z", 1)
    assert {name: arrived.get(name) for name in
            ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
             "X-Real-IP", "User-Agent")} == {
                 "Host": "a.test", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
                 "X-Forwarded-Host": "a.test", "X-Forwarded-Port": "80", "X-Real-IP": "127.0.0.1",
                 "User-Agent": "test"}


@pytest.mark.parametrize("host, port", [
    ("a.test", "80"), ("a.test:8080", "8080"), ("a.test:80", "80"), ("A.Test.:9000", "9000"),
])
def test_the_forwarded_port_is_the_one_of_the_host_field(forwarded, host, port):
    arrived = forwarded(request("GET", "/", host))
    assert (arrived.get("X-Forwarded-Port"), arrived.get("X-Forwarded-Host")) == (port, host)


def test_the_public_port_is_a_flag(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--public-http-port", "8888")
    proxy.get("/")
    proxy.get("/", "a.test:77")
    assert [arrived.get("X-Forwarded-Port") for arrived in upstream.requests] == ["8888", "77"]


def test_a_chain_of_proxies_is_appended_to(forwarded):
    arrived = forwarded(request("GET", "/", "a.test", "X-Forwarded-For: 1.1.1.1, 2.2.2.2",
                                "Forwarded: for=1.1.1.1"))
    assert arrived.get("X-Forwarded-For") == "1.1.1.1, 2.2.2.2, 127.0.0.1"
    assert arrived.get("Forwarded") == "for=1.1.1.1"


@pytest.mark.parametrize("name", [
    "x", "A-Za-z0-9._:/+=-", "x" * 128, "0b41bf37-3a4c-4c1c-8f3b-000000000000",
])
def test_a_valid_request_id_is_kept(forwarded, name):
    assert forwarded(request("GET", "/", "a.test",
                             f"X-Request-Id: {name}")).get("X-Request-Id") == name


@pytest.mark.parametrize("name", [
    "", "x" * 129, "a b", "a\"b", "a,b", "a;b", "<x>", "a\\b", "\xe9", "a{b}",
])
def test_an_invalid_request_id_is_replaced(forwarded, name):
    made = forwarded(request("GET", "/", "a.test", f"X-Request-Id: {name}")).get("X-Request-Id")
    assert UUID.fullmatch(made), made


def test_request_ids_are_made_and_differ(forwarded):
    made = {forwarded(request("GET", "/")).get("X-Request-Id") for _ in range(20)}
    assert len(made) == 20
    assert all(UUID.fullmatch(name) for name in made)


def test_two_request_ids_become_one(forwarded):
    arrived = forwarded(request("GET", "/", "a.test", "X-Request-Id: one", "X-Request-Id: two"))
    assert len(arrived.all("X-Request-Id")) == 1


def test_repeated_fields_stay_repeated_and_in_order(forwarded):
    arrived = forwarded(request("GET", "/", "a.test", "Accept: a", "Cookie: x=1", "Accept: b",
                                "Cookie: y=2", "accept: c", "X-Empty:"))
    assert arrived.all("Accept") == ["a", "b", "c"]
    assert arrived.all("Cookie") == ["x=1", "y=2"]
    assert arrived.get("X-Empty") == ""


def test_the_query_is_never_touched(forwarded):
    query = "a=%2e%2e/..//b&c=%zz&d=%00&%61=%2561?/;#".removesuffix("#")
    assert forwarded(request("GET", f"/x/../y?{query}")).target == f"/y?{query}"


@pytest.mark.parametrize("path, normal", [("/a/../b", "/b"), ("//a", "/a"), ("/%61", "/a"),
                                          ("/a%2fb", "/a%2Fb"), ("/a/./", "/a/")])
def test_the_path_is_forwarded_in_its_normal_form(forwarded, path, normal):
    assert forwarded(request("GET", path)).target == normal


def test_absolute_form_is_forwarded_as_origin_form(forwarded):
    arrived = forwarded(request("GET", "http://a.test/x/../y?z", "a.test"))
    assert (arrived.target, arrived.get("Host")) == ("/y?z", "a.test")


def test_answers_keep_their_fields_and_get_a_date(fairlead, backend):
    upstream = backend(lambda request: answer(
        b"x", "201 Made Up Reason", "Set-Cookie: a=1", "Set-Cookie: b=2", "Server: origin",
        "ETag: W/\"1\"",
        *(["Date: Thu, 01 Jan 1970 00:00:00 GMT"] if "old" in request.target else [])))
    proxy = fairlead(manifests.app(upstream))
    response = proxy.get("/")
    assert (response.status, response.reason) == (201, "Made Up Reason")
    assert response.all("Set-Cookie") == ["a=1", "b=2"]
    assert (response.get("Server"), response.get("ETag")) == ("origin", "W/\"1\"")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.get("Date"))
    assert proxy.get("/old").get("Date") == "Thu, 01 Jan 1970 00:00:00 GMT"


# ---- our own answers ----


def test_options_asterisk(shared):
    proxy, _ = shared
    response = proxy.ask(request("OPTIONS", "*"))
    assert response.status == 200
    assert {"GET", "POST", "OPTIONS"} <= {word.strip() for word in response.get("Allow").split(",")}


def test_connect_and_trace_are_refused(shared):
    proxy, _ = shared
    for method in ("CONNECT", "TRACE"):
        response = proxy.ask(request(method, "a.test:443" if method == "CONNECT" else "/"))
        assert (response.status, response.reason_code) == (405, "method_not_allowed")
        assert "GET" in response.get("Allow")


@pytest.fixture
def redirecting(fairlead, backend):
    def start(*flags, **more):
        upstream = backend()
        annotations = {"ingress.kubernetes.io/force-ssl-redirect": "true", **more}
        return fairlead(manifests.app(upstream, host="*.a.test", annotations=annotations),
                        *flags), upstream

    return start


def test_force_ssl_redirect(redirecting):
    proxy, upstream = redirecting()
    client = proxy.client()
    for method in ("GET", "HEAD", "POST"):
        client.send(request(method, "/x/../y?z=1&x=%2F", "w.a.test:8080",
                            body=b"b" if method == "POST" else b""))
        response = client.read_response(method)
        assert response.status == 301
        assert response.get("Location") == "https://w.a.test/y?z=1&x=%2F"
        assert response.body == b""
    assert upstream.requests == []
    assert proxy.metric("fairlead_requests_total", code="3xx", reason="redirect_https") == 3


def test_a_redirect_names_a_public_port_that_is_not_443(redirecting):
    proxy, _ = redirecting("--public-https-port", "8443")
    assert proxy.get("/", "w.a.test:1").get("Location") == "https://w.a.test:8443/"


def test_a_redirect_is_served_where_http_is_not_allowed(redirecting):
    proxy, _ = redirecting(**{"kubernetes.io/ingress.allow-http": "false"})
    assert proxy.get("/", "w.a.test").status == 301


def test_http_that_is_not_allowed_is_not_served(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.documents(
        manifests.app(upstream, annotations={"kubernetes.io/ingress.allow-http": "false"}),
        manifests.app(upstream, host="b.test", name="b")))
    assert proxy.get("/").status == 404
    assert proxy.get("/", "b.test").status == 200


def test_a_longer_path_without_redirect_is_served(fairlead, backend):
    """How ACME's HTTP-01 works beside a redirecting Ingress: spec/contour.md 1.3."""
    upstream = backend()
    proxy = fairlead(manifests.documents(
        manifests.app(upstream, annotations={"ingress.kubernetes.io/force-ssl-redirect": "true"}),
        manifests.app(upstream, path="/.well-known/acme-challenge/token", name="solver")))
    assert proxy.get("/").status == 301
    assert proxy.get("/.well-known/acme-challenge/token").status == 200


REASONS = [
    (request("GET", "/", "none.test"), 404, "no_host"),
    (request("GET", "/other", "path.test"), 404, "no_path"),
    (request("GET", "/", "missing.test"), 503, "route_unavailable"),
    (request("GET", "/", "empty.test"), 503, "no_endpoint"),
    (request("GET", "/%zz"), 400, "bad_path_escape"),
    (request("GET", "/%00"), 400, "path_nul"),
    (request("GET", "/%5c"), 400, "path_backslash"),
    (request("GET", "/.."), 400, "path_above_root"),
    (request("GET", "/", "a_b c"), 400, "bad_host"),
    (request("GET", "/", "a.test", "Content-Length: x"), 400, "bad_content_length"),
    (request("GET", "/", "a.test", "Transfer-Encoding: gzip"), 501, "unknown_transfer_coding"),
    (request("GET", "/", "a.test", "Expect: x"), 417, "bad_expect"),
    (b"GET / HTTP/3.0\r\n\r\n", 505, "bad_version"),
    (b"GET /\r\n\r\n", 400, "bad_request_line"),
]


def test_our_answers_name_a_reason(fairlead, backend):
    """The same word in the body, the metric and the log."""
    proxy = fairlead(manifests.documents(
        manifests.app(backend()),
        manifests.app(backend(), host="path.test", path="/only", name="path"),
        manifests.ingress("missing.test", service="missing"),
        manifests.app(host="empty.test", name="empty")), "--workers", "1")
    for data, status, reason in REASONS:
        response = proxy.ask(data, "GET")
        assert (response.status, response.reason_code) == (status, reason), response
        assert response.get("Content-Type").startswith("text/plain")
        assert response.body.endswith(b"\n") and response.body.count(b"\n") == 1
    metrics, lines = proxy.metrics(), proxy.access_lines(len(REASONS))
    for (_, status, reason), line in zip(REASONS, lines, strict=True):
        label = "4xx" if status < 500 else "5xx"
        assert metrics.value("fairlead_requests_total", code=label, reason=reason) == 1
        assert f" {status} {reason} " in line


def test_an_unavailable_route_keeps_its_place(fairlead, backend):
    """It never falls through to a shorter prefix: design 5.3."""
    upstream = backend()
    proxy = fairlead(manifests.documents(
        manifests.service("app"), manifests.endpoints("app", upstream), manifests.service("empty"),
        manifests.ingress_of("i", [("a.test", [("/", "app"), ("/missing", "missing"),
                                               ("/port", "app", 99), ("/empty", "empty")])])))
    assert proxy.get("/").status == 200
    for path in ("/missing", "/port", "/empty/x"):
        assert proxy.get(path).status == 503
    assert [arrived.target for arrived in upstream.requests] == ["/"]
