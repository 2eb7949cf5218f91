# SPDX-License-Identifier: Apache-2.0
"""What stands in deploy/ is taken by a real API server, and gives the rights that are needed, no others."""
import json
import subprocess

import pytest

from kube import manifests
from kube.api import Refused
from kube.namespace import ADDRESS
from support.client import RawClient, request
from support.fairlead import Lines, binary, environment
from support.manifests import app
from support.wait import wait_until

ROUTES = "/apis/contour.heptio.com/v1beta1/namespaces/{}/ingressroutes"
NAMESPACES = ("fairlead", "team-a", "team-b", "team-c")
WARNED = "--warnings-as-errors"


@pytest.fixture(scope="module")
def with_crds(cluster):
    cluster.kubectl("apply", "--server-side", WARNED, "-k", manifests.DEPLOY / "crds")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd",
                    "--selector=app.kubernetes.io/name=fairlead")
    return cluster


@pytest.fixture(scope="module")
def with_namespaces(with_crds):
    for name in NAMESPACES:
        with_crds.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield with_crds
    for name in NAMESPACES:
        with_crds.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def installed(with_namespaces, binaries):
    """
    installed(folder): the token of its account; applied until the test ends, or installed.undo().
    Nothing runs, for there is no node.
    """
    applied = []

    def install(folder):
        things = [each for each in manifests.kustomize(binaries, folder)
                  if each["kind"] != "Namespace"]
        applied.append(manifests.to_text(things))
        with_namespaces.kubectl("apply", "--server-side", "-f", "-", text=applied[-1])
        return with_namespaces.api.create(
            "/api/v1/namespaces/fairlead/serviceaccounts/fairlead/token",
            {"spec": {"expirationSeconds": 3600}})["status"]["token"]

    def undo():
        while applied:
            with_namespaces.kubectl("delete", "--ignore-not-found", "-f", "-", text=applied.pop())

    install.undo = undo
    yield install
    undo()


# ---- manifests ----

@pytest.mark.parametrize("folder", [manifests.BASE, *sorted(manifests.OVERLAYS.iterdir())],
                         ids=lambda folder: folder.name)
def test_manifests_are_taken_without_a_warning(with_namespaces, folder):
    with_namespaces.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server",
                            WARNED, "-k", folder)


def pod_of(workload, namespace):
    template = workload["spec"]["template"]
    return {"metadata": {"name": "pod", "namespace": namespace, **template["metadata"]},
            "spec": {**template["spec"], "serviceAccountName": "default", "priorityClassName": ""}}


@pytest.mark.parametrize("folder,kind,level", [
    ("base", "DaemonSet", "privileged"), ("overlays/host-port", "DaemonSet", "privileged"),
    ("overlays/deployment", "Deployment", "restricted")])
def test_its_namespace_takes_its_pods(with_crds, binaries, project, folder, kind, level):
    things = manifests.kustomize(binaries, manifests.DEPLOY / "kustomize" / folder)
    label = "pod-security.kubernetes.io/enforce"
    assert manifests.pick(things, "Namespace")["metadata"]["labels"][label] == level
    with_crds.api.merge(f"/api/v1/namespaces/{project}", {"metadata": {"labels": {label: level}}})
    wait_until(lambda: accounts(with_crds, project), "a service account", 90)  # who makes it may be backed off
    with_crds.api.create(f"/api/v1/namespaces/{project}/pods?dryRun=All",
                         pod_of(manifests.pick(things, kind), project))


def accounts(cluster, project):
    return cluster.api.get(f"/api/v1/namespaces/{project}/serviceaccounts")["items"]


OURS = ("daemonsets,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,"
        "ingressclasses,priorityclasses")


