# SPDX-License-Identifier: Apache-2.0
"""
A real API server, the way to it and what it holds, broken again and again under load.

wrk asks all the time, on kept connections and on new ones; not one request may fail. Each round also
changes something and waits until that is served. How many rounds FAIRLEAD_CHAOS_TIMES says, 20 by
default. A table at the end says what was asked and what failed: scripts/cluster chaos.
"""
import os
import secrets
import subprocess

import pytest

from kube import kubeconfig
from kube.control_plane import API_PORT
from kube.fault_proxy import FaultProxy
from kube.namespace import ADDRESS
from scene import RULES, Scene
from support import manifests
from support.echo import program
from support.ports import listen
from support.wait import wait_until
from support.wrk import Clients
from tally import TIMES, Tally

pytestmark = pytest.mark.slow
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
SECRETS = "/api/v1/namespaces/default/secrets"
BACKED_OFF_S = 90  # who is cut again and again waits up to half a minute before it asks again
FAIL_OVER_S = 40
REQUESTS_A_ROUND = 500  # after a change, at least
LEASES = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
           "verbs": ["get", "create", "update", "patch"]}]


class Chaos(Scene):
    """A Scene whose steady host is served by processes of their own, for many requests."""

    def __init__(self, *fixtures):
        super().__init__(*fixtures)
        self.echoes = []
        self.steady = f"steady.{self.host}"

    def echo(self):
        """ADDRESS:PORT of another endpoint."""
        with listen(address=ADDRESS) as probe:
            where = f"{ADDRESS}:{probe.getsockname()[1]}"
        self.echoes.append(subprocess.Popen([program(), "--listen", where],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL))
        return where

    def start_steady(self, certificate=None, config=None, flags=()):
        where = [self.echo(), self.echo()]
        options = {"host": self.steady, "name": "steady", "namespace": self.project}
        self.cluster.apply(manifests.tls_app(certificate, *where, secret_name="steady", **options)
                           if certificate else manifests.app(*where, **options))
        self.cluster.apply(self.manifests(b"before"))
        self.proxy = self.fairlead("", "--kubeconfig", config or self.cluster.admin_config,
                                   "--drain-delay", "0s", *flags)
        self.wait_answered(self.proxy)
        return self.proxy

    def wait_answered(self, proxy):
        wait_until(lambda: proxy.get("/bytes/1", self.steady).status == 200, "the steady host", 60)

    def rounds(self, kind, tls=False):
        tally = Tally(kind)
        with Clients(self.proxy, self.steady, tls) as clients:
            for number in range(TIMES):
                yield number
                clients.check_running()
                self.wait_requests()
                tally.count()
        tally.add(clients)

    def requests(self):
        return sum(value for name, value in self.proxy.metrics().items()
                   if name.startswith("fairlead_requests_total"))

    def wait_requests(self):
        """What has changed is asked for, too, before the next change."""
        wanted = self.requests() + REQUESTS_A_ROUND
        wait_until(lambda: self.requests() >= wanted, "requests")

    def change(self, number):
        self.cluster.apply(self.endpoints(b"%d" % number))
        self.wait(b"%d" % number, patience_s=BACKED_OFF_S)

    def close(self):
        for echo in self.echoes:
            echo.kill()
            echo.wait()


@pytest.fixture
def chaos(cluster, project, fairlead, backend):
    made = Chaos(cluster, project, fairlead, backend)
    yield made
    made.close()


@pytest.fixture
def network(cluster):
    """Between a Fairlead that is started with network.config and the API server."""
    proxy = FaultProxy((ADDRESS, API_PORT))
    proxy.config = kubeconfig.write(cluster.directory / "network.kubeconfig",
                                    f"https://127.0.0.1:{proxy.port}",
                                    (cluster.directory / "ca.pem").read_text(), cluster.api.token)
    yield proxy
    proxy.close()


def test_the_api_server_is_killed_and_started_again(chaos, cluster):
    chaos.start_steady()
    for number in chaos.rounds("API server killed"):
        cluster.restart(cluster.api_server)
        chaos.change(number)


def lists_read(proxy):
    return sum(value for name, value in proxy.metrics().items()
               if name.startswith(("fairlead_kube_streams_total", "fairlead_kube_lists_total")))


def test_etcd_is_killed_and_its_history_is_gone(chaos, cluster):
    """Whoever watches is told 410, and lists anew."""
    proxy = chaos.start_steady()
    for number in chaos.rounds("etcd killed, 410 Gone"):
        before = lists_read(proxy)
        cluster.restart(cluster.etcd)
        cluster.forget_history()
        chaos.change(number)
        wait_until(lambda: lists_read(proxy) > before, "a list that is read anew", BACKED_OFF_S)


def noise(cluster, project, count=60000):
    """An object of so many bytes and more comes by the watch."""
    cluster.api.merge(f"{INGRESSES.format(project)}/app-ingress",
                      {"metadata": {"annotations": {"noise": secrets.token_hex(count)}}})


def test_watches_are_cut_within_a_line(chaos, cluster, network):
    chaos.start_steady(config=network.config)
    for number in chaos.rounds("watches cut within a line"):
        before = network.cuts
        network.cut_after(40000)
        noise(cluster, chaos.project)
        wait_until(lambda: network.cuts > before, "the cut", BACKED_OFF_S)
        chaos.change(number)


def many(chaos):
    """A list that takes more than one packet."""
    chaos.cluster.apply(manifests.documents(*(
        manifests.ingress(f"h{number}.{chaos.host}", service="steady", name=f"i{number}",
                          namespace=chaos.project) for number in range(100))))


