# SPDX-License-Identifier: Apache-2.0
"""Lengths and encodings that two readers could read differently: hostile-input 1 to 6."""
import pytest

HOST = b"Host: a.test\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


def post(*lines, body=b"", version=b"1.1"):
    return b"POST /x HTTP/" + version + b"\r\n" + HOST + b"".join(
        line + b"\r\n" for line in lines) + b"\r\n" + body


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("lines", [
    (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    (b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    (b"content-length: 15", b"X: y", b"TRANSFER-ENCODING: Chunked"),
    (b"Transfer-Encoding: identity", b"Content-Length: 5"),
    (b"Transfer-Encoding:", b"Content-Length: 5"),
    (b"Content-Length: x", b"Transfer-Encoding: chunked"),
])
def test_hostile_01_length_and_encoding_together(site, lines, version):
    site.refuse(post(*lines, body=CHUNKS + SMUGGLED, version=version))


@pytest.mark.parametrize("lines", [
    (b"Content-Length: 5", b"Content-Length: 5"),
    (b"Content-Length: 5", b"Content-Length: 6"),
    (b"Content-Length: 5", b"X: y", b"content-length: 05"),
    (b"Content-Length: 5, 5",),
    (b"Content-Length: 5,5",),
    (b"Content-Length: 5, 6",),
    (b"Content-Length: 5,",),
    (b"Content-Length: ,5",),
    (b"Content-Length: 0", b"Content-Length: 0"),
    (b"Content-Length: 5", b"Content-Length:"),
])
def test_hostile_02_more_than_one_length(site, lines):
    site.refuse(post(*lines, body=b"hello" + SMUGGLED))


@pytest.mark.parametrize("value", [
    b"+5", b"-1", b"-0", b"0x5", b"1_0", b"5 5", b"", b" ", b"5.0", b"5;", b"5a", b"a", b"\"5\"",
    b"99999999999999999999", b"9223372036854775808", b"18446744073709551621", b"\xef\xbc\x95",
    b"5\x0b", b"\x0c5", b"5\x00", b"0" * 500 + b"x", b"5\xa0", b"\xb2", b"1e1", b"5\t5",
])
def test_hostile_03_a_length_that_is_no_number(site, value):
    site.refuse(post(b"Content-Length: " + value, body=b"hello" + SMUGGLED))


def test_hostile_03_a_length_is_written_anew(site):
    request = site.accept_request(post(b"Content-Length: \t 0005 ", body=b"hello"))
    assert (request.get("Content-Length"), request.body) == ("5", b"hello")


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED", b" \tchunked \t"])
def test_hostile_04_chunked_in_any_case_is_chunked(site, value):
    request = site.accept_request(post(b"Transfer-Encoding:" + value, body=CHUNKS))
    assert (request.get("Transfer-Encoding"), request.body) == ("chunked", b"hello")


@pytest.mark.parametrize("value", [b"gzip", b"identity", b"deflate", b"x-chunked", b"chunkedx",
                                   b"chunke", b"xchunked"])
def test_hostile_04_another_coding_is_not_implemented(site, value):
    site.refuse(post(b"Transfer-Encoding: " + value, body=CHUNKS + SMUGGLED), 501)


@pytest.mark.parametrize("lines", [
    (b"Transfer-Encoding: gzip, chunked",),
    (b"Transfer-Encoding: chunked, gzip",),
    (b"Transfer-Encoding: chunked, chunked",),
    (b"Transfer-Encoding: chunked,",),
    (b"Transfer-Encoding: ,chunked",),
    (b"Transfer-Encoding: \"chunked\"",),
    (b"Transfer-Encoding: 'chunked' x",),
    (b"Transfer-Encoding: chunked;q=1",),
    (b"Transfer-Encoding: chunked ; x",),
    (b"Transfer-Encoding: x chunked",),
    (b"Transfer-Encoding: chunked identity",),
    (b"Transfer-Encoding:",),
    (b"Transfer-Encoding: chunked\x0b",),
    (b"Transfer-Encoding: \x0bchunked",),
    (b"Transfer-Encoding: chunked\x00",),
    (b"Transfer-Encoding: ch\x01unked",),
    (b"Transfer-Encoding: chunked\x7f",),
    (b"Transfer-Encoding: chunked\xa0",),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
    (b"Transfer-Encoding: chunked", b"X: y", b"transfer-encoding:"),
])
def test_hostile_04_anything_else_than_chunked(site, lines):
    site.refuse(post(*lines, body=CHUNKS + SMUGGLED))


@pytest.mark.parametrize("value", [b"chunked", b"gzip", b"chunked, chunked"])
def test_hostile_05_an_encoding_from_a_client_of_1_0(site, value):
    site.refuse(post(b"Transfer-Encoding: " + value, body=CHUNKS, version=b"1.0"))
    site.refuse(post(b"Connection: keep-alive", b"Transfer-Encoding: " + value, body=CHUNKS,
                     version=b"1.0"))


@pytest.mark.parametrize("name", [b"Content-Length", b"Transfer-Encoding"])
@pytest.mark.parametrize("disguise", [
    b"%s :", b"%s\t:", b"%s \t :", b" %s:", b"\t%s:", b"\x0b%s:", b"\x0c%s:", b"%s\x0b:",
    b"%s\x00:", b"\x00%s:", b"%s\xa0:", b"\xa0%s:", b"\"%s\":", b"(%s):", b"%s\x7f:", b"X: y\r%s:",
])
def test_hostile_06_a_framing_name_in_disguise(site, name, disguise):
    value = b" 5" if name == b"Content-Length" else b" chunked"
    line = disguise.replace(b"%s", name) + value
    body = b"hello" if name == b"Content-Length" else CHUNKS
    site.refuse(post(line, body=body))
    site.refuse(b"POST /x HTTP/1.1\r\n" + line + b"\r\n" + HOST + b"\r\n" + body)


@pytest.mark.parametrize("line", [b"Content\x0bLength: 5", b"Transfer\x00Encoding: chunked",
                                  b"Content Length: 5", b"Transfer\xa0Encoding: chunked"])
def test_hostile_06_a_framing_name_broken_inside(site, line):
    site.refuse(post(line, body=b"hello"))
