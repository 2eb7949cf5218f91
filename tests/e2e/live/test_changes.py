# SPDX-License-Identifier: Apache-2.0
"""
Everything changes while clients are served: no request may fail, no connection may be closed.

FAIRLEAD_LIVE_CHANGES, FAIRLEAD_LIVE_SWAPS and FAIRLEAD_LIVE_WEBSOCKETS make these runs longer.
"""
import os
import threading

import pytest

import prometheus
from support import manifests
from support.client import RawClient
from support.fairlead import is_sanitized
from support.load import Load, WebSocket
from support.wait import wait_until

CHANGES = int(os.environ.get("FAIRLEAD_LIVE_CHANGES", "300"))
SWAPS = int(os.environ.get("FAIRLEAD_LIVE_SWAPS", "250"))
WEBSOCKETS = int(os.environ.get("FAIRLEAD_LIVE_WEBSOCKETS", "60"))

WEBSOCKET_ANNOTATION = manifests.contour(websocket_routes="/,/ws")


def closed_by_us(proxy):
    """Connections that the proxy ended, but for those that the client asked it to end."""
    families = prometheus.parse(proxy.admin("/metrics").body.decode())
    name = "fairlead_connections_closed_total"
    return prometheus.total(families, name) - prometheus.total(families, name, why="asked")


def wait_one_table(proxy):
    proxy.wait_gauge("fairlead_tables", 1)


