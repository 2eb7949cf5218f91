# SPDX-License-Identifier: Apache-2.0
"""explain names the cause: the object, the field and the remedy, also where what is wrong is not in the table."""
import pathlib
import re

import pytest

from support import manifests, routes
from support.fairlead import run

URL = "http://a.test/"
APP = manifests.app("10.0.0.1:80")
SERVICE = manifests.documents(manifests.service(), manifests.endpoints("app", "10.0.0.1:80"))


@pytest.fixture
def explained(tmp_path):
    """What explain says of a URL with these manifests, flags behind them."""
    def explain(files, *flags, url=URL):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        code, out, err = run("explain", "--objects", tmp_path, *flags, url)
        assert (code == 2) == (err != ""), err  # 2: a manifest cannot be used
        return out.replace(f"{tmp_path}/", "")

    return explain


def shown(page, url, number=0):
    """The walk of this URL that a page of the guide shows."""
    guide = pathlib.Path(__file__).parents[3] / "docs/guide"
    text = (guide / page).read_text(encoding="utf-8")
    walks = re.findall(rf"^    request   GET {re.escape(url)}\n(?:    .+\n)+", text, re.MULTILINE)
    return walks[number].replace("\n    ", "\n").removeprefix("    ")


def ingress(class_name=None, host="a.test", name="web", **more):
    return manifests.ingress_of(name, [(host, [("/", "app")])], "shop",
                                spec={"ingressClassName": class_name} if class_name else {}, **more)


def ingress_class(name, controller, **more):
    return manifests.to_yaml({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
                              "metadata": {"name": name, **more}, "spec": {"controller": controller}})


# ---- objects that are not ours ----

CLASS_HINT = ("hint      name a class that is ours there (spec.ingressClassName of an Ingress, annotation "
              "kubernetes.io/ingress.class of an IngressRoute), or serve its class: --ingress-class\n")


def test_an_ingress_of_another_class_that_names_the_host_is_shown(explained):
    out = explained({"i.yaml": ingress("nginx")})
    assert "host      a.test: no object of ours names it" in out
    assert ('not ours  Ingress shop/web names this host: it is of class "nginx", and ours is "fairlead"\n'
            + CLASS_HINT) in out.replace("path      /\n", "")
    assert "add an IngressRoute" not in out and "see the findings" not in out


def test_an_ingress_route_of_another_class_that_names_the_host_is_shown(explained):
    route = manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": manifests.metadata("web", "shop", {"kubernetes.io/ingress.class": "contour-2"}),
        "spec": {"virtualhost": {"fqdn": "A.test"}, "routes": []}})
    assert ('not ours  IngressRoute shop/web names this host: it is of class "contour-2", and ours is '
            '"fairlead"\n') in explained({"i.yaml": route})


def test_what_the_guide_shows_of_another_class_is_so(explained):
    url = "http://shop.example.com/"
    assert explained({"i.yaml": ingress("nginx", "shop.example.com")}, url=url) == shown("why-404.md", url)


@pytest.mark.parametrize("files,flags,why", [
    ({"i.yaml": ingress()}, ("--ingress-class", "mine"), 'it has no class, and with --ingress-class only "mine" is ours'),
    ({"i.yaml": ingress(), "c.yaml": ingress_class(
        "other", "k8s.io/ingress-nginx",
        annotations={"ingressclass.kubernetes.io/is-default-class": "true"})}, (),
     "it has no class, and the default IngressClass is of another controller"),
    ({"i.yaml": ingress("web"), "c.yaml": ingress_class("web", "k8s.io/ingress-nginx")}, (),
     'it is of class "web", whose IngressClass names controller "k8s.io/ingress-nginx" and not '
     '"fairlead.dev/ingress-controller"'),
    ({"i.yaml": ingress()}, ("--watch-namespaces", "here"),
     "it is in a namespace that --watch-namespaces leaves out"),
])
def test_why_an_object_is_not_ours_is_told(explained, files, flags, why):
    out = explained(files, *flags)
    assert f"not ours  Ingress shop/web names this host: {why}\n" in out
    assert ("hint      take its namespace into --watch-namespaces\n" in out) == ("--watch" in why)
    assert (CLASS_HINT in out) != ("--watch" in why)


def test_a_wildcard_and_rules_for_all_hosts_that_are_not_ours_are_shown(explained):
    out = explained({"i.yaml": ingress("nginx", "*.test")})
    assert 'not ours  Ingress shop/web names *.test: it is of class "nginx"' in out
    out = explained({"i.yaml": ingress("nginx", None)})
    assert 'not ours  Ingress shop/web has rules for all hosts: it is of class "nginx"' in out


