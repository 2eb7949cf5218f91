# SPDX-License-Identifier: Apache-2.0
"""Objects of the bench on a real API server: making many of them, and changing some at a steady rate."""
import http.client
import json
import multiprocessing
import time

import manifests

NAMESPACE = "default"
INGRESSES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
SETTINGS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
MAKERS = 4


class Talker:
    """One kept connection to the API server."""

    def __init__(self, api):
        self.api = api
        self.connection = http.client.HTTPSConnection(api.address, api.port, timeout=60,
                                                      context=api.tls)

    def call(self, method, path, body, content_type="application/json"):
        self.connection.request(method, path, json.dumps(body), {
            "Authorization": f"Bearer {self.api.token}", "Content-Type": content_type})
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path}: {response.status} {text[:300]!r}")

    def create(self, path, body):
        self.call("POST", path, body)

    def merge(self, path, body):
        self.call("PATCH", path, body, "application/merge-patch+json")


def ingress(name, host, service):
    return manifests.ingress(name, host, [(path, service) for path in ("/", "/api", "/static")])


def headless(name):
    """So that no range of addresses has to hold ten thousand of them."""
    service = manifests.service(name, annotations=manifests.NO_LIMITS)
    service["spec"]["clusterIP"] = "None"
    return service


def slice_of(name, address, port):
    made = manifests.slices(name, [port])[0]
    made["endpoints"][0]["addresses"] = [address]
    return made


def make_part(api, numbers, address, port):
    talker = Talker(api)
    for number in numbers:
        service = f"service-{number}"
        talker.create(SERVICES, headless(service))
        talker.create(SLICES, slice_of(service, address, port))
        talker.create(INGRESSES, ingress(f"ingress-{number}", f"host-{number}.test", service))


def make(api, count, address, port):
    """Each an Ingress of three routes, a Service and an EndpointSlice of their own."""
    parts = [multiprocessing.Process(target=make_part, daemon=True, args=(
        api, range(first, count, MAKERS), address, port)) for first in range(MAKERS)]
    for part in parts:
        part.start()
    for part in parts:
        part.join()
        if part.exitcode != 0:
            raise SystemExit("the objects could not be made")


def change(api, count, rate, first, late):
    """
    `rate` changes a second: each fifth a new Ingress, the others an EndpointSlice or an Ingress that
    changes. first: the number of the first new one.
    """
    talker, began = Talker(api), time.monotonic()
    for number in range(count):
        due = began + number / rate
        time.sleep(max(0, due - time.monotonic()))
        late.value += time.monotonic() > due + 0.1
        other = number * 31 % 1000
        if number % 5 == 0:
            talker.create(INGRESSES, ingress(f"new-{first + number}", f"new-{first + number}.test",
                                             "service-1"))
        elif number % 2 == 0:
            talker.merge(f"{SLICES}/service-{other}-0",
                         {"endpoints": [{"addresses": [api.address],
                                         "conditions": {"ready": True}},
                                        {"addresses": [f"198.18.1.{number % 250 + 1}"],
                                         "conditions": {"ready": False}}]})
        else:
            talker.merge(f"{INGRESSES}/ingress-{other}",
                         {"spec": ingress("", f"host-{other}.test", f"service-{number % 1000}")["spec"]})


def change_settings(api, count, rate, first, late):
    """The same load for the API server, of objects that nobody follows."""
    talker, began = Talker(api), time.monotonic()
    for number in range(count):
        due = began + number / rate
        time.sleep(max(0, due - time.monotonic()))
        late.value += time.monotonic() > due + 0.1
        talker.create(SETTINGS, {"metadata": {"name": f"settings-{first + number}"},
                                 "data": {"noise": "x" * 600}})
