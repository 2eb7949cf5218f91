# SPDX-License-Identifier: Apache-2.0
"""The cluster that other tests stand on is a real one, and breaks like one."""
import contextlib
import http.client

import pytest

from kube.api import Refused
from kube.namespace import ADDRESS
from support.wait import wait_until

SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"


def slice_of(name, *addresses):
    return {"metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [address]} for address in addresses]}


def version_of(thing):
    return thing["metadata"]["resourceVersion"]


def test_kubectl_and_server_are_of_one_release(cluster):
    client, server = (line.split(": ")[1] for line in cluster.kubectl("version").splitlines()
                      if line.startswith(("Client", "Server")))
    assert client == server and client.startswith("v1.")


def test_slices_are_made_without_a_controller_and_watched(cluster, project):
    slices = SLICES.format(project)
    since = version_of(cluster.api.get(slices))
    with cluster.api.watch(slices, since) as events:
        cluster.api.create(slices, slice_of("web-1", ADDRESS))
        seen = events.next_of("ADDED")
    assert seen["metadata"]["name"] == "web-1"
    assert seen["endpoints"][0]["addresses"] == [ADDRESS]


def test_loopback_addresses_are_refused_as_endpoints(cluster, project):
    with pytest.raises(Refused) as refused:
        cluster.api.create(SLICES.format(project), slice_of("web-1", "127.0.0.1"))
    assert refused.value.code == 422


def test_manifests_are_applied_by_kubectl(cluster, project):
    cluster.apply(f'{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "settings", '
                  f'"namespace": "{project}"}}, "data": {{"answer": "42"}}}}')
    assert cluster.kubectl("get", "configmap", "settings", "-n", project,
                           "-o", "jsonpath={.data.answer}") == "42"


def test_a_watch_is_cut_by_kill_9_and_resumes_where_it_was(cluster, project):
    slices = SLICES.format(project)
    made = cluster.api.create(slices, slice_of("before", ADDRESS))
    with cluster.api.watch(slices, version_of(made)) as events:
        cluster.restart(cluster.api_server)
        with pytest.raises((OSError, http.client.HTTPException)):
            next(events)
    cluster.api.create(slices, slice_of("after", ADDRESS))

    def resumed():
        """A server that has just begun may end a watch at once."""
        with cluster.api.watch(slices, version_of(made)) as events:
            with contextlib.suppress(StopIteration):
                return events.next_of("ADDED")["metadata"]["name"]
        return None

    assert wait_until(resumed, "the object that came meanwhile") == "after"


def test_etcd_comes_back_with_what_it_held(cluster, project):
    cluster.api.create(SLICES.format(project), slice_of("kept", ADDRESS))
    cluster.restart(cluster.etcd)
    assert cluster.api.get(SLICES.format(project) + "/kept")["addressType"] == "IPv4"


def test_a_watch_from_a_forgotten_version_is_told_that_it_is_gone(cluster, project):
    slices = SLICES.format(project)
    old = version_of(cluster.api.create(slices, slice_of("web-1", ADDRESS)))
    cluster.api.merge(f"{slices}/web-1", {"endpoints": []})
    cluster.forget_history()
    with cluster.api.watch(slices, old) as events:
        assert events.next_of("ERROR")["code"] == 410


def test_an_account_may_do_what_its_role_says_and_nothing_else(cluster):
    token = cluster.account("reader", [{"apiGroups": [""], "resources": ["services"],
                                        "verbs": ["list"]}])
    reader = cluster.api_of(token)
    assert reader.get("/api/v1/services")["kind"] == "ServiceList"
    with pytest.raises(Refused) as refused:
        reader.get("/api/v1/secrets")
    assert refused.value.code == 403
    config = cluster.config_of("reader", token)
    assert "services" in cluster.kubectl("--kubeconfig", config, "auth", "can-i", "--list")
