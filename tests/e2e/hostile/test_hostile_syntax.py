# SPDX-License-Identifier: Apache-2.0
"""Heads that are not exactly HTTP/1, and limits of size: hostile-input 17 to 32."""
import pytest

from support import manifests
from support.client import RawClient, request

HOST = b"Host: a.test\r\n"
CONTROLS = [byte for byte in range(0x20) if byte not in (0x09, 0x0a, 0x0d)] + [0x7f]


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\nHost: a.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test\r\n\n",
    b"GET / HTTP/1.1\r\nHost: a.test\n\n",
    b"GET / HTTP/1.1\nHost: a.test\n\n",
    b"GET / HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\nHost: a.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: y\n\r\nHost: a.test\r\n\r\n",
    b"\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
])
def test_hostile_17_a_bare_lf_in_the_head(site, head):
    site.refuse(head)


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nX: a\rb\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nX: y\r\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nX: \ry\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nX\r: y\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n\rX: y\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\rX: y\r\n" + HOST + b"\r\n",
    b"GET /\r HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET\r/ HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: y\rHost: b.test\r\n" + HOST + b"\r\n",
    b"\rGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"\r\rGET / HTTP/1.1\r\n" + HOST + b"\r\n",
])
def test_hostile_18_a_bare_cr_in_the_head(site, head):
    site.refuse(head)


@pytest.mark.parametrize("blank", [b" ", b"\t", b"  \t"])
@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nX: y\r\n%sfolded\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n%sX: y\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n%s\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n%sa.test\r\n\r\n",
    b"GET / HTTP/1.1\r\n%s\r\n" + HOST + b"\r\n",
    b"%sGET / HTTP/1.1\r\n" + HOST + b"\r\n",
])
def test_hostile_19_a_folded_line(site, head, blank):
    site.refuse(head.replace(b"%s", blank))


@pytest.mark.parametrize("line", [
    b": y", b":", b"X Y: z", b"X\"Y: z", b"X(Y): z", b"X,Y: z", b"X/Y: z", b"X;Y: z", b"X=Y: z",
    b"X@Y: z", b"X[Y]: z", b"X\\Y: z", b"X{Y}: z", b"X?: z", b"<X>: z", b"X\xe9: z", b"\xc3\xa9: z",
    b"no colon", b"X", b"X\x7f: y", b"X\x00: y", b"X : y", b"GET / HTTP/1.1",
])
def test_hostile_20_a_line_without_a_name(site, line):
    site.refuse(b"GET / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n")


@pytest.mark.parametrize("byte", CONTROLS)
def test_hostile_21_a_control_byte_in_a_value(site, byte):
    control = bytes([byte])
    for value in (b"a" + control + b"b", control + b"b", b"a" + control, control):
        site.refuse(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + value + b"\r\n\r\n")


def test_hostile_21_high_bytes_and_tabs_pass_unchanged(site):
    high = bytes(range(0x80, 0x100))
    arrived = site.accept_request(
        b"GET / HTTP/1.1\r\n" + HOST + b"X-High: " + high + b"\r\nX-Tab: a\t b\r\n\r\n")
    assert arrived.get("X-High").encode("latin-1") == high
    assert arrived.get("X-Tab") == "a\t b"


def test_hostile_22_underscored_names_are_dropped_and_counted(site):
    metric = "fairlead_header_lines_dropped_total"
    before = site.proxy.metric(metric)
    arrived = site.accept_request(request(
        "GET", "/", "a.test", "X_Forwarded_For: 1.2.3.4", "X-Forwarded_For: 1.2.3.4", "a_b: c",
        "Content_Length: 5", "X-Kept: yes", "_: y"))
    assert [name for name in arrived.names if "_" in name] == []
    assert arrived.get("X-Kept") == "yes"
    assert arrived.get("X-Forwarded-For") == "127.0.0.1"
    assert site.proxy.metric(metric) - before == 5


def test_hostile_22_allowed_underscores_are_no_alias_of_trusted_names(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--allow-underscores")
    aliases = ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded_proto", "X_Forwarded-Host",
               "X_Forwarded_Port", "X_Real_IP", "X_Request_Id", "X_Fairlead_Secret",
               "Content_Length", "Transfer_Encoding"]
    proxy.get("/", "a.test", "my_own: value", *(f"{name}: 1" for name in aliases))
    arrived = upstream.requests[0]
    assert arrived.get("my_own") == "value"
    assert [name for name in aliases if arrived.has(name)] == []


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\nhOST: b.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test,\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.test\r\nHost:\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
])
def test_hostile_23_not_exactly_one_host(site, head):
    site.refuse(head)


