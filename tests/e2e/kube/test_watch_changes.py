# SPDX-License-Identifier: Apache-2.0
"""Objects of an API server are served as they are now. Numbers are the rules of the watch protocol."""
import ssl

import pytest
import yaml

from seen import body_of, kube_metric, wait_body
from support import apifaults as faults
from support import manifests
from support.apiserver import LIST, STREAM, WATCH
from support.wait import wait_until


def test_objects_are_served_and_changes_and_deletions_follow(api, follow, app, steady):
    first, second = app(b"first"), app(b"second")
    server = api(steady(), manifests.app(first))
    proxy = follow(server)
    with steady(proxy):
        assert body_of(proxy) == b"first"
        server.apply(manifests.endpoints("app", second))
        wait_body(proxy, b"second")
        server.remove("Ingress", "app-ingress")
        wait_body(proxy, 404)
    assert not server.asked(kind=LIST)


def test_watch_01_a_version_is_sent_back_as_it_came(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    proxy = follow(server)
    with steady(proxy):
        odd = dict(server.shelf_of("v1", "Service").objects["default", "app"])
        odd["metadata"] = {**odd["metadata"], "resourceVersion": "v/1 &x=0"}
        server.watching("services")[0].event("MODIFIED", odd)
        wait_until(lambda: proxy.metric("fairlead_kube_events_total", resource="services",
                                        version="v1") == 3, "the change")
        server.misbehave("services", WATCH, faults.silent)
        server.cut("services")
        asked = server.wait_asked("services", WATCH, 1)
    assert asked[0].query["resourceVersion"] == "v/1 &x=0"


def test_watch_02_the_first_list_takes_any_version_and_later_ones_the_last_seen(api, follow, steady):
    server = api(steady())
    server.has_streams = False
    proxy = follow(server)
    with steady(proxy):
        server.wait_watched("services")
        assert server.asked("services", LIST)[0].query["resourceVersion"] == "0"
        server.misbehave("services", WATCH, faults.status(418))
        version = server.version
        server.cut("services")
        assert server.wait_asked("services", LIST, 2)[1].query["resourceVersion"] == str(version)


def test_watch_05_bookmarks_move_the_version_and_nothing_else(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    proxy = follow(server)
    with steady(proxy):
        assert all(request.query["allowWatchBookmarks"] == "true" for request in server.asked())
        shelf = server.shelf_of("v1", "Service")
        generation = proxy.generation()
        server.bookmark(server.watching("services")[0], shelf, "123456")
        server.end_watches("services")
        assert server.wait_asked("services", WATCH, 1)[0].query["resourceVersion"] == "123456"
        assert (proxy.generation(), body_of(proxy)) == (generation, b"a")


def test_watch_06_a_streaming_list_counts_at_its_bookmark(api, follow, app, steady):
    """What it has told before is not served yet: half of a list is no list."""
    server = api(steady(), manifests.app(app(b"a")))
    proxy = follow(server)
    with steady(proxy):
        shelf = server.shelf_of("networking.k8s.io/v1", "Ingress")

        def half(exchange):
            assert exchange.request.query["resourceVersionMatch"] == "NotOlderThan"
            exchange.begin_stream()
            exchange.event("ADDED", shelf.objects["default", "steady-ingress"])
            told.append(exchange)
            exchange.hang()

        told = []
        server.misbehave("ingresses", STREAM, half)
        server.forget()
        server.cut("ingresses")
        wait_until(lambda: told, "half of a list")
        for _ in range(20):
            assert body_of(proxy) == b"a"
        server.bookmark(told[0], shelf, server.version, **{"k8s.io/initial-events-end": "true"})
        wait_body(proxy, 404)


def test_watch_08_the_first_events_of_a_stream_tell_no_version(api, follow, steady):
    server = api(steady())

    def cut(exchange):
        exchange.begin_stream()
        for thing in exchange.server.shelf_of("v1", "Service").objects.values():
            exchange.event("ADDED", thing)
        exchange.reset()

    server.misbehave("services", STREAM, cut)
    proxy = follow(server)
    with steady(proxy):
        asked = server.asked("services")
        assert [request.kind for request in asked[:2]] == [STREAM, STREAM]
        assert "resourceVersion" not in asked[1].query


def test_watch_09_a_watch_ends_in_its_time_and_goes_on_without_a_list(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    proxy = follow(server)
    with steady(proxy):
        for number in range(1, 4):
            server.put({**server.shelf_of("v1", "Service").objects["default", "app"]})
            version = server.version
            wait_until(lambda count=number: proxy.metric(
                "fairlead_kube_events_total", resource="services", version="v1") == 2 + count,
                "the change")
            server.end_watches("services")
            last = server.wait_asked("services", WATCH, number)[-1]
            assert last.query["resourceVersion"] == str(version)
            assert 300 <= int(last.query["timeoutSeconds"]) <= 600
            server.wait_watched("services")
        assert not server.asked("services", LIST) and len(server.asked("services", STREAM)) == 1
        assert kube_metric(proxy, "faults_total") == 0


def test_watch_18_a_deletion_nobody_saw_is_found_by_the_next_list(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")), manifests.app(app(b"b"), host="b.test",
                                                                   name="b"))
    proxy = follow(server)
    with steady(proxy):
        server.remove("Ingress", "app-ingress", seen=False)
        server.forget()
        server.cut("ingresses")
        wait_body(proxy, 404)
        assert body_of(proxy, "b.test") == b"b"


def test_watch_18_an_object_of_the_same_name_made_anew_is_another(api, follow, app, steady):
    first, second = app(b"first"), app(b"second")
    server = api(steady(), manifests.app(first))
    proxy = follow(server)
    with steady(proxy):
        server.remove("EndpointSlice", "app-0")
        server.apply(manifests.endpoints("app", second))
        wait_body(proxy, b"second")


def test_watch_19_a_change_told_twice_or_late_ends_in_the_latest_state(api, follow, app, steady):
    first, second = app(b"first"), app(b"second")
    server = api(steady(), manifests.app(first))
    proxy = follow(server)
    with steady(proxy):
        watch = server.watching("endpointslices")[0]
        old = server.shelf_of("discovery.k8s.io/v1", "EndpointSlice").objects["default", "app-0"]
        server.apply(manifests.endpoints("app", second))
        wait_body(proxy, b"second")
        new = server.shelf_of("discovery.k8s.io/v1", "EndpointSlice").objects["default", "app-0"]
        generation = proxy.generation()
        for thing in (new, new, old, new):
            watch.event("MODIFIED", thing)
        server.remove("Ingress", "app-ingress")
        wait_body(proxy, 404)
        server.apply(manifests.ingress())
        wait_body(proxy, b"second")
        assert proxy.generation() > generation


def test_watch_27_an_object_of_wrong_types_is_left_out_alone(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    broken = yaml.safe_load(manifests.ingress("b.test", name="broken"))
    broken["spec"]["rules"] = "none"
    broken["spec"]["unheardOf"] = {"a": [1]}
    server.put(broken)
    proxy = follow(server)
    with steady(proxy):
        assert body_of(proxy) == b"a" and body_of(proxy, "b.test") == 404
        assert kube_metric(proxy, "objects_rejected_total") == 1
        assert "broken" in proxy.admin("/table").body.decode()
        broken["spec"]["rules"] = yaml.safe_load(manifests.ingress("b.test"))["spec"]["rules"]
        server.put(broken)
        wait_body(proxy, b"a", "b.test")  # unknown fields are no fault


def test_watch_28_kinds_may_come_in_any_order(api, follow, app, steady):
    server = api(steady())
    proxy = follow(server)
    parts = manifests.app(app(b"a")).split("---\n")
    with steady(proxy):
        for number, order in enumerate((parts, parts[::-1], parts[1:] + parts[:1])):
            for part in order:
                server.apply(part)
            wait_body(proxy, b"a")
            if number < 2:
                for kind, name in (("Ingress", "app-ingress"), ("Service", "app"),
                                   ("EndpointSlice", "app-0")):
                    server.remove(kind, name)
                wait_body(proxy, 404)


OLD_GROUP, NEW_GROUP = "contour.heptio.com/v1beta1", "projectcontour.io/v1"


def delegation(group, *namespaces, **annotations):
    return manifests.to_yaml({
        "apiVersion": group, "kind": "TLSCertificateDelegation",
        "metadata": manifests.metadata("wild", "certs", annotations),
        "spec": {"delegations": [{"secretName": "wild", "targetNamespaces": [*namespaces]}]}})


def secure_root(namespace, host, where):
    root = manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": manifests.metadata("root", namespace),
        "spec": {"virtualhost": {"fqdn": host, "tls": {"secretName": "certs/wild"}},
                 "routes": [{"match": "/", "services": [{"name": "app", "port": 80}]}]}})
    return manifests.documents(root, manifests.service("app", namespace),
                               manifests.endpoints("app", where, namespace=namespace))


def secure_body(proxy, host):
    """None: the handshake is refused."""
    try:
        return proxy.tls_client(host).get("/", host).body
    except ssl.SSLError:
        return None


def test_delegations_of_both_groups_count_under_one_name(api, follow, app, steady, authority):
    """They are two objects: neither takes the other's place, nor takes it along."""
    server = api(steady(), secure_root("team-a", "a.test", app(b"a")),
                 secure_root("team-b", "b.test", app(b"b")),
                 manifests.tls_secret("wild", authority.issue("a.test", "b.test"), "certs"),
                 delegation(OLD_GROUP, "team-a"), delegation(NEW_GROUP, "team-b"))
    proxy = follow(server)

    def bodies():
        return secure_body(proxy, "a.test"), secure_body(proxy, "b.test")

    with steady(proxy):
        assert bodies() == (b"a", b"b")
        for group, namespace in ((OLD_GROUP, "team-a"), (NEW_GROUP, "team-b")):
            server.apply(delegation(group, namespace, "team-c", touched=group))
            server.apply(manifests.ingress(f"{namespace}.test", service="steady", name=namespace,
                                           namespace="default"))
            wait_body(proxy, b"steady", f"{namespace}.test")
            assert bodies() == (b"a", b"b")
        server.apply(delegation(NEW_GROUP, "team-c"))
        wait_until(lambda: bodies() == (b"a", None), "what is taken back")
        server.apply(delegation(NEW_GROUP, "team-b"))
        wait_until(lambda: bodies() == (b"a", b"b"), "what is given again")
        server.remove("TLSCertificateDelegation", "wild", "certs")  # of the old group
        wait_until(lambda: bodies() == (None, b"b"), "the other one's is still there")
        metric = proxy.metric("fairlead_objects", kind="TLSCertificateDelegation")
        assert metric == 1


def test_delegations_of_both_groups_that_cannot_be_read_are_told_apart(api, follow, steady):
    server = api(steady(), delegation(OLD_GROUP, "team-a"), delegation(NEW_GROUP, "team-b"))
    proxy = follow(server)
    for group in (OLD_GROUP, NEW_GROUP):
        broken = yaml.safe_load(delegation(group))
        server.put({**broken, "spec": {"delegations": group}})

    def told():
        return [line for line in proxy.admin("/table").body.decode().splitlines()
                if "TLSCertificateDelegation certs/wild" in line]

    with steady(proxy):
        wait_until(lambda: len(told()) == 2, "both")
        assert all(any(f"certs/wild ({group})" in line for line in told())
                   for group in (OLD_GROUP, NEW_GROUP))
        server.apply(delegation(OLD_GROUP, "team-a"))
        wait_until(lambda: len(told()) == 1 and NEW_GROUP in told()[0], "the other one")


# ---- Secrets: each type is a list of its own, and nobody says which of them tells first ----

TLS, OPAQUE = "kubernetes.io/tls", "Opaque"


class Retyped:
    """https://a.test/, whose Secret is made anew with another type; each watch tells its part when
    the test wants it to."""

    def __init__(self, server, proxy, authority, first):
        self.server, self.proxy, self.authority, self.first = server, proxy, authority, first

    def served(self):
        try:
            with self.proxy.tls_client("a.test").sock as sock:
                return sock.getpeercert(True)
        except ssl.SSLError:
            return None  # it went before it came

    def issue(self):
        return self.authority.issue("a.test", own_key=True)

    def apply(self, certificate, kind):
        self.server.apply(manifests.secret("a.test-0", {
            "tls.crt": certificate.pem, "tls.key": certificate.key_pem}, kind=kind))

    def wait(self, certificate):
        wait_until(lambda: self.served() == certificate.der, "the certificate")

    def late(self, kind, certificate, *words, created=None):
        """The watch of that type tells of the one that was deleted."""
        thing = yaml.safe_load(manifests.secret("a.test-0", {
            "tls.crt": certificate.pem, "tls.key": certificate.key_pem}, kind=kind))
        thing["metadata"].update(uid="old", resourceVersion=str(self.server.version))
        if created:
            thing["metadata"]["creationTimestamp"] = created
        for watch in self.server.watching("secrets"):
            if watch.request.query["fieldSelector"] == f"type={kind}":
                for word in words:
                    watch.event(word, thing)

    def told(self, count):
        """So many events of both lists, and what comes after them is served."""
        wait_until(lambda: self.proxy.metric("fairlead_kube_events_total", resource="secrets",
                                             version="v1") == count, f"{count} events")
        self.server.apply(manifests.ingress(f"x{count}.test", service="steady", name=f"x{count}"))
        wait_body(self.proxy, b"steady", f"x{count}.test")


@pytest.fixture
def retyped(api, follow, app, steady, authority):
    first = authority.issue("a.test", own_key=True)
    server = api(steady(), manifests.tls_app(first, app(b"a")))
    proxy = follow(server)
    with steady(proxy):
        scene = Retyped(server, proxy, authority, first)
        scene.wait(first)
        yield scene


def test_a_secret_made_anew_with_another_type_stays(retyped):
    for kind, before in ((OPAQUE, TLS), (TLS, OPAQUE)):
        fresh = retyped.issue()
        retyped.apply(fresh, kind)
        retyped.late(before, retyped.first, "DELETED")
        retyped.wait(fresh)


def test_what_the_watch_of_the_old_type_tells_late_takes_nothing_away(retyped):
    fresh, old = retyped.issue(), retyped.issue()
    retyped.apply(fresh, OPAQUE)
    retyped.wait(fresh)
    retyped.late(TLS, old, "MODIFIED", "MODIFIED")
    retyped.told(4)
    assert retyped.served() == fresh.der
    retyped.late(TLS, old, "DELETED")
    retyped.told(5)
    assert retyped.served() == fresh.der


def test_a_secret_of_the_old_type_that_came_and_went_late_leaves_the_new_one(retyped):
    """The list of the old type never had it before, so for a moment it may count."""
    fresh, old = retyped.issue(), retyped.issue()
    retyped.server.remove("Secret", "a.test-0")
    wait_until(lambda: retyped.served() is None, "it went")
    retyped.apply(fresh, OPAQUE)
    retyped.wait(fresh)
    retyped.late(TLS, old, "ADDED", "MODIFIED", "DELETED")
    retyped.told(6)
    retyped.wait(fresh)


def test_an_older_secret_of_another_type_never_counts(retyped):
    fresh, old = retyped.issue(), retyped.issue()
    retyped.server.remove("Secret", "a.test-0")
    wait_until(lambda: retyped.served() is None, "it went")
    retyped.apply(fresh, OPAQUE)
    thing = dict(retyped.server.shelf_of("v1", "Secret").objects["default", "a.test-0"])
    thing["metadata"] = {**thing["metadata"], "creationTimestamp": "2026-01-02T00:00:01Z"}
    retyped.server.put(thing)
    retyped.wait(fresh)
    retyped.late(TLS, old, "ADDED", "MODIFIED", created="2026-01-02T00:00:00Z")
    retyped.told(6)
    assert retyped.served() == fresh.der


def test_a_change_of_the_new_secret_is_not_lost_while_the_old_one_lingers(retyped):
    fresh, old = retyped.issue(), retyped.issue()
    retyped.apply(retyped.issue(), OPAQUE)
    retyped.late(TLS, old, "MODIFIED")
    retyped.apply(fresh, OPAQUE)
    retyped.told(4)
    retyped.late(TLS, old, "DELETED")
    retyped.wait(fresh)


def test_a_list_that_lacks_the_old_secret_leaves_the_new_one(retyped):
    """The deletion is not told, but found by the next list."""
    fresh, old = retyped.issue(), retyped.issue()
    retyped.apply(fresh, OPAQUE)
    retyped.wait(fresh)
    retyped.late(TLS, old, "MODIFIED")
    retyped.told(3)
    streams = len(retyped.server.asked("secrets", STREAM))
    retyped.server.forget()
    retyped.server.cut("secrets")
    retyped.server.wait_asked("secrets", STREAM, streams + 2)
    retyped.told(4)
    assert retyped.served() == fresh.der
