# SPDX-License-Identifier: Apache-2.0
"""A real API server as the source of objects: what kubectl does is served, and its faults are survived.

Traffic runs through every test on a host that nobody touches; not one request of it may fail.
"""
import contextlib
import os
import signal
import ssl
from concurrent import futures

import pytest

from kube.namespace import enter
from scene import CONTOUR, RULES, SLOWLY_S, Scene
from support import manifests
from support.wait import wait_until


def crd(kind, plural, group=CONTOUR, version="v1beta1"):
    """As little as an API server takes: anything goes."""
    return manifests.to_yaml({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced",
                 "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                 "versions": [{"name": version, "served": True, "storage": True, "schema": {
                     "openAPIV3Schema": {"type": "object",
                                         "x-kubernetes-preserve-unknown-fields": True}}}]}})


@pytest.fixture
def scene(cluster, project, fairlead, backend):
    return Scene(cluster, project, fairlead, backend)


def test_what_kubectl_applies_changes_and_deletes_is_served(scene, cluster):
    scene.start()
    with scene.traffic():
        assert scene.get() == 404
        cluster.apply(scene.manifests(b"first"))
        scene.wait(b"first")
        cluster.apply(scene.endpoints(b"second"))
        scene.wait(b"second")
        cluster.kubectl("delete", "ingress", "app-ingress", "-n", scene.project)
        scene.wait(404)
    assert scene.readyz() == (200, "ready\n")


def test_a_certificate_is_served_and_rotated(scene, cluster, authority):
    scene.start()
    first, second = authority.issue(scene.host), authority.issue(scene.host, own_key=True)

    def served():
        try:
            with scene.proxy.tls_client(scene.host).sock as sock:
                return sock.getpeercert(True)
        except ssl.SSLError:
            return None

    with scene.traffic():
        cluster.apply(manifests.tls_app(first, scene.endpoint(b"tls"), host=scene.host,
                                        namespace=scene.project, secret_name="certificate"))
        wait_until(lambda: served() == first.der, "the certificate", SLOWLY_S)
        cluster.apply(manifests.tls_secret("certificate-0", second, scene.project))
        wait_until(lambda: served() == second.der, "the new certificate", SLOWLY_S)


def test_watch_13_the_api_server_killed_and_restarted_changes_nothing(scene, cluster):
    scene.start()
    cluster.apply(scene.manifests(b"before"))
    scene.wait(b"before")
    with scene.traffic():
        cluster.api_server.end()
        wait_until(lambda: "does not answer" in scene.readyz()[1], "the trouble is told", SLOWLY_S)
        assert scene.readyz()[0] == 200 and scene.get() == b"before"
        cluster.api_server.start()
        cluster.wait_ready()
        cluster.apply(scene.endpoints(b"after"))
        scene.wait(b"after")
        scene.wait_well()


def test_watch_14_an_api_server_that_hangs_is_noticed_and_gone_on_with(scene, cluster):
    """Stopped, it acknowledges what comes, and says nothing."""
    scene.start()
    cluster.apply(scene.manifests(b"before"))
    scene.wait(b"before")
    with scene.traffic(), contextlib.ExitStack() as going:
        os.kill(cluster.api_server.pid(), signal.SIGSTOP)
        going.callback(os.kill, cluster.api_server.pid(), signal.SIGCONT)
        wait_until(lambda: scene.proxy.metric("fairlead_api_dead_connections_total") > 0,
                   "the dead connection is noticed", SLOWLY_S)
        assert scene.readyz()[0] == 200 and scene.get() == b"before"
        going.close()
        cluster.wait_ready()
        cluster.apply(scene.endpoints(b"after"))
        scene.wait(b"after")
        scene.wait_well()


def test_watch_03_history_forgotten_while_the_server_is_away_is_read_anew(scene, cluster):
    scene.start()
    cluster.apply(scene.manifests(b"before"))
    scene.wait(b"before")
    with scene.traffic():
        cluster.api_server.end()
        cluster.api_server.start()
        cluster.wait_ready()
        cluster.kubectl("delete", "ingress", "app-ingress", "-n", scene.project)
        cluster.forget_history()
        scene.wait(404)
        cluster.apply(scene.manifests(b"after"))
        scene.wait(b"after")
        scene.wait_well()


def test_etcd_restarted_under_the_api_server_changes_nothing(scene, cluster):
    scene.start()
    cluster.apply(scene.manifests(b"before"))
    scene.wait(b"before")
    with scene.traffic():
        cluster.restart(cluster.etcd)
        assert scene.get() == b"before"
        cluster.apply(scene.endpoints(b"after"))
        scene.wait(b"after")
        scene.wait_well()


