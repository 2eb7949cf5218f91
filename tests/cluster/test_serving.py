# SPDX-License-Identifier: Apache-2.0
"""Objects come from an API server, whatever becomes of it meanwhile."""
import pytest

from kube.namespace import ADDRESS
from support import manifests
from support.wait import wait_until

SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"


def saying(word):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(word)}\r\n\r\n{word}".encode()


@pytest.fixture
def served(cluster, project, fairlead, backend):
    """(get, move): the project's host is served by an endpoint "one"; move(word) has another."""
    host = f"{project}.test"  # the last test's may not be gone yet, and the older claim wins

    def get():
        return program.get("/", host)

    def move(word):
        port = backend(saying(word), address=ADDRESS).port
        cluster.api.merge(f"{SLICES.format(project)}/app-0",
                          {"ports": [{"name": "http", "port": port}]})
        wait_until(lambda: get().body == word.encode(), f"an answer by {word}")

    first = backend(saying("one"), address=ADDRESS)
    cluster.apply(manifests.app(f"{ADDRESS}:{first.port}", host=host, namespace=project))
    program = fairlead("", "--kubeconfig", cluster.admin_config, "--drain-delay", "0s")
    assert get().body == b"one"
    return get, move


def test_a_change_is_served(served):
    _, move = served
    move("two")


def test_without_an_api_server_the_last_table_is_served_and_changes_go_on_after(cluster, served):
    get, move = served
    cluster.api_server.end()
    assert get().body == b"one"
    cluster.api_server.start()
    cluster.wait_ready()
    move("two")


def test_a_forgotten_history_loses_nothing(cluster, served):
    get, move = served
    cluster.forget_history()
    assert get().body == b"one"
    move("two")


def test_an_etcd_that_comes_back_is_followed(cluster, served):
    _, move = served
    cluster.restart(cluster.etcd)
    move("two")


def test_a_deleted_ingress_takes_its_host_along(cluster, project, served):
    get, _ = served
    cluster.api.delete(f"/apis/networking.k8s.io/v1/namespaces/{project}/ingresses/app-ingress")
    wait_until(lambda: get().status == 404, "no route")
