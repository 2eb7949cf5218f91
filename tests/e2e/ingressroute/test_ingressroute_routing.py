# SPDX-License-Identifier: Apache-2.0
"""Which request goes where: prefixes, trees, mistakes in their places, Ingresses beside."""
import pytest

from support import manifests, routes
from support.client import request
from support.fairlead import run
from support.origin import OK, answer
from support.websocket import handshake, switching

VALID = "valid: valid IngressRoute"
ORPHANED = "orphaned: this IngressRoute is not part of a delegation chain"


@pytest.fixture
def served(fairlead, backend):
    """start(manifests, *flags): the program, with Services app and api in default and team, each of
    which says "namespace/name"."""
    def start(*texts, flags=(), **files):
        parts = [routes.backed(name, backend(answer(f"{namespace}/{name}".encode())),
                               namespace=namespace)
                 for namespace in ("default", "team") for name in ("app", "api")]
        return fairlead({"services.yaml": manifests.documents(*parts),
                         "routes.yaml": manifests.documents(*texts),
                         **{f"{name}.yaml": text for name, text in files.items()}}, *flags)

    return start


def ask(proxy, path, host="a.test"):
    """Whose answer it is, or the status of ours."""
    response = proxy.get(path, host)
    return response.body.decode() if response.status == 200 else response.status


# ---- prefixes ----


@pytest.mark.parametrize("path,expected", [
    ("/", "default/app"), ("/fo", "default/app"), ("/foo", "default/api"),
    ("/foobar", "default/api"),
    ("/foo/", "default/api"), ("/foo?x=/", "default/api"), ("/x/foo", "default/app"),
    ("/foo/bar", "default/app"), ("/foo/barbar", "default/app"), ("/foo/ba", "default/api"),
    ("//foo", "default/api"), ("/x/../foo", "default/api"), ("/%66oo", "default/api"),
])
def test_the_longest_prefix_of_text_wins(served, path, expected):
    proxy = served(routes.root(routes.route("/", "app"), routes.route("/foo", "api"),
                               routes.route("/foo/bar", "app")))
    assert ask(proxy, path) == expected


def test_of_equal_prefixes_the_first_one_serves(served):
    proxy = served(routes.root(routes.route("/x", "app"), routes.route("/x", "api")))
    assert ask(proxy, "/x") == "default/app"


def test_what_no_prefix_covers_is_not_found_and_neither_is_another_host(served):
    proxy = served(routes.root(routes.route("/x", "app")))
    assert ask(proxy, "/y") == 404
    assert ask(proxy, "/x", "b.test") == 404


def test_a_host_is_matched_whatever_its_case_or_port(served):
    proxy = served(routes.root(routes.route("/", "app"), host="A.Test"))
    for host in ("a.test", "A.TEST", "a.test:8080", "a.test."):
        assert ask(proxy, "/", host) == "default/app"


# ---- mistakes keep their places ----


def test_a_missing_service_answers_503_in_its_place_and_all_else_is_served(served):
    proxy = served(routes.root(routes.route("/", "app"), routes.route("/gone", "nope"),
                               routes.route("/gone/not", "api")))
    assert ask(proxy, "/gone") == 503
    assert ask(proxy, "/gone/x") == 503
    assert ask(proxy, "/gone/not") == "default/api"
    assert ask(proxy, "/") == "default/app"
    assert routes.status(proxy, "root") == "invalid: Service [nope:80] is invalid or missing"


def test_a_service_that_comes_back_is_served_and_the_status_is_valid(served):
    proxy = served(routes.root(routes.route("/", "late")))
    assert ask(proxy, "/") == 503
    proxy.apply("late.yaml", manifests.service("late"))
    routes.wait_status(proxy, VALID)
    assert ask(proxy, "/") == 503  # there are no endpoints yet
    proxy.remove("late.yaml")
    routes.wait_status(proxy, "invalid")


@pytest.mark.parametrize("entry,text", [
    (routes.entry(port=0), "port must be in the range 1-65535"),
    (routes.entry(port=70000), "port must be in the range 1-65535"),
    (routes.entry(weight=-1), "weight must be greater than or equal to zero"),
    (routes.entry(healthCheck={"host": "x"}), "healthCheck path must begin with /"),
])
def test_a_mistake_in_one_route_answers_503_there_and_nowhere_else(served, entry, text):
    proxy = served(routes.root(routes.route("/before", "app"), routes.route("/bad", entry),
                               routes.route("/", "api")))
    assert [ask(proxy, path) for path in ("/before", "/bad", "/after")] == \
        ["default/app", 503, "default/api"]
    assert routes.status(proxy, "root") == f'invalid: route "/bad": service "app": {text}'