class Changes:
    """The same requests are answered all along; by what and along which route changes all the time."""

    def __init__(self, proxy, ports):
        self.proxy, self.ports = proxy, ports
        self.kinds = (self.add, self.rewrite, self.endpoints, self.remove, self.break_file,
                      self.truncate, self.other_host, self.endpoints, self.limits, self.rewrite)

    @staticmethod
    def files(ports):
        return {"host.yaml": manifests.ingress_of("host", [("a.test", [("/", "app")])]),
                "app.yaml": manifests.service("app"), "other.yaml": manifests.service("other"),
                "app-endpoints.yaml": manifests.endpoints("app", *ports),
                "other-endpoints.yaml": manifests.endpoints("other", *ports)}

    def apply(self, number):
        self.kinds[number % len(self.kinds)](number)

    def host_manifest(self, number):
        services = ("app", "other")
        paths = [("/", services[number % 2])]
        if number % 3 > 0:
            paths.append(("/bytes", services[(number + 1) % 2]))
        if number % 3 > 1:
            paths.append(("/bytes/100", services[number % 2], 80, "Exact"))
        return manifests.ingress_of("host", [("a.test", paths)])

    def rewrite(self, number):
        self.proxy.write("host.yaml", self.host_manifest(number))

    def truncate(self, number):
        """As an editor does it: the same file is emptied, then filled in two writes."""
        text = self.host_manifest(number)
        with open(self.proxy.objects / "host.yaml", "w", encoding="utf-8") as file:
            file.write(text[:len(text) // 2])
            file.flush()
            file.write(text[len(text) // 2:])

    def break_file(self, number):
        self.proxy.write("host.yaml", f"kind: Ingress\nmetadata: {{name: host-{number}\n  - ]\n")

    def add(self, number):
        self.proxy.write(f"more/{number}.yaml", manifests.ingress_of(
            f"more-{number}", [("a.test", [(f"/more/{number}", "app"), ("/bytes", "other")])]))

    def remove(self, number):
        (self.proxy.objects / "more" / f"{number - 3}.yaml").unlink(missing_ok=True)

    def endpoints(self, number):
        ports = (self.ports, self.ports[:1], self.ports[1:])[number // 5 % 3]
        self.proxy.write("app-endpoints.yaml", manifests.endpoints("app", *ports))

    def limits(self, number):
        self.proxy.write("app.yaml", manifests.service("app", annotations=manifests.contour(
            max_retries=1 + number % 7)))

    def other_host(self, number):
        self.proxy.write(f"host-{number % 20}.yaml", manifests.ingress(
            f"h{number}.test", service="other", name=f"host-{number % 20}"))


def run_changes(proxy, changes, count, load):
    """A few answers between two changes, so that traffic and changes really interleave; and while the
    file is broken, the proxy is given the time to find that out."""
    for number in range(count):
        changes.apply(number)
        load.wait_answers(4)
        if number % 10 == 4:
            proxy.wait_metric("fairlead_file_parse_errors_total", at_least=number // 10 + 1)


@pytest.mark.slow
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_changes_under_load_fail_no_request_and_close_no_connection(fairlead, echo, workers):
    one, two = echo("one"), echo("two")
    files = Changes.files([one.port, two.port])
    proxy = fairlead(files, "--workers", workers, "--access-log", "off")
    changes = Changes(proxy, [one.port, two.port])
    count = CHANGES if workers == 1 else CHANGES // 2
    paths = ("/", "/bytes/100", "/bytes/5000", "/chunked/3/100")
    before, closed = proxy.generation(), closed_by_us(proxy)
    with Load(proxy.http_port, connections=8, paths=paths) as load:
        load.wait_answers(100)
        warm_kb = proxy.resident_kb()
        run_changes(proxy, changes, count, load)
        load.wait_answers(100)
        assert closed_by_us(proxy) == closed
    load.expect_no_failures(at_least=count * 4)
    assert proxy.generation() - before >= count / 10
    wait_one_table(proxy)
    grown_kb = proxy.resident_kb() - warm_kb
    print(f"{count} changes, {load.answers} answers, generation {before} -> {proxy.generation()}, "
          f"resident {warm_kb} + {grown_kb} KB")
    assert grown_kb < (150_000 if is_sanitized() else 4_000)


def swap(proxy, number):
    """Another table: the same routes, and one more that leads elsewhere each time."""
    proxy.apply("other.yaml", manifests.ingress_of(
        "other", [(f"h{number % 7}.test", [(f"/{number}", "app")])]))


class Download:
    """A large answer, read a little with each swap, so that it lasts as long as they do."""

    SIZE = 40_000_000

    def __init__(self, proxy):
        self.client = RawClient(proxy.http_port, receive_buffer=32768)
        self.client.send(b"GET /bytes/%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % self.SIZE)
        self.head = self.client.read_head()
        self.seen = 0

    def take(self, count):
        self.check(self.client.read_exactly(count))

    def check(self, data):
        pattern = b"abcdefghijklmnopqrstuvwxyz" * (len(data) // 26 + 2)
        start = self.seen % 26
        assert data == pattern[start:start + len(data)], "the download is not what was sent"
        self.seen += len(data)

    def finish(self):
        while self.seen < self.SIZE:
            self.take(min(1_000_000, self.SIZE - self.seen))
            self.client.received.clear()
        assert b" 200 " in self.head.split(b"\r\n")[0] + b" "
        self.client.close()


@pytest.mark.slow
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_open_websockets_and_a_slow_download_survive_hundreds_of_swaps(fairlead, echo, workers):
    files = {"app.yaml": manifests.app(echo().port, annotations=WEBSOCKET_ANNOTATION)}
    proxy = fairlead(files, "--workers", workers, "--access-log", "off")
    swaps = SWAPS if workers == 1 else SWAPS // 2
    sockets = [WebSocket(proxy) for _ in range(WEBSOCKETS)]
    download = Download(proxy)
    generation = proxy.generation()
    for number in range(swaps):
        swap(proxy, number)
        download.take(10_000)
        sockets[number % len(sockets)].expect_echo(b"swap %d" % number)
    assert proxy.generation() >= generation + swaps
    assert proxy.metric("fairlead_tunnels") == WEBSOCKETS
    for number, websocket in enumerate(sockets):
        websocket.expect_echo(b"still here %d" % number)
    download.finish()
    assert closed_by_us(proxy) == 0
    # Only the one table that the tunnels began with may still stand beside the newest.
    wait_until(lambda: proxy.metric("fairlead_tables") <= 2, "old tables to be freed")
    for websocket in sockets:
        websocket.close()
    wait_one_table(proxy)


@pytest.mark.tsan
def test_a_request_keeps_the_table_that_it_started_with(fairlead, backend):
    entered, leave = threading.Event(), threading.Event()

    def slow(request):
        entered.set()
        assert leave.wait(15)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"

    old, new = backend(slow), backend(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew")
    proxy = fairlead(manifests.app(old))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert entered.wait(15)
    proxy.apply("test.yaml", manifests.app(new))
    assert proxy.get("/").body == b"new"
    assert proxy.metric("fairlead_tables") == 2
    proxy.remove("test.yaml")
    wait_until(lambda: proxy.get("/").status == 404, "the host to be gone")
    leave.set()
    assert client.read_response().body == b"old"
    wait_one_table(proxy)
    assert client.get("/").status == 404  # and the connection goes on, with the newest


def test_a_pooled_connection_survives_swaps_and_goes_with_its_endpoint(fairlead, backend):
    app, other = backend(), backend()
    proxy = fairlead({"app.yaml": manifests.app(app)}, "--workers", 1)
    assert proxy.get("/").status == 200
    for number in range(5):
        swap(proxy, number)
        assert proxy.get("/").status == 200
    assert app.connections == 1
    proxy.apply("app.yaml", manifests.app(other))
    assert proxy.get("/").status == 200 and len(other.requests) == 1
    wait_until(lambda: app.peers[0].ended, "the idle connection to the endpoint that went")