def test_what_is_not_ours_is_shown_too_where_a_default_backend_or_other_paths_answer(explained):
    default = manifests.documents(SERVICE, manifests.to_yaml({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "all"},
        "spec": {"defaultBackend": {"service": {"name": "app", "port": {"number": 80}}}}}))
    out = explained({"i.yaml": ingress("nginx"), "d.yaml": default})
    assert "not ours  Ingress shop/web names this host" in out and "verdict   forwarded to default/app/80" in out
    (_, rest) = out.split("not ours")
    assert "hint" not in rest, "it is answered"
    out = explained({"d.yaml": manifests.app("10.0.0.1:80", path="/other")})
    assert "not ours  Ingress shop/web names this host" in out and "404" in out


def test_over_https_what_is_not_ours_is_shown_once(explained):
    out = explained({"i.yaml": ingress("nginx")}, url="https://a.test/")
    assert out.count("not ours  Ingress shop/web names this host") == 1 and CLASS_HINT in out


def test_other_hosts_of_what_is_not_ours_are_not_shown(explained):
    out = explained({"i.yaml": manifests.documents(ingress("nginx", "b.test"),
                                                   ingress("nginx", "aa.test", name="web2"))})
    assert "shop/web" not in out
    assert "hint      the table has no hosts: those that objects name are of objects that are not ours\n" in out


def test_a_running_proxy_knows_what_is_not_ours_and_hears_of_a_change(fairlead):
    def said():
        return proxy.admin("/explain?url=http://b.test/").body.decode()

    proxy = fairlead(manifests.documents(APP, ingress("nginx", "b.test")))
    assert 'not ours  Ingress shop/web names this host: it is of class "nginx"' in said()
    proxy.apply("test.yaml", manifests.documents(APP, ingress("other", "b.test")))
    assert 'not ours  Ingress shop/web names this host: it is of class "other"' in said()
    proxy.apply("test.yaml", APP)
    assert "not ours" not in said()


# ---- what is left out ----

LEFT_OUT_HINT = "hint      what was left out may be what is missing here: mend it first\n"
UNREADABLE = "kind: Ingress\nmetadata: {name: web\n  - ]\n"
QUOTED = ingress().replace("80", '"80"')


def test_a_file_that_does_not_parse_is_shown_for_a_host_that_nobody_names(explained):
    out = explained({"bad.yaml": UNREADABLE})
    assert "error     bad.yaml:3: column 5: " in out and LEFT_OUT_HINT in out
    assert "add an IngressRoute" not in out


def test_an_object_that_is_left_out_is_shown_with_its_field_for_a_host_that_nobody_names(explained):
    for url in (URL, "https://a.test/"):
        out = explained({"i.yaml": QUOTED}, url=url)
        assert ("error     i.yaml:19: Ingress shop/web: spec.rules[0].http.paths[0].backend.service.port.number: "
                'the text "80" is not a number from 1 to 65535: write it as a number, without quotes\n'
                + LEFT_OUT_HINT) in out


def test_what_the_guide_shows_of_an_object_that_is_left_out_is_so(explained):
    url = "http://shop.example.com/cart"
    assert explained({"shop.yaml": QUOTED.replace("a.test", "shop.example.com")}, url=url) == shown("why-404.md", url)


def test_an_object_that_is_defined_twice_may_have_the_host(explained):
    out = explained({"a.yaml": ingress(host="b.test"), "b.yaml": ingress()})
    assert "warning   b.yaml:1: Ingress shop/web: defined a second time and left out; the one at a.yaml:1" in out
    assert LEFT_OUT_HINT in out


def test_what_is_left_out_is_shown_for_a_path_that_no_rule_has(explained):
    out = explained({"i.yaml": QUOTED, "app.yaml": manifests.app("10.0.0.1:80", path="/other")})
    assert "error     i.yaml:19: Ingress shop/web" in out and LEFT_OUT_HINT in out


def test_a_service_or_child_that_is_left_out_is_shown_where_it_is_missing(explained):
    bad = manifests.service().replace("80", '"x"')
    out = explained({"i.yaml": manifests.ingress(), "s.yaml": bad})
    assert "error     s.yaml:10: Service default/app: spec.ports[0].port: " in out and LEFT_OUT_HINT in out
    out = explained({"i.yaml": manifests.ingress(), "s.yaml": UNREADABLE})
    assert "error     s.yaml:3: column 5: " in out
    out = explained({"i.yaml": routes.root(routes.delegate("/", "child")),
                     "s.yaml": routes.child(routes.route("/", "app")).replace('"/"', "7")})
    assert "error     s.yaml:9: IngressRoute default/child: spec.routes[0].match: " in out


