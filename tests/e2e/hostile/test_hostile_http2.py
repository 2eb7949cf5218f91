# SPDX-License-Identifier: Apache-2.0
"""Malformed messages over HTTP/2: hostile-input 60 to 65 and 75. Frames, heads and floods have files of
their own."""
import pytest

from support import frames
from support.frames import PROTOCOL_ERROR, request_fields

GET = request_fields(scheme="http")


def fields(*more, **changes):
    return request_fields(*more, scheme=changes.pop("scheme", "http"), **changes)


def refuse(site, block, *codes, answers=()):
    """
    A request with this head is reset and reaches nobody; or, where `answers` allows it, answered so.
    The connection lives on.
    """
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, block))
    message = client.ending(stream)
    if message.fields is not None and answers:
        assert message.status in answers, message
    else:
        client.expect_reset(stream, *(codes or (PROTOCOL_ERROR,)))
    client.expect_alive()
    site.origin.expect_untouched()


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


def test_what_these_tests_vary_is_a_request(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("x", "y")))
    assert (arrived.method, arrived.target, arrived.get("x")) == ("GET", "/", "y")


# ---- 60: pseudo-fields ----


@pytest.mark.parametrize("block", [
    fields((":unknown", "x")), fields((":status", "200")), fields((":method", "GET")),
    fields((":path", "/other")), fields((":authority", "b.test")), fields((":scheme", "http")),
    fields(method=None), fields(path=None), fields(scheme=None),
    [("x", "y"), *GET], [*GET[:3], ("x", "y"), GET[3]],
    fields(path=""), fields(method=""), fields(scheme=""), fields(("", "x")),
], ids=["unknown", "of-a-response", "two-methods", "two-paths", "two-authorities", "two-schemes",
        "no-method", "no-path", "no-scheme", "late", "one-late", "empty-path", "empty-method",
        "empty-scheme", "empty-name"])
def test_hostile_60_pseudo_fields(site, block):
    refuse(site, block)


@pytest.mark.parametrize("name", [":path", ":method", ":status", ":unknown"])
def test_hostile_60_pseudo_fields_in_trailers(site, name):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [(name, "/x")]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer.expect_aborted()


def test_hostile_60_trailers_that_do_not_end_the_stream(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [("x", "y")], end=False))
    client.wait(lambda: client.goaways or client.messages.get(stream), "the refusal")
    code = client.goaways[0].code if client.goaways else client.messages[stream].reset
    assert code == PROTOCOL_ERROR
    peer.expect_aborted()


# ---- 61: names and values ----


@pytest.mark.parametrize("name", [
    "X-Upper", "x-Upper", "x:y", "x y", "x\ty", "x\0", "x\r", "x\n", "x\r\ny", "x\x7f", "x\x80", "x\xe9",
    "x(y", "x,y", " x", "x ",
])
def test_hostile_61_a_name_that_is_none(site, name):
    refuse(site, fields((name, "1")))


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\r\nInjected: 1", "a\0b", "\r", "\n", "\0",
                                   "a\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"])
def test_hostile_61_a_value_with_a_line_end(site, value):
    refuse(site, fields(("x", value)))


@pytest.mark.parametrize("value", [" a", "a ", "\ta", "a\t", " ", "a \t"])
def test_hostile_61_blanks_around_a_value(site, value):
    refuse(site, fields(("x", value)))


@pytest.mark.parametrize("value", ["", "a b", "a\tb", "\xff\x80", "a" * 8000])
def test_hostile_61_other_values_pass(site, value):
    assert arrives(site, site.proxy.h2c_client(), fields(("x", value))).get("x") == value


@pytest.mark.parametrize("pseudo", ["method", "path", "host", "scheme"])
@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\0", " ", "\x7f", "\t"])
def test_hostile_61_pseudo_fields_inject_nothing(site, pseudo, bad):
    start = {"method": "GET", "path": "/", "host": "a.test", "scheme": "http"}[pseudo]
    refuse(site, fields(**{pseudo: start + bad}))


# ---- 62: fields of a connection ----


@pytest.mark.parametrize("field", [
    ("connection", "close"), ("connection", "x"), ("transfer-encoding", "chunked"),
    ("transfer-encoding", "identity"), ("upgrade", "websocket"), ("upgrade", "h2c"),
    ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("te", "gzip"),
    ("te", "trailers, gzip"), ("te", ""), ("te", "chunked"),
], ids=lambda field: "-".join(field))
def test_hostile_62_fields_of_a_connection(site, field):
    refuse(site, fields(field))


def test_hostile_62_te_trailers_is_fine(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("te", "trailers")))
    assert not arrived.has("Transfer-Encoding")


@pytest.mark.parametrize("field", [("transfer-encoding", "chunked"), ("connection", "close")])
def test_hostile_62_not_in_trailers_either(site, field):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.data(stream, b"x"), frames.headers(stream, [field]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer.expect_aborted()


# ---- 63: lengths ----


@pytest.mark.parametrize("length, sent", [("5", b"hell"), ("5", b"hello!"), ("5", b""), ("0", b"x"),
                                          ("5", b"hello\r\nGET /smuggled HTTP/1.1\r\n\r\n")])
def test_hostile_63_a_length_that_is_not_kept(site, length, sent):
    """The endpoint never sees a complete request, nor a byte more than the length."""
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", length), method="POST"), end=False),
                frames.data(stream, sent, end=True))
    client.expect_reset(stream, PROTOCOL_ERROR)
    client.expect_alive()
    peer = site.origin.accept_waiting()
    if peer is not None:
        peer.expect_aborted()
        assert b"smuggled" not in peer.received


