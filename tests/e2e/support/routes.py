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


def delegate(match, name, namespace=None, **more):
    """A route that is another IngressRoute's to serve."""
    where = {"namespace": namespace} if namespace else {}
    return {"match": match, **more, "delegate": {"name": name, **where}}


def _object(name, namespace, spec, annotations=None):
    return to_yaml({"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
                    "metadata": metadata(name, namespace, annotations), "spec": spec})


def root(*routes, host="a.test", name="root", namespace="default", tls=None, annotations=None):
    """tls: the name of a Secret, or the whole block."""
    block = {"secretName": tls} if isinstance(tls, str) else tls
    virtualhost = {"fqdn": host, **({"tls": block} if block else {})}
    return _object(name, namespace, {"virtualhost": virtualhost, "routes": list(routes)}, annotations)


def child(*routes, name="child", namespace="default"):
    return _object(name, namespace, {"routes": list(routes)})


def grants(secret, *namespaces, namespace="certs", name="grants"):
    """A TLSCertificateDelegation: who may use a Secret of this namespace."""
    return to_yaml({"apiVersion": "contour.heptio.com/v1beta1", "kind": "TLSCertificateDelegation",
                    "metadata": metadata(name, namespace),
                    "spec": {"delegations": [{"secretName": secret,
                                              "targetNamespaces": list(namespaces)}]}})


def backed(name, *where, namespace="default", **more):
    """A Service and its endpoints."""
    return documents(service(name, namespace, **more),
                     endpoints(name, *where, namespace=namespace))


def app(*where, match="/", host="a.test", strategy=None, service_annotations=None, **more):
    """One route to one Service and its endpoints."""
    entries = [entry(strategy=strategy) if strategy else entry()]
    parts = [root(route(match, *entries, **more), host=host),
             service(annotations=service_annotations)]
    return documents(*parts, *([endpoints("app", *where)] if where else []))


def status(proxy, name, namespace="default"):
    """What an IngressRoute is told, such as "valid: valid IngressRoute", or None."""
    begin = f"status IngressRoute {namespace}/{name} "
    lines = proxy.admin("/table").body.decode().splitlines()
    return next((line[len(begin):] for line in lines if line.startswith(begin)), None)


def wait_status(proxy, words, name="root", namespace="default"):
    proxy.wait_until(lambda: (status(proxy, name, namespace) or "").startswith(words),
                     f"{namespace}/{name} to be {words}")