def test_a_secret_that_is_left_out_is_shown_where_the_certificate_is_missing(explained):
    out = explained({"t.yaml": manifests.ingress_of(
        "tls", [("a.test", [("/", "app")])], spec=manifests.tls_spec(("a.test", "pair"))),
        "s.yaml": manifests.secret("pair", {"tls.crt": "x"}).replace('"eA=="', '"%"')}, url="https://a.test/")
    assert "error     s.yaml:8: Secret default/pair: " in out and LEFT_OUT_HINT in out


def test_what_is_left_out_and_cannot_concern_the_request_is_not_shown(explained):
    out = explained({"app.yaml": APP, "i.yaml": manifests.service("other").replace("80", '"x"')}, url="http://b.test/")
    assert "Service default/other" not in out and LEFT_OUT_HINT not in out


# ---- Services without endpoints ----

INGRESS = manifests.ingress()
SLICE = manifests.endpoints("app", "10.0.0.1:80")


@pytest.mark.parametrize("slices,lines", [
    ("", ['hint      no EndpointSlice of namespace default has the label kubernetes.io/service-name: app, and there '
          'is no Endpoints default/app: write one, for of a directory no Pods are read']),
    (manifests.endpoints("app", "10.0.0.1:80", namespace="other"), ["hint      no EndpointSlice of namespace default"]),
    (SLICE.replace('"name": "http"', '"name": "web"'), [
        'hint      EndpointSlice default/app-0 has no TCP port named "http", as port 80 of the Service is, but "web": '
        'name both alike']),
    (SLICE.replace('"name": "http"', '"name": ""'), [
        'hint      EndpointSlice default/app-0 has no TCP port named "http", as port 80 of the Service is, but one '
        'without a name: name both alike']),
    (manifests.endpoints("app", "10.0.0.1:80", "10.0.0.2:80", ready=False), [
        "hint      none of the 2 endpoints of EndpointSlice default/app-0 and 1 more is ready (conditions.ready)"]),
    (SLICE[:SLICE.index('"endpoints"')] + '"endpoints": []\n', [
        "hint      EndpointSlice default/app-0 has no endpoints: no Pod is selected, or none runs"]),
    (manifests.endpoints("app", "169.254.1.1:80"), [
        "warning   EndpointSlice default/app-0: endpoint 169.254.1.1:80 is left out: a link-local address",
        "hint      no ready endpoint of EndpointSlice default/app-0 may be used, see the warnings"]),
    (SLICE.replace("80", '"x"'), [
        "error     s.yaml:12: EndpointSlice default/app-0: ports[0].port: "]),
], ids=["none", "other_namespace", "other_port_name", "no_port_name", "not_ready", "no_address", "refused", "left_out"])
def test_why_a_service_has_no_endpoints_is_told(explained, slices, lines):
    out = explained({"i.yaml": INGRESS, "a.yaml": manifests.service(), "s.yaml": slices})
    assert "service   default/app/80, http1, round_robin: 0 ready endpoints\n" in out
    assert "targetPort" not in out
    for line in lines:
        assert f"\n{line}" in out


def test_an_external_name_that_resolves_to_nothing_is_told(explained):
    name = manifests.to_yaml({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
                              "spec": {"type": "ExternalName", "externalName": "nobody.invalid"}})
    assert 'hint      externalName "nobody.invalid" resolves to no address\n' in explained(
        {"i.yaml": INGRESS, "s.yaml": name})


def test_the_service_of_a_share_that_gets_no_requests_is_told_why(explained):
    out = explained({"i.yaml": routes.root(routes.route("/", "app", "idle")), "a.yaml": SERVICE,
                     "b.yaml": manifests.service("idle")})
    assert "hint      no EndpointSlice of namespace default has the label kubernetes.io/service-name: idle" in out
    assert "50.0 % of requests get 503" in out


def test_what_the_guide_shows_of_a_port_with_another_name_is_so(explained):
    url = "http://shop.example.com/api/orders"
    out = explained({"i.yaml": manifests.ingress_of("api", [("shop.example.com", [("/api", "api", 8080)])], "shop"),
                     "s.yaml": manifests.service("api", "shop", port=8080),
                     "e.yaml": manifests.endpoints("api", "10.1.2.3:8080", namespace="shop").replace(
                         '"http"', '"8080-8080"')}, url=url)
    assert out == shown("why-404.md", url)


