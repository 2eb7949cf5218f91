# SPDX-License-Identifier: Apache-2.0
"""Manifests as YAML text. Endpoints may be a port, "address:port", or anything with a port."""
import base64
import json

CONTOUR = "projectcontour.io/"
OWN = "fairlead.dev/"


def _lines(value, indent):
    pad = "  " * indent
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                yield f"{pad}{json.dumps(key)}:"
                yield from _lines(inner, indent + 1)
            else:
                yield f"{pad}{json.dumps(key)}: {json.dumps(inner)}"
    else:
        for inner in value:
            if isinstance(inner, (dict, list)) and inner:
                yield f"{pad}-"
                yield from _lines(inner, indent + 1)
            else:
                yield f"{pad}- {json.dumps(inner)}"


def to_yaml(document):
    return "\n".join(_lines(document, 0)) + "\n"


def documents(*texts):
    return "---\n".join(texts)


def metadata(name, namespace="default", annotations=None, **more):
    meta = {"name": name, "namespace": namespace, **more}
    if annotations:
        meta["annotations"] = annotations
    return meta


def contour(**annotations):
    """contour(retry_on="5xx") is {"projectcontour.io/retry-on": "5xx"}."""
    return {CONTOUR + name.replace("_", "-"): str(value) for name, value in annotations.items()}


def own(**annotations):
    """own(hsts="x") is {"fairlead.dev/hsts": "x"}."""
    return {OWN + name.replace("_", "-"): str(value) for name, value in annotations.items()}


def upstream_protocol(protocol, ports="80"):
    """The annotation of a Service: these ports speak tls, h2 or h2c."""
    return {f"{CONTOUR}upstream-protocol.{protocol}": ports}


def ingress_of(name, rules, namespace="default", annotations=None, spec=None, **more):
    """rules: (host or None, [(path, service[, port[, path type]])...])."""

    def path_of(path, service, port=80, kind="Prefix"):
        number = {"name": port} if isinstance(port, str) else {"number": port}
        return {"path": path, "pathType": kind,
                "backend": {"service": {"name": service, "port": number}}}

    def rule_of(host, paths):
        rule = {"http": {"paths": [path_of(*path) for path in paths]}}
        return {"host": host, **rule} if host else rule

    return to_yaml({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                    "metadata": metadata(name, namespace, annotations, **more),
                    "spec": {"rules": [rule_of(*rule) for rule in rules], **(spec or {})}})


def ingress(host="a.test", path="/", service="app", port=80, kind="Prefix", name=None,
            namespace="default", annotations=None):
    return ingress_of(name or f"{service}-ingress", [(host, [(path, service, port, kind)])],
                      namespace, annotations)


def service(name="app", namespace="default", annotations=None, port=80, app_protocol=None):
    spoken = {"appProtocol": app_protocol} if app_protocol else {}
    return to_yaml({"apiVersion": "v1", "kind": "Service",
                    "metadata": metadata(name, namespace, annotations),
                    "spec": {"ports": [{"name": "http", "port": port, **spoken}]}})


def _split(endpoint):
    if isinstance(endpoint, int):
        return "127.0.0.1", endpoint
    if isinstance(endpoint, str):
        address, _, port = endpoint.rpartition(":")
        return address, int(port)
    return "127.0.0.1", endpoint.port


def endpoints(name, *where, namespace="default", ready=True):
    """One EndpointSlice an endpoint, for a slice has one port for all its addresses."""
    slices = []
    for number, (address, port) in enumerate(map(_split, where)):
        slices.append(to_yaml({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": metadata(f"{name}-{number}", namespace,
                                 labels={"kubernetes.io/service-name": name}),
            "addressType": "IPv6" if ":" in address else "IPv4",
            "ports": [{"name": "http", "port": port}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}]}))
    return documents(*slices)


def app(*where, host="a.test", path="/", name="app", namespace="default", kind="Prefix",
        annotations=None, service_annotations=None, app_protocol=None):
    """An Ingress, its Service and the endpoints, all in one."""
    parts = [ingress(host, path, name, kind=kind, namespace=namespace, annotations=annotations),
             service(name, namespace, service_annotations, app_protocol=app_protocol)]
    if where:
        parts.append(endpoints(name, *where, namespace=namespace))
    return documents(*parts)


# ---- TLS ----


def secret(name, values, namespace="default", kind="Opaque"):
    """values: str or bytes by key."""
    data = {key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
            for key, value in values.items()}
    return to_yaml({"apiVersion": "v1", "kind": "Secret", "type": kind,
                    "metadata": metadata(name, namespace), "data": data})


def tls_secret(name, certificate, namespace="default", staple=None):
    values = {"tls.crt": certificate.pem, "tls.key": certificate.key_pem}
    if staple is not None:
        values["tls.ocsp"] = staple
    return secret(name, values, namespace, "kubernetes.io/tls")


def tls_spec(*hosts_and_secrets):
    """(host, secret)... as the spec of an Ingress."""
    return {"tls": [{"hosts": [host], "secretName": name} for host, name in hosts_and_secrets]}


def tls_app(certificate, *where, host="a.test", path="/", name="app", namespace="default",
            annotations=None, service_annotations=None, staple=None, secret_name=None):
    """app() whose host is served over TLS. certificate: one, several, or None for no Secret."""
    certificates = certificate if isinstance(certificate, (list, tuple)) else [certificate]
    secrets = [f"{secret_name or host.replace('*', 'any')}-{number}"
               for number in range(len(certificates))]
    parts = [ingress_of(f"{name}-ingress", [(host, [(path, name)])], namespace, annotations,
                        tls_spec(*((host, secret) for secret in secrets))),
             service(name, namespace, service_annotations)]
    parts += [tls_secret(secret, issued, namespace, staple)
              for secret, issued in zip(secrets, certificates) if issued is not None]
    if where:
        parts.append(endpoints(name, *where, namespace=namespace))
    return documents(*parts)
