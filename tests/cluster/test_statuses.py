# SPDX-License-Identifier: Apache-2.0
"""What is told to the API server: statuses, addresses and Events, by one of several Fairleads."""
import json
import re
import signal
import time

import pytest

from kube import manifests as manifests_of_deploy
from kube.api import Refused
from kube.namespace import ADDRESS
from support import manifests
from support.wait import wait_until

ROUTES = "/apis/contour.heptio.com/v1beta1/namespaces/{}/ingressroutes"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses"
SERVICES = "/api/v1/namespaces/{}/services"
EVENTS = "/apis/events.k8s.io/v1/namespaces/{}/events"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
DEFINITION = ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
              "ingressroutes.contour.heptio.com")
# A leader that died, and who looks every three seconds at a lease of fifteen.
FAIL_OVER_S = 20


def has_subresource(cluster, path):
    try:
        return bool(cluster.api.get(f"{path}/status"))
    except Refused:
        return False


@pytest.fixture(scope="module", autouse=True)
def definitions(cluster):
    cluster.kubectl("apply", "--server-side", "-k", manifests_of_deploy.DEPLOY / "crds")
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def is_taken(action, *words):
    """The API server refuses for a moment after it has taken over another definition."""
    try:
        action(*words)
        return True
    except Refused:
        return False


def set_subresources(cluster, project, subresources):
    witness = f"{ROUTES.format(project)}/witness"
    wait_until(lambda: is_taken(cluster.api.create, ROUTES.format(project),
                                route(project, name="witness"))
               or is_taken(cluster.api.get, witness), "the witness")
    versions = cluster.api.get(DEFINITION)["spec"]["versions"]
    versions[0]["subresources"] = subresources
    cluster.api.merge(DEFINITION, {"spec": {"versions": versions}})
    wait_until(lambda: has_subresource(cluster, witness) == bool(subresources), "the definition")
    wait_until(lambda: is_taken(cluster.api.delete, witness), "the end of the witness")


@pytest.fixture(params=[True, False], ids=["subresource", "no-subresource"])
def any_definition(request, cluster, project):
    """As it is installed, and as Contour's were."""
    if not request.param:
        set_subresources(cluster, project, {})
    yield
    if not request.param:
        set_subresources(cluster, project, {"status": {}})


@pytest.fixture
def start(cluster, project, fairlead):
    """A Fairlead of the project's own lease."""
    def start(*flags, **options):
        return fairlead("", "--kubeconfig", cluster.admin_config, "--drain-delay", "0s",
                        "--lease-name", f"{project}/fairlead", "--watch-namespaces", project,
                        *flags, **options)

    return start


def route(project, name="root", service="app"):
    return {"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
            "metadata": {"name": name, "namespace": project},
            "spec": {"virtualhost": {"fqdn": f"{project}.test"},
                     "routes": [{"match": "/", "services": [{"name": service, "port": 80}]}]}}


def status_of(cluster, project, name="root"):
    return cluster.api.get(f"{ROUTES.format(project)}/{name}").get("status", {})


def wait_status(cluster, project, state, name="root"):
    return wait_until(lambda: (status := status_of(cluster, project, name)).get(
        "currentStatus") == state and status, f"{name} {state}")


def app(project):
    return manifests.app(f"{ADDRESS}:8080", host=f"{project}.test", namespace=project)


def addresses_of(cluster, project):
    ingress = cluster.api.get(f"{INGRESSES.format(project)}/app-ingress")
    return ingress["status"]["loadBalancer"].get("ingress", [])


def events_of(cluster, project):
    return cluster.api.get(EVENTS.format(project))["items"]


def is_leader(program):
    return program.metric("fairlead_leader") == 1


def holder(cluster, project):
    return cluster.api.get(f"{LEASES.format(project)}/fairlead")["spec"]["holderIdentity"]


def writes(program):
    return sum(value for name, value in program.metrics().items()
               if name.startswith(("fairlead_status_writes_total", "fairlead_events_total")))


def test_watch_25_a_status_follows_its_object(cluster, project, any_definition, start):
    cluster.apply(app(project))
    cluster.api.create(ROUTES.format(project), route(project, service="missing"))
    program = start()
    status = wait_status(cluster, project, "invalid")
    assert "missing" in status["description"]
    cluster.api.merge(f"{ROUTES.format(project)}/root",
                      {"spec": route(project)["spec"]})
    assert wait_status(cluster, project, "valid")["description"] == "valid IngressRoute"
    program.wait_gauge("fairlead_status_waiting", 0)


def test_watch_25_what_somebody_else_wrote_is_put_right(cluster, project, start):
    cluster.apply(app(project))
    cluster.api.create(ROUTES.format(project), route(project))
    start()
    wait_status(cluster, project, "valid")
    cluster.api.merge(f"{ROUTES.format(project)}/root/status",
                      {"status": {"currentStatus": "wrong", "description": "by hand"}})
    wait_status(cluster, project, "valid")


