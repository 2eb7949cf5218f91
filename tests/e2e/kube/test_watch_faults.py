# SPDX-License-Identifier: Apache-2.0
"""
An API server that misbehaves: what is known is served on, and what changed meanwhile follows.
Numbers are the rules of the watch protocol.
"""
import json

import pytest

from seen import (body_of, detail_of, kube_metric, wait_body, wait_detail, wait_well)
from support import apifaults as faults
from support import manifests
from support.apiserver import LIST, STREAM, WATCH
from support.wait import wait_until

pytestmark = pytest.mark.slow  # they wait for back-off

SLOWLY_S = 120  # what is asked for slowly comes after 10 s or so


def changed(server, app, body):
    """An endpoint that watches hear of when there is one."""
    server.apply(manifests.endpoints("app", app(body)))


def root(host="r.test"):
    """An IngressRoute for the same Service."""
    return manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {"virtualhost": {"fqdn": host}, "routes": [
            {"match": "/", "services": [{"name": "app", "port": 80}]}]}})


NO_PAGE = faults.body(b"404 page not found\n", 404)  # of a server, or of a balancer before it


def old_endpoints(name, where):
    address, _, port = where.rpartition(":")
    return manifests.to_yaml({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": manifests.metadata(name),
        "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "http", "port": int(port)}]}]})


@pytest.fixture
def scene(api, follow, app, steady):
    """(server, proxy) with http://a.test/ answering "a", followed by watches."""
    def start(prepare=lambda server: None):
        server = api(steady(), manifests.app(app(b"a")))
        prepare(server)
        return server, follow(server)

    return start


@pytest.mark.parametrize("form", ["status", "event"])
def test_watch_03_gone_lists_anew_and_takes_nothing_away_before(scene, app, steady, form):
    server, proxy = scene()
    with steady(proxy):
        gate = faults.Gate()
        server.misbehave("endpointslices", STREAM, gate)
        fault = (faults.status if form == "status" else faults.error_event)(410, "Expired")
        server.misbehave("endpointslices", WATCH, fault)
        server.apply(manifests.endpoints("app", app(b"unseen")), seen=False)
        server.cut("endpointslices")
        asked = server.wait_asked("endpointslices", STREAM, 2)
        assert "resourceVersion" not in asked[1].query
        for _ in range(20):
            assert body_of(proxy) == b"a"
        gate.open()
        wait_body(proxy, b"unseen")
        wait_well(proxy)


def test_watch_04_a_version_too_new_for_the_server_is_forgotten(scene, app, steady):
    """As after a restore of etcd from a backup."""
    server, proxy = scene()
    with steady(proxy):
        server.has_streams = False
        server.misbehave("endpointslices", WATCH, faults.status(418))
        server.misbehave("endpointslices", LIST, faults.status(
            504, "Timeout", "Too large resource version", "Retry-After: 1",
            causes=["ResourceVersionTooLarge"], retry_after_s=1))
        server.cut("endpointslices")
        asked = server.wait_asked("endpointslices", LIST, 2)
        assert asked[0].query["resourceVersion"] and "resourceVersion" not in asked[1].query
        changed(server, app, b"b")
        wait_body(proxy, b"b")


@pytest.mark.parametrize("answer", ["422", "event", "504"])
def test_watch_07_a_server_without_streaming_lists_is_asked_for_lists(scene, app, steady, answer):
    fault = {"422": faults.status(422, "Invalid"),
             "event": faults.error_event(500, "InternalError", "RequestWatchProgress is disabled"),
             "504": faults.status(504, "Timeout")}[answer]
    server, proxy = scene(lambda server: server.misbehave(None, STREAM, fault, times=10 ** 6))
    with steady(proxy):
        assert body_of(proxy) == b"a"
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        wait_well(proxy)
        assert len(server.asked("services", STREAM)) == len(server.asked("services", LIST)) == 1
        assert not proxy.log.find("cannot be followed")


@pytest.mark.parametrize("kind", ["refused", "reset", "429", "503"])
def test_watch_10_a_server_that_is_away_or_busy_is_asked_again_from_the_same_version(
        scene, app, steady, kind):
    fault = {"reset": faults.reset, "refused": None, "429": faults.status(429, "TooManyRequests"),
             "503": faults.status(503, "ServiceUnavailable")}[kind]
    server, proxy = scene()
    with steady(proxy):
        version = server.version
        if fault is None:
            server.stop()
        else:
            server.misbehave("endpointslices", WATCH, fault, times=2)
            server.cut("endpointslices")
        changed(server, app, b"b")
        wait_until(lambda: kube_metric(proxy, "faults_total") >= 2, "two faults")
        assert body_of(proxy) == b"a" and detail_of(proxy)[0] == 200
        wait_detail(proxy, 200, "endpointslices discovery.k8s.io/v1")
        if fault is None:
            server.start()
        wait_body(proxy, b"b")
        wait_well(proxy)
        assert {request.query["resourceVersion"]
                for request in server.asked("endpointslices", WATCH)} <= {str(version)}
        assert len(server.asked("endpointslices", STREAM)) == 1


def test_watch_10_the_server_says_how_long_to_wait(scene, app, steady):
    """Nothing is asked before that, so the watch after it is the first that can be answered."""
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH,
                         faults.status(429, "TooManyRequests", "busy", "Retry-After: 3"))
        server.cut("endpointslices")
        first = server.wait_asked("endpointslices", WATCH, 1)[0]
        second = server.wait_asked("endpointslices", WATCH, 2)[1]
        assert second.at_s - first.at_s >= 3


def test_watch_11_internal_errors_are_retried_and_then_listed_anew(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.status(500, "InternalError"), times=3)
        server.cut("endpointslices")
        server.wait_asked("endpointslices", STREAM, 2)
        assert len(server.asked("endpointslices", WATCH)) == 3
        changed(server, app, b"b")
        wait_body(proxy, b"b")


def test_watch_11_an_answer_nobody_knows_is_listed_anew(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.status(418, "Teapot"))
        server.cut("endpointslices")
        server.wait_asked("endpointslices", STREAM, 2)
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        wait_well(proxy)


def test_watch_12_watches_that_end_at_once_are_asked_for_ever_more_slowly(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.ended, times=4)
        server.end_watches("endpointslices")
        asked = server.wait_asked("endpointslices", WATCH, 5)
        waits = [later.at_s - sooner.at_s for sooner, later in zip(asked, asked[1:])]
        assert all(wait >= 0.4 for wait in waits) and waits[-1] >= 1.6, waits
        changed(server, app, b"b")
        wait_body(proxy, b"b")


def test_watch_13_a_server_killed_and_restarted_is_watched_on_without_a_list(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        for body in (b"1", b"2", b"3"):
            server.stop()
            changed(server, app, body)
            wait_detail(proxy, 200, "endpointslices", "does not answer")
            server.start()
            wait_body(proxy, body)
        assert len(server.asked("endpointslices", STREAM)) == 1
        assert not server.asked("endpointslices", LIST)
        wait_well(proxy)
        assert proxy.log.find("followed on the API server again")


def test_watch_13_a_stream_cut_within_a_line_loses_nothing(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        thing = server.shelf_of("discovery.k8s.io/v1", "EndpointSlice").objects["default", "app-0"]
        cut = faults.cut_within_a_line({**thing, "metadata": {**thing["metadata"],
                                                              "resourceVersion": "999999"}})
        server.misbehave("endpointslices", WATCH, cut, times=2)
        version = server.version
        server.cut("endpointslices")
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        assert {request.query["resourceVersion"]
                for request in server.asked("endpointslices", WATCH)} == {str(version)}


def test_watch_14_a_watch_on_which_nothing_comes_is_asked_for_again(scene, app, steady):
    """No byte, no end: neither bookmarks nor the end that was asked for."""
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.silent)
        server.end_watches("endpointslices")
        server.wait_asked("endpointslices", WATCH, 1)
        changed(server, app, b"b")
        wait_body(proxy, b"b", patience_s=150)
        assert len(server.asked("endpointslices", STREAM)) == 1
        wait_well(proxy)


def test_watch_15_pages_are_followed_and_an_expired_token_begins_anew(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")), page_items=1)
    server.has_streams = False
    for number in range(5):
        server.apply(manifests.service(f"more-{number}"))

    def expired(exchange):
        assert exchange.request.query["continue"] == "1"
        faults.status(410, "Expired", "The provided continue parameter is too old")(exchange)

    passed = []

    def second(exchange):
        if not passed:
            passed.append(True)
            exchange.server.answer(exchange)
        else:
            expired(exchange)

    server.misbehave("services", LIST, second, times=2)
    proxy = follow(server)
    with steady(proxy):
        assert body_of(proxy) == b"a"
        asked = server.asked("services", LIST)
        tokens = [request.query.get("continue") for request in asked]
        assert tokens == [None, "1", None, "1", "2", "3", "4", "5", "6"]
        assert all(request.query["limit"] == "500" for request in asked)


@pytest.mark.parametrize("how", ["truncated", "empty", "no version", "garbage", "wrong", "500"])
def test_watch_16_a_failed_list_is_not_an_empty_one(scene, app, steady, how):
    fault = {"truncated": faults.truncated_list, "empty": faults.body(b""),
             "no version": faults.body(b'{"metadata": {}, "items": []}'),
             "garbage": faults.body(b"<html>hello</html>"),
             "wrong": faults.body(b'{"metadata": {"resourceVersion": "5"}}'),
             "500": faults.status(500, "InternalError")}[how]
    server, proxy = scene()
    with steady(proxy):
        server.has_streams = False
        server.forget()
        server.misbehave("ingresses", LIST, fault, times=2)
        server.cut("ingresses")
        server.wait_asked("ingresses", LIST, 3)
        assert body_of(proxy) == b"a"
        assert proxy.metric("fairlead_table_generation") == 1
        server.remove("Ingress", "app-ingress")
        wait_body(proxy, 404)
        wait_well(proxy)


def test_watch_16_a_list_counts_when_its_last_page_has_come(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")), page_items=1)
    server.has_streams = False
    proxy = follow(server)
    with steady(proxy):
        gate = faults.Gate()
        first = []

        def page(exchange):
            if "continue" in exchange.request.query:
                gate(exchange)
            else:
                first.append(exchange)
                exchange.server.answer(exchange)

        server.misbehave("ingresses", LIST, page, times=2)
        server.remove("Ingress", "steady-ingress", seen=False)
        server.apply(steady())  # the first page and the last say what was there before
        server.remove("Ingress", "app-ingress", seen=False)
        server.apply(manifests.ingress(name="zz-ingress"), seen=False)
        server.forget()
        server.cut("ingresses")
        wait_until(lambda: first, "the first page")
        for _ in range(20):
            assert body_of(proxy) == b"a"
        gate.open()
        wait_until(lambda: "zz-ingress" in proxy.admin("/table").body.decode(), "the new list")


def test_watch_17_a_slow_list_is_waited_for(scene, app, steady):
    """No deadline between two bytes of a list: only one for all of it."""
    server, proxy = scene()
    with steady(proxy):
        server.has_streams = False
        at = []

        def slow(exchange):
            shelf = exchange.server.shelf_of("discovery.k8s.io/v1", "EndpointSlice")
            data = json.dumps(exchange.server.page(exchange.request, shelf)).encode()
            exchange.head(200, f"Content-Length: {len(data)}")
            at.append(exchange)
            for byte in data[:400]:
                exchange.send(bytes([byte]))
            gate.opened.wait()
            exchange.send(data[400:])
            exchange.keeps_open = True

        gate = faults.Gate()
        server.misbehave("endpointslices", LIST, slow)
        server.apply(manifests.endpoints("app", app(b"b")), seen=False)
        server.forget()
        server.cut("endpointslices")
        wait_until(lambda: at, "the list")
        for _ in range(20):
            assert body_of(proxy) == b"a"
        gate.open()
        wait_body(proxy, b"b")


def test_watch_17_an_event_that_is_too_long_is_refused_and_the_list_read_anew(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        huge = b'{"type": "MODIFIED", "object": {"metadata": {"name": "' + b"x" * (5 << 20)
        server.misbehave("endpointslices", WATCH, faults.lines(huge + b'"}}}\n'))
        server.cut("endpointslices")
        server.wait_asked("endpointslices", STREAM, 2)
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        assert kube_metric(proxy, "too_large_total") == 1
        assert proxy.log.find("larger than is taken")


def test_watch_17_pages_that_are_too_large_are_asked_for_smaller(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        server.has_streams = False
        large = faults.body(b'{"metadata": {"resourceVersion": "5"}, "items": [' +
                            b" " * (33 << 20) + b"]}")
        server.misbehave("endpointslices", LIST, large, times=2)
        server.forget()
        server.cut("endpointslices")
        asked = server.wait_asked("endpointslices", LIST, 3, SLOWLY_S)
        assert [request.query["limit"] for request in asked] == ["500", "500", "125"]
        assert "resourceVersion" not in asked[2].query
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        assert kube_metric(proxy, "too_large_total") == 2


def test_watch_17_a_list_without_an_end_is_given_up(scene, app, steady):
    """Each page is small enough, but there is always another one."""
    server, proxy = scene()
    with steady(proxy):
        server.has_streams = False
        page = faults.body(b'{"metadata": {"resourceVersion": "5", "continue": "x"}, "items": [' +
                           b" " * (31 << 20) + b"]}")
        server.misbehave("endpointslices", LIST, page, times=34)
        server.forget()
        server.cut("endpointslices")
        wait_until(lambda: kube_metric(proxy, "too_large_total") == 1, "the limit", SLOWLY_S)
        assert body_of(proxy) == b"a"
        changed(server, app, b"b")
        wait_body(proxy, b"b", patience_s=SLOWLY_S)


@pytest.mark.parametrize("garbage", [b"nonsense\n", b"{}\n", b'{"type": 7, "object": {}}\n',
                                     b'{"type": "ADDED"}\n', b"[" * 5000 + b"\n", b"\xff\x00\n"])
def test_a_watch_that_brings_garbage_is_asked_for_again(scene, app, steady, garbage):
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.lines(garbage), times=2)
        server.cut("endpointslices")
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        wait_well(proxy)


def test_events_of_a_type_of_another_age_are_passed_over(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        server.watching("endpointslices")[0].piece(b'{"type": "SHRUGGED", "object": {}}\n\n')
        changed(server, app, b"b")
        wait_body(proxy, b"b")
        assert kube_metric(proxy, "faults_total") == 0


def test_watch_22_what_is_not_permitted_stops_nothing_else_and_is_told(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    message = "ingressroutes.contour.heptio.com is forbidden: User \"x\" cannot list resource"
    server.misbehave("ingressroutes", None, faults.status(403, "Forbidden", message), times=10 ** 6)
    proxy = follow(server, ready=False)
    server.wait_asked("ingressroutes", STREAM, 1)
    wait_detail(proxy, 503, "ingressroutes contour.heptio.com/v1beta1: not permitted", message)
    assert proxy.log.find("cannot be followed .*ingressroutes.*not permitted")
    wait_until(lambda: proxy.metric("fairlead_kube_synced") == 8, "all the others")
    assert proxy.metric("fairlead_kube_troubled") == 1
    server.behave()
    proxy.wait_until(lambda: proxy.admin("/readyz").status == 200, "readiness",
                     patience_s=SLOWLY_S)
    assert body_of(proxy) == b"a"


def test_watch_22_a_permission_taken_away_later_leaves_what_is_known(scene, app, steady):
    server, proxy = scene()
    with steady(proxy):
        forbidden = faults.status(403, "Forbidden", "no more")
        server.misbehave("endpointslices", None, forbidden, times=10 ** 6)
        server.cut("endpointslices")
        wait_detail(proxy, 200, "endpointslices", "not permitted", "no more")
        server.apply(manifests.ingress("b.test", name="b"))
        wait_body(proxy, b"a", "b.test")
        changed(server, app, b"b")
        assert body_of(proxy) == b"a"
        server.behave()
        wait_body(proxy, b"b", patience_s=SLOWLY_S)
        wait_well(proxy)


def test_watch_23_kinds_not_installed_are_waited_for_quietly(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    for resource in ("ingressroutes", "tlscertificatedelegations"):
        server.uninstall(resource)
    proxy = follow(server)
    with steady(proxy):
        assert detail_of(proxy) == (200, "ready\n")
        assert not proxy.log.find("cannot be followed")
        server.install("ingressroutes")
        server.apply(root())
        wait_body(proxy, b"a", "r.test", patience_s=SLOWLY_S)


def test_watch_23_objects_go_when_their_kind_is_really_gone(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")), root())
    proxy = follow(server)
    with steady(proxy):
        assert body_of(proxy, "r.test") == b"a"
        server.misbehave("ingressroutes", STREAM, NO_PAGE)
        server.misbehave("ingressroutes", WATCH, NO_PAGE)
        server.cut("ingressroutes")
        server.wait_asked("ingressroutes", STREAM, 3, patience_s=SLOWLY_S)
        assert body_of(proxy, "r.test") == b"a"  # it was only a server that starts
        server.uninstall("ingressroutes")
        wait_body(proxy, 404, "r.test", patience_s=3 * SLOWLY_S)
        assert detail_of(proxy) == (200, "ready\n")


def test_watch_23_a_404_for_everything_takes_nothing_away(scene, steady):
    """As of a balancer whose backends are gone: it knows nothing of what is installed."""
    server, proxy = scene(lambda server: server.apply(root()))
    with steady(proxy):
        assert body_of(proxy, "r.test") == b"a"
        server.misbehave(None, None, NO_PAGE, times=10 ** 6)
        server.cut()
        for resource in ("endpointslices", "ingressroutes"):
            server.wait_asked(resource, STREAM, 5, patience_s=SLOWLY_S)
        wait_detail(proxy, 200, "endpointslices discovery.k8s.io/v1: the API server refuses",
                    "ingressroutes contour.heptio.com/v1beta1: the API server refuses")
        assert body_of(proxy) == body_of(proxy, "r.test") == b"a"
        assert not server.asked("endpoints")
        server.behave()
        wait_well(proxy, SLOWLY_S)
        assert body_of(proxy) == body_of(proxy, "r.test") == b"a"


def test_watch_23_slices_that_were_listed_stay_when_there_are_none_any_more(scene, app, steady):
    """Endpoints are read beside them."""
    server, proxy = scene()
    with steady(proxy):
        server.uninstall("endpointslices")
        server.wait_asked("endpoints", STREAM, 1, patience_s=SLOWLY_S)
        server.apply(manifests.documents(
            manifests.ingress("b.test", service="b"), manifests.service("b"),
            old_endpoints("b", app(b"b"))))
        wait_body(proxy, b"b", "b.test")
        wait_detail(proxy, 200, "endpointslices discovery.k8s.io/v1: not installed")
        assert body_of(proxy) == b"a" and kube_metric(proxy, "troubled") == 1


def test_watch_23_endpoints_are_read_where_there_never_were_slices(api, follow, app):
    server = api(manifests.ingress(), manifests.service(), old_endpoints("app", app(b"a")))
    server.uninstall("endpointslices")
    proxy = follow(server)
    assert body_of(proxy) == b"a" and detail_of(proxy) == (200, "ready\n")


def test_watch_24_what_a_server_does_not_know_yet_is_waited_for(api, follow, app, steady):
    """Some of its answers are 404 while it starts, and no list of it comes."""
    server = api(steady(), manifests.app(app(b"a")), root())
    server.misbehave("ingressroutes", None, NO_PAGE)
    server.misbehave(None, None, faults.status(503), times=10 ** 6)
    proxy = follow(server, ready=False)
    server.wait_asked("ingresses", LIST, 3)  # well after what is asked at the start
    server.behave()
    proxy.wait_ready()
    assert body_of(proxy, "r.test") == b"a"


def test_watch_24_nothing_is_served_before_each_kind_was_listed(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    gate = faults.Gate()
    server.misbehave("endpointslices", STREAM, gate)
    proxy = follow(server, ready=False)
    waiting = "not synced yet\nendpointslices discovery.k8s.io/v1: not listed yet\n"
    wait_until(lambda: detail_of(proxy) == (503, waiting), "all but one")
    assert body_of(proxy) != b"a"
    gate.open()
    proxy.wait_ready()
    assert body_of(proxy) == b"a"


def test_watch_24_a_server_that_comes_late_is_waited_for(api, follow, app, steady):
    server = api(steady(), manifests.app(app(b"a")))
    server.stop()
    proxy = follow(server, ready=False)
    wait_detail(proxy, 503, "not synced", "does not answer")
    server.start()
    proxy.wait_ready()
    assert body_of(proxy) == b"a" and not server.asked(kind=LIST)


def test_watch_24_an_api_server_that_is_away_takes_no_readiness(scene, steady):
    server, proxy = scene()
    with steady(proxy):
        server.stop()
        wait_until(lambda: kube_metric(proxy, "troubled") == 9, "all are in trouble")
        assert detail_of(proxy)[0] == 200 and body_of(proxy) == b"a"


def test_a_failure_is_no_longer_than_is_read(scene, steady):
    server, proxy = scene()
    with steady(proxy):
        server.misbehave("endpointslices", WATCH, faults.body(b"x" * 5_000_000, 503), times=2)
        server.cut("endpointslices")
        server.wait_asked("endpointslices", WATCH, 3)
        assert body_of(proxy) == b"a"
        wait_well(proxy)
        assert kube_metric(proxy, "too_large_total") == 2


def test_the_metrics_port_tells_the_verdict_and_no_names(api, follow, app, steady):
    server = api(steady())
    server.misbehave("ingressroutes", None, faults.status(403, "Forbidden"), times=10 ** 6)
    proxy = follow(server, "--metrics", "127.0.0.1:0", ready=False)
    wait_detail(proxy, 503, "ingressroutes")
    port = int(proxy.log.wait_for(r"metrics listens address=\S*:(\d+)")[1])
    answer = proxy.client_of(port).get("/readyz")
    assert (answer.status, answer.body) == (503, b"not synced yet\n")