def test_hostile_23_http_1_0_without_host_gets_no_named_host(site):
    client = site.client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.expect_answer_and_end(404).reason_code == "no_host"


def test_hostile_23_http_1_0_without_host_gets_the_host_less_rules(fairlead, backend):
    named, bare = backend(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"), backend()
    proxy = fairlead(manifests.documents(manifests.app(named),
                                         manifests.app(bare, host=None, name="bare")))
    assert proxy.ask(b"GET / HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("host", [
    b"", b" ", b"user@a.test", b"user:x@a.test", b"a.test/", b"a.test/x", b"a test", b"a.test x",
    b"a\ttest", b"a%2etest", b"a.test%00", b"%61.test", b"a.test:65536", b"a.test:99999",
    b"a.test:-1", b"a.test:80:80", b"a.test:8x", b"a.test:+80", b"http://a.test", b"a.test?x",
    b"a.test#x", b"a\\test", b"[::1", b"::1", b"[::1]x", b"[zz]", b"[]", b"a.test\xe9", b"a<b",
    b"a\"b", b":80", b"a.test: 80", b"a.test:080000", b"[::1]:65536", b"a|b", b"a`b", b"a{b}",
    b"a^b",
])
def test_hostile_24_a_host_that_is_none(site, host):
    site.refuse(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")


@pytest.mark.parametrize("target, host", [
    (b"http://a.test/p?q=1", b"a.test"), (b"HTTP://a.test/p?q=1", b"a.test"),
    (b"http://A.Test/p?q=1", b"a.test"), (b"http://a.test:80/p?q=1", b"a.test"),
    (b"http://a.test/p?q=1", b"a.test:80"), (b"http://a.test/p?q=1", b"A.TEST"),
    (b"http://a.test:8080/p?q=1", b"a.test:8080"),
])
def test_hostile_25_absolute_form_becomes_origin_form(site, target, host):
    arrived = site.accept_request(b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert arrived.target == "/p?q=1"
    assert arrived.get("Host").lower().removesuffix(":80") in ("a.test", "a.test:8080")


def test_hostile_25_the_target_replaces_the_host_of_http_1_0(site):
    arrived = site.accept_request(b"GET http://a.test/p HTTP/1.0\r\n\r\n")
    assert (arrived.target, arrived.get("Host")) == ("/p", "a.test")


@pytest.mark.parametrize("target", [b"http://a.test", b"http://a.test?q=1"])
def test_hostile_25_an_absolute_target_without_path_is_the_root(site, target):
    arrived = site.accept_request(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert arrived.target in ("/", "/?q=1")


@pytest.mark.parametrize("target, host", [
    (b"http://b.test/", b"a.test"), (b"http://a.test/", b"b.test"),
    (b"http://a.test:8080/", b"a.test"),
    (b"http://a.test/", b"a.test:8080"), (b"https://a.test/", b"a.test"),
    (b"ftp://a.test/", b"a.test"),
    (b"http:///", b"a.test"), (b"http://", b"a.test"), (b"http:/a.test/", b"a.test"),
    (b"http://user@a.test/", b"a.test"), (b"http://a.test:99999/", b"a.test"),
    (b"http:a.test/", b"a.test"), (b"//a.test/..", b"b.test:x"),
    (b"http://a.test\\@b.test/", b"a.test"),
    (b"ws://a.test/", b"a.test"), (b"http://a.test%2f/", b"a.test"),
    (b"javascript:alert(1)", b"a.test"),
])
def test_hostile_25_a_target_that_disagrees(site, target, host):
    site.refuse(b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")


@pytest.mark.parametrize("target", [b"a.test:443", b"a.test:80", b"/", b"http://a.test/"])
def test_hostile_26_connect(site, target):
    site.refuse(b"CONNECT " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n", 405)


@pytest.mark.parametrize("head", [
    b"GET a.test:80 HTTP/1.1\r\n", b"GET a.test HTTP/1.1\r\n", b"POST a.test:443 HTTP/1.1\r\n",
    b"OPTIONS a.test:443 HTTP/1.1\r\n", b"GET * HTTP/1.1\r\n", b"POST * HTTP/1.1\r\n",
    b"GET *x HTTP/1.1\r\n", b"OPTIONS *x HTTP/1.1\r\n", b"OPTIONS *?q HTTP/1.1\r\n",
    b"GET ?q HTTP/1.1\r\n", b"GET x HTTP/1.1\r\n",
])
def test_hostile_26_a_form_of_target_that_the_method_has_not(site, head):
    site.refuse(head + HOST + b"\r\n")


def test_hostile_26_options_asterisk_is_answered_here(site):
    response = site.client().ask(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (response.status, response.body) == (200, b"")
    assert "GET" in response.get("Allow")
    site.origin.expect_untouched()


@pytest.mark.parametrize("method", [
    b"", b"G ET", b"GE\tT", b"G\"ET", b"GET\x00", b"G\xc9T", b"GET,", b"G/T", b"(GET)", b"G:T",
    b"[]", b"A" * 33, b"A" * 1000, b"G=T", b"{GET}", b"G\\T",
])
def test_hostile_27_a_method_that_is_no_token(site, method):
    site.refuse(method + b" / HTTP/1.1\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("method", [
    "BREW", "PROPFIND", "get", "X-1.2!#$%&'*+^_`|~", "A" * 32, "PATCH", "PURGE", "M-SEARCH", "Get",
])
def test_hostile_27_unknown_methods_route_normally(site, method):
    assert site.accept_request(request(method, "/x")).method == method


@pytest.mark.parametrize("target", [b"/", b"http://a.test/"])
def test_hostile_27_trace(site, target):
    site.refuse(b"TRACE " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n", 405)


@pytest.mark.parametrize("line", [
    b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ",
    b"GET\t/ HTTP/1.1", b"GET /\tHTTP/1.1", b"GET / HTTP/1.1\t", b"GET\x0b/ HTTP/1.1",
    b"GET / HTTP/1.1 x", b"GET / x HTTP/1.1", b"GET /", b"GET", b"GET / ", b"GET / HTTP/0.9",
    b"GET / HTTP", b"GET / HTTP/", b"GET / HTTP/1", b"GET / HTTP/1.", b"GET / HTTP/1.1.1",
    b"GET / HTTP/11", b"GET / HTTP/1.10", b"GET / http/1.1", b"GET / HTTP/x.y", b"GET / HTTPS/1.1",
    b"GET / HTTP /1.1", b"GET / HTTP/1,1", b"GET / HTTP/+1.1", b"GET / XTTP/1.1", b"/ HTTP/1.1",
    b"GET HTTP/1.1", b"GET / HTTP/\xb9.1", b"GET / HTTP/1.1\x00", b"GET / ICE/1.0",
    b"GET / RTSP/1.0",
])
def test_hostile_28_a_malformed_request_line(site, line):
    site.refuse(line + b"\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("version", [b"2.0", b"3.0", b"9.9", b"2.1"])
def test_hostile_28_another_major_version(site, version):
    site.refuse(b"GET / HTTP/" + version + b"\r\n" + HOST + b"\r\n", 505)


@pytest.mark.parametrize("byte", CONTROLS + [0x09, 0x80, 0xa0, 0xc3, 0xff, ord("#")])
@pytest.mark.parametrize("where", ["/a%sb", "/%s", "/a?b%sc", "%s/a", "http://a.test/%s"])
def test_hostile_29_a_target_with_a_foreign_byte(site, byte, where):
    target = where.encode().replace(b"%s", bytes([byte]))
    site.refuse(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")


def test_hostile_30_one_empty_line_before_a_request_is_skipped(site):
    assert site.accept_request(b"\r\n" + request("GET", "/x")).target == "/x"


def test_hostile_30_one_empty_line_between_requests_is_skipped(site):
    client = site.client()
    client.send(request("OPTIONS", "*") + b"\r\n" + request("OPTIONS", "*"))
    assert [client.read_response().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("junk", [
    b"\r\n\r\n", b"\r\n\r\n\r\n", b"\r\n \r\n", b"\n", b"\x00", b" ", b"\t", b"\xef\xbb\xbf",
    b"\x1b[0m", b"\r\n\n", b"{}\r\n", b"\xff\xfb",
])
def test_hostile_30_junk_before_a_request(site, junk):
    site.refuse(junk + request("GET", "/x"))


@pytest.mark.parametrize("junk", [b"\r\n\r\n", b"\n", b"\x00", b"x"])
def test_hostile_30_junk_after_a_request(site, junk):
    client = site.client()
    client.send(request("OPTIONS", "*") + junk + b" / HTTP/1.1\r\n\r\n")
    assert client.read_response().status == 200
    client.expect_answer_and_end(400)


@pytest.mark.parametrize("hello", [
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 32,
    b"\x16\x03\x03\x02\x00\x01\x00\x01\xfc",
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
    b"\x16",
])
def test_hostile_30_tls_on_a_plain_port(site, hello):
    site.refuse_silently(hello)


@pytest.mark.parametrize("preface", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
])
def test_hostile_30_an_http_2_preface_after_a_request_of_http_1(site, preface):
    client = site.client()
    client.send(request("OPTIONS", "*") + preface)
    assert client.read_response().status == 200
    client.expect_end()


def test_hostile_30_an_http_2_preface_on_the_admin_port(site):
    client = RawClient(site.proxy.admin_port)
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    client.expect_end()


@pytest.mark.parametrize("target", [b"/" + b"x" * 16384, b"/" + b"x" * 60000, b"/?" + b"x" * 20000])
def test_hostile_31_a_target_that_is_too_long(site, target):
    site.refuse(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414)


def test_hostile_31_a_target_without_end(site):
    client = site.client()
    client.send(b"GET /" + b"x" * 20000)
    client.expect_answer_and_end(414)


@pytest.mark.parametrize("lines", [
    [b"X-%d: y" % number for number in range(100)],
    [b"X: " + b"y" * 66000],
    [b"X" * 66000 + b": y"],
    [b"X-%d: " % number + b"y" * 1000 for number in range(70)],
], ids=["lines", "value", "name", "sum"])
def test_hostile_31_a_head_that_is_too_large(site, lines):
    site.refuse(request("GET", "/", "a.test", *lines), 431)


def test_hostile_31_a_head_without_end(site):
    client = site.client()
    client.send(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(20):
        client.send_if_open(b"x" * 5000)
    client.expect_answer_and_end(431)


def test_hostile_31_what_is_just_allowed(site):
    arrived = site.accept_request(request("GET", "/" + "x" * 16383, "a.test",
                                          *(f"X-{number}: " + "y" * 450 for number in range(99))))
    assert len(arrived.target) == 16384
    assert arrived.get("X-98") == "y" * 450


def test_hostile_31_the_limits_are_flags(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--max-request-target-bytes", "256",
                     "--max-request-head-bytes", "1024", "--max-request-fields", "8")
    assert proxy.get("/" + "x" * 255).status == 200
    assert proxy.get("/" + "x" * 256).status == 414
    assert proxy.get("/", "a.test", "X: " + "y" * 1024).status == 431
    assert proxy.get("/", "a.test", *(f"X-{number}: y" for number in range(8))).status == 431


@pytest.fixture
def limited(fairlead, origin):
    upstream = origin()
    return fairlead(manifests.app(upstream), "--max-request-body-bytes", "1000"), upstream


def test_hostile_32_a_length_over_the_limit_is_known_at_once(limited):
    proxy, upstream = limited
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Content-Length: 1001"))
    client.expect_answer_and_end(413)
    upstream.expect_untouched()


def test_hostile_32_chunks_over_the_limit(limited):
    proxy, upstream = limited
    client = proxy.client()
    client.send(request("POST", "/", "a.test", "Transfer-Encoding: chunked") +
                b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    peer = upstream.accept()
    peer.read_request_head()
    peer.read_until(b"x\r\n")
    client.send(b"1\r\nx\r\n0\r\n\r\n")
    client.expect_answer_and_end(413)
    peer.expect_aborted()


def test_hostile_32_a_body_at_the_limit(limited):
    proxy, upstream = limited
    client = proxy.client()
    client.send(request("POST", "/", body=b"x" * 1000))
    peer = upstream.accept()
    assert len(peer.read_request().body) == 1000
    peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert client.read_response().status == 204