def test_watch_25_our_own_writes_publish_nothing_and_come_to_rest(cluster, project, start):
    cluster.apply(app(project))
    program = start("--publish-address", "192.0.2.7")
    cluster.api.create(ROUTES.format(project), route(project))
    wait_until(lambda: program.generation() > 1, "a table with the route")
    generation = program.generation()
    wait_status(cluster, project, "valid")
    wait_until(lambda: addresses_of(cluster, project), "the address")
    wait_until(lambda: writes(program) == 2, "the answers to the writes")
    # Another object, served after all that came before it.
    events = program.metric("fairlead_kube_events_total", resource="services", version="v1")
    cluster.api.create(SERVICES.format(project), {"metadata": {"name": "late"},
                                                  "spec": {"ports": [{"port": 80}]}})
    wait_until(lambda: program.metric("fairlead_kube_events_total", resource="services",
                                      version="v1") > events, "the Service")
    assert program.generation() == generation
    assert writes(program) == 2


def test_addresses_are_published_and_follow_the_flag(cluster, project, start):
    cluster.apply(app(project))
    start("--publish-address", "192.0.2.7,lb.example.com,2001:db8::1")
    wait_until(lambda: addresses_of(cluster, project) == [
        {"ip": "192.0.2.7"}, {"ip": "2001:db8::1"}, {"hostname": "lb.example.com"}],
        "the addresses")


