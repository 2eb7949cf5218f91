# SPDX-License-Identifier: Apache-2.0
"""--publish-nodes: Ingresses have the addresses of the nodes on which our pods are ready."""
import pytest

from seen import body_of, kube_metric, wait_detail, wait_well
from support import apifaults as faults
from support import manifests
from support.wait import wait_until

LABELS = {"app.kubernetes.io/name": "fairlead", "edge": "one"}
FLAG = ("--publish-nodes", ",".join(f"{key}={value}" for key, value in LABELS.items()),
        "--leader-election", "off")
ALWAYS = 10 ** 6


def pod(name, node, ready=True, labels=None, namespace="default", **metadata):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels or LABELS,
                         **metadata},
            "spec": {"nodeName": node, "containers": []},
            "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def node(name, **addresses):
    """node("a", ExternalIP="192.0.2.1")"""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "status": {"addresses": [{"type": kind, "address": address}
                                     for kind, address in addresses.items()]}}


def addresses(server, name="app-ingress"):
    things = server.shelf_of("networking.k8s.io/v1", "Ingress").objects
    balancer = things["default", name].get("status", {}).get("loadBalancer", {})
    return [each["ip"] for each in balancer.get("ingress", [])]


def wait_addresses(server, *expected):
    wait_until(lambda: addresses(server) == list(expected), f"the addresses {expected}")


@pytest.fixture
def scene(api, follow, app):
    """(server, proxy): nodes a, b and c, and a ready pod on a and on b."""
    def start(prepare=lambda server: None):
        server = api(manifests.app(app(b"a")))
        for thing in (node("a", ExternalIP="192.0.2.1", InternalIP="10.0.0.1"),
                      node("b", InternalIP="10.0.0.2", Hostname="b"), node("c", InternalIP="10.0.0.3"),
                      pod("pa", "a"), pod("pb", "b"), pod("pc", "c", ready=False)):
            server.put(thing)
        prepare(server)
        return server, follow(server, *FLAG)

    return start


def test_ingresses_get_external_addresses_else_internal_ones_of_nodes_with_a_ready_pod(scene):
    server, proxy = scene()
    wait_addresses(server, "10.0.0.2", "192.0.2.1")
    wait_well(proxy)
    assert server.asked("pods")[0].namespace == "default"
    assert server.asked("nodes")[0].namespace is None


def test_pods_of_other_labels_and_other_namespaces_count_for_nothing(scene):
    def others(server):
        server.put(pod("other", "c", labels={**LABELS, "edge": "two"}))
        server.put(pod("elsewhere", "c", namespace="elsewhere"))

    server, _ = scene(others)
    wait_addresses(server, "10.0.0.2", "192.0.2.1")


def test_addresses_follow_pods_and_nodes(scene):
    server, _ = scene()
    wait_addresses(server, "10.0.0.2", "192.0.2.1")
    server.put(pod("pc", "c"))
    wait_addresses(server, "10.0.0.2", "10.0.0.3", "192.0.2.1")
    server.put(pod("pa", "a", ready=False))
    wait_addresses(server, "10.0.0.2", "10.0.0.3")
    server.put(pod("pb", "b", deletionTimestamp="2026-01-01T00:00:00Z"))
    wait_addresses(server, "10.0.0.3")
    server.put(node("c", ExternalIP="192.0.2.3"))
    wait_addresses(server, "192.0.2.3")
    server.put(pod("pa", "a"))
    wait_addresses(server, "192.0.2.1", "192.0.2.3")
    server.remove("Node", "c", namespace="")
    wait_addresses(server, "192.0.2.1")


def test_the_last_addresses_stay_when_no_pod_is_ready(scene):
    server, proxy = scene()
    wait_addresses(server, "10.0.0.2", "192.0.2.1")
    server.remove("Pod", "pa")
    wait_addresses(server, "10.0.0.2")
    written, generation = len(server.patches), proxy.generation()
    events = kube_metric(proxy, "events_total")
    server.remove("Pod", "pb")
    wait_until(lambda: kube_metric(proxy, "events_total") > events, "the end of the last pod")
    server.apply(manifests.ingress("late.test", name="late-ingress"))
    wait_until(lambda: proxy.generation() > generation, "a later Ingress")
    assert addresses(server) == ["10.0.0.2"] and len(server.patches) == written
    assert addresses(server, "late-ingress") == []


def test_what_pods_and_nodes_tell_otherwise_writes_nothing_and_compiles_nothing(scene):
    server, proxy = scene()
    wait_addresses(server, "10.0.0.2", "192.0.2.1")
    generation, written = proxy.generation(), len(server.patches)
    events = kube_metric(proxy, "events_total")
    for number in range(20):
        server.put({**node("a", ExternalIP="192.0.2.1"), "beat": number})
        server.put({**pod("pb", "b"), "beat": number})
    server.put(pod("pb-next", "b"))  # an update: the next pod is there before the last one goes
    server.remove("Pod", "pb")
    wait_until(lambda: kube_metric(proxy, "events_total") >= events + 42, "all of that")
    wait_until(lambda: proxy.metric("fairlead_status_waiting") == 0, "no write to come")
    assert len(server.patches) == written == 1
    assert proxy.generation() == generation


@pytest.mark.parametrize("resource", ["pods", "nodes"])
def test_without_the_right_it_serves_says_so_and_writes_no_half(scene, resource):
    server, proxy = scene(lambda server: server.misbehave(resource, None, faults.status(
        403, "Forbidden", f"cannot list resource {resource}"), ALWAYS))
    assert body_of(proxy) == b"a"
    wait_detail(proxy, 200, f"{resource} v1", "not permitted to list and watch",
                f"cannot list resource {resource}")
    proxy.log.wait_for(f"objects cannot be followed.*{resource} v1")
    assert server.patches == []
    server.behave()
    wait_until(lambda: addresses(server) == ["10.0.0.2", "192.0.2.1"], "the addresses", 60)
    wait_well(proxy)


def test_without_the_flag_neither_pods_nor_nodes_are_asked_for(api, follow, app):
    server = api(manifests.app(app(b"a")))
    proxy = follow(server, "--leader-election", "off")
    assert body_of(proxy) == b"a"
    assert server.asked("pods") == server.asked("nodes") == []