def test_nothing_is_left_of_it_when_it_is_deleted(with_namespaces, installed, binaries):
    def left():
        return with_namespaces.kubectl("get", OURS, "-A", "-l", "app.kubernetes.io/name=fairlead",
                                       "-o", "name").split()

    installed(manifests.BASE)
    assert len(left()) == len(manifests.kustomize(binaries, manifests.BASE)) - len(["namespace"])
    installed.undo()
    assert left() == []


# ---- CRDs ----

def route(name, spec):
    return {"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
            "metadata": {"name": name}, "spec": spec}


WEB = {"name": "web", "port": 80}


def with_route(**fields):
    return {"virtualhost": {"fqdn": "www.example.com"}, "routes": [{"match": "/", **fields}]}


def with_service(**fields):
    return with_route(services=[{**WEB, **fields}])


EVERYTHING = {
    "virtualhost": {"fqdn": "www.example.com", "tls": {
        "secretName": "certs/wildcard", "minimumProtocolVersion": "1.2", "passthrough": False}},
    "routes": [
        {"match": "/", "enableWebsockets": True, "permitInsecure": True, "prefixRewrite": "/x",
         "timeoutPolicy": {"request": "infinity"}, "retryPolicy": {"count": 2, "perTryTimeout": "1s"},
         "services": [{**WEB, "weight": 3, "strategy": "Maglev",
                       "healthCheck": {"path": "/well", "host": "web", "intervalSeconds": 5,
                                       "timeoutSeconds": 1, "unhealthyThresholdCount": 3,
                                       "healthyThresholdCount": 2},
                       "validation": {"caSecret": "ca", "subjectName": "web.example.com"}}]},
        {"match": "/blog", "delegate": {"name": "blog", "namespace": "marketing"}}],
    "tcpproxy": {"services": [WEB], "delegate": {"name": "tcp"}}}


def test_every_field_of_an_ingress_route_is_kept(with_crds, project):
    made = with_crds.api.create(ROUTES.format(project) + "?fieldValidation=Strict",
                                route("all", EVERYTHING))
    assert made["spec"] == EVERYTHING


@pytest.mark.parametrize("strategy", ["RoundRobin", "WeightedLeastRequest", "Random", "RingHash",
                                      "Maglev", "Cookie"])
def test_every_strategy_is_taken(with_crds, project, strategy):
    with_crds.api.create(ROUTES.format(project), route("one", with_service(strategy=strategy)))


@pytest.mark.parametrize("spec,said", [
    ({"virtualhost": {"fqdn": "*.example.com"}}, "spec.virtualhost.fqdn"),
    ({"virtualhost": {"fqdn": "www.example.com:80"}}, "spec.virtualhost.fqdn"),
    ({"virtualhost": {"fqdn": "www.example.com", "tls": {"minimumProtocolVersion": "1.0"}}},
     'spec.virtualhost.tls.minimumProtocolVersion: Unsupported value: \\"1.0\\": supported values: '
     '\\"1.3\\", \\"1.2\\", \\"1.1\\"'),
    ({"virtualhost": {"fqdn": "www.example.com", "tls": {"secretName": "a/b/c"}}},
     "spec.virtualhost.tls.secretName"),
    ({"routes": [{"services": [WEB]}]}, "spec.routes[0].match: Required value"),
    ({"routes": [{"match": "blog"}]}, "spec.routes[0].match"),
    (with_route(services=[{"name": "web"}]), "spec.routes[0].services[0].port: Required value"),
    (with_service(port="http"),
     "spec.routes[0].services[0].port in body must be of type integer: \\\"string\\\""),
    (with_service(port=2 ** 33), "spec.routes[0].services[0].port"),
    (with_service(name="Web"), "spec.routes[0].services[0].name"),
    (with_service(strategy="Fair"), 'strategy: Unsupported value: \\"Fair\\": supported values: '
                                    '\\"RoundRobin\\"'),
    (with_service(healthCheck={"intervalSeconds": 5}), "healthCheck.path: Required value"),
    (with_service(validation={"caSecret": "ca"}), "validation.subjectName: Required value"),
    (with_route(delegate={"namespace": "marketing"}), "spec.routes[0].delegate.name: Required value"),
    (with_route(enableWebsockets="yes"), "spec.routes[0].enableWebsockets"),
    ({"tcpproxy": {"services": [{"port": 1}]}}, "spec.tcpproxy.services[0].name: Required value"),
], ids=range(16))
def test_a_bad_ingress_route_is_refused_by_the_name_of_its_field(with_crds, project, spec, said):
    with pytest.raises(Refused) as refused:
        with_crds.api.create(ROUTES.format(project), route("bad", spec))
    assert refused.value.code == 422 and said in refused.value.body, refused.value.body


