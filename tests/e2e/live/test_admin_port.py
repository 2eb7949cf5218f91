# SPDX-License-Identifier: Apache-2.0
"""The admin port: health, readiness, metrics, /table, /explain, POST /drain.

Source: design 4.3; hostile-input 98."""
import fcntl
import json
import os
import re
import socket
import stat
import struct

import pytest

import prometheus
from support import http, manifests
from support.client import RawClient, request
from support.fairlead import run
from support.origin import answer
from support.tls import refusal
from support.wait import PATIENCE_S, wait_until
from support.wire import Wire


def own_addresses():
    """Addresses of this machine other than loopback; a network namespace may have none."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                packed = fcntl.ioctl(sock.fileno(), 0x8915, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue
            found.append(socket.inet_ntoa(packed[20:24]))
    return [address for address in found if not address.startswith("127.")]


# ---- health and readiness ----

def test_healthz_and_readyz(fairlead):
    proxy = fairlead()
    assert proxy.admin("/healthz").body == b"ok\n"
    assert proxy.admin("/readyz").body == b"ready\n"
    head = proxy.admin("/readyz", "HEAD")
    assert head.status == 200 and head.body == b""


def test_ready_means_that_all_manifests_are_served(fairlead, backend):
    """The first answer after readiness is right, for the last of many files as well."""
    app = backend()
    files = {f"{number:04}.yaml": manifests.app(app, host=f"h{number}.test", name=f"app{number}")
             for number in range(500)}
    proxy = fairlead(files, ready=False)
    wait_until(lambda: proxy.admin("/readyz").status == 200, "readiness")
    for number in (0, 250, 499):
        assert proxy.get("/", f"h{number}.test").status == 200
    assert proxy.metric("fairlead_table_generation") == 1


def test_an_unknown_path_names_the_known_ones_and_a_wrong_method_is_405(fairlead):
    proxy = fairlead()
    response = proxy.admin("/nothing")
    assert response.status == 404
    for path in ("/healthz", "/readyz", "/metrics", "/table", "/explain", "/drain"):
        assert path in response.body.decode()
        wrong = proxy.admin(path, "PUT")
        assert wrong.status == 405, path
        assert wrong.get("Allow") == ("POST" if path == "/drain" else "GET, HEAD")
    assert proxy.admin("/drain").status == 405
    assert proxy.admin("/readyz").status == 200


def test_the_admin_port_serves_no_routes_and_the_http_port_no_admin_pages(fairlead, backend):
    proxy = fairlead(manifests.app(backend(answer(b"app"))))
    client = RawClient(proxy.admin_port)
    assert client.get("/", "a.test").status == 404
    client.close()
    assert proxy.get("/healthz", "a.test").body == b"app"
    assert proxy.get("/metrics", "nobody.test").status == 404


# ---- metrics ----

def use(proxy):
    """A little of everything, so that families have values."""
    assert proxy.get("/").status == 200
    assert proxy.get("/", "nobody.test").status == 404
    assert proxy.get("/%00").status == 400
    assert proxy.get("/gone", "gone.test").status == 503


@pytest.fixture
def used(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend()),
                      "gone.yaml": manifests.ingress("gone.test", service="gone")}, "--workers", 1)
    use(proxy)
    return proxy


def test_metrics_are_prometheus_text_to_the_letter(used):
    response = used.admin("/metrics")
    assert response.get("Content-Type").startswith("text/plain; version=0.0.4")
    families = prometheus.parse(response.body.decode("ascii"))
    assert all(name.startswith("fairlead_") for name in families)
    assert prometheus.series_count(families) < 1000
    for name, family in families.items():
        if family.type == "counter":
            assert name.endswith("_total"), name


def test_metrics_tell_requests_latencies_connections_pools_bytes_tables_and_limits(used):
    families = prometheus.parse(used.admin("/metrics").body.decode())
    requests = {tuple(value for _, value in labels): count for (_, labels), count
                in families["fairlead_requests_total"].samples.items() if count}
    assert requests == {("2xx", "none"): 1, ("4xx", "no_host"): 1, ("4xx", "path_nul"): 1,
                        ("5xx", "route_unavailable"): 1}
    for name in ("request_duration_seconds", "upstream_duration_seconds", "loop_busy_seconds",
                 "compile_seconds"):
        assert families[f"fairlead_{name}"].type == "histogram", name
    for name in ("connections", "upstream_connections", "client_bytes_total", "table_generation",
                 "limit_hits_total", "timeouts_total", "tables", "resident_bytes", "build_info"):
        assert f"fairlead_{name}" in families, name


def test_turns_of_the_loop_count_whether_requests_are_served_in_them_or_not(secure):
    """Handshakes, and whatever else holds a loop, are lag to others as well."""
    proxy = secure()
    before = proxy.metric("fairlead_loop_busy_seconds_count")
    for _ in range(20):
        assert refusal(proxy.https_port, "nobody.test") == "TLSV1_UNRECOGNIZED_NAME"
    assert proxy.metric("fairlead_loop_busy_seconds_count") >= before + 20


def test_every_failure_has_a_reason_label_that_the_answer_names(used):
    """One table makes the body and the label."""
    for path, host in (("/", "nobody.test"), ("/%zz", "a.test"), ("/..", "a.test"), ("/", "gone.test")):
        response = used.get(path, host)
        assert used.metric("fairlead_requests_total", code=f"{response.status // 100}xx",
                           reason=response.reason_code) >= 1, response


def test_the_number_of_series_does_not_grow_with_hosts_routes_or_what_clients_send(fairlead, backend):
    app = backend()
    proxy = fairlead({"app.yaml": manifests.app(app)})
    use_hosts = [f"x{number}.test" for number in range(100)]
    before = prometheus.series_count(prometheus.parse(proxy.admin("/metrics").body.decode()))
    proxy.apply("more.yaml", manifests.documents(*(
        manifests.ingress(f"h{number}.test", f"/{number}", name=f"i{number}")
        for number in range(300))))
    for host in use_hosts:
        proxy.get(f"/{host}", host, f"X-{host}: {host}")
        proxy.ask(request(f"M{host[1:-5]}", "/", host))
    families = prometheus.parse(proxy.admin("/metrics").body.decode())
    assert prometheus.series_count(families) - before <= 5  # reasons that were not there before
    assert "x1.test" not in proxy.admin("/metrics").body.decode()


# ---- table and explain ----

def test_the_table_as_text_and_as_json(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app))
    text = proxy.admin("/table")
    assert text.get("Content-Type").startswith("text/plain")
    assert re.search(r"^host a\.test$", text.body.decode(), re.MULTILINE)
    assert re.search(rf"^  127\.0\.0\.1:{app.port}$", text.body.decode(), re.MULTILINE)
    response = proxy.admin("/table?format=json")
    assert response.get("Content-Type") == "application/json"
    table = json.loads(response.body)
    assert "a.test" in json.dumps(table) and f"127.0.0.1:{app.port}" in json.dumps(table)


def test_the_table_names_what_is_wrong(fairlead):
    proxy = fairlead({"test.yaml": manifests.ingress(service="gone"), "bad.yaml": "kind: [\n"})
    text = proxy.admin("/table").body.decode()
    assert re.search(r"^finding error \S*test\.yaml:\d+ Ingress default/gone-ingress: "
                     r".*Service default/gone not found$", text, re.MULTILINE), text
    assert re.search(r"^finding error \S*bad\.yaml:2: ", text, re.MULTILINE), text
    json.loads(proxy.admin("/table?format=json").body)


def test_a_large_table_is_told_whole_while_traffic_goes_on(fairlead, backend):
    app = backend()
    proxy = fairlead({"app.yaml": manifests.app(app), "more.yaml": manifests.documents(*(
        manifests.ingress(f"h{number}.test", service="app", name=f"i{number}")
        for number in range(2000)))})
    client = RawClient(proxy.admin_port)
    client.send(request("GET", "/table", "admin") + request("GET", "/table?format=json", "admin"))
    assert proxy.get("/").status == 200
    assert client.read_response().body.count(b"\nhost ") >= 1999
    assert len(json.loads(client.read_response().body)["hosts"]) == 2001
    client.close()


def test_explain_walks_a_request_and_knows_who_is_left_out(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    response = proxy.admin("/explain?method=GET&url=http%3A%2F%2Fa.test%2Fx%3Fq%3D1")
    assert response.status == 200
    for word in ("a.test", "Ingress default/app-ingress", "spec.rules[0].http.paths[0]",
                 "default/app/80", "127.0.0.1:", "forwarded to"):
        assert word in response.body.decode(), response.body.decode()
    missing = proxy.admin("/explain?url=http://nobody.test/")
    assert missing.status == 404 and b"404" in missing.body
    assert proxy.admin("/explain").status == 400
    assert proxy.admin("/explain?url=%%%").status == 404


def test_explain_agrees_with_what_is_served(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.documents(
        manifests.ingress_of("i", [("a.test", [("/a", "app"), ("/a/b", "gone"),
                                               ("/x", "app", 80, "Exact")]),
                                   ("*.b.test", [("/", "app")])]),
        manifests.service(), manifests.endpoints("app", app)))
    for host, path in (("a.test", "/a"), ("a.test", "/a/b/c"), ("a.test", "/ab"), ("a.test", "/x"),
                       ("a.test", "/x/"), ("a.test", "/a/../x"), ("y.b.test", "/"), ("b.test", "/"),
                       ("z.y.b.test", "/"), ("a.test", "/%00"), ("A.TEST.", "/a"), ("a.test", "//a")):
        served = proxy.get(path, host).status
        told = proxy.admin(f"/explain?url=http://{host}{path.replace('%', '%25')}")
        assert (told.status == 200) == (served == 200), (host, path, served, told.body.decode())
        if served != 200:
            assert f"{served}" in told.body.decode(), (host, path, served, told.body.decode())


# ---- who may do what ----

def test_hostile_98_drain_is_taken_from_loopback(fairlead):
    proxy = fairlead()
    assert proxy.admin("/drain", "POST").status == 200
    assert proxy.admin("/readyz").status == 503


def test_hostile_98_drain_is_refused_from_the_network_and_the_rest_is_told(fairlead):
    addresses = own_addresses()
    if not addresses:
        pytest.skip("this machine has no address but loopback")
    proxy = fairlead("", "--admin", "0.0.0.0:0")
    client = RawClient(proxy.admin_port, address=addresses[0])
    response = client.ask(request("POST", "/drain", "admin"))
    assert response.status == 403 and b"loopback" in response.body
    assert client.get("/readyz").status == 200
    client.close()


def test_hostile_98_drain_is_taken_from_a_unix_socket(fairlead, tmp_path):
    path = tmp_path / "admin.sock"
    proxy = fairlead("", "--admin", f"unix:{path}", ready=False)
    proxy.log.wait_for("admin listens address=unix:")
    assert stat.S_ISSOCK(os.stat(path).st_mode)

    def ask(method, target):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        wire = Wire(sock)
        wire.send(request(method, target, "admin", "Connection: close"))
        response = http.read_response(wire, method)
        wire.close()
        return response

    wait_until(lambda: ask("GET", "/readyz").status == 200, "readiness")
    assert ask("POST", "/drain").status == 200
    assert ask("GET", "/readyz").status == 503
    proxy.stop()
    assert not path.exists()


SECRET = manifests.to_yaml({
    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
    "metadata": {"name": "cert", "namespace": "default"},
    "stringData": {"tls.key": "-----BEGIN PRIVATE KEY-----\nVERYSECRET\n-----END PRIVATE KEY-----\n",
                   "tls.crt": "VERYPUBLIC", "token": "VERYSECRETTOKEN"}})


def test_hostile_98_no_secret_is_told_by_any_page_log_or_core(fairlead, backend):
    """Neither when all is well nor when the file that holds it breaks."""
    app = backend()
    with_tls = manifests.ingress_of("i", [("a.test", [("/", "app")])], spec={
        "tls": [{"hosts": ["a.test"], "secretName": "cert"}]})
    proxy = fairlead({"app.yaml": manifests.documents(with_tls, manifests.service(), manifests.endpoints(
        "app", app)), "secret.yaml": SECRET}, "--log-level", "debug")
    assert proxy.get("/").status == 200
    proxy.write("secret.yaml", SECRET + "]VERYSECRET[: VERYSECRET: {\n")
    proxy.wait_gauge("fairlead_files_broken", 1)
    pages = [proxy.admin(path).body.decode() for path in (
        "/table", "/table?format=json", "/metrics", "/explain?url=https://a.test/")]
    for text in (*pages, proxy.log.text(), proxy.output.text()):
        assert "VERYSECRET" not in text, text
    with open(f"/proc/{proxy.pid}/limits", encoding="ascii") as limits:
        assert re.search(r"Max core file size +0 ", limits.read()), "core dumps are on"


def test_hostile_98_the_admin_port_is_on_loopback_unless_told_otherwise(fairlead):
    """The default, read from --help, for port 9080 may be taken here."""
    code, out, _ = run("serve", "--help")
    assert code == 0
    assert re.search(r"--admin ADDR:PORT(?s:.)*?\(default 127\.0\.0\.1:9080\)", out)


def test_a_slow_admin_client_holds_up_nobody(fairlead, backend):
    proxy = fairlead(manifests.app(backend()), "--request-head-timeout", "300ms", "--workers", 1)
    slow = RawClient(proxy.admin_port)
    slow.send(b"GET /metrics HT")
    assert proxy.get("/").status == 200
    assert proxy.admin("/metrics").status == 200
    assert slow.read_response().status == 408
    slow.close()


# ---- the access log ----

TEXT_LINE = re.compile(
    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) "(\S+) (\S+) (.*)" (\d{3}) (\S+) (\d+) (\d+) '
    r'\d+\.\d{3}ms (\S+) (\d+) "(.*)" (\S+) (\S+) (\S+) (\S+) (\S+)')


def test_the_access_log_as_text_tells_all_that_was_asked_for(fairlead, backend):
    app = backend(answer(b"hello"))
    proxy = fairlead(manifests.app(app))
    proxy.ask(request("POST", "/x?q=1", "a.test", "X-Request-Id: id-1", body=b"abc"))
    proxy.get("/", 'nobody.test')
    first, second = (TEXT_LINE.fullmatch(line) for line in proxy.access_lines(2))
    assert first.groups() == ("127.0.0.1", "POST", "a.test", "/x?q=1", "200", "-", "3", "5",
                              f"127.0.0.1:{app.port}", "1", "Ingress default/app-ingress", "id-1",
                              "HTTP/1.1", "-", "-", "-")
    assert second.groups()[3:11] == ("/", "404", "no_host", "0", second[8], "-", "0", "-")


def test_the_access_log_as_json_is_one_object_a_line(fairlead, backend):
    app = backend(answer(b"hello"))
    proxy = fairlead(manifests.app(app), "--access-log-format", "json")
    proxy.get("/x?q=1", "a.test", "X-Request-Id: id-1")
    line = json.loads(proxy.access_lines(1)[0])
    wanted = {"client": "127.0.0.1", "method": "GET", "host": "a.test", "path": "/x", "query": "?q=1",
              "status": 200, "reason": "-", "bytes_in": 0, "bytes_out": 5, "attempts": 1,
              "upstream": f"127.0.0.1:{app.port}", "route": "Ingress default/app-ingress",
              "request_id": "id-1"}
    assert {key: line.get(key) for key in wanted} == wanted
    assert line["duration_us"] > 0 and line["time"].endswith("Z")


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_opens_the_access_log_again_after_it_was_renamed(fairlead, backend, tmp_path, workers):
    log = tmp_path / "access.log"
    proxy = fairlead(manifests.app(backend()), "--access-log", log, "--workers", workers)
    clients = [proxy.client() for _ in range(10)]

    def ask_all(path):
        for client in clients:
            assert client.get(path).status == 200

    def count(file, word):
        return file.read_text().count(word) if file.exists() else 0

    ask_all("/before")
    wait_until(lambda: count(log, "/before") == 10, "ten lines")
    old = tmp_path / "access.log.1"
    os.rename(log, old)
    ask_all("/between")
    wait_until(lambda: count(old, "/between") == 10, "lines in the renamed file")
    proxy.process.send_signal(1)
    wait_until(log.exists, "the new file")
    wait_until(lambda: sum(os.path.realpath(f"/proc/{proxy.pid}/fd/{fd}") == str(log)
                           for fd in os.listdir(f"/proc/{proxy.pid}/fd")) == workers,
               "each worker to have it open")
    ask_all("/after")
    wait_until(lambda: count(log, "/after") == 10, "lines in the new file")
    assert count(old, "/before") == 10 and count(old, "/between") == 10
    assert count(old, "/after") == 0 and proxy.is_running()


def test_an_access_log_that_can_not_be_written_does_not_stop_service(fairlead, backend):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    proxy = fairlead(manifests.app(backend()), "--access-log", "/dev/full", "--workers", 1)
    for _ in range(20):
        assert proxy.get("/").status == 200
    proxy.log.wait_for("cannot write the access log")
    assert proxy.metric("fairlead_access_log_dropped_total") >= 1
    assert proxy.get("/").status == 200
