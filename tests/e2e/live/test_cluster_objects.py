# SPDX-License-Identifier: Apache-2.0
"""Cluster objects are hostile too: what is wrong in one takes only itself out, and nothing in it is ever
taken for program text (hostile-input I, as far as Ingresses in directories go)."""
import json
import random
import re
import time

import pytest

from support import manifests
from support.fairlead import run
from support.load import Load
from support.origin import answer
from support.wait import wait_until


def findings(proxy):
    return [line for line in proxy.admin("/table").body.decode().splitlines()
            if line.startswith("finding ")]


def finding(proxy, pattern):
    return next((line for line in findings(proxy) if re.search(pattern, line)), None)


def good(app):
    """What must go on being served whatever stands beside it."""
    return manifests.app(app, host="good.test", name="good")


def raw_ingress(name="bad", host="bad.test", path="/", spec=None, annotations=None, kind="Prefix",
                service="good"):
    document = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
        "spec": spec or {"rules": [{"host": host, "http": {"paths": [
            {"path": path, "pathType": kind,
             "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}}
    return json.dumps(document)


# ---- 91: only itself ----

INVALID = {
    "a host that is no name": raw_ingress(host="not a host"),
    "a host with a port": raw_ingress(host="bad.test:80"),
    "a host that is an address": raw_ingress(host="bad..test"),
    "a wildcard in the middle": raw_ingress(host="a.*.test"),
    "a host of 300 bytes": raw_ingress(host="a" * 300 + ".test"),
    "a path without a slash": raw_ingress(path="x"),
    "a path that climbs": raw_ingress(path="/../x"),
    "a path with a NUL": raw_ingress(path="/%00"),
    "a path type that is none": raw_ingress(kind="Regular"),
    "a pattern that does not compile": raw_ingress(path="/(", kind="ImplementationSpecific").replace(
        '"/("', '"/[("'),
    "rules that are a text": raw_ingress(spec={"rules": "all"}),
    "paths that are a number": raw_ingress(spec={"rules": [{"host": "bad.test", "http": {"paths": 7}}]}),
    "a port that is a list": raw_ingress(spec={"rules": [{"host": "bad.test", "http": {"paths": [
        {"path": "/", "pathType": "Prefix",
         "backend": {"service": {"name": "good", "port": {"number": [80]}}}}]}}]}),
    "a port beyond 65535": raw_ingress(spec={"rules": [{"host": "bad.test", "http": {"paths": [
        {"path": "/", "pathType": "Prefix",
         "backend": {"service": {"name": "good", "port": {"number": 165535}}}}]}}]}),
    "no name": json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {},
                           "spec": {}}),
    "a resource as backend": raw_ingress(spec={"rules": [{"host": "bad.test", "http": {"paths": [
        {"path": "/", "pathType": "Prefix",
         "backend": {"resource": {"kind": "Bucket", "name": "b"}}}]}}]}),
}


@pytest.mark.parametrize("what", INVALID)
def test_hostile_91_an_invalid_object_takes_only_itself_out_and_is_told(fairlead, backend, what):
    app = backend()
    proxy = fairlead({"good.yaml": good(app)})
    proxy.write("bad.json", INVALID[what])
    wait_until(lambda: finding(proxy, r"^finding error .*bad\.json"), "a finding")
    assert proxy.get("/", "good.test").status == 200
    assert proxy.get("/", "bad.test").status in (404, 503)
    # Also where they share a file, and whichever comes first.
    for order in (lambda a, b: (a, b), lambda a, b: (b, a)):
        proxy.apply("good.yaml", manifests.documents(*order(good(app), INVALID[what] + "\n"), json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}) + "\n",
            manifests.ingress(f"h{order(1, 2)[0]}.test", name="marker")))
        assert proxy.get("/", "good.test").status == 200


def test_hostile_91_one_bad_path_of_many_takes_only_itself_out(fairlead, backend):
    proxy = fairlead(manifests.documents(manifests.ingress_of("mixed", [
        ("a.test", [("/fine", "app"), ("bad", "app"), ("/gone", "gone"), ("/also", "app")]),
        ("not a host", [("/", "app")]), ("b.test", [("/", "app")])]),
        manifests.service(), manifests.endpoints("app", backend())))
    assert proxy.get("/fine", "a.test").status == proxy.get("/also", "a.test").status == 200
    assert proxy.get("/", "b.test").status == 200
    assert proxy.get("/gone", "a.test").status == 503
    assert proxy.get("/bad", "a.test").status == 404
    assert finding(proxy, r"Ingress default/mixed: spec\.rules\[0\]\.http\.paths\[1\]: ")
    assert finding(proxy, r"Ingress default/mixed: spec\.rules\[1\]\.host: ")


def test_hostile_91_what_was_wrong_is_told_once_and_again_only_when_it_changes(fairlead, backend):
    app = backend()
    proxy = fairlead({"good.yaml": good(app), "bad.json": INVALID["a path without a slash"]})

    def told():
        return len([line for line in proxy.log.lines if "bad.json" in line])

    assert told() == 1
    for number in range(5):
        proxy.apply("other.yaml", manifests.ingress(f"h{number}.test", service="good", name="other"))
    assert told() == 1


# ---- 92: values, never program text ----

EVIL = ["true; alias / /etc/", "${HOME}", "$(id)", "`id`", "{{ .Secrets }}", "%REQ(x)%",
        "\"}\n\"evil\": {\"", "a\r\nX-Evil: 1", "'; os.execute('id')", "x" * 100_000, "\u202e", "<script>", "%n%s%n"]


@pytest.mark.parametrize("evil", EVIL, ids=lambda evil: repr(evil[:20]))
def test_hostile_92_annotations_are_values_of_a_type_or_nothing(fairlead, backend, evil):
    names = ["projectcontour.io/response-timeout", "projectcontour.io/retry-on",
             "projectcontour.io/num-retries", "projectcontour.io/per-try-timeout",
             "projectcontour.io/websocket-routes", "ingress.kubernetes.io/force-ssl-redirect",
             "kubernetes.io/ingress.allow-http", "nginx.ingress.kubernetes.io/configuration-snippet"]
    app = backend()
    limits = {f"projectcontour.io/max-{what}": evil for what in (
        "connections", "pending-requests", "requests", "retries")}
    proxy = fairlead({
        "ingress.json": raw_ingress(host="a.test", service="app",
                                    annotations={name: evil for name in names}),
        "service.yaml": manifests.service("app", annotations=limits),
        "endpoints.yaml": manifests.endpoints("app", app)})
    response = proxy.get("/", "a.test")
    assert response.status == 200 and not response.has("X-Evil")
    assert not app.requests[0].has("X-Evil")
    assert finding(proxy, "annotation response-timeout: ")
    assert finding(proxy, "annotation max-requests: ")
    for line in findings(proxy) + proxy.log.lines:
        assert re.fullmatch(r"[\x20-\x7e\u00a0-\uffff]*", line) and len(line) < 20_000
    json.loads(proxy.admin("/table?format=json").body)


def test_hostile_92_names_from_objects_forge_no_line_of_the_log_or_the_table(fairlead, backend):
    evil = "x\n2026-01-01T00:00:00.000Z error forged line\nhost forged.test"
    proxy = fairlead({"good.yaml": good(backend()),
                      "bad.json": raw_ingress(name=evil, host=evil, service=evil, path="/" + evil)})
    proxy.get("/", "good.test")
    for text in (proxy.log.text(), proxy.admin("/table").body.decode(), run("check", proxy.objects)[1]):
        assert not re.search(r"^2026-01-01T00:00:00.000Z", text, re.MULTILINE), text
        assert not re.search(r"^host forged", text, re.MULTILINE), text
    assert '"forged.test"' not in proxy.admin("/table?format=json").body.decode()


def test_hostile_92_a_pattern_that_explodes_takes_no_time(fairlead, backend):
    app = backend()
    proxy = fairlead({"good.yaml": good(app), "bad.json": raw_ingress(
        path="/(a+)+[b]", kind="ImplementationSpecific")})
    began = time.monotonic()
    response = proxy.get("/" + "a" * 5000 + "c", "bad.test")
    assert response.status in (400, 404), response
    assert time.monotonic() - began < 2
    assert proxy.get("/", "good.test").status == 200
    assert proxy.get("/aab", "bad.test").status == 200


# ---- 94: where endpoints may not point ----

@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "fe80::1", "::"])
def test_hostile_94_endpoints_that_are_link_local_or_unspecified_are_refused(fairlead, backend, address):
    app = backend()
    proxy = fairlead(manifests.documents(
        manifests.app(app), manifests.endpoints("app", f"{address}:{app.port}").replace(
            "app-0", "app-evil")))
    assert [proxy.get("/").status for _ in range(4)] == [200] * 4
    assert finding(proxy, r"endpoint \S+ is left out: ")
    assert address not in "".join(line for line in proxy.admin("/table").body.decode().splitlines()
                                  if line.startswith("  "))


