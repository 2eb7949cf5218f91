# SPDX-License-Identifier: Apache-2.0
"""Paths and hosts in the one form that is matched and forwarded: hostile-input 33 to 44."""
import pytest

from support import manifests
from support.client import request
from support.fairlead import run
from support.origin import answer


def refused_reason(site, path):
    """Answered with 400 for its path, and the connection may go on."""
    client = site.client()
    client.send(request("GET", path))
    response = client.read_response()
    site.origin.expect_untouched()
    assert response.status == 400, response
    client.close()
    return response.reason_code


@pytest.mark.parametrize("path", [
    "/%", "/%z", "/%zz", "/a%2", "/%u002f", "/%%32f", "/a%2/b", "/%g0", "/%0g", "/%-1", "/%+1",
    "/a/../%", "/%x41", "/a%",
])
def test_hostile_33_a_percent_without_two_hex_digits(site, path):
    assert refused_reason(site, path) == "bad_path_escape"


@pytest.mark.parametrize("path", ["/%00", "/a%00b", "/a.php%00.jpg", "/%00/../x", "/a/%00"])
def test_hostile_34_nul_in_the_path(site, path):
    assert refused_reason(site, path) == "path_nul"


@pytest.mark.parametrize("path, forwarded", [
    ("/a%2Fb", "/a%2Fb"), ("/a%2fb", "/a%2Fb"), ("/%2F", "/%2F"), ("/a/%2e%2e%2fb", "/a/..%2Fb"),
    ("/a%2F..%2Fb", "/a%2F..%2Fb"), ("/a%2F/../b", "/b"),
])
def test_hostile_35_an_escaped_slash_stays_escaped(site, path, forwarded):
    assert site.path_of(path) == forwarded


@pytest.mark.parametrize("path", [
    "/a%5Cb", "/a%5cb", "/a\\b", "/..\\x", "/\\", "/%5C..%5Cx", "\\/",
])
def test_hostile_35_a_backslash(site, path):
    if path.startswith("/"):
        assert refused_reason(site, path) == "path_backslash"
    else:
        site.refuse(request("GET", path))


@pytest.mark.parametrize("path, forwarded", [
    ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"),
    ("/a/../b", "/b"), ("/a/%2e%2e/b", "/b"), ("/a/.%2E/b", "/b"), ("/a/%2e./b", "/b"),
    ("/a/%2E/b", "/a/b"), ("/a/b/../..", "/"), ("/a/b/../../c", "/c"), ("/a/...", "/a/..."),
    ("/a/..b", "/a/..b"), ("/a/b..", "/a/b.."), ("/a/.b", "/a/.b"), ("/a//../b", "/b"),
    ("/a/b/c/./../../g", "/a/g"), ("/x/../a?p=/../b", "/a?p=/../b"),
])
def test_hostile_36_dot_segments_are_resolved(site, path, forwarded):
    assert site.path_of(path) == forwarded


@pytest.mark.parametrize("path", [
    "/..", "/../", "/../x", "/%2e%2e", "/.%2e/x", "/a/../..", "/a/../../b", "/./..", "/%2e/%2e%2e",
    "//..", "/a/..//../b", "/../../../etc/passwd",
])
def test_hostile_36_a_climb_above_the_root(site, path):
    assert refused_reason(site, path) == "path_above_root"


@pytest.mark.parametrize("path, forwarded", [
    ("/%61", "/a"), ("/%41%7A%30", "/Az0"), ("/%2d%2e%5f%7e", "/-._~"), ("/%25", "/%25"),
    ("/%2561", "/%2561"), ("/%252e%252e/x", "/%252e%252e/x"), ("/%252F", "/%252F"),
    ("/%25%32%65", "/%252e"), ("/%c3%a9", "/%C3%A9"), ("/%3f", "/%3F"), ("/%23", "/%23"),
    ("/%20", "/%20"), ("/%3Aa", "/%3Aa"), ("/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="),
    ("/%7f", "/%7F"), ("/%0a", "/%0A"), ("/%0d%0aX:y", "/%0D%0AX:y"), ("/%2B+", "/%2B+"),
])
def test_hostile_37_only_unreserved_characters_are_decoded_once(site, path, forwarded):
    assert site.path_of(path) == forwarded