def test_a_running_proxy_tells_why_a_service_has_no_endpoints_as_it_changes(fairlead):
    def said():
        return proxy.admin(f"/explain?url={URL}").body.decode()

    proxy = fairlead(manifests.documents(INGRESS, manifests.service()))
    assert "hint      no EndpointSlice of namespace default" in said()
    proxy.apply("s.yaml", SLICE.replace('"http"', '"web"'))
    assert 'hint      EndpointSlice default/app-0 has no TCP port named "http"' in said()
    proxy.apply("s.yaml", SLICE)
    assert "hint" not in said() and "10.0.0.1:80" in said()


# ---- allow-http ----

NO_HTTP = {"kubernetes.io/ingress.allow-http": "false"}


def test_a_path_that_is_served_over_https_alone_says_which_annotation_makes_it_so(explained, authority):
    out = explained({"i.yaml": manifests.tls_app(authority.issue("a.test"), "10.0.0.1:80", annotations=NO_HTTP)})
    assert ('hint      Ingress default/app-ingress spec.rules[0].http.paths[0] serves this path over HTTPS only: its '
            'annotation kubernetes.io/ingress.allow-http is "false"\n') in out
    assert "add a path" not in out


@pytest.mark.parametrize("url", [URL, "https://a.test/"])
def test_a_path_that_is_served_neither_over_http_nor_https_says_so(explained, url):
    out = explained({"i.yaml": ingress(annotations=NO_HTTP)}, url=url)
    assert ('warning   Ingress shop/web: annotation kubernetes.io/ingress.allow-http: it is "false", and no spec.tls '
            'names host a.test, so nobody is served there: name it in spec.tls, or leave the annotation out\n') in out
    assert "add a path" not in out and "HTTP only" not in out


def test_check_warns_of_rules_that_are_served_nowhere_and_of_no_others(tmp_path, authority):
    (tmp_path / "a.yaml").write_text(manifests.documents(
        SERVICE, ingress(host=None, annotations=NO_HTTP), manifests.service(namespace="shop"),
        manifests.tls_app(authority.issue("b.test"), "10.0.0.1:80", host="b.test", annotations=NO_HTTP, name="b")))
    code, out, _ = run("check", tmp_path)
    assert code == 0 and len(out.splitlines()) == 1
    assert ('warning: Ingress shop/web: annotation kubernetes.io/ingress.allow-http: it is "false", and rules without a '
            'host are not served over HTTPS, so nobody is served by them: give them a host and name it in spec.tls, or '
            'leave the annotation out\n') in out


# ---- delegation ----

def tree(*child_routes, root_routes=(), match="/blog"):
    return {"r.yaml": routes.root(routes.delegate(match, "child", "team"), *root_routes),
            "c.yaml": routes.child(*child_routes, namespace="team"),
            "s.yaml": manifests.documents(SERVICE, manifests.service(namespace="team"),
                                          manifests.endpoints("app", "10.0.0.2:80", namespace="team"))}


WAY = ("root      IngressRoute default/root spec.routes[0].delegate\n"
       "delegated IngressRoute team/child has no route for this path\n")
OUTSIDE = ('status    IngressRoute team/child invalid: the path prefix "/" does not match the parent\'s path prefix "/blog" '
           "(delegated by IngressRoute default/root for host a.test)\n")


@pytest.mark.parametrize("url", ["http://a.test/blog/x", "http://a.test/blog"])
def test_a_child_outside_of_its_prefix_is_shown_where_nobody_else_answers(explained, url):
    out = explained(tree(routes.route("/", "app")), url=url)
    assert WAY + OUTSIDE in out and "404" in out
    assert ("hint      add a route for it to the IngressRoute that the prefix is delegated to, within that prefix\n") in out
    assert "add a path" not in out


def test_a_child_outside_of_its_prefix_is_shown_where_a_shorter_prefix_of_the_root_answers(explained):
    out = explained(tree(routes.route("/", "app"), root_routes=[routes.route("/", "app")]), url="http://a.test/blog/x")
    assert WAY + OUTSIDE + "route     string /\n" in out and "verdict   forwarded to default/app/80" in out


def test_a_valid_child_without_a_route_for_the_path_is_shown(explained):
    files = tree(routes.route("/blog/archive", "app"), root_routes=[routes.route("/", "app")])
    assert WAY + "route     string /\n" in explained(files, url="http://a.test/blog/x")
    out = explained(files, url="http://a.test/blog/archive/1")
    assert "has no route" not in out and "forwarded to team/app/80" in out
    for url in ("http://a.test/blogger", "http://a.test/"):
        assert "team/child" not in explained(files, url=url)


