# SPDX-License-Identifier: Apache-2.0
"""A start while a real API server is down: what it said last is served, until it says more."""
import pytest

from kube.namespace import ADDRESS
from support import manifests
from support.load import Load
from support.origin import answer
from support.wait import wait_until

SLOWLY_S = 60
SERVED, KEPT = "fairlead_kube_snapshot_served", "fairlead_kube_snapshot_kept"


@pytest.fixture
def scene(cluster, project, fairlead, backend, tmp_path, authority):
    return Scene(cluster, project, fairlead, backend, tmp_path / "snapshot", authority)


class Scene:
    def __init__(self, cluster, project, fairlead, backend, file, authority):
        self.cluster, self.project, self.fairlead, self.backend = cluster, project, fairlead, backend
        self.file, self.certificate = file, authority.issue(f"tls.{project}.test")

    def host(self, name):
        return f"{name}.{self.project}.test"

    def start(self):
        return self.fairlead("", "--kubeconfig", self.cluster.admin_config, "--drain-delay", "0",
                             "--snapshot", self.file)

    def endpoint(self, body):
        return f"{ADDRESS}:{self.backend(answer(body), address=ADDRESS, forgets=True).port}"

    def apply(self, name):
        self.cluster.apply(manifests.app(self.endpoint(name.encode()), host=self.host(name),
                                         name=name, namespace=self.project))

    def body(self, proxy, name):
        response = proxy.get("/", self.host(name))
        return response.body.decode() if response.status == 200 else response.status

    def wait(self, proxy, name, expected):
        wait_until(lambda: self.body(proxy, name) == expected, f"{expected} of {name}", SLOWLY_S)


def test_a_start_without_the_api_server_serves_and_its_return_is_live(scene, cluster):
    for name in ("steady", "changed", "gone"):
        scene.apply(name)
    cluster.apply(manifests.tls_app(scene.certificate, scene.endpoint(b"tls"),
                                    host=scene.host("tls"), namespace=scene.project, name="tls"))
    first = scene.start()
    for name in ("steady", "changed", "gone", "tls"):
        scene.wait(first, name, name)
    first.wait_gauge(KEPT, 1)
    first.stop()
    cluster.api_server.end()
    proxy = scene.start()
    assert proxy.metric(SERVED) == 1
    assert "the snapshot of " in proxy.admin("/readyz").body.decode()
    assert [scene.body(proxy, name) for name in ("steady", "changed", "gone")] == [
        "steady", "changed", "gone"]
    with proxy.tls_client(scene.host("tls")).sock as sock:
        assert sock.getpeercert(True) == scene.certificate.der
    load = Load(proxy.http_port, 4, host=scene.host("steady"),
                accepts=lambda response: response.body == b"steady")
    with load:
        cluster.api_server.start()
        cluster.wait_ready()
        cluster.kubectl("delete", "ingress", "gone-ingress", "-n", scene.project)
        scene.wait(proxy, "gone", 404)
        cluster.apply(manifests.endpoints("changed", scene.endpoint(b"after"),
                                          namespace=scene.project))
        scene.wait(proxy, "changed", "after")
        wait_until(lambda: proxy.metric(SERVED) == 0, "the lists", SLOWLY_S)
        wait_until(lambda: proxy.admin("/readyz").body == b"ready\n", "all is well", SLOWLY_S)
        load.wait_answers(100)
    load.expect_no_failures()


def test_what_went_while_neither_was_there_is_gone_when_both_are(scene, cluster):
    for name in ("steady", "gone"):
        scene.apply(name)
    first = scene.start()
    scene.wait(first, "gone", "gone")
    first.wait_gauge(KEPT, 1)
    first.stop()
    cluster.kubectl("delete", "ingress", "gone-ingress", "-n", scene.project)
    cluster.api_server.end()
    proxy = scene.start()
    assert scene.body(proxy, "gone") == "gone" and proxy.metric(SERVED) == 1
    cluster.api_server.start()
    cluster.wait_ready()
    scene.wait(proxy, "gone", 404)
    assert scene.body(proxy, "steady") == "steady"
    proxy.wait_gauge(KEPT, 1)
    assert f"gone.{scene.project}" not in scene.file.read_text()
