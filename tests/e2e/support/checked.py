# SPDX-License-Identifier: Apache-2.0
"""Services with health checks, and endpoints whose health a test decides."""
from . import manifests
from .origin import answer
from .wait import wait_until

READY = "/ready"
UNWELL = answer(b"unwell", "500 Internal Server Error")
AWAY = answer(b"away", "503 Service Unavailable")


def ingress_route(name, fqdn, entry, is_tcp=False):
    """One service for all paths of a host, or for all bytes of its connections."""
    root = {"fqdn": fqdn, **({"tls": {"passthrough": True}} if is_tcp else {})}
    way = ({"tcpproxy": {"services": [entry]}} if is_tcp
           else {"routes": [{"match": "/", "services": [entry]}]})
    return manifests.to_yaml({"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
                              "metadata": manifests.metadata(f"{name}-route"),
                              "spec": {"virtualhost": root, **way}})


def checked(*where, path=READY, host="probe.test", interval=1, timeout=1, unhealthy=2, healthy=2,
            is_tcp=False, name="app", fqdn="a.test", validation=None, service_annotations=None):
    """An IngressRoute whose service is probed, the Service and its endpoints."""
    check = {"path": path, "host": host, "intervalSeconds": interval, "timeoutSeconds": timeout,
             "unhealthyThresholdCount": unhealthy, "healthyThresholdCount": healthy}
    entry = {"name": name, "port": 80, "healthCheck": check,
             **({"validation": validation} if validation else {})}
    return manifests.documents(ingress_route(name, fqdn, entry, is_tcp),
                               manifests.service(name, annotations=service_annotations),
                               manifests.endpoints(name, *where))


class Patient:
    """An endpoint that says its name to clients, and to probes what `says` is set to: bytes, or None
    to close without an answer. Options are Backend's."""

    def __init__(self, backend, name="well", path=READY, **options):
        self.says = answer(b"ready")
        self.name, self.path = name.encode(), path
        self.endpoint = backend(self.respond, **options)
        self.port = self.endpoint.port

    def respond(self, request):
        return self.says if request.target == self.path else answer(self.name)

    @property
    def probes(self):
        return [request for request in self.endpoint.requests if request.target == self.path]

    def wait_probes(self, more):
        goal = len(self.probes) + more
        wait_until(lambda: len(self.probes) >= goal, f"{more} more probes")


def wait_state(proxy, state, count=1):
    proxy.wait_gauge("fairlead_health_endpoints", count, state=state)


def served_by(proxy, count=20):
    """Who answers so many requests."""
    return {proxy.get("/").body.decode() for _ in range(count)}