def test_a_delegation_within_a_delegation_is_shown_with_its_whole_way(explained):
    files = tree(routes.route("/blog", "app"), routes.delegate("/blog/old", "older"))
    files["o.yaml"] = routes.child(routes.route("/old", "app"), name="older", namespace="team")
    out = explained(files, url="http://a.test/blog/old/1")
    assert ("root      IngressRoute default/root spec.routes[0].delegate\n"
            "delegated IngressRoute team/child spec.routes[1].delegate\n"
            "delegated IngressRoute team/older has no route for this path\n"
            'status    IngressRoute team/older invalid: the path prefix "/old" does not match the parent\'s path prefix '
            '"/blog/old" (delegated by IngressRoute team/child for host a.test)\n'
            "route     string /blog\n") in out


def test_what_the_guide_shows_of_a_child_outside_of_its_prefix_is_so(explained):
    url = "http://www.example.com/blog/1"
    files = {"r.yaml": routes.root(routes.route("/", "pages"), routes.delegate("/blog", "blog", "marketing"),
                                   host="www.example.com", name="www", namespace="platform"),
             "b.yaml": routes.child(routes.route("/", "blog"), name="blog", namespace="marketing"),
             "s.yaml": routes.backed("pages", "10.1.2.3:80", namespace="platform")}
    assert explained(files, url=url) == shown("ingressroute/delegation.md", url)


def test_over_https_the_delegation_is_shown_too(explained, authority):
    files = tree(routes.route("/", "app"))
    files["r.yaml"] = manifests.documents(
        routes.root(routes.delegate("/blog", "child", "team"), tls="pair"),
        manifests.tls_secret("pair", authority.issue("a.test")))
    for url in ("https://a.test/blog", "http://a.test/blog"):
        assert WAY + OUTSIDE in explained(files, url=url)


# ---- certificates ----

@pytest.mark.parametrize("files,why", [
    ({}, "Secret tls/pair not found"),
    ({"s.yaml": manifests.secret("pair", {"tls.crt": "x", "tls.key": "y"}, "tls")}, "Secret tls/pair: tls.crt"),
])
def test_a_default_certificate_that_cannot_be_used_is_not_denied(explained, files, why):
    out = explained({"a.yaml": APP, **files}, "--default-certificate", "tls/pair", url="https://other.test/")
    assert f"error     --default-certificate: {why}" in out
    assert "there is no --default-certificate" not in out
    assert ("verdict   the TLS handshake is refused (unrecognized_name): nobody serves this host over HTTPS, and the "
            "--default-certificate cannot be used\n") in out


def test_a_default_certificate_that_is_left_out_is_shown(explained):
    broken = manifests.secret("pair", {"tls.crt": "x"}, "tls").replace('"eA=="', '"%"')
    out = explained({"a.yaml": APP, "s.yaml": broken}, "--default-certificate", "tls/pair", url="https://other.test/")
    assert "error     s.yaml:8: Secret tls/pair: " in out


def test_without_a_default_certificate_explain_says_so(explained):
    assert "and there is no --default-certificate\n" in explained({"a.yaml": APP}, url="https://other.test/")


ENDED = re.compile(r"^leaf      CN=a.test, until \S+, which is over: clients refuse it, renew it in the Secret$", re.MULTILINE)


def test_a_certificate_that_is_over_is_said_to_be_so(explained, authority):
    over = authority.issue("a.test", days=(-3, -1))
    assert ENDED.search(explained({"a.yaml": manifests.tls_app(over, "10.0.0.1:80")}, url="https://a.test/"))
    out = explained({"a.yaml": manifests.tls_app(authority.issue("a.test"), "10.0.0.1:80")}, url="https://a.test/")
    assert "until" in out and "over:" not in out
    early = manifests.tls_app(authority.issue("a.test", days=(1, 3)), "10.0.0.1:80")
    out = explained({"a.yaml": early}, url="https://a.test/")
    assert re.search(r"^leaf      CN=a.test, until \S+, not before \S+: clients refuse it until then$", out, re.MULTILINE)


def test_a_running_proxy_says_that_a_certificate_is_over(fairlead, authority):
    proxy = fairlead(manifests.tls_app(authority.issue("a.test", days=(-3, -1)), "10.0.0.1:80"))
    assert ENDED.search(proxy.admin("/explain?url=https://a.test/").body.decode())
