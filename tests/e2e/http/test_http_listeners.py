# SPDX-License-Identifier: Apache-2.0
"""Where the program listens: several addresses, IPv6, unix sockets."""
import re
import socket

import pytest

from support import manifests
from support.client import request
from support.wire import Wire


def ask(family, address, data):
    sock = socket.socket(family)
    sock.connect(address)
    wire = Wire(sock)
    wire.send(data)
    answer = wire.read_to_end()
    wire.close()
    return answer


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


PROXY_HEADER = b"PROXY TCP4 203.0.113.7 198.51.100.1 1000 80\r\n"
CLOSING = request("GET", "/", "a.test", "Connection: close")


def test_several_listeners_serve_the_same(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--http", "127.0.0.1:0", "--http", "127.0.0.2:0",
                     "--http=127.0.0.1:0")
    proxy.log.wait_for("admin listens")
    found = [match for line in proxy.log.lines
             if (match := re.search(r"http listens address=(\S+):(\d+)", line))]
    assert len({match[2] for match in found}) == len(found) == 3
    for match in found:
        answer = ask(socket.AF_INET, (match[1], int(match[2])), CLOSING)
        assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream, host=None), "--http", "[::1]:0")
    port = int(proxy.log.wait_for(r"http listens address=\[::1\]:(\d+)")[1])
    answer = ask(socket.AF_INET6, ("::1", port),
                 request("GET", "/", f"[::1]:{port}", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    arrived = upstream.requests[0]
    assert (arrived.get("X-Forwarded-For"), arrived.get("X-Forwarded-Port")) == ("::1", str(port))
    assert arrived.get("Host") == f"[::1]:{port}"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_listener_of_all_addresses_names_ipv4_clients_as_such(fairlead, backend):
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--http", ":0")
    port = int(proxy.log.wait_for(r"http listens address=\S*:(\d+)")[1])
    ask(socket.AF_INET, ("127.0.0.1", port), CLOSING)
    assert upstream.requests[0].get("X-Forwarded-For") == "127.0.0.1"


def test_a_unix_socket(fairlead, backend, tmp_path):
    path = tmp_path / "http.sock"
    upstream = backend()
    proxy = fairlead(manifests.app(upstream), "--http", f"unix:{path}")
    answer = ask(socket.AF_UNIX, str(path), CLOSING)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert upstream.requests[0].get("X-Forwarded-For") == "unknown"
    proxy.stop()


def test_a_port_in_use_is_one_clear_line(fairlead, backend):
    first = fairlead(manifests.app(backend()))
    second = fairlead(manifests.app(), "--http", f"127.0.0.1:{first.http_port}", ready=False)
    second.stopped = True  # it ends by itself
    assert second.wait_exit() == 1
    second.log.thread.join(5)
    errors = [line for line in second.log.lines if " error " in line]
    assert len(errors) == 1
    assert str(first.http_port) in errors[0]
    second.check_log()


@pytest.mark.parametrize("flags", [(), ("--trusted-proxies", "10.0.0.0/8")], ids=["all", "some"])
def test_a_peer_on_a_unix_socket_may_send_a_proxy_header(fairlead, backend, tmp_path, flags):
    """It has no address that --trusted-proxies could list."""
    upstream = backend()
    path = tmp_path / "http.sock"
    fairlead(manifests.app(upstream), "--http", f"unix:{path}", "--proxy-protocol", *flags)
    assert ask(socket.AF_UNIX, str(path), PROXY_HEADER + CLOSING).startswith(b"HTTP/1.1 200 ")
    assert upstream.requests[0].get("X-Forwarded-For") == "203.0.113.7"


@pytest.mark.parametrize("flags, seen", [((), "http"), (("--trusted-proxies", "10.0.0.0/8"), "https")],
                         ids=["nobody is trusted", "some are"])
def test_forwarding_fields_of_a_peer_on_a_unix_socket(fairlead, backend, tmp_path, flags, seen):
    upstream = backend()
    path = tmp_path / "http.sock"
    fairlead(manifests.app(upstream), "--http", f"unix:{path}", *flags)
    ask(socket.AF_UNIX, str(path), request("GET", "/", "a.test", "Connection: close",
                                           "X-Forwarded-Proto: https"))
    assert upstream.requests[0].get("X-Forwarded-Proto") == seen
