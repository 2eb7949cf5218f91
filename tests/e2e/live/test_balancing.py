# SPDX-License-Identifier: Apache-2.0
"""Which endpoint gets which request, and which never gets one (design 4.4)."""
import socket
import threading

from support import manifests
from support.client import request
from support.origin import answer
from support.ports import closed_port, listen
from support.wait import wait_until


def named(backend, *names):
    return [backend(answer(name.encode())) for name in names]


def sequence(client, count):
    return b"".join(client.get("/").body for _ in range(count))


def by_address(backends):
    """In the order in which the proxy keeps them."""
    return sorted(backends, key=lambda app: app.port)


# ---- turns ----

def test_round_robin_takes_turns_in_one_exact_order(fairlead, backend):
    apps = by_address(named(backend, "a", "b", "c"))
    client = fairlead(manifests.app(*apps)).client()
    turn = sequence(client, 3)
    assert sorted(turn) == sorted(b"abc")
    assert sequence(client, 30) == turn * 10
    assert {len(app.requests) for app in apps} == {11}


def test_all_connections_of_a_worker_share_one_turn(fairlead, backend):
    proxy = fairlead(manifests.app(*named(backend, "a", "b", "c")), "--workers", 1)
    clients = [proxy.client() for _ in range(5)]
    got = b"".join(client.get("/").body for _ in range(6) for client in clients)
    assert got == got[:3] * 10


def test_two_routes_to_one_service_share_its_turn(fairlead, backend):
    apps = named(backend, "a", "b")
    proxy = fairlead(manifests.documents(
        manifests.ingress_of("i", [("a.test", [("/", "app")]), ("b.test", [("/", "app")])]),
        manifests.service(), manifests.endpoints("app", *apps)), "--workers", 1)
    client = proxy.client()
    got = b"".join(client.get("/", host).body for _ in range(4) for host in ("a.test", "b.test"))
    assert got in (b"abababab", b"babababa")


def test_the_turn_survives_swaps_of_the_table(fairlead, backend):
    apps = named(backend, "a", "b", "c")
    proxy = fairlead({"app.yaml": manifests.app(*apps)})
    client = proxy.client()
    turn = sequence(client, 3)
    for number in range(6):
        proxy.apply("other.yaml", manifests.ingress(f"h{number}.test", name="other"))
        assert sequence(client, 1) == turn[number % 3:number % 3 + 1], f"after swap {number}"


def test_an_endpoint_added_gets_its_share_and_one_removed_gets_nothing(fairlead, backend):
    apps = named(backend, "a", "b", "c")
    proxy = fairlead(manifests.app(*apps[:2]))
    client = proxy.client()
    assert set(sequence(client, 8)) == set(b"ab")
    proxy.apply("test.yaml", manifests.app(*apps))
    assert sorted(sequence(client, 9)) == sorted(b"abc" * 3)
    proxy.apply("test.yaml", manifests.app(*apps[1:]))
    assert sorted(sequence(client, 8)) == sorted(b"bc" * 4)


def test_requests_in_flight_survive_swaps_and_their_endpoints_going(fairlead, backend):
    """max-requests counts them: so a swap must neither forget nor double them."""
    leave = threading.Event()

    def slow(_):
        assert leave.wait(15)
        return answer(b"late")

    limited = manifests.contour(max_requests=2)
    old = backend(slow)
    proxy = fairlead({"app.yaml": manifests.app(old, service_annotations=limited)}, "--workers", 1)
    clients = [proxy.client() for _ in range(2)]
    for client in clients:
        client.send(request())
    old.wait_requests(2)
    assert proxy.get("/").reason_code == "overflow_requests"
    fresh = backend()
    proxy.apply("app.yaml", manifests.app(fresh, service_annotations=limited))
    assert proxy.get("/").reason_code == "overflow_requests"
    leave.set()
    assert [client.read_response().body for client in clients] == [b"late"] * 2
    assert proxy.get("/").status == 200 and len(fresh.requests) == 1


