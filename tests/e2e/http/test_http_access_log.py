# SPDX-License-Identifier: Apache-2.0
"""One line a request, as text and as JSON, to stdout, to a file, through a rotation."""
import json
import re
import signal

import pytest

from support import manifests
from support.client import request
from support.wait import wait_until

TEXT = re.compile(
    r'(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<client>\S+) '
    r'"(?P<method>\S+) (?P<host>\S+) (?P<path>\S+)" (?P<status>\d+) (?P<reason>\S+) '
    r'(?P<bytes_in>\d+) (?P<bytes_out>\d+) (?P<duration>[0-9.]+)ms (?P<upstream>\S+) '
    r'(?P<attempts>\d+) "(?P<route>[^"]*)" (?P<request_id>\S+) (?P<protocol>\S+) '
    r'(?P<tls_version>\S+) (?P<tls_cipher>\S+) (?P<sni>\S+)')


def test_fields_of_a_text_line(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream))
    proxy.ask(request("POST", "/x/../y?z=1", "a.test:81", "X-Request-Id: my-id", body=b"hello"))
    line = TEXT.fullmatch(proxy.access_lines()[0])
    assert line, proxy.output.lines
    assert {name: line[name] for name in line.groupdict() if name not in ("time", "duration")} == {
        "client": "127.0.0.1", "method": "POST", "host": "a.test:81", "path": "/x/../y?z=1",
        "status": "200", "reason": "-", "bytes_in": "5", "bytes_out": "2",
        "upstream": f"127.0.0.1:{upstream.port}", "attempts": "1",
        "route": "Ingress default/app-ingress", "request_id": "my-id", "protocol": "HTTP/1.1",
        "tls_version": "-", "tls_cipher": "-", "sni": "-"}
    assert 0 < float(line["duration"]) < 10000


def test_fields_of_a_json_line(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--access-log-format", "json",
                     "--workers", "1")  # one worker's lines are in order
    proxy.ask(request("POST", "/y?z=1", "a.test", "X-Request-Id: my-id", body=b"hello"))
    proxy.get("/", "none.test")
    first, second = map(json.loads, proxy.access_lines(2)[:2])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert 0 < first.pop("duration_us") < 10_000_000
    assert first == {
        "client": "127.0.0.1", "method": "POST", "host": "a.test", "path": "/y", "query": "?z=1",
        "protocol": "HTTP/1.1", "status": 200, "reason": "-", "bytes_in": 5, "bytes_out": 2,
        "upstream": f"127.0.0.1:{upstream.port}", "attempts": 1,
        "route": "Ingress default/app-ingress", "request_id": "my-id",
        "tls_version": "", "tls_cipher": "", "sni": ""}
    assert (second["status"], second["reason"], second["upstream"], second["attempts"]) == (
        404, "no_host", "-", 0)


def test_the_admin_port_is_not_in_it(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    for _ in range(5):
        proxy.metrics()
    proxy.get("/only")
    assert len(proxy.access_lines()) == 1


def test_it_can_be_off(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--access-log", "off")
    proxy.get("/")
    proxy.stop()
    assert proxy.output.lines == []


def test_nothing_is_lost_at_the_end(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    for number in range(500):
        client.get(f"/{number}")
    proxy.stop()
    assert [f"/{number}" in line for number, line in enumerate(proxy.output.lines)] == [True] * 500


def test_a_file_and_its_rotation(fairlead, backend, tmp_path):
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    proxy = fairlead(manifests.app(backend()), "--access-log", path)
    proxy.get("/first")
    wait_until(lambda: "/first" in path.read_text())
    path.rename(old)
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(path.exists, "the new file")
    proxy.get("/second")
    wait_until(lambda: "/second" in path.read_text())
    assert "/second" not in old.read_text()
    assert proxy.output.lines == []


def test_a_line_for_what_was_no_request(fairlead):
    proxy = fairlead(manifests.app())
    proxy.ask(b"GET /\x01 HTTP/1.1\r\n\r\n", "GET")
    assert re.search(r'" 400 bad_\w+ ', proxy.access_lines()[0])


@pytest.mark.parametrize("sent,status,protocol", [
    (b"GET /\x01 HTTP/1.1\r\n\r\n", "400", "-"), (b"NONSENSE\r\n\r\n", "400", "-"),
    (b"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "431", "-"),
    (b"GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", "400", "HTTP/1.1"),
    (b"GET / HTTP/1.0\r\nHost : a.test\r\n\r\n", "400", "HTTP/1.0")],
    ids=["a byte in the target", "no request line", "a long head", "a bad field", "a bad field of HTTP/1.0"])
def test_the_protocol_is_named_where_a_request_line_was_read(fairlead, sent, status, protocol):
    proxy = fairlead(manifests.app())
    proxy.ask(sent, "GET")
    line = TEXT.fullmatch(proxy.access_lines()[0])
    assert (line["status"], line["protocol"]) == (status, protocol), line.string