def test_a_misspelt_field_is_told_by_kubectl(with_crds, project):
    text = json.dumps(route("typo", with_route(servics=[WEB])))
    done = subprocess.run(with_crds.namespace.command(
        with_crds.binaries / "kubectl", "--kubeconfig", with_crds.admin_config, "apply", "-n", project,
        "-f", "-"), input=text, capture_output=True, text=True)
    assert done.returncode != 0 and 'unknown field "spec.routes[0].servics"' in done.stderr


@pytest.mark.parametrize("group", ["contour.heptio.com/v1beta1", "projectcontour.io/v1"])
def test_delegations_of_both_groups_are_checked(with_crds, project, group):
    path = f"/apis/{group}/namespaces/{project}/tlscertificatedelegations"

    def create(name, *namespaces):
        return with_crds.api.create(path, {
            "apiVersion": group, "kind": "TLSCertificateDelegation", "metadata": {"name": name},
            "spec": {"delegations": [{"secretName": "wildcard", "targetNamespaces": namespaces}]}})

    create("good", "team-a", "*")
    with pytest.raises(Refused) as refused:
        create("bad", "team a")
    assert "spec.delegations[0].targetNamespaces[0]" in refused.value.body


def test_a_status_is_written_beside_the_object_and_shown_in_columns(with_crds, project):
    routes = ROUTES.format(project)
    with_crds.api.create(routes, {**route("www", EVERYTHING), "status": {"currentStatus": "forged"}})
    made = with_crds.api.merge(f"{routes}/www/status", {"spec": {"routes": []}, "status": {
        "currentStatus": "valid", "description": "valid IngressRoute"}})
    assert made["spec"] == EVERYTHING and made["metadata"]["generation"] == 1
    shown = with_crds.kubectl("get", "ingressroute", "-n", project).splitlines()
    assert shown[0].split("  ")[0] == "NAME"
    for word in ("FQDN", "TLS SECRET", "FIRST ROUTE", "STATUS", "STATUS DESCRIPTION"):
        assert word in shown[0]
    for word in ("www.example.com", "certs/wildcard", "valid IngressRoute"):
        assert word in shown[1]


# ---- rights ----

READ = {"ingresses.networking.k8s.io": {"list", "watch"},
        "ingressroutes.contour.heptio.com": {"list", "watch"},
        "services": {"list", "watch"},
        **{name: {"list", "watch"} for name in (
            "tlscertificatedelegations.contour.heptio.com",
            "tlscertificatedelegations.projectcontour.io", "endpoints", "secrets",
            "endpointslices.discovery.k8s.io")}}
WRITE = {"ingresses.networking.k8s.io/status": {"patch"},
         "ingressroutes.contour.heptio.com/status": {"patch"},
         "events.events.k8s.io": {"create", "patch"}}
# Everybody who is signed in may ask what he may do.
OF_EVERYBODY = ("selfsubject",)