# ---- ejection ----

def test_an_endpoint_that_refuses_is_left_out_and_comes_back(fairlead, backend):
    """No request fails: a refused connect goes on to the other endpoint. After its time the endpoint is
    tried again (1 s at first) and, once it answers, is a full member."""
    port = closed_port()
    good = backend(answer(b"good"))
    proxy = fairlead(manifests.app(good, port), "--workers", 1)
    client = proxy.client()
    assert sequence(client, 20) == b"good" * 20
    failures = proxy.metric("fairlead_upstream_connect_failures_total")
    assert 1 <= failures <= 2, "left out after the first refusal, not tried with every request"
    back = backend(answer(b"back"), port=port)
    wait_until(lambda: client.get("/").body == b"back", "the endpoint to be tried again")
    assert sorted([client.get("/").body for _ in range(10)]) == [b"back"] * 5 + [b"good"] * 5
    assert back.errors == []


def test_an_endpoint_that_goes_on_refusing_is_tried_less_and_less_often(fairlead, backend):
    proxy = fairlead(manifests.app(backend(), closed_port()), "--workers", 1)
    client = proxy.client()
    wait_until(lambda: client.get("/").status == 200
               and proxy.metric("fairlead_upstream_connect_failures_total") >= 2, "the second try")
    before = proxy.metric("fairlead_upstream_connect_failures_total")
    assert {client.get("/").status for _ in range(300)} == {200}
    assert proxy.metric("fairlead_upstream_connect_failures_total") - before <= 1


def test_never_all_endpoints_are_left_out(fairlead, backend):
    port = closed_port()
    proxy = fairlead(manifests.app(port, closed_port()), "--workers", 1)
    client = proxy.client()
    for _ in range(6):
        answered = client.get("/")
        assert (answered.status, answered.reason_code) == (503, "connect_refused")
    backend(port=port)
    wait_until(lambda: client.get("/").status == 200, "the first that is back")


def test_an_ejection_survives_swaps(fairlead, backend):
    proxy = fairlead({"app.yaml": manifests.app(backend(), closed_port())}, "--workers", 1)
    client = proxy.client()
    assert [client.get("/").status for _ in range(4)] == [200] * 4
    tried = proxy.metric("fairlead_upstream_connect_failures_total")
    for number in range(5):
        proxy.apply("other.yaml", manifests.ingress(f"h{number}.test", name="other"))
        assert [client.get("/").status for _ in range(4)] == [200] * 4
    # Its second may have passed meanwhile, but it was not tried with every new table.
    assert proxy.metric("fairlead_upstream_connect_failures_total") - tried <= 1
    said = proxy.admin("/explain?url=http://a.test/").body.decode()
    assert "left out after" in said


# ---- which are endpoints at all ----

def slice_of(port, name="app", slice_name="s", **conditions):
    return manifests.to_yaml({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": manifests.metadata(slice_name, labels={"kubernetes.io/service-name": name}),
        "addressType": "IPv4", "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": conditions}]})


