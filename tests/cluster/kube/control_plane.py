# SPDX-License-Identifier: Apache-2.0
"""
etcd, an API server and, where wanted, a controller manager. Up in a few seconds.

    with ControlPlane(directory, binaries) as cluster:
        with cluster.namespace.inside():
            cluster.kubectl("get", "namespaces")

Everything it needs and says lies in `directory`; see *.log there.
"""
import json
import os
import secrets
import subprocess
import urllib.request

from support.certificates import Authority, make_key, pem_of
from support.wait import wait_until

from . import kubeconfig
from .api import Api, Refused
from .namespace import ADDRESS, Namespace
from .program import Program

SERVICES = "198.18.128.0/20"
SERVICE_ADDRESS = "198.18.128.1"  # the API server's, as a Service, where kube-proxy runs
API_PORT = 6443
SERVER = f"https://{ADDRESS}:{API_PORT}"
ETCD = f"http://{ADDRESS}:2379"
ETCD_PEERS = f"http://{ADDRESS}:2380"
STARTED_WITHIN_S = 90  # 3 s on an idle machine, but tests run where others build


class ControlPlane:
    """
    binaries: the folder that tests/cluster/build prints. controller_manager: makes EndpointSlices,
    ServiceAccounts, pods of Deployments; without it nobody but the test changes anything.
    users: their group by name, beside the administrator.
    """

    def __init__(self, directory, binaries, namespace=None, controller_manager=False,
                 may_outlive=False, users=None):
        self.directory, self.binaries = directory, binaries
        self.users = {"admin": "system:masters", **(users or {})}
        self.namespace = namespace or Namespace()
        self.may_outlive = may_outlive
        self.admin_config = directory / "admin.kubeconfig"
        self.etcd = self.program("etcd", *self._etcd_flags())
        self.api_server = self.program("kube-apiserver", *self._api_server_flags())
        self.programs = [self.etcd, self.api_server]
        if controller_manager:
            self.programs.append(self.program("kube-controller-manager",
                                              *self._controller_manager_flags()))
        self.api = None  # as the administrator, once it is started

    # ---- what runs ----

    def program(self, name, *flags):
        command = self.namespace.command(self.binaries / name, *flags)
        return Program(name, command, self.directory, self.may_outlive)

    def _etcd_flags(self):
        return ("--name=test", f"--data-dir={self.directory}/etcd", "--unsafe-no-fsync",
                f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
                f"--listen-peer-urls={ETCD_PEERS}", f"--initial-advertise-peer-urls={ETCD_PEERS}",
                f"--initial-cluster=test={ETCD_PEERS}", "--log-level=warn")

    def _api_server_flags(self):
        here = self.directory
        return (f"--etcd-servers={ETCD}",
                "--etcd-compaction-interval=0",  # when history is forgotten is for tests to say
                f"--advertise-address={ADDRESS}", f"--secure-port={API_PORT}",
                f"--service-cluster-ip-range={SERVICES}",
                f"--tls-cert-file={here}/server.pem", f"--tls-private-key-file={here}/server.key",
                f"--client-ca-file={here}/ca.pem", f"--token-auth-file={here}/tokens.csv",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={here}/accounts.key",
                f"--service-account-signing-key-file={here}/accounts.key",
                "--authorization-mode=Node,RBAC", "--allow-privileged=true", "--profiling=false",
                "--kubelet-preferred-address-types=InternalIP",  # nobody knows nodes by name
                "--shutdown-delay-duration=0s")

    def _controller_manager_flags(self):
        here = self.directory
        return (f"--kubeconfig={self.admin_config}", "--leader-elect=false", "--profiling=false",
                f"--service-account-private-key-file={here}/accounts.key",
                f"--root-ca-file={here}/ca.pem")

    # ---- its life ----

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.namespace.make()
            self._write_identities()
            for program in self.programs:
                program.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Nothing in it is worth a gentle end."""
        for program in reversed(self.programs):
            program.end()
        self.namespace.remove()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _write_identities(self):
        authority = Authority("test cluster")
        server = authority.issue("kubernetes", "kubernetes.default", "kubernetes.default.svc",
                                 "localhost", "127.0.0.1", ADDRESS, SERVICE_ADDRESS)
        tokens = {name: secrets.token_hex(16) for name in self.users}
        self._write_secret("ca.pem", authority.pem)
        self._write_secret("server.pem", server.pem)
        self._write_secret("server.key", server.key_pem)
        self._write_secret("accounts.key", pem_of(make_key("rsa")))
        self._write_secret("tokens.csv", "".join(f"{token},{name},{name},{self.users[name]}\n"
                                                 for name, token in tokens.items()))
        for name, token in tokens.items():
            self.config_of(name, token)

    def _write_secret(self, name, text):
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)

    def connect(self):
        """As the administrator, who is the first; also to a cluster that another process started."""
        token = (self.directory / "tokens.csv").read_text().split(",")[0]
        self.api = self.api_of(token)

    def api_of(self, token):
        return Api(ADDRESS, API_PORT, (self.directory / "ca.pem").read_text(), token)

    def wait_ready(self):
        """Readiness covers the roles of RBAC; the first namespaces come a moment later."""
        self.connect()
        with self.namespace.inside():
            wait_until(self._is_ready, f"an API server that is ready (logs: {self.directory})",
                       STARTED_WITHIN_S)

    def _is_ready(self):
        for program in self.programs:
            program.check_running()
        try:
            return self.api.get("/readyz") == "ok" and self.api.get("/api/v1/namespaces/default")
        except (OSError, Refused):
            return False

    # ---- breaking it ----

    def restart(self, program):
        """Killed without a word, as by a machine that failed, and back."""
        program.end()
        program.start()
        self.wait_ready()

    def forget_history(self):
        """
        Nobody may watch from a version before now: etcd is compacted, and the API server, which
        would remember a while longer, begins anew.
        """
        self._etcd("kv/compaction", revision=self._revision(), physical=True)
        self.restart(self.api_server)

    def _revision(self):
        return self._etcd("maintenance/status")["header"]["revision"]

    def _etcd(self, call, **arguments):
        request = urllib.request.Request(f"{ETCD}/v3/{call}", json.dumps(arguments).encode())
        with self.namespace.inside(), urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    # ---- using it ----

    def kubectl(self, *words, text=None, check=True):
        """What it printed. text: its stdin, manifests for `apply -f -` say."""
        command = self.namespace.command(self.binaries / "kubectl", *words)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "KUBECONFIG": str(self.admin_config)})
        assert not check or done.returncode == 0, f"kubectl {words}: {done.stderr}{done.stdout}"
        return done.stdout

    def apply(self, manifests):
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-",
                            text=manifests)

    def account(self, name, rules, seconds=3600):
        """
        The token of a new ServiceAccount that may do, in all namespaces, what the rules of a
        ClusterRole say: [{"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}].
        """
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        meta = {"metadata": {"name": name}}
        self.api.create(accounts, meta)
        self.api.create(f"{rbac}/clusterroles", {**meta, "rules": rules})
        self.api.create(f"{rbac}/clusterrolebindings", {
            **meta, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]})
        return self.api.create(f"{accounts}/{name}/token",
                               {"spec": {"expirationSeconds": seconds}})["status"]["token"]

    def config_of(self, name, token, namespace="default"):
        """The path of a kubeconfig for the bearer of that token, as if in that namespace."""
        return kubeconfig.write(self.directory / f"{name}.kubeconfig", SERVER,
                                (self.directory / "ca.pem").read_text(), token, namespace)
