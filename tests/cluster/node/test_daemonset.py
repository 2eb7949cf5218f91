# SPDX-License-Identifier: Apache-2.0
"""The DaemonSet of deploy/ on a real node: it serves the node's ports, also while it is replaced."""
import os
import pathlib
import subprocess

import pytest

from kube import manifests
from support.client import RawClient, request
from support.load import Load
from support.manifests import ingress
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


def get(host):
    client = RawClient(80)
    try:
        return client.ask(request("GET", "/", host, "Connection: close"))
    finally:
        client.close()


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
