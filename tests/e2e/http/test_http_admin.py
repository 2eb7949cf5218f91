# SPDX-License-Identifier: Apache-2.0
"""The admin port: design 4.3, hostile-input 98."""
import json
import socket

import pytest

from support import manifests
from support.client import RawClient, request
from support.wait import wait_until


def test_health_and_readiness(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    for path in ("/healthz", "/readyz"):
        assert proxy.admin(path).status == 200
    assert proxy.admin("/healthz", "HEAD").status == 200


def test_ready_with_nothing_configured(fairlead):
    proxy = fairlead()
    assert proxy.get("/").status == 404


def test_not_ready_while_draining(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = proxy.client()
    assert client.get("/").status == 200
    assert proxy.admin("/drain", "POST").status == 200
    assert (proxy.admin("/readyz").status, proxy.admin("/healthz").status) == (503, 200)
    client.send(request("GET", "/"))
    client.expect_answer_and_end(200)  # closed gently,
    assert proxy.get("/").status == 200  # and still accepting
    assert proxy.is_running()


def test_drain_is_no_get(fairlead):
    proxy = fairlead()
    response = proxy.admin("/drain")
    assert (response.status, response.get("Allow")) == (405, "POST")
    assert proxy.admin("/readyz").status == 200


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/table", "/explain?url=http://a.test/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_else_changes_state(fairlead, path, method):
    assert fairlead().admin(path, method).status == 405


def test_unknown_paths(fairlead):
    proxy = fairlead()
    for path in ("/", "/x", "/metrics/", "/debug"):
        assert proxy.admin(path).status == 404


def test_metrics_are_well_formed(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    proxy.get("/")
    response = proxy.admin("/metrics")
    assert response.get("Content-Type").startswith("text/plain; version=0.0.4")
    families, current = {}, None
    for line in response.body.decode().splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in families, f"{current} comes twice"
            families[current] = None
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == current and kind in ("counter", "gauge", "histogram")
            families[name] = kind
        else:
            assert line.startswith(current), line
    assert all(name.startswith("fairlead_") for name in families)
    assert all(name.endswith("_total") for name, kind in families.items() if kind == "counter")
    metrics = proxy.metrics()
    assert len(metrics) <= 1000
    assert metrics.value("fairlead_requests_total", code="2xx", reason="none") == 1
    assert metrics.value("fairlead_request_duration_seconds_count") == 1
    assert metrics.value("fairlead_table_routes") == 1
    assert metrics.value("fairlead_table_generation") >= 1


def test_metrics_count_what_happens(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    before = proxy.metrics()
    client = proxy.client()
    client.ask(request("POST", "/", body=b"hello"))
    client.ask(request("GET", "/", "none.test"))
    after = proxy.metrics()
    assert after.value("fairlead_connections") - before.value("fairlead_connections") == 1
    assert after.value("fairlead_requests_total", code="4xx", reason="no_host") == 1
    assert after.value("fairlead_upstream_connections_total") == 1
    assert after.value("fairlead_upstream_connections", state="idle") == 1
    assert after.value("fairlead_client_bytes_total", direction="in") - \
        before.value("fairlead_client_bytes_total", direction="in") == 5


def test_the_table_as_text_and_json(fairlead, backend):
    proxy = fairlead(manifests.app(backend(), path="/app"))
    text = proxy.admin("/table")
    assert text.status == 200
    assert b"a.test" in text.body and b"/app" in text.body and b"default/app" in text.body
    table = proxy.admin("/table?format=json")
    assert table.get("Content-Type") == "application/json"
    assert "a.test" in json.dumps(json.loads(table.body))


@pytest.mark.parametrize("url, status, word", [
    ("http://a.test/app/x", 200, b"default/app"),
    ("http%3A%2F%2Fa.test%2Fapp", 200, b"default/app"),
    ("http://a.test/other", 404, b""), ("http://b.test/", 404, b""),
])
def test_explain(fairlead, backend, url, status, word):
    proxy = fairlead(manifests.app(backend(), path="/app"))
    response = proxy.admin(f"/explain?method=GET&url={url}")
    assert response.status == status
    assert word in response.body


@pytest.mark.parametrize("query", [
    "", "?", "?method=GET", "?url=", "?url=%zz", "?url=http://", "?url=x", "?url=http://a.test/%00",
    "?url=http://a.test/../..", "?url==&&=", "?url=http://[", "?method=%00&url=http://a.test/",
    "?url=http://a.test/&host=%0d%0a",
])
def test_explain_of_nonsense(fairlead, backend, query):
    proxy = fairlead(manifests.app(backend()))
    assert proxy.admin(f"/explain{query}").status in (200, 400, 404)
    assert proxy.admin("/healthz").status == 200


def test_secrets_are_in_no_answer(fairlead, backend):
    secret = manifests.to_yaml({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"},
        "type": "Opaque", "stringData": {"tls.key": "SECRET-WORD", "tls.crt": "CERTIFICATE-WORD"}})
    proxy = fairlead(manifests.documents(manifests.app(backend()), secret), "--log-level", "debug")
    for path in ("/table", "/table?format=json", "/metrics", "/explain?url=http://a.test/"):
        assert b"SECRET-WORD" not in proxy.admin(path).body
    assert "SECRET-WORD" not in proxy.log.text()


def test_a_client_that_leaves_before_its_answer(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    for path in ("/metrics", "/table", "/explain?url=http://a.test/") * 20:
        client = RawClient(proxy.admin_port)
        client.send(request("GET", path))
        client.reset()
    assert proxy.admin("/readyz").status == 200


def test_admin_keeps_connections_and_pipelines(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    client = RawClient(proxy.admin_port)
    client.send(request("GET", "/healthz") + request("GET", "/metrics") + request("GET", "/table") +
                request("GET", "/readyz"))
    assert [client.read_response().status for _ in range(4)] == [200] * 4
    client.close()


def test_a_unix_socket(fairlead, backend, tmp_path):
    path = tmp_path / "admin.sock"
    proxy = fairlead(manifests.app(backend()), "--admin", f"unix:{path}", ready=False)
    def ask(data):
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
            sock.sendall(data)
            return sock.makefile("rb").read()
        except OSError:
            return b""
        finally:
            sock.close()

    wait_until(lambda: b" 200 " in ask(request("GET", "/readyz", "x", "Connection: close"))[:20])
    assert b" 200 " in ask(request("POST", "/drain", "x", "Connection: close"))[:20]
    assert b" 503 " in ask(request("GET", "/readyz", "x", "Connection: close"))[:20]
    assert proxy.is_running()