def test_hostile_63_a_body_that_grows_past_its_length_after_a_while(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), method="POST"), end=False),
                frames.data(stream, b"hel"))
    peer = site.origin.accept()
    peer.read_until(b"hel")
    client.send(frames.data(stream, b"lo and more"))
    client.expect_reset(stream, PROTOCOL_ERROR)
    assert b"more" not in peer.read_to_end()
    peer.expect_aborted()


def test_hostile_63_an_end_before_the_length(site):
    refuse(site, fields(("content-length", "5"), method="POST"))


def test_hostile_63_trailers_before_the_length(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), method="POST"), end=False),
                frames.data(stream, b"hell"), frames.headers(stream, [("x", "y")]))
    client.expect_reset(stream, PROTOCOL_ERROR)
    peer = site.origin.accept_waiting()
    assert peer is None or peer.expect_aborted() is None


@pytest.mark.parametrize("value", ["+5", "-1", "0x5", "5 5", "", "5,5", "99999999999999999999", "1_0"])
def test_hostile_63_a_length_that_is_no_number(site, value):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", value), method="POST"), end=False))
    client.expect_reset(stream, PROTOCOL_ERROR)
    site.origin.expect_untouched()


@pytest.mark.parametrize("second", ["5", "6"])
def test_hostile_63_two_lengths(site, second):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(("content-length", "5"), ("content-length", second),
                                              method="POST"), end=False))
    client.expect_reset(stream, PROTOCOL_ERROR)
    site.origin.expect_untouched()


# ---- 64, 65: what a request line would be ----


@pytest.mark.parametrize("changes", [
    {"method": "GE T"}, {"method": "GET/"}, {"method": "G" * 33}, {"method": "\xe9"},
    {"path": "x"}, {"path": "http://a.test/"}, {"path": "*"}, {"path": "/a b"}, {"path": "/\x80"},
    {"path": "/#x"}, {"path": "/\x01"}, {"scheme": "ftp"}, {"scheme": "https"}, {"scheme": "HTTP/"},
    {"method": "OPTIONS", "path": "*x"},
], ids=str)
def test_hostile_64_a_request_line_that_could_not_be(site, changes):
    refuse(site, fields(**changes))


@pytest.mark.parametrize("path", ["/%zz", "/%u002f", "/%", "/%0", "/%00", "/..", "/a/../../b",
                                  "/%2e%2e/", "/\\", "/%5c"])
def test_hostile_64_a_path_with_no_normal_form(site, path):
    """As over HTTP/1: rules 33 to 37."""
    refuse(site, fields(path=path), answers=(400,))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_hostile_64_methods_that_are_not_for_here(site, method):
    changes = {"path": None, "scheme": None} if method == "CONNECT" else {}
    refuse(site, fields(method=method, **changes), answers=(400, 405))


def test_hostile_64_unknown_methods_pass(site):
    assert arrives(site, site.proxy.h2c_client(), fields(method="BREW")).method == "BREW"


@pytest.mark.parametrize("host", [
    "user@a.test", "a.test/x", "a test", "a.test:99999", "a.test:x", "a%2etest", "", "a.test,b.test",
    "a.test?x", "a.test#x", "[::1", "http://a.test",
])
@pytest.mark.parametrize("where", ["authority", "host"])
def test_hostile_65_an_authority_that_is_none(site, host, where):
    block = (fields(host=host) if where == "authority" else fields(("host", host), host=None))
    refuse(site, block)


@pytest.mark.parametrize("host", ["b.test", "a.test:81", "a.test.evil", "a.tes", ""])
def test_hostile_65_authority_and_host_that_differ(site, host):
    refuse(site, fields(("host", host)))


def test_hostile_65_two_hosts(site):
    refuse(site, fields(("host", "a.test"), ("host", "b.test"), host=None))


def test_hostile_65_no_host_at_all(site):
    refuse(site, fields(host=None), answers=(400,))


def test_hostile_65_authority_and_host_that_agree(site):
    arrived = arrives(site, site.proxy.h2c_client(), fields(("host", "a.test")))
    assert arrived.get("Host") == "a.test"


# ---- 75: what is not for clients ----


def test_hostile_75_a_client_does_not_push(site):
    client = site.proxy.h2c_client()
    stream = client.new_stream()
    client.send(frames.headers(stream, fields(method="POST"), end=False))
    peer = site.origin.accept()
    client.send(frames.push_promise(stream, 2, GET))
    client.expect_goaway(PROTOCOL_ERROR)
    peer.expect_aborted()


@pytest.mark.parametrize("protocol", ["connect-udp", "", "websocket\r\n", "h2c"])
def test_hostile_75_an_extended_connect_of_another_kind(site, protocol):
    refuse(site, fields((":protocol", protocol), method="CONNECT"), answers=(400, 405, 501))


def test_hostile_75_a_protocol_without_a_connect(site):
    refuse(site, [*GET, (":protocol", "websocket")])


def test_hostile_75_goaways_of_a_client_are_no_weapon(site):
    client = site.proxy.h2c_client()
    for last in (5, 0, 0x7FFFFFFF, 1, 2):
        client.wire.send_if_open(frames.goaway(last, PROTOCOL_ERROR))
    client.read_to_end()
    assert site.proxy.ask(b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 200
