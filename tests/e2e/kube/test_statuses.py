# SPDX-License-Identifier: Apache-2.0
"""Statuses as they are written to an API server, where something is odd about the object."""
from seen import body_of, wait_body
from support.apiserver import PATCH, failure
from support.wait import wait_until

ALONE = ("--leader-election", "off")
ROUTES = "contour.heptio.com/v1beta1", "IngressRoute"


def route(service="steady", name="root", routes=None):
    return {"apiVersion": ROUTES[0], "kind": ROUTES[1],
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"virtualhost": {"fqdn": f"{name}.test"},
                     "routes": routes or [{"match": "/",
                                           "services": [{"name": service, "port": 80}]}]}}


def status_of(server, name="root"):
    return server.shelf_of(*ROUTES).objects["default", name].get("status", {})


def wait_status(server, name="root", **expected):
    wait_until(lambda: expected.items() <= status_of(server, name).items(),
               f"the status {expected} of {name}, not {status_of(server, name)}")


def test_an_ingress_route_that_cannot_be_read_is_told_so_in_its_status(api, follow, steady):
    """What it was before would be said of something that is served no more."""
    server = api(steady())
    server.put(route())
    proxy = follow(server, *ALONE)
    wait_status(server, currentStatus="valid")
    assert body_of(proxy, "root.test") == b"steady"
    server.put({**route(routes=7), "status": status_of(server)})
    why = "spec.routes: the number 7 is not a list: write each item on a line that begins with a dash"
    wait_status(server, currentStatus="invalid", description=why)
    wait_body(proxy, 404, "root.test")
    server.put(route(name="fresh", routes=7))
    wait_status(server, "fresh", currentStatus="invalid", description=why)
    server.put({**route(), "status": status_of(server)})
    wait_status(server, currentStatus="valid", description="valid IngressRoute")
    wait_body(proxy, b"steady", "root.test")


def test_an_ingress_route_that_goes_while_its_status_is_written_is_no_lack_of_rights(
        api, follow, steady):
    """To one that comes in its place the status is written at once."""
    server = api(steady())

    def go(exchange):
        server.remove("IngressRoute", "root")
        server.put(route("missing"))
        exchange.reply(404, failure(404, "NotFound", "no such object"))

    server.misbehave("ingressroutes/status", PATCH, go)
    server.put(route())
    proxy = follow(server, *ALONE)
    wait_status(server, currentStatus="invalid")
    assert proxy.metric("fairlead_status_writes_total", kind="IngressRoute", result="gone") == 1
    assert server.object_patches == [] and "may not write" not in proxy.log.text()


def test_without_a_subresource_the_status_is_written_to_the_object(api, follow, steady):
    server = api(steady())
    server.lacks_status.add("ingressroutes")
    server.put(route())
    proxy = follow(server, *ALONE)
    wait_status(server, currentStatus="valid")
    assert len(server.object_patches) == 1
    assert "may not write" not in proxy.log.text()


def test_two_that_publish_other_addresses_do_not_write_for_ever(api, follow, steady):
    """Whoever is changed each time says so, and of which object."""
    server = api(steady())
    each = [follow(server, *ALONE, "--publish-address", f"192.0.2.{n}") for n in (1, 2)]
    said = 'a status is changed by somebody else each time .*object="Ingress default/steady-ingress"'
    for proxy in each:
        proxy.log.wait_for(said)
        proxy.wait_gauge("fairlead_status_contested", 1)
    assert len(server.patches) < 20