def test_watch_22_a_permission_that_is_missing_is_named(scene, cluster):
    """By its resource, in /readyz and in the log; the others are followed meanwhile."""
    name = f"reader-{scene.project}"
    rules = [{**rule, "resources": [one for one in rule["resources"] if one != "endpointslices"]}
             for rule in RULES]
    token = cluster.account(name, [rule for rule in rules if rule["resources"]])
    proxy = scene.start(cluster.config_of(name, token), ready=False)
    wait_until(lambda: scene.readyz()[1].count("\n") == 2, "only one is not followed", SLOWLY_S)
    status, body = scene.readyz()
    assert status == 503 and "endpointslices discovery.k8s.io/v1: not permitted" in body
    assert name in body
    assert proxy.log.find("cannot be followed .*endpointslices.*cannot (list|watch)")
    cluster.api.call("PATCH", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
                     {"rules": RULES}, "application/merge-patch+json")
    wait_until(lambda: scene.readyz()[0] == 200, "readiness", SLOWLY_S)
    assert scene.get(f"steady.{scene.host}") == b"steady"


def test_least_privilege_is_enough(scene, cluster):
    """What RULES permit, and nothing else."""
    name = f"least-{scene.project}"
    scene.start(cluster.config_of(name, cluster.account(name, RULES)))
    with scene.traffic():
        cluster.apply(scene.manifests(b"a"))
        scene.wait(b"a")
    assert scene.readyz() == (200, "ready\n")
    assert not scene.proxy.log.find("cannot be followed")


def test_watch_23_kinds_installed_later_are_followed_and_go_with_their_definition(scene, cluster):
    scene.start()
    route = manifests.to_yaml({
        "apiVersion": f"{CONTOUR}/v1beta1", "kind": "IngressRoute",
        "metadata": {"name": "route", "namespace": scene.project},
        "spec": {"virtualhost": {"fqdn": f"route.{scene.host}"}, "routes": [
            {"match": "/", "services": [{"name": "steady", "port": 80}]}]}})
    with scene.traffic():
        cluster.apply(crd("IngressRoute", "ingressroutes"))
        try:
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s",
                            f"crd/ingressroutes.{CONTOUR}")
            cluster.apply(route)
            scene.wait(b"steady", f"route.{scene.host}")
            scene.wait_well()
        finally:
            cluster.kubectl("delete", "crd", f"ingressroutes.{CONTOUR}")
        scene.wait(404, f"route.{scene.host}", 3 * SLOWLY_S)
        scene.wait_well()


def test_objects_deleted_and_recreated_among_many(scene, cluster):
    """Every tenth of them, and a list that was read while they went."""
    scene.start()
    ingresses = f"/apis/networking.k8s.io/v1/namespaces/{scene.project}/ingresses"
    cluster.apply(manifests.documents(*(
        manifests.ingress(f"h{number}.{scene.host}", service="steady", name=f"i{number}",
                          namespace=scene.project) for number in range(100))))
    scene.wait(b"steady", f"h99.{scene.host}")
    with scene.traffic():
        for number in range(0, 100, 10):
            thing = cluster.api.get(f"{ingresses}/i{number}")
            cluster.api.delete(f"{ingresses}/i{number}")
            cluster.api.create(ingresses, {"metadata": {"name": f"i{number}"},
                                           "spec": thing["spec"]})
        cluster.api.delete(f"{ingresses}/i55")
        scene.wait(404, f"h55.{scene.host}")
        for number in range(100):
            scene.wait(404 if number == 55 else b"steady", f"h{number}.{scene.host}")


@pytest.mark.slow
def test_watch_17_a_large_list_is_read_whole_and_the_others_meanwhile(scene, cluster):
    """12 MB of Secrets on the one connection that all watches share: the server is made to wait."""
    secrets = f"/api/v1/namespaces/{scene.project}/secrets"

    def create(number):
        cluster.api.create(secrets, {"metadata": {"name": f"s{number}"},
                                     "stringData": {"noise": os.urandom(4500).hex()}})

    with futures.ThreadPoolExecutor(4, initializer=enter,
                                    initargs=[cluster.namespace.path]) as pool:
        list(pool.map(create, range(1000)))
    scene.start()
    with scene.traffic():
        assert scene.proxy.metric("fairlead_kube_events_total", resource="secrets",
                                  version="v1") >= 1000
        assert scene.proxy.metric("fairlead_kube_too_large_total", resource="secrets",
                                  version="v1") == 0
        cluster.apply(scene.manifests(b"a"))
        scene.wait(b"a")