def test_services_and_delegate_in_one_route_answer_503(served):
    both = {**routes.route("/x", "app"), "delegate": {"name": "child"}}
    proxy = served(routes.root(both, routes.route("/", "app")),
                   routes.child(routes.route("/x", "api")))
    assert ask(proxy, "/x") == 503
    assert ask(proxy, "/") == "default/app"
    assert routes.status(proxy, "root").startswith("invalid: route \"/x\": cannot specify services")
    assert routes.status(proxy, "child").startswith(ORPHANED)


# ---- trees ----


def test_a_child_in_another_namespace_serves_what_was_delegated_from_its_own_services(served):
    proxy = served(routes.root(routes.route("/", "app"), routes.delegate("/team", "child", "team")),
                   routes.child(routes.route("/team", "api"), routes.route("/team/app", "app"),
                                namespace="team"))
    assert ask(proxy, "/team") == "team/api"
    assert ask(proxy, "/team/app") == "team/app"
    assert ask(proxy, "/") == "default/app"
    assert routes.status(proxy, "child", "team") == VALID


def test_no_child_serves_what_was_not_delegated_to_it(served):
    proxy = served(
        routes.root(routes.route("/", "app"), routes.delegate("/team", "child", "team")),
        routes.child(routes.route("/", "api"), routes.route("/teams", "api"),
                     routes.route("/team/../x", "api"), routes.delegate("/bar", "grandchild"),
                     routes.route("/team/x", "api"), namespace="team"),
        routes.child(routes.route("/bar", "api"), name="grandchild", namespace="team"))
    assert [ask(proxy, path) for path in ("/", "/teams", "/x", "/bar")] == ["default/app"] * 4
    assert ask(proxy, "/team/x") == "team/api"
    assert routes.status(proxy, "child", "team") == \
        'invalid: the path prefix "/" does not match the parent\'s path prefix "/team" ' \
        "(delegated by IngressRoute default/root for host a.test)"
    assert routes.status(proxy, "grandchild", "team").startswith(ORPHANED)


def test_a_cycle_answers_503_where_it_closes(served):
    proxy = served(routes.root(routes.delegate("/", "child")),
                   routes.child(routes.route("/x", "app"), routes.delegate("/", "child")))
    assert ask(proxy, "/x") == "default/app"
    assert ask(proxy, "/y") == 503
    assert routes.status(proxy, "child") == ("invalid: route creates a delegation cycle: "
                                             "default/root -> default/child -> default/child")
    assert routes.status(proxy, "root") == VALID


def test_nobody_delegates_to_a_root(served):
    proxy = served(routes.root(routes.delegate("/x", "other")),
                   routes.root(routes.route("/", "app"), name="other", host="b.test"))
    assert ask(proxy, "/x") == 503
    assert ask(proxy, "/x", "b.test") == "default/app"
    assert routes.status(proxy, "root") == \
        "invalid: root ingressroute cannot delegate to another root ingressroute"


def test_an_orphan_is_not_served(served):
    proxy = served(routes.child(routes.route("/", "app")))
    assert ask(proxy, "/") == 404
    assert routes.status(proxy, "child").startswith(ORPHANED)


def test_roots_that_share_a_host_serve_nothing_until_one_is_left(served):
    proxy = served(routes.root(routes.route("/", "app")),
                   more=routes.root(routes.route("/", "api"), host="A.test", name="rival",
                                    namespace="team"))
    text = 'invalid: fqdn "a.test" is used in multiple IngressRoutes: default/root, team/rival'
    assert ask(proxy, "/") == 404
    assert routes.status(proxy, "root") == text
    assert routes.status(proxy, "rival", "team") == text
    proxy.remove("more.yaml")
    routes.wait_status(proxy, VALID)
    assert ask(proxy, "/") == "default/app"


def test_roots_outside_the_root_namespaces_claim_no_host_and_no_child(served):
    proxy = served(routes.root(routes.route("/", "app")),
                   routes.root(routes.delegate("/", "child", "default"), namespace="team"),
                   routes.root(routes.delegate("/", "lost"), name="b", host="b.test"),
                   routes.child(routes.route("/", "api")),
                   routes.child(routes.route("/", "api"), name="lost"),
                   flags=("--root-namespaces", "team, other"))
    text = "invalid: root IngressRoute cannot be defined in this namespace"
    assert ask(proxy, "/") == "default/api"
    assert ask(proxy, "/", "b.test") == 404
    assert routes.status(proxy, "root") == routes.status(proxy, "b") == text
    assert routes.status(proxy, "root", "team") == routes.status(proxy, "child") == VALID
    assert routes.status(proxy, "lost").startswith(ORPHANED)


