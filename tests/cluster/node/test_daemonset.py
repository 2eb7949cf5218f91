# SPDX-License-Identifier: Apache-2.0
"""The DaemonSet of deploy/ on a real node: it serves the node's ports, also while it is replaced."""
import os
import pathlib
import ssl
import subprocess

import pytest

from kube import manifests
from kube.namespace import ADDRESS
from kube.node import NAME
from support.client import RawClient, request
from support.load import Load
from support.manifests import endpoints, ingress, ingress_of, tls_secret, tls_spec
from support.origin import answer
from support.tls import TlsClient
from support.wait import wait_until

from test_node import deployment, service

IMAGE = "localhost/fairlead:0.1.0"
BUILD_IMAGE = pathlib.Path(__file__).parents[1] / "image"
PATIENCE = "--timeout=110s"


@pytest.fixture(scope="module")
def image(node, tmp_path_factory):
    """FAIRLEAD_IMAGE: an archive of scripts/image, to save its building."""
    archive = os.environ.get("FAIRLEAD_IMAGE")
    if archive is None:
        archive = tmp_path_factory.mktemp("image") / "fairlead.tar"
        subprocess.run([BUILD_IMAGE, IMAGE, archive, manifests.DEPLOY.parent], check=True)
    node.runtime.add_image(archive)


@pytest.fixture(scope="module")
def daemonset(cluster, image):
    cluster.kubectl("apply", "--server-side", "-k", manifests.DEPLOY / "crds")
    cluster.kubectl("apply", "--server-side", "-k", manifests.BASE)
    roll_out(cluster)
    yield "daemonset/fairlead"
    cluster.kubectl("delete", "--ignore-not-found", "-k", manifests.BASE, PATIENCE)
    cluster.kubectl("delete", "--ignore-not-found", "-k", manifests.DEPLOY / "crds")


def roll_out(cluster):
    cluster.kubectl("-n", "fairlead", "rollout", "status", "daemonset/fairlead", PATIENCE)


def pods(cluster):
    return {pod["metadata"]["name"]: pod for pod in
            cluster.api.get("/api/v1/namespaces/fairlead/pods")["items"]}


def ask(client, host):
    try:
        return client.ask(request("GET", "/", host, "Connection: close"))
    finally:
        client.close()


def get(host):
    return ask(RawClient(80, ADDRESS), host)


def get_by_tls(host, trust):
    """None while the handshake is refused."""
    try:
        return ask(TlsClient(443, host, address=ADDRESS, trust=trust), host)
    except ssl.SSLError:
        return None


@pytest.fixture
def site(cluster, project, echo_image, running):
    """A host of the test's own: that of the test before may still be going."""
    host = f"{project}.test"
    cluster.apply(deployment("web", echo_image, project, 1))
    cluster.apply(service("web", project))
    cluster.apply(ingress(host, service="web", namespace=project))
    running("web", 1)
    wait_until(lambda: get(host).status == 200, "an answer at port 80 of the node", 30)
    return host


def test_the_ports_of_the_node_are_served_without_root(cluster, daemonset, site):
    said = cluster.kubectl("-n", "fairlead", "exec", daemonset, "--", "id", "-u")
    assert said.strip() == "65532"
    said = cluster.kubectl("-n", "fairlead", "exec", daemonset, "--", "fairlead", "explain",
                           "--admin", "unix:/run/fairlead/admin.sock", f"http://{site}/")
    assert "forwarded to" in said


def test_https_is_served_at_the_address_of_the_node(cluster, daemonset, site, project, authority):
    cluster.apply(tls_secret("web", authority.issue(site), project))
    cluster.apply(ingress_of("web-ingress", [(site, [("/", "web")])], project,
                             spec=tls_spec((site, "web"))))
    response = wait_until(lambda: get_by_tls(site, authority), "a handshake at port 443", 30)
    assert response.status == 200


def test_a_rolling_update_behind_a_service_fails_no_request(cluster, daemonset, site, project):
    with Load(80, connections=8, host=site) as load:
        load.wait_answers(200)
        for _ in range(3):
            cluster.kubectl("-n", project, "rollout", "restart", "deployment/web")
            cluster.kubectl("-n", project, "rollout", "status", "deployment/web", PATIENCE)
        load.wait_answers(200)
    load.expect_no_failures(at_least=400)


def test_a_drain_of_the_node_fails_no_request(cluster, daemonset, site, project, backend):
    """What ran there goes on elsewhere, here outside of the cluster. Fairlead goes last, and says to each
    client that it does; who is in front of it asks another node then."""
    elsewhere = backend(answer(b"elsewhere"), address=ADDRESS, forgets=True)
    cluster.apply(endpoints("web", f"{ADDRESS}:{elsewhere.port}", namespace=project))
    try:
        with Load(80, connections=8, host=site, reconnects=True) as load:
            load.wait_answers(200)
            cluster.kubectl("drain", NAME, "--ignore-daemonsets", "--delete-emptydir-data", PATIENCE)
            wait_until(lambda: get(site).body == b"elsewhere", "answers from elsewhere", 30)
            load.wait_answers(200)
            cluster.kubectl("-n", "fairlead", "delete", "pod", "--all", PATIENCE)
            wait_until(lambda: load.closes_told >= 8, "the end of each connection, told", 30)
        load.expect_no_failures(at_least=400)
    finally:
        cluster.kubectl("uncordon", NAME)
        roll_out(cluster)


def test_an_update_fails_no_request(cluster, daemonset, site):
    old = set(pods(cluster))
    with Load(80, connections=8, host=site, reconnects=True) as load:
        load.wait_answers(200)
        cluster.kubectl("-n", "fairlead", "rollout", "restart", daemonset)
        roll_out(cluster)
        wait_until(lambda: not old & set(pods(cluster)), "the end of the old pods", 90)
        load.wait_answers(200)
    load.expect_no_failures(at_least=400)
    assert load.refused == 0


def test_nothing_is_left_on_the_node_when_it_is_deleted(cluster, daemonset):
    cluster.kubectl("-n", "fairlead", "delete", daemonset, PATIENCE)
    wait_until(lambda: not pods(cluster), "the end of its pods", 90)
    with pytest.raises(ConnectionRefusedError):
        get("a.test")