def old_endpoints(ready=(), not_ready=(), name="app"):
    def subset(key, port):
        return {key: [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": port}]}

    return manifests.to_yaml({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": manifests.metadata(name),
        "subsets": [subset("addresses", port) for port in ready]
        + [subset("notReadyAddresses", port) for port in not_ready]})


def test_readiness_decides_who_is_an_endpoint(fairlead, backend):
    yes, no = named(backend, "yes", "no")
    front = manifests.app()

    def serve(*slices):
        return manifests.documents(front, *slices)

    proxy = fairlead(serve(slice_of(yes.port, slice_name="y"), slice_of(
        no.port, slice_name="n", ready=False)))
    client = proxy.client()
    assert sequence(client, 4) == b"yes" * 4  # an unknown readiness counts as ready
    proxy.apply("test.yaml", serve(slice_of(yes.port, slice_name="y", ready=False), slice_of(
        no.port, slice_name="n", ready=True)))
    assert sequence(client, 4) == b"no" * 4
    proxy.apply("test.yaml", serve(slice_of(yes.port, ready=False)))
    answered = client.get("/")
    assert (answered.status, answered.reason_code) == (503, "no_endpoint")


def test_endpoints_objects_are_served_by_their_ready_addresses(fairlead, backend):
    yes, no = named(backend, "yes", "no")
    proxy = fairlead(manifests.documents(manifests.app(), old_endpoints([yes.port], [no.port])))
    assert sequence(proxy.client(), 4) == b"yes" * 4


def test_endpoint_slices_beat_an_endpoints_object_of_the_same_service(fairlead, backend):
    new, old = named(backend, "new", "old")
    files = {"app.yaml": manifests.app(), "old.yaml": old_endpoints([old.port])}
    proxy = fairlead(files)
    client = proxy.client()
    assert sequence(client, 2) == b"oldold"
    proxy.apply("new.yaml", slice_of(new.port))
    assert sequence(client, 2) == b"newnew"
    # A slice whose endpoints are not ready still speaks for the Service.
    proxy.apply("new.yaml", slice_of(new.port, ready=False))
    assert client.get("/").reason_code == "no_endpoint"
    proxy.remove("new.yaml")
    wait_until(lambda: client.get("/").body == b"old", "the Endpoints object to count again")


def test_the_endpoints_of_all_slices_of_a_service_are_one_set(fairlead, backend):
    apps = named(backend, "a", "b")
    files = {f"{app.port}.yaml": slice_of(app.port, slice_name=f"s{app.port}") for app in apps}
    # The same endpoint in two slices, as while slices are rebalanced, is one endpoint.
    files["again.yaml"] = slice_of(apps[0].port, slice_name="again")
    proxy = fairlead({"app.yaml": manifests.app(), **files})
    assert sorted(sequence(proxy.client(), 10)) == sorted(b"ab" * 5)


def external(name, port, target="localhost"):
    return manifests.documents(manifests.ingress(service=name, port=port), manifests.to_yaml({
        "apiVersion": "v1", "kind": "Service", "metadata": manifests.metadata(name),
        "spec": {"type": "ExternalName", "externalName": target,
                 "ports": [{"name": "http", "port": port}]}}))


def test_an_external_name_is_resolved_and_served(fairlead, backend):
    app = backend(answer(b"external"))
    proxy = fairlead(external("out", app.port))
    wait_until(lambda: proxy.get("/").body == b"external", "the name to be resolved")
    assert proxy.metric("fairlead_external_names") == 1


def test_an_external_name_that_does_not_resolve_answers_503_and_does_no_harm(fairlead, backend):
    app = backend()
    proxy = fairlead({"out.yaml": external("out", 80, "no-such-host.invalid"),
                      "app.yaml": manifests.app(app, host="b.test")})
    assert proxy.get("/", "b.test").status == 200
    answered = proxy.get("/")
    assert (answered.status, answered.reason_code) == (503, "no_endpoint")
    proxy.wait_metric("fairlead_external_name_failures_total")


def test_an_endpoint_that_does_not_accept_is_given_up_after_the_connect_timeout(fairlead, backend):
    """A listener whose queue is full: SYNs are dropped, so the connect hangs. The request goes on."""
    full = listen(backlog=0)
    fillers = []
    try:
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        good = backend(answer(b"good"))
        proxy = fairlead(manifests.app(good, full.getsockname()[1]), "--connect-timeout", "200ms",
                         "--workers", 1)
        client = proxy.client()
        assert sequence(client, 6) == b"good" * 6
        assert proxy.timeouts("connect") == 1
        assert proxy.metric("fairlead_upstream_connect_failures_total") == 1
    finally:
        for sock in (full, *fillers):
            sock.close()