def test_hostile_94_an_endpoint_that_is_the_admin_port_is_refused(fairlead, backend):
    """Its own admin address must not become reachable through an object."""
    proxy = fairlead({"good.yaml": good(backend())})
    proxy.apply("evil.yaml", manifests.app(proxy.admin_port, host="evil.test", name="evil"))
    response = proxy.get("/healthz", "evil.test")
    assert response.status == 503, "the admin port answers to everybody"
    assert proxy.get("/", "good.test").status == 200


@pytest.mark.parametrize("name", ["169.254.169.254", "0.0.0.0"])
def test_hostile_94_an_external_name_that_is_a_forbidden_address_is_refused(fairlead, name):
    out = manifests.documents(manifests.ingress(service="out"), manifests.to_yaml({
        "apiVersion": "v1", "kind": "Service", "metadata": manifests.metadata("out"),
        "spec": {"type": "ExternalName", "externalName": name, "ports": [{"port": 80}]}}))
    assert fairlead(out).get("/").status == 503


def test_hostile_94_external_names_can_be_forbidden(fairlead, backend):
    app = backend()
    out = manifests.documents(manifests.ingress(service="out", port=app.port), manifests.to_yaml({
        "apiVersion": "v1", "kind": "Service", "metadata": manifests.metadata("out"),
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": app.port}]}}))
    proxy = fairlead(out, "--external-names", "off")
    assert proxy.get("/").status == 503
    assert finding(proxy, "ExternalName")
    assert app.connections == 0


# ---- 95: two claims ----

def claim(name, service, created=None, namespace="default"):
    more = {"creationTimestamp": created} if created else {}
    return manifests.ingress_of(name, [("a.test", [("/", service)])], namespace, **more)


def backends(backend):
    apps = {name: backend(answer(name.encode())) for name in ("one", "two")}
    return manifests.documents(*(part for name, app in apps.items() for part in (
        manifests.service(name), manifests.endpoints(name, app))))


@pytest.mark.parametrize("order", ["one two", "two one"])
def test_hostile_95_the_older_claim_wins_whichever_came_first(fairlead, backend, order):
    claims = {"one": claim("z-older", "one", "2026-01-01T00:00:00Z"),
              "two": claim("a-younger", "two", "2026-01-02T00:00:00Z")}
    proxy = fairlead({"apps.yaml": backends(backend)})
    for number, name in enumerate(order.split()):
        proxy.apply(f"{number}.yaml", claims[name])
    assert proxy.get("/").body == b"one"
    assert finding(proxy, r"Ingress default/a-younger: .*z-older.*older"), findings(proxy)
    assert not finding(proxy, r"Ingress default/z-older: ")
    proxy.remove(f"{order.split().index('one')}.yaml")
    wait_until(lambda: proxy.get("/").body == b"two", "the younger to take over")
    assert not findings(proxy)


def test_hostile_95_of_the_same_age_the_name_decides(fairlead, backend):
    for first, second in (("a", "b"), ("b", "a")):
        proxy = fairlead({"apps.yaml": backends(backend)})
        proxy.apply("1.yaml", claim(first, "one" if first == "a" else "two"))
        proxy.apply("2.yaml", claim(second, "one" if second == "a" else "two"))
        assert proxy.get("/").body == b"one"


def test_hostile_95_the_same_objects_give_the_same_table_in_any_order(fairlead, backend, tmp_path):
    app = backend()
    texts = [manifests.app(app, host="b.test", name="b")] + [
        manifests.ingress_of(f"i{number}", [("a.test", [("/", "b"), (f"/{number % 3}", "b")])],
                             creationTimestamp=f"2026-01-0{1 + number % 2}T00:00:00Z")
        for number in range(8)]
    tables = set()
    for seed in range(4):
        random.Random(seed).shuffle(texts)
        proxy = fairlead()
        for number, text in enumerate(texts):
            proxy.write(f"{number}.yaml", text)
        wait_until(lambda: proxy.get("/", "b.test").status == 200 and proxy.metric(
            "fairlead_files") == len(texts), "all files")
        tables.add(re.sub(r"\S*\.yaml:\d+", "FILE", proxy.admin("/table").body.decode()))
    assert len({"\n".join(sorted(table.splitlines())) for table in tables}) == 1, tables


# ---- 96: no falling through ----

@pytest.mark.parametrize("what", ["no Service", "no such port", "no endpoints", "not ready"])
def test_hostile_96_what_cannot_be_served_is_503_there_and_nowhere_else(fairlead, backend, what):
    app = backend()
    parts = [manifests.ingress_of("i", [("a.test", [("/", "app"), ("/broken", "broken")])]),
             manifests.service(), manifests.endpoints("app", app)]
    if what == "no such port":
        parts += [manifests.service("broken", port=81), manifests.endpoints("broken", app)]
    elif what != "no Service":
        parts += [manifests.service("broken")]
        parts += [manifests.endpoints("broken", app, ready=False)] if what == "not ready" else []
    proxy = fairlead(manifests.documents(*parts))
    for path, status in (("/", 200), ("/broken", 503), ("/broken/x", 503), ("/brokenx", 200),
                         ("/x/../broken", 503), ("/x", 200)):
        assert proxy.get(path).status == status, path
    proxy.apply("test.yaml", manifests.documents(
        *parts[:3], manifests.service("broken"), manifests.endpoints("broken", app)))
    assert proxy.get("/broken").status == 200


def test_hostile_96_a_host_whose_only_path_is_broken_does_not_fall_to_the_default_backend(
        fairlead, backend):
    proxy = fairlead(manifests.documents(
        manifests.ingress_of("any", [], spec={"defaultBackend": {"service": {
            "name": "app", "port": {"number": 80}}}}), manifests.service(),
        manifests.endpoints("app", backend()), manifests.ingress("a.test", service="gone")))
    assert proxy.get("/", "other.test").status == 200
    assert proxy.get("/", "a.test").status == 503


# ---- 100: very many at once ----

@pytest.mark.slow
def test_hostile_100_thousands_of_objects_at_once_are_few_tables_and_no_dropped_connection(
        fairlead, echo):
    """10,000 Ingresses in a second, in files of fifty as a tool would write them, under load."""
    proxy = fairlead({"app.yaml": manifests.app(echo().port)}, "--access-log", "off")
    published = proxy.metric("fairlead_publications_total")
    texts = [manifests.documents(*(
        manifests.ingress(f"h{number}.test", service="app", name=f"i{number}")
        for number in range(start, start + 50))) for start in range(0, 10_000, 50)]
    with Load(proxy.http_port, connections=4) as load:
        load.wait_answers(50)
        began = time.monotonic()
        for number, text in enumerate(texts):
            proxy.write(f"more/{number}.yaml", text)
        wrote = time.monotonic() - began
        wait_until(lambda: proxy.metric("fairlead_table_hosts") >= 10_001, "all hosts")
        took = time.monotonic() - began
        load.wait_answers(50)
    load.expect_no_failures(at_least=100)
    assert {proxy.get("/", f"h{number}.test").status for number in (0, 5000, 9999)} == {200}
    tables = proxy.metric("fairlead_publications_total") - published
    print(f"10,000 Ingresses, written in {wrote:.1f} s, live after {took:.1f} s in {tables:.0f} tables")
    assert tables <= 10 + took / 0.02, "one rebuild per debounce"
    assert proxy.metric("fairlead_resident_bytes") < 1_000_000_000
