# SPDX-License-Identifier: Apache-2.0
"""prefixRewrite: what is forwarded in place of the prefix that matched; design 5.5."""
import pytest

from support import manifests, routes
from support.client import request
from support.fairlead import run
from support.origin import answer
from support.websocket import KEY, handshake, switching

ORIGINAL = "X-Envoy-Original-Path"

TABLE = [
    # match, rewrite, asked for, forwarded
    ("/a", "/", "/a", "/"),
    ("/a", "/", "/a/", "/"),
    ("/a", "/", "/a/x", "/x"),
    ("/a", "/", "/a/x/y/", "/x/y/"),
    ("/a", "/", "/ax", "/x"),
    ("/a", "/b", "/a", "/b"),
    ("/a", "/b", "/a/x", "/b/x"),
    ("/a", "/b", "/ax", "/bx"),
    ("/a", "/b/", "/a", "/b/"),
    ("/a", "/b/", "/a/x", "/b/x"),
    ("/a/", "/b", "/a/", "/b/"),
    ("/a/", "/b", "/a/x", "/b/x"),
    ("/a/", "/", "/a/x", "/x"),
    ("/", "/b", "/", "/b/"),
    ("/", "/b", "/x", "/b/x"),
    ("/", "/b/", "/x", "/b/x"),
    ("/a", "/a/a", "/a/a", "/a/a/a"),
]


@pytest.mark.parametrize("match,rewrite,asked,forwarded", TABLE)
def test_the_prefix_is_replaced_with_one_slash_between(fairlead, backend, match, rewrite, asked,
                                                       forwarded):
    app = backend()
    proxy = fairlead(routes.app(app, match=match, prefixRewrite=rewrite))
    for query in ("", "?", "?q=1&r=/a//"):
        assert proxy.get(asked + query).status == 200
        assert app.requests[-1].target == forwarded + query
        assert app.requests[-1].get(ORIGINAL) == asked + query


@pytest.mark.parametrize("rewrite", ["/b HTTP/1.1\r\nX: y", "/b\r\n\r\nGET /c", "/b c", "/b?c", "/b#c",
                                     "/b\\c", "/b%00"])
def test_hostile_51_a_rewrite_that_is_no_path_is_never_forwarded(fairlead, origin, rewrite):
    """It keeps its place: nothing goes to the shorter match."""
    upstream = origin()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", "app"), routes.route("/a", "app", prefixRewrite=rewrite)),
        manifests.service(), manifests.endpoints("app", upstream)))
    assert proxy.get("/a/x").status == 503
    upstream.expect_untouched()


@pytest.fixture
def stripped(fairlead, backend):
    """/a is forwarded as /; /plain as it is."""
    app = backend()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/a", "app", prefixRewrite="/"), routes.route("/plain", "app")),
        manifests.service(), manifests.endpoints("app", app)))
    proxy.app = app
    return proxy


@pytest.mark.parametrize("asked,forwarded,original", [
    ("/./a//x/../y", "/y", "/a/y"),
    ("/%61/%7ex", "/~x", "/a/~x"),
    ("/a/%2fx", "/%2Fx", "/a/%2Fx"),
    ("/a%2fx", "/%2Fx", "/a%2Fx"),
    ("/a/..%2fx", "/..%2Fx", "/a/..%2Fx"),
])
def test_the_normal_form_is_what_is_rewritten(stripped, asked, forwarded, original):
    assert stripped.get(asked).status == 200
    seen = stripped.app.requests[-1]
    assert (seen.target, seen.get(ORIGINAL)) == (forwarded, original)


def test_no_path_becomes_a_network_path(stripped):
    """//evil.test/x would be another host to whoever redirects to it."""
    for asked in ("/a//evil.test/x", "/a/./evil.test/x", "/a///evil.test/x", "//a//evil.test/x"):
        assert stripped.get(asked).status == 200
        assert stripped.app.requests[-1].target == "/evil.test/x"