@pytest.mark.parametrize("path, forwarded", [
    ("//", "/"), ("//a", "/a"), ("/a//b", "/a/b"), ("/a///b//", "/a/b/"),
    ("//a.test/x", "/a.test/x"),
    ("/a/.//b", "/a/b"), ("/a//?x=//", "/a/?x=//"), ("/a/%2e/%2e//b", "/a/b"),
])
def test_hostile_38_repeated_slashes_are_one(site, path, forwarded):
    assert site.path_of(path) == forwarded


@pytest.mark.parametrize("path", [
    "/a/..;/b", "/a;x=y/b", "/a/;/b", "/..;/b", "/.;x/b", "/a/..;x=/../b", "/a/%3B/b",
])
def test_hostile_39_semicolons_are_plain_text(site, path):
    expected = path.replace("/..;x=/..", "")
    assert site.path_of(path) == expected


@pytest.fixture
def tenants(fairlead, backend):
    """Answers name the backend and the path that it got."""
    class Tenants:
        def __init__(self):
            self.backends = {}

        def add(self, name):
            self.backends[name] = backend(
                lambda request: answer(f"{name} {request.target}".encode()))
            return manifests.documents(manifests.service(name),
                                       manifests.endpoints(name, self.backends[name]))

        def start(self, *texts):
            self.proxy = fairlead(manifests.documents(*texts))

        def get(self, path, host="a.test"):
            response = self.proxy.get(path, host)
            return response.body.decode() if response.status == 200 else response.status

    return Tenants()


def test_hostile_39_a_path_parameter_matches_no_other_rule(tenants):
    tenants.start(
        tenants.add("root"), tenants.add("ab"),
        manifests.ingress_of("i", [("a.test", [("/", "root"), ("/a/b", "ab"), ("/b", "ab")])]))
    assert tenants.get("/a/b") == "ab /a/b"
    assert tenants.get("/a/..;/b") == "root /a/..;/b"
    assert tenants.get("/a;x=y/b") == "root /a;x=y/b"


def test_hostile_36_the_match_is_by_the_form_that_is_forwarded(tenants):
    tenants.start(
        tenants.add("root"), tenants.add("admin"),
        manifests.ingress_of("i", [("a.test", [("/", "root"), ("/admin", "admin")])]))
    for path in ("/admin", "/x/../admin", "//admin", "/%61dmin", "/./admin", "/x/%2e%2e/admin",
                 "/x//..//admin"):
        assert tenants.get(path) == "admin /admin", path
    for path, form in (("/admin/..", "/"), ("/admin/../x", "/x"), ("/admin%2Fx", "/admin%2Fx"),
                       ("/admin%2F..", "/admin%2F.."), ("/x%2F..%2Fadmin", "/x%2F..%2Fadmin"),
                       ("/Admin", "/Admin"), ("/%2561dmin", "/%2561dmin")):
        assert tenants.get(path) == f"root {form}", path


def test_hostile_40_prefix_rules_end_at_a_segment(tenants):
    tenants.start(
        tenants.add("root"), tenants.add("foo"), tenants.add("exact"),
        manifests.ingress_of("i", [("a.test", [("/", "root"), ("/foo", "foo"), ("/bar/", "foo"),
                                               ("/exact", "exact", 80, "Exact")])]))
    for path in ("/foo", "/foo/", "/foo/x", "/bar", "/bar/", "/bar/x"):
        assert tenants.get(path) == f"foo {path}"
    for path in ("/foobar", "/fo", "/FOO", "/Foo/x", "/barx", "/foo%2Fx", "/exact/", "/exactly"):
        assert tenants.get(path) == f"root {path}"
    assert tenants.get("/exact") == "exact /exact"


def test_hostile_41_no_rewrite_annotation_is_obeyed(tenants):
    """Ingresses rewrite nothing: the path that matched is the path that is sent."""
    tenants.start(
        tenants.add("app"),
        manifests.ingress_of("i", [("a.test", [("/app", "app")])], annotations={
            "nginx.ingress.kubernetes.io/rewrite-target": "/../admin",
            "projectcontour.io/prefix-rewrite": "/../admin"}))
    assert tenants.get("/app/x") == "app /app/x"