def test_answers_come_slowly_and_lists_end_too_soon(chaos, cluster, network):
    """In turn. What is cut short comes at another byte each time, in the handshake or in a list."""
    many(chaos)
    chaos.start_steady(config=network.config)
    for number in chaos.rounds("slow and truncated answers"):
        if number % 2 == 0:
            network.slow(100000)
            noise(cluster, chaos.project)
        else:
            network.cut_new_after(2000 + 4000 * number, times=2)
            cluster.forget_history()
        chaos.change(number)
        network.slow(0)


class Token:
    """Of an account, in a file; the one before is worth nothing once another is there."""

    def __init__(self, cluster, name):
        self.api, self.name = cluster.api, name
        self.file = cluster.directory / f"{name}.token"
        self.held = None
        cluster.account(name, RULES + LEASES)

    def rotate(self):
        before, self.held = self.held, f"{self.name}-{secrets.token_hex(4)}"
        made = self.api.create(SECRETS, {"metadata": {"name": self.held}})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": self.held,
                 "uid": made["metadata"]["uid"]}
        token = self.api.create(f"{ACCOUNTS}/{self.name}/token", {
            "spec": {"boundObjectRef": bound, "expirationSeconds": 3600}})["status"]["token"]
        new = self.file.with_suffix(".new")
        new.write_text(token)
        os.replace(new, self.file)
        if before is not None:
            self.api.delete(f"{SECRETS}/{before}")


def test_the_token_is_rotated_and_the_old_one_refused(chaos, cluster):
    """Leases are renewed with it, so that each is used."""
    token = Token(cluster, f"rotated-{chaos.project}")
    token.rotate()
    config = kubeconfig.write_for_file(cluster.directory / "rotated.kubeconfig",
                                       f"https://{ADDRESS}:{API_PORT}",
                                       (cluster.directory / "ca.pem").read_text(), token.file)
    proxy = chaos.start_steady(config=config, flags=("--lease-name", f"{chaos.project}/fairlead"))
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{chaos.project}/leases/fairlead"

    def renewed():
        return cluster.api.get(lease)["spec"]["renewTime"]

    wait_until(lambda: proxy.metric("fairlead_leader") == 1, "a leader", FAIL_OVER_S)
    for number in chaos.rounds("token rotated"):
        changes = proxy.metric("fairlead_api_identity_changes_total")
        token.rotate()
        wait_until(lambda: proxy.metric("fairlead_api_identity_changes_total") > changes,
                   "the new token", BACKED_OFF_S)
        before = renewed()
        wait_until(lambda: renewed() != before, "a renewal with it", FAIL_OVER_S)
        chaos.change(number)


def test_the_leader_is_killed_and_another_one_leads(chaos, cluster):
    """What asks one that is killed fails; so each round asks the one that stays."""
    def start():
        proxy = chaos.fairlead("", "--kubeconfig", cluster.admin_config, "--drain-delay", "0s",
                               "--lease-name", f"{chaos.project}/fairlead")
        chaos.wait_answered(proxy)
        return proxy

    leader = chaos.start_steady(flags=("--lease-name", f"{chaos.project}/fairlead"))
    wait_until(lambda: leader.metric("fairlead_leader") == 1, "a leader", FAIL_OVER_S)
    tally = Tally("leader killed")
    for number in range(TIMES):
        other = chaos.proxy = start()
        with Clients(other, chaos.steady) as clients:
            leader.kill()
            wait_until(lambda: other.metric("fairlead_leader") == 1, "another leader",
                       2 * FAIL_OVER_S)
            chaos.change(number)
        tally.add(clients)
        tally.count()
        leader = other


def test_a_secret_is_rotated_under_tls_traffic(chaos, cluster, authority):
    proxy = chaos.start_steady(certificate=authority.issue(chaos.steady))

    def shown():
        with proxy.tls_client(chaos.steady).sock as sock:
            return sock.getpeercert(True)

    for _ in chaos.rounds("Secret rotated", tls=True):
        fresh = authority.issue(chaos.steady, own_key=True)
        cluster.apply(manifests.tls_secret("steady-0", fresh, chaos.project))
        wait_until(lambda: shown() == fresh.der, "the new certificate")


def test_all_endpoints_of_a_service_are_replaced(chaos, cluster):
    """Those that went answer on for a while, as terminating pods do."""
    proxy = chaos.start_steady()
    for _ in chaos.rounds("all endpoints replaced"):
        where = [chaos.echo(), chaos.echo()]
        cluster.apply(manifests.endpoints("steady", *where, namespace=chaos.project))
        wait_until(lambda: all(one in proxy.admin("/table").body.decode() for one in where),
                   "the new endpoints")
        for old in chaos.echoes[:-6]:
            old.kill()


def test_a_tenth_of_the_objects_is_deleted_and_made_anew(chaos, cluster):
    many(chaos)
    chaos.start_steady()
    ingresses = INGRESSES.format(chaos.project)
    for times in chaos.rounds("10 % deleted and recreated"):
        for number in range(times % 10, 100, 10):
            cluster.api.delete(f"{ingresses}/i{number}")
            thing = {"host": f"h{number}-{times}.{chaos.host}", "http": {"paths": [
                {"path": "/", "pathType": "Prefix",
                 "backend": {"service": {"name": "steady", "port": {"number": 80}}}}]}}
            cluster.api.create(ingresses, {"metadata": {"name": f"i{number}"},
                                           "spec": {"rules": [thing]}})
        for number in range(times % 10, 100, 10):
            host = f"h{number}-{times}.{chaos.host}"
            wait_until(lambda: chaos.proxy.get("/bytes/1", host).status == 200, host)
            assert chaos.proxy.get("/bytes/1", f"h{number}.{chaos.host}").status == 404
