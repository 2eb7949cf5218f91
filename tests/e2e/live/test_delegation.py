# SPDX-License-Identifier: Apache-2.0
"""IngressRoutes of one team change, break and go while others are served: nobody else notices."""
import os

import pytest

from support import manifests, routes
from support.load import Load
from support.wait import wait_until

ROUNDS = int(os.environ.get("FAIRLEAD_LIVE_DELEGATIONS", "15"))

KEPT = ("/", "/kept", "/kept/bytes/100")
TEAM = "/team"


def root(*delegated):
    return routes.root(routes.route("/", "app"), routes.delegate("/kept", "kept", "other"),
                       *(routes.delegate(prefix, "child", "team") for prefix in delegated))


def team(*matches, name="app"):
    return routes.child(*(routes.route(match, name) for match in matches), namespace="team")


@pytest.fixture
def started(fairlead, echo):
    def start(workers):
        port = echo().port
        services = [routes.backed("app", port, namespace=namespace)
                    for namespace in ("default", "team", "other")]
        files = {"services.yaml": manifests.documents(*services), "root.yaml": root(TEAM),
                 "kept.yaml": routes.child(routes.route("/kept", "app", prefixRewrite="/"),
                                           name="kept", namespace="other")}
        return fairlead(files, "--workers", workers, "--access-log", "off")

    return start


def wait_answer(proxy, path, status):
    wait_until(lambda: proxy.get(path).status == status, f"{status} for {path}")


def one_round(proxy):
    """A child comes, changes, breaks in several ways, is delegated no more, and goes."""
    steps = [
        (("child.yaml", team("/team")), 200),
        (("child.yaml", team("/team/other")), 200),  # then "/" of the root answers for /team
        (("child.yaml", team("/team", name="nope")), 503),
        (("child.yaml", team("/team", "/kept", "/")), 200),  # more than it was given
        (("root.yaml", root()), 200),
        (("root.yaml", root(TEAM)), 200),
        (("child.yaml", None), 503),
    ]
    for (name, text), status in steps:
        if text is None:
            proxy.remove(name)
        else:
            proxy.write(name, text)
        wait_answer(proxy, TEAM, status)


@pytest.mark.slow
@pytest.mark.tsan
@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_happens_to_a_child_nobody_else_fails(started, workers):
    proxy = started(workers)
    with Load(proxy.http_port, connections=6, paths=KEPT) as load:
        for _ in range(ROUNDS):
            one_round(proxy)
            load.wait_answers(10)
    load.expect_no_failures(at_least=ROUNDS * 10)
    assert routes.status(proxy, "root") == routes.status(proxy, "kept", "other") == \
        "valid: valid IngressRoute"


def test_a_child_is_told_what_became_of_it_at_each_step(started):
    proxy = started(1)
    assert proxy.get(TEAM).status == 503
    proxy.apply("child.yaml", team("/team"))
    assert routes.status(proxy, "child", "team") == "valid: valid IngressRoute"
    proxy.apply("child.yaml", team("/teams"))
    assert routes.status(proxy, "child", "team").startswith("invalid: the path prefix \"/teams\"")
    proxy.apply("root.yaml", root())
    assert routes.status(proxy, "child", "team").startswith("orphaned: ")
    before = proxy.generation()
    proxy.remove("child.yaml")
    proxy.wait_generation(before)
    assert routes.status(proxy, "child", "team") is None


def test_a_request_under_way_outlives_the_delegation_it_came_by(fairlead, origin):
    app = origin()
    proxy = fairlead({"app.yaml": routes.backed("app", app, namespace="team"),
                      "root.yaml": routes.root(routes.delegate("/team", "child", "team")),
                      "child.yaml": team("/team")})
    client = proxy.client()
    client.send(b"GET /team HTTP/1.1\r\nHost: a.test\r\n\r\n")
    peer = app.accept()
    peer.read_request()
    before = proxy.generation()
    proxy.remove("child.yaml")
    proxy.wait_generation(before)
    assert proxy.get("/team").status == 503
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
    assert client.read_response().body == b"late"