def test_addresses_of_a_service_are_published_and_followed(cluster, project, start):
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": f"{project}-edge"}})
    edge = SERVICES.format(f"{project}-edge")
    cluster.api.create(edge, {"metadata": {"name": "fairlead"},
                              "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    cluster.apply(app(project))
    program = start("--publish-service", f"{project}-edge/fairlead")  # its namespace is not watched
    wait_until(lambda: is_leader(program), "a leader")
    assert addresses_of(cluster, project) == []
    for address in ("198.51.100.1", "198.51.100.2"):
        cluster.api.merge(f"{edge}/fairlead/status",
                          {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
        wait_until(lambda: addresses_of(cluster, project)[:1] == [
            {"ip": address, "ipMode": "VIP"}] or addresses_of(cluster, project) == [
            {"ip": address}], address)
    cluster.api.delete(f"/api/v1/namespaces/{project}-edge")


class Nodes:
    """Nodes that nobody runs, and pods of ours that somebody says are ready."""

    def __init__(self, cluster, project):
        self.api, self.project = cluster.api, project
        self.pods = f"/api/v1/namespaces/{project}/pods"
        self.names = []
        wait_until(lambda: self.api.get(f"/api/v1/namespaces/{project}/serviceaccounts")["items"],
                   "a service account", 90)  # who makes it may be backed off

    def add(self, name, kind, address):
        """Its name, by which no other test knows one."""
        name = f"{self.project}-{name}"
        self.api.create("/api/v1/nodes", {"metadata": {"name": name}})
        self.names.append(name)
        self.move(name, kind, address)
        return name

    def move(self, name, kind, address):
        self.api.merge(f"/api/v1/nodes/{name}/status",
                       {"status": {"addresses": [{"type": kind, "address": address}]}})

    def run(self, name, node, labels, ready=True):
        self.api.create(self.pods, {
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": node, "containers": [{"name": "none", "image": "none"}]}})
        self.say(name, ready)

    def say(self, name, ready):
        self.api.merge(f"{self.pods}/{name}/status", {
            "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}})

    def close(self):
        for pod in self.api.get(self.pods)["items"]:
            self.api.delete(f"{self.pods}/{pod['metadata']['name']}?gracePeriodSeconds=0")
        for name in self.names:
            self.api.delete(f"/api/v1/nodes/{name}")


@pytest.fixture
def nodes(cluster, project):
    made = Nodes(cluster, project)
    yield made
    made.close()


def test_addresses_of_nodes_with_ready_pods_are_published_and_followed(cluster, project, fairlead,
                                                                       nodes):
    def wait_addresses(*expected):
        wait_until(lambda: [each["ip"] for each in addresses_of(cluster, project)] == list(expected),
                   f"the addresses {expected}")

    labels = {"app": "edge"}
    a, b = nodes.add("a", "InternalIP", "198.51.100.1"), nodes.add("b", "ExternalIP", "192.0.2.2")
    nodes.run("one", a, labels)
    nodes.run("two", b, labels)
    nodes.run("other", nodes.add("c", "InternalIP", "198.51.100.3"), {"app": "other"})
    cluster.apply(app(project))
    token = json.loads(cluster.admin_config.read_text())["users"][0]["user"]["token"]
    program = fairlead("", "--kubeconfig", cluster.config_of(f"in-{project}", token, project),
                       "--drain-delay", "0s", "--watch-namespaces", project,
                       "--publish-nodes", "app=edge")
    wait_addresses("192.0.2.2", "198.51.100.1")
    written = writes(program)
    nodes.say("one", ready=False)
    wait_addresses("192.0.2.2")
    nodes.say("one", ready=True)
    wait_addresses("192.0.2.2", "198.51.100.1")
    cluster.api.delete(f"{nodes.pods}/two")  # no kubelet is there to end it: it stays, and is ready
    wait_addresses("198.51.100.1")
    nodes.move(a, "ExternalIP", "192.0.2.1")
    wait_addresses("192.0.2.1")
    assert writes(program) == written + 4


def test_an_ingress_of_another_class_is_left_alone(cluster, project, start):
    cluster.apply(app(project))
    cluster.api.merge(f"{INGRESSES.format(project)}/app-ingress",
                      {"spec": {"ingressClassName": "another"}})
    cluster.apply(manifests.app(f"{ADDRESS}:8080", host=f"other.{project}.test", name="other",
                                namespace=project))
    start("--publish-address", "192.0.2.7")
    wait_until(lambda: cluster.api.get(f"{INGRESSES.format(project)}/other-ingress")["status"][
        "loadBalancer"].get("ingress"), "the address")
    assert addresses_of(cluster, project) == []


def test_events_tell_what_is_wrong_and_that_it_is_so_no_more(cluster, project, start):
    cluster.apply(app(project))
    cluster.api.create(ROUTES.format(project), route(project, service="missing"))
    start()
    event = wait_until(lambda: next(iter(events_of(cluster, project)), None), "an event")
    assert (event["type"], event["reason"]) == ("Warning", "Invalid")
    assert event["note"] == status_of(cluster, project)["description"]
    assert event["regarding"]["name"] == "root"
    assert "Invalid" in cluster.kubectl("describe", "ingressroute", "root", "-n", project)
    cluster.api.merge(f"{ROUTES.format(project)}/root", {"spec": route(project)["spec"]})
    wait_until(lambda: any(event["type"] == "Normal" for event in events_of(cluster, project)),
               "the good news")


def test_a_new_leader_repeats_neither_statuses_nor_events(cluster, project, start):
    cluster.apply(app(project))
    cluster.api.create(ROUTES.format(project), route(project, service="missing"))
    first = start("--publish-address", "192.0.2.7")
    wait_until(lambda: writes(first) == 3, "a status, an address and an event")
    first.stop()
    second = start("--publish-address", "192.0.2.7")
    wait_until(lambda: second.metric("fairlead_events_total", result="conflict") == 1,
               "the event that is there")
    assert len(events_of(cluster, project)) == 1
    assert writes(second) == 1


def test_watch_25_one_of_two_leads_and_the_other_takes_over(cluster, project, start):
    cluster.apply(app(project))
    one, two = programs = [start(), start()]
    wait_until(lambda: any(is_leader(program) for program in programs), "a leader")
    assert not (is_leader(one) and is_leader(two))
    leader, other = (one, two) if is_leader(one) else (two, one)
    # Gently: the lease is given back, and nobody waits for its end.
    before = holder(cluster, project)
    leader.stop()
    wait_until(lambda: is_leader(other), "another leader")
    assert holder(cluster, project) not in ("", before)


def test_watch_25_a_leader_that_stands_still_writes_no_more(cluster, project, start):
    cluster.apply(app(project))
    cluster.api.create(ROUTES.format(project), route(project))
    one, two = programs = [start(), start()]
    wait_until(lambda: any(is_leader(program) for program in programs), "a leader")
    leader, other = (one, two) if is_leader(one) else (two, one)
    wait_status(cluster, project, "valid")
    leader.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: is_leader(other), "another leader", 2 * FAIL_OVER_S)
    print(f"another leads after {time.monotonic() - stopped:.1f} s")
    written = writes(other)
    leader.process.send_signal(signal.SIGCONT)
    # Whatever it says first, it is that it leads no more.
    assert not is_leader(leader)
    cluster.api.merge(f"{ROUTES.format(project)}/root",
                      {"spec": route(project, service="missing")["spec"]})
    wait_status(cluster, project, "invalid")
    wait_until(lambda: writes(other) > written, "a write of the new leader")
    assert is_leader(other)


def test_what_is_not_allowed_is_said_once_with_verb_and_resource(cluster, project, fairlead):
    cluster.apply(app(project))
    for name in ("root", "second"):
        cluster.api.create(ROUTES.format(project), route(project, name=name))
    token = cluster.account(f"reader-{project}", [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
         "verbs": ["get", "create", "patch"]}])
    config = cluster.config_of("reader", token)
    program = fairlead("", "--kubeconfig", config, "--drain-delay", "0s", "--lease-name",
                       f"{project}/fairlead", "--watch-namespaces", project)
    program.log.wait_for("may not write.*verb=patch resource=ingressroutes/status")
    program.wait_metric("fairlead_status_writes_total", at_least=2, kind="IngressRoute",
                        result="forbidden")
    assert len([line for line in program.log.lines
                if re.search("may not write.*ingressroutes", line)]) == 1
