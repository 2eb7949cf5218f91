# SPDX-License-Identifier: Apache-2.0
"""A Fairlead on the cluster, with a host that nobody touches and one that changes."""
import contextlib

from kube.namespace import ADDRESS
from support import manifests
from support.load import Load
from support.origin import answer
from support.wait import wait_until

SLOWLY_S = 60
CONTOUR = "contour.heptio.com"
READ = ["get", "list", "watch"]
# All that is read.
RULES = [{"apiGroups": [""], "resources": ["services", "secrets"], "verbs": READ},
         {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"],
          "verbs": READ},
         {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
         {"apiGroups": [CONTOUR, "projectcontour.io"],
          "resources": ["ingressroutes", "tlscertificatedelegations"], "verbs": READ}]


class Scene:
    def __init__(self, cluster, project, fairlead, backend):
        self.cluster, self.project, self.fairlead, self.backend = cluster, project, fairlead, backend
        self.host = f"{project}.test"
        self.proxy = None

    def start(self, config=None, **options):
        self.cluster.apply(self.manifests(b"steady", "steady", f"steady.{self.host}"))
        self.proxy = self.fairlead("", "--kubeconfig", config or self.cluster.admin_config,
                                   "--drain-delay", "0", **options)
        return self.proxy

    def endpoint(self, body):
        return f"{ADDRESS}:{self.backend(answer(body), address=ADDRESS, forgets=True).port}"

    def manifests(self, body, name="app", host=None):
        return manifests.app(self.endpoint(body), host=host or self.host, name=name,
                             namespace=self.project)

    def endpoints(self, body, name="app"):
        return manifests.endpoints(name, self.endpoint(body), namespace=self.project)

    def get(self, host=None):
        response = self.proxy.get("/", host or self.host)
        return response.body if response.status == 200 else response.status

    def wait(self, expected, host=None, patience_s=SLOWLY_S):
        wait_until(lambda: self.get(host) == expected, f"{expected} from {host or self.host}",
                   patience_s)

    def readyz(self):
        response = self.proxy.admin("/readyz")
        return response.status, response.body.decode()

    def wait_well(self):
        wait_until(lambda: self.readyz() == (200, "ready\n"), "all is well", SLOWLY_S)

    @contextlib.contextmanager
    def traffic(self):
        load = Load(self.proxy.http_port, 4, host=f"steady.{self.host}",
                    accepts=lambda response: response.body == b"steady")
        with load:
            yield load
            load.wait_answers(100)
        load.expect_no_failures()