def test_hostile_42_a_regex_stops_at_its_limit(tenants):
    tenants.start(
        tenants.add("root"), tenants.add("evil"),
        manifests.ingress_of("i", [("a.test", [
            ("/", "root"), ("/(a+)+(b+)*[0-9]*x", "evil", 80, "ImplementationSpecific")])]))
    assert tenants.get("/aaax") == "evil /aaax"
    assert tenants.get("/ok") == "root /ok"
    attack = tenants.get("/" + "a" * 8000)
    assert attack == 400 or str(attack).startswith("root "), attack
    assert tenants.proxy.metrics().value("fairlead_loop_busy_seconds_bucket", le="+Inf") >= 1


def test_hostile_42_a_pattern_at_its_limit_is_named(tenants):
    """Whose it is: anybody's Ingress may have added it to the host."""
    tenants.start(
        tenants.add("root"), tenants.add("evil"),
        manifests.ingress_of("i", [("a.test", [
            ("/", "root"), ("/(a+)+b", "evil", 80, "ImplementationSpecific")])]))
    path = "/" + "a" * 40 + "bc"
    assert tenants.get(path) == 400
    told = tenants.proxy.admin("/explain?url=http://a.test" + path).body.decode()
    assert "Ingress default/i spec.rules[0].http.paths[1]" in told, told
    assert "400: the pattern of this route needs too many steps" in told, told
    tenants.proxy.output.wait_for("regex_limit.*Ingress default/i")


def test_hostile_43_host_in_any_spelling(tenants):
    tenants.start(tenants.add("app"), manifests.ingress("a.test", "/", "app"))
    for host in ("a.test", "A.TEST", "a.Test", "a.test.", "a.test:80", "a.test:8080", "A.test.:80"):
        assert tenants.get("/", host) == "app /", host
    for host in ("b.test", "a.test.b.test", "xa.test", "a.testx", "a.test.."):
        assert tenants.get("/", host) in (400, 404), host


def test_hostile_43_a_wildcard_covers_one_label(tenants):
    tenants.start(tenants.add("wild"), tenants.add("exact"), manifests.ingress_of("i", [
        ("*.w.test", [("/", "wild")]), ("b.w.test", [("/", "exact")])]))
    assert tenants.get("/", "a.w.test") == "wild /"
    assert tenants.get("/", "A.W.TEST.") == "wild /"
    assert tenants.get("/", "b.w.test") == "exact /"
    for host in ("w.test", "a.b.w.test", ".w.test", "*.x.test", "a.w.test.x"):
        assert tenants.get("/", host) in (400, 404), host


def test_hostile_44_an_unknown_host_gets_no_tenant(tenants):
    tenants.start(tenants.add("app"), manifests.ingress("a.test", "/secret", "app"))
    answers = {(response.status, response.body.replace(b"no_path", b""))
               for response in [tenants.proxy.get("/secret", "b.test"),
                                tenants.proxy.get("/", "b.test"),
                                tenants.proxy.get("/secret/x", "zzz")]}
    assert {status for status, _ in answers} == {404}
    assert len(answers) == 1, "the body tells routes apart"
    assert b"secret" not in b"".join(body for _, body in answers)
    assert tenants.backends["app"].requests == []


def test_hostile_44_an_unknown_host_gets_no_other_namespaces_default(tenants, fairlead, backend):
    """A default backend answers for hosts that nobody claims, never for a claimed one's paths."""
    tenants.start(
        tenants.add("app"), manifests.ingress("a.test", "/only", "app"),
        manifests.documents(
            manifests.service("fallback", namespace="other"),
            manifests.to_yaml({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": "d", "namespace": "other"},
                "spec": {"defaultBackend": {"service": {"name": "fallback",
                                                        "port": {"number": 80}}}}})))
    assert tenants.get("/else") == 404
    assert tenants.get("/else", "nobody.test") == 503  # it has no endpoint, but it is asked


def test_hostile_44_explain_agrees_with_the_proxy(tenants):
    """The same code answers both; one path stands for all."""
    tenants.start(tenants.add("app"), manifests.ingress("a.test", "/app", "app"))
    for path, status in (("/x/../app", 0), ("/x", 1)):
        code, out, _ = run("explain", "--objects", tenants.proxy.objects, f"http://a.test{path}")
        assert code == status, out
