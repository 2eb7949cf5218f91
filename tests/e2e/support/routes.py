# SPDX-License-Identifier: Apache-2.0
"""IngressRoutes as YAML text."""
from .manifests import documents, endpoints, metadata, service, to_yaml


def entry(name="app", port=80, **more):
    """A service entry; more: weight, strategy, healthCheck ..."""
    return {"name": name, "port": port, **more}


def route(match="/", *services, **more):
    """services: entries or names of Services."""
    return {"match": match, **more,
            "services": [entry(one) if isinstance(one, str) else one for one in services]}


def root(*routes, host="a.test", name="root", namespace="default"):
    return to_yaml({"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
                    "metadata": metadata(name, namespace),
                    "spec": {"virtualhost": {"fqdn": host}, "routes": list(routes)}})


def app(*where, match="/", host="a.test", strategy=None, service_annotations=None, **more):
    """One route to one Service and its endpoints."""
    entries = [entry(strategy=strategy) if strategy else entry()]
    parts = [root(route(match, *entries, **more), host=host),
             service(annotations=service_annotations)]
    return documents(*parts, *([endpoints("app", *where)] if where else []))
