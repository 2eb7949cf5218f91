# SPDX-License-Identifier: Apache-2.0
"""Manifests for the bench, as JSON text (which is YAML too)."""
import base64
import json
import os


def ingress(name, host, paths, namespace="default", annotations=None, secret=None):
    """paths: (path, service name) or (path, service name, path type). secret: served over TLS too."""
    rules = [{"path": path, "pathType": (kind or ["Prefix"])[0],
              "backend": {"service": {"name": service, "port": {"number": 80}}}}
             for path, service, *kind in paths]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
            "spec": {"rules": [{"host": host, "http": {"paths": rules}}],
                     **({"tls": [{"hosts": [host], "secretName": secret}]} if secret else {})}}


def ingress_route(name, routes, namespace="default", fqdn=None, secret=None):
    """A root if it has an fqdn. secret: "name" or "namespace/name"."""
    tls = {"tls": {"secretName": secret}} if secret else {}
    host = {"virtualhost": {"fqdn": fqdn, **tls}} if fqdn else {}
    return {"apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
            "metadata": {"name": name, "namespace": namespace}, "spec": {**host, "routes": routes}}


def tls_delegation(name, grants, namespace="default"):
    """grants: (name of a Secret, namespaces that may use it)."""
    return {"apiVersion": "contour.heptio.com/v1beta1", "kind": "TLSCertificateDelegation",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"delegations": [{"secretName": secret, "targetNamespaces": targets}
                                     for secret, targets in grants]}}


def tls_secret(name, certificate, key, namespace="default"):
    """certificate, key: files of PEM."""
    def data(file):
        return base64.b64encode(file.read_bytes()).decode()

    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"tls.crt": data(certificate), "tls.key": data(key)}}


def service(name, namespace="default", annotations=None):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
            "spec": {"ports": [{"name": "http", "port": 80}]}}


def slices(name, ports, namespace="default"):
    """One EndpointSlice a port, all on 127.0.0.1."""
    return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": {"name": f"{name}-{i}", "namespace": namespace,
                          "labels": {"kubernetes.io/service-name": name}},
             "addressType": "IPv4", "ports": [{"name": "http", "port": port}],
             "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]}
            for i, port in enumerate(ports)]


# So that a bench of 1,000 connections measures the proxy and not a circuit breaker.
NO_LIMITS = {f"projectcontour.io/max-{what}": "1000000"
             for what in ("connections", "pending-requests", "requests")}


def text(*objects):
    return "---\n".join(json.dumps(item) + "\n" for item in objects)


def write(path, *objects):
    """Whole or not at all: the watcher never sees half of it. A str is written as it is."""
    content = objects[0] if objects and isinstance(objects[0], str) else text(*objects)
    new = path.with_name(f".{path.name}.new")
    new.write_text(content)
    os.replace(new, path)