def test_absolute_form_is_rewritten_too(stripped):
    assert stripped.ask(b"GET http://a.test/a/x?q HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 200
    seen = stripped.app.requests[-1]
    assert (seen.target, seen.get("Host"), seen.get(ORIGINAL)) == ("/x?q", "a.test", "/a/x?q")


def test_a_clients_own_original_path_never_arrives(stripped):
    for path, original in (("/a/x", "/a/x"), ("/plain", None)):
        stripped.get(path, "a.test", f"{ORIGINAL}: /evil", f"Connection: {ORIGINAL}")
        assert stripped.app.requests[-1].get(ORIGINAL) == original


def test_a_trusted_proxys_original_path_is_kept(fairlead, backend):
    app = backend()
    proxy = fairlead(routes.app(app, match="/a", prefixRewrite="/"),
                     "--trusted-proxies", "127.0.0.1")
    proxy.get("/a/x", "a.test", f"{ORIGINAL}: /first/a/x")
    assert app.requests[-1].get(ORIGINAL) == "/first/a/x"


def test_a_route_without_a_rewrite_forwards_what_came(stripped):
    stripped.get("/plain/a")
    seen = stripped.app.requests[-1]
    assert (seen.target, seen.has(ORIGINAL)) == ("/plain/a", False)


def test_attempts_after_the_first_forward_the_same(fairlead, backend):
    apps = [backend(answer(b"no", "503 Service Unavailable", "Connection: close"))
            for _ in range(2)]
    proxy = fairlead(routes.app(*apps, match="/a", prefixRewrite="/b", retryPolicy={"count": 2}))
    assert proxy.get("/a/x?q").status == 503
    seen = [seen for app in apps for seen in app.requests]
    assert len(seen) == 3
    assert {(one.target, one.get(ORIGINAL)) for one in seen} == {("/b/x?q", "/a/x?q")}


def test_an_endpoint_over_http2_gets_the_same(fairlead, h2_backend):
    app = h2_backend()
    proxy = fairlead(routes.app(app, match="/a", prefixRewrite="/",
                                service_annotations=manifests.upstream_protocol("h2c")))
    for client in (proxy.client(), proxy.h2c_client()):
        assert client.get("/a/x?q=1").status == 200
        assert client.get("/a").status == 200
    assert [(seen.target, seen.get(ORIGINAL)) for seen in app.requests] == [
        ("/x?q=1", "/a/x?q=1"), ("/", "/a")] * 2


def test_an_endpoint_over_http2_is_asked_again_with_the_same(fairlead, h2_backend):
    app = h2_backend(lambda request: (b"no", 503))
    proxy = fairlead(routes.app(app, match="/a", prefixRewrite="/", retryPolicy={"count": 1},
                                service_annotations=manifests.upstream_protocol("h2c")))
    assert proxy.get("/a/x?q").status == 503
    assert [(seen.target, seen.get(ORIGINAL)) for seen in app.requests] == [("/x?q", "/a/x?q")] * 2


def test_clients_over_http2_are_rewritten_for(stripped):
    client = stripped.h2c_client()
    assert client.get("/a/x?q", "a.test", (ORIGINAL.lower(), "/evil")).status == 200
    seen = stripped.app.requests[-1]
    assert (seen.target, seen.get(ORIGINAL)) == ("/x?q", "/a/x?q")


def test_a_websocket_is_rewritten(fairlead, origin):
    upstream = origin()
    client = fairlead(routes.app(upstream, match="/a", prefixRewrite="/ws",
                                 enableWebsockets=True)).client()
    client.send(handshake("/a/chat?x"))
    peer = upstream.accept()
    head = peer.read_request_head()
    assert (head.target, head.get(ORIGINAL)) == ("/ws/chat?x", "/a/chat?x")
    peer.send(switching(KEY))
    assert client.read_response().status == 101
    client.send(b"up")
    assert peer.read_exactly(2) == b"up"


def test_the_access_log_keeps_what_the_client_wrote(fairlead, backend):
    proxy = fairlead(routes.app(backend(), match="/a", prefixRewrite="/"), "--access-log", "-")
    proxy.get("/a/./x?q")
    assert '"GET a.test /a/./x?q"' in proxy.access_lines()[0]


def test_explain_shows_what_is_forwarded(fairlead, backend):
    proxy = fairlead(routes.app(backend(), match="/a", prefixRewrite="/"))
    code, out, _ = run("explain", "--objects", proxy.objects, "http://a.test/a/./x?q=1")
    assert code == 0
    assert "forwarded as /x?q=1\n" in out
    assert "forwarded as /x?q=1\n" in proxy.admin("/explain?url=http://a.test/a/x?q=1").body.decode()


def test_the_longest_match_decides_which_rewrite_counts(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/a", "app", prefixRewrite="/one"),
                    routes.route("/a/b", "app", prefixRewrite="/two")),
        manifests.service(), manifests.endpoints("app", app)))
    for asked, forwarded in (("/a/x", "/one/x"), ("/a/b/x", "/two/x"), ("/a/bx", "/twox")):
        proxy.get(asked)
        assert app.requests[-1].target == forwarded


def test_a_large_path_is_rewritten_whole(stripped):
    path = "/x" * 3000
    stripped.get("/a" + path + "?" + "q" * 500)
    assert stripped.app.requests[-1].target == path + "?" + "q" * 500


def test_bodies_go_along(fairlead, backend):
    app = backend()
    proxy = fairlead(routes.app(app, match="/a", prefixRewrite="/"))
    assert proxy.ask(request("POST", "/a/x", body=b"hello")).status == 200
    assert (app.requests[-1].target, app.requests[-1].body) == ("/x", b"hello")