def rights(api, namespace):
    """What an account may do there, {resource: verbs}, as the API server says."""
    review = api.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                        {"spec": {"namespace": namespace}})
    found = {}
    for rule in review["status"]["resourceRules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                name, _, part = resource.partition("/")
                name = f"{name}.{group}" if group else name
                name += f"/{part}" if part else ""
                if not name.startswith(OF_EVERYBODY):
                    found.setdefault(name, set()).update(rule["verbs"])
    return found


CLASSES = {"ingressclasses.networking.k8s.io": {"list", "watch"}}
LEASES = {"leases.coordination.k8s.io": {"create", "get", "patch"}}
NODES = {"nodes": {"list", "watch"}}
PODS = {"pods": {"list", "watch"}}


@pytest.mark.parametrize("folder", ["base", "overlays/host-port"])
def test_a_pod_on_every_node_has_these_rights_and_no_others(installed, with_namespaces, folder):
    api = with_namespaces.api_of(installed(manifests.DEPLOY / "kustomize" / folder))
    assert rights(api, "fairlead") == {**READ, **WRITE, **CLASSES, **LEASES, **NODES, **PODS}
    assert rights(api, "team-c") == {**READ, **WRITE, **CLASSES, **NODES}


def test_pods_behind_a_load_balancer_have_no_right_to_pods_and_nodes(installed, with_namespaces):
    api = with_namespaces.api_of(installed(manifests.OVERLAYS / "deployment"))
    assert rights(api, "fairlead") == {**READ, **WRITE, **CLASSES, **LEASES}
    assert rights(api, "team-c") == {**READ, **WRITE, **CLASSES}


def test_a_lease_of_another_name_is_not_its_own(installed, with_namespaces):
    api = with_namespaces.api_of(installed(manifests.BASE))
    leases = "/apis/coordination.k8s.io/v1/namespaces/fairlead/leases"
    with_namespaces.api.create(leases, {"metadata": {"name": "others"}})
    for name, code in (("others", 403), ("fairlead", 404)):
        with pytest.raises(Refused) as refused:
            api.get(f"{leases}/{name}")
        assert refused.value.code == code


def test_secrets_of_namespaces_that_are_not_served_cannot_be_read(installed, with_namespaces):
    api = with_namespaces.api_of(installed(manifests.OVERLAYS / "namespaces"))
    assert rights(api, "team-a") == {**READ, **WRITE, **CLASSES, **NODES}
    assert rights(api, "team-c") == {**CLASSES, **NODES}
    for path in ("/api/v1/namespaces/team-c/secrets", "/api/v1/secrets"):
        with pytest.raises(Refused) as refused:
            api.get(path)
        assert refused.value.code == 403


@pytest.fixture
def served(with_namespaces, tmp_path):
    """served(token, *flags): Fairlead by these rights; its HTTP port when it is ready."""
    started = []

    def serve(token, *flags):
        config = with_namespaces.config_of("fairlead", token, "fairlead")  # where its pods are
        process = subprocess.Popen(
            [binary(), "serve", "--kubeconfig", config, "--http", "127.0.0.1:0", "--https", "off",
             "--admin", f"unix:{tmp_path}/admin", "--drain-delay", "0s",
             *flags],
            env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        started.append((process, Lines(process.stderr)))
        wait_until(lambda: subprocess.run([binary(), "probe", "ready", "--admin",
                                           f"unix:{tmp_path}/admin"],
                                          capture_output=True, env=environment()).returncode == 0,
                   "readiness")
        return int(started[-1][1].wait_for(r"http listens address=\S*:(\d+)")[1])

    yield serve
    for process, log in started:
        process.terminate()
        assert process.wait(30) == 0, log.text()
        assert not log.find("forbidden|not permitted to|lacks a verb"), log.text()


def answer(port):
    client = RawClient(port)
    try:
        return client.ask(request("GET", "/", "a.test", "Connection: close"))
    finally:
        client.close()


@pytest.mark.parametrize("folder,flags", [
    ("base", ()), ("overlays/namespaces", ("--watch-namespaces", "team-a,team-b"))])
def test_fairlead_serves_with_the_rights_of_the_manifests(installed, served, with_namespaces,
                                                          backend, folder, flags):
    token = installed(manifests.DEPLOY / "kustomize" / folder)
    there = backend(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal", address=ADDRESS)
    with_namespaces.apply(app(f"{ADDRESS}:{there.port}", namespace="team-a"))
    assert answer(served(token, "--publish-address", "192.0.2.7", *flags)).body == b"real"
    ingress = "/apis/networking.k8s.io/v1/namespaces/team-a/ingresses/app-ingress"
    wait_until(lambda: with_namespaces.api.get(ingress)["status"]["loadBalancer"] == {
        "ingress": [{"ip": "192.0.2.7"}]}, "the address")
    with_namespaces.api.delete(ingress)


@pytest.fixture
def node(with_namespaces):
    """(name, address) of a node that nobody runs."""
    name, address = "edge-1", "198.51.100.7"
    with_namespaces.api.create("/api/v1/nodes", {
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}}})
    with_namespaces.api.merge(f"/api/v1/nodes/{name}/status", {
        "status": {"addresses": [{"type": "InternalIP", "address": address}]}})
    yield name, address
    with_namespaces.api.delete(f"/api/v1/nodes/{name}")


def test_the_flag_of_the_base_finds_the_pods_of_the_base(installed, served, with_namespaces, binaries,
                                                         node):
    """The DaemonSet's own pod, put on its node and said to be ready by us, who are no kubelet."""
    pods = "/api/v1/namespaces/fairlead/pods"
    workload = manifests.pick(manifests.kustomize(binaries, manifests.BASE), "DaemonSet")
    flag = next(each for each in workload["spec"]["template"]["spec"]["containers"][0]["args"]
                if each.startswith("--publish-nodes="))
    token = installed(manifests.BASE)
    name = wait_until(lambda: with_namespaces.api.get(pods)["items"], "a pod")[0]["metadata"]["name"]
    with_namespaces.api.create(f"{pods}/{name}/binding", {
        "metadata": {"name": name}, "target": {"apiVersion": "v1", "kind": "Node", "name": node[0]}})
    with_namespaces.api.merge(f"{pods}/{name}/status", {
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    with_namespaces.apply(app(f"{ADDRESS}:8080", namespace="team-a"))
    served(token, flag)
    ingress = "/apis/networking.k8s.io/v1/namespaces/team-a/ingresses/app-ingress"
    wait_until(lambda: with_namespaces.api.get(ingress)["status"]["loadBalancer"].get("ingress", [{}])[
        0].get("ip") == node[1], "the address of the node")
    with_namespaces.api.delete(ingress)
    with_namespaces.api.delete(f"{pods}/{name}?gracePeriodSeconds=0")


def test_a_right_that_is_missing_is_named_and_readiness_waits_for_it(with_namespaces, binaries,
                                                                     tmp_path):
    things = manifests.kustomize(binaries, manifests.BASE)
    rules = [rule for name in ("fairlead-namespaces", "fairlead-cluster")
             for rule in manifests.pick(things, "ClusterRole", name)["rules"]]
    for rule in rules:
        rule["resources"] = [each for each in rule["resources"] if each != "secrets"] or ["none"]
    config = with_namespaces.config_of("half", with_namespaces.account("half", rules))
    process = subprocess.Popen(
        [binary(), "serve", "--kubeconfig", config, "--http", "127.0.0.1:0", "--https", "off",
         "--admin", f"unix:{tmp_path}/admin", "--drain-delay", "0s"], env=environment(),
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        Lines(process.stderr).wait_for("objects cannot be followed on the API server why=.*secrets.*"
                                       "not permitted to list and watch")
        asked = subprocess.run([binary(), "probe", "ready", "--admin", f"unix:{tmp_path}/admin"],
                               capture_output=True, text=True, env=environment())
        assert asked.returncode == 1 and "not synced" in asked.stdout
    finally:
        process.terminate()
        assert process.wait(30) == 0