def test_ingresses_may_be_outside_the_root_namespaces(served):
    proxy = served(manifests.ingress(), flags=("--root-namespaces", "team"))
    assert ask(proxy, "/") == "default/app"


@pytest.mark.parametrize("value,status", [("nginx", 404), ("contour", "default/app"),
                                          ("", "default/app")])
def test_only_classes_of_ours_are_served(served, value, status):
    proxy = served(routes.root(routes.route("/", "app"),
                               annotations={"kubernetes.io/ingress.class": value}))
    assert ask(proxy, "/") == status


# ---- Ingresses beside ----


def test_an_ingressroute_beats_an_ingress_on_one_prefix_and_shares_the_host(served):
    proxy = served(
        manifests.ingress_of("i", [("a.test", [("/both", "app"), ("/text", "app", 80,
                                                                  "ImplementationSpecific"),
                                               ("/", "app"), ("/both/deep", "app")])]),
        routes.root(routes.route("/both", "api"), routes.route("/text", "api")))
    assert ask(proxy, "/both") == ask(proxy, "/text") == ask(proxy, "/both/x") == "default/api"
    assert ask(proxy, "/both/deep") == ask(proxy, "/") == "default/app"


def test_an_ingress_has_its_prefix_back_when_the_ingressroute_goes(served):
    proxy = served(manifests.ingress(), root=routes.root(routes.route("/", "api")))
    assert ask(proxy, "/") == "default/api"
    before = proxy.generation()
    proxy.remove("root.yaml")
    proxy.wait_generation(before)
    assert ask(proxy, "/") == "default/app"


# ---- options of a route ----


def test_a_websocket_needs_leave_and_has_it_by_route(fairlead, origin):
    app = origin()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", "app"),
                    routes.route("/ws", "app", "app", enableWebsockets=True)),
        routes.backed("app", app)))
    assert proxy.ask(handshake("/")).status == 403
    app.expect_untouched()
    client = proxy.client()
    client.send(handshake("/ws/x"))
    peer = app.accept()
    assert peer.read_request_head().target == "/ws/x"
    peer.send(switching())
    assert client.read_response().status == 101
    client.send(b"\x81\x02hi")
    assert peer.read_exactly(4) == b"\x81\x02hi"


def test_a_request_timeout_holds_for_its_route_only(fairlead, origin):
    app = origin()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", "app"),
                    routes.route("/short", "app", timeoutPolicy={"request": "50ms"})),
        routes.backed("app", app)))
    slow, short = proxy.client(), proxy.client()
    slow.send(request("GET", "/"))
    waiting = app.accept()
    waiting.read_request()
    short.send(request("GET", "/short"))
    app.accept().read_request()
    assert short.read_response().status == 504
    waiting.send(OK)
    assert slow.read_response().status == 200


@pytest.mark.parametrize("value", ["infinity", "garbage", "0", ""])
def test_without_a_request_timeout_there_is_no_such_limit(fairlead, backend, value):
    app = backend()
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", "app", timeoutPolicy={"request": value})),
        routes.backed("app", app)))
    assert proxy.get("/").status == 200
    assert "timeout=" not in proxy.admin("/table").body.decode()
    assert routes.status(proxy, "root") == VALID


@pytest.mark.parametrize("policy,attempts", [({"count": 2}, 3), ({}, 2), ({"count": -5}, 2),
                                             (None, 1)])
def test_a_retry_policy_retries_5xx_so_often(fairlead, backend, policy, attempts):
    app = backend(answer(b"", "503 Service Unavailable"))
    more = {} if policy is None else {"retryPolicy": policy}
    proxy = fairlead(manifests.documents(routes.root(routes.route("/", "app", **more)),
                                         routes.backed("app", app)))
    assert proxy.get("/").status == 503
    assert len(app.requests) == attempts


def test_a_try_that_takes_too_long_is_given_up_for_another(fairlead, origin):
    app = origin()
    policy = {"count": 1, "perTryTimeout": "50ms"}
    proxy = fairlead(manifests.documents(
        routes.root(routes.route("/", "app", retryPolicy=policy)), routes.backed("app", app)))
    client = proxy.client()
    client.send(request("GET", "/"))
    app.accept().read_request()  # and says nothing
    second = app.accept()
    second.read_request()
    second.send(OK)
    assert client.read_response().status == 200


def test_explain_names_the_way_of_a_delegation(tmp_path):
    (tmp_path / "a.yaml").write_text(manifests.documents(
        routes.root(routes.delegate("/c", "child", "team")),
        routes.child(routes.route("/c", "app"), namespace="team"),
        routes.backed("app", 8080, namespace="team")))
    code, said, _ = run("explain", "--objects", tmp_path, "http://a.test/c/x")
    assert code == 0
    assert "IngressRoute team/child" in said and "IngressRoute default/root" in said
