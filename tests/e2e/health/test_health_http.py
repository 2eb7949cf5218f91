# SPDX-License-Identifier: Apache-2.0
"""Health checks over HTTP/1: thresholds, who is chosen, and what is told. contour.md 2.6, decision 0021."""
import json
import threading
import time

import pytest

from support import manifests
from support.checked import AWAY, UNWELL, Patient, checked, served_by, wait_state
from support.client import request
from support.origin import OK, answer
from support.ports import closed_port
from support.wait import wait_until


@pytest.fixture
def patient(backend):
    return lambda *arguments, **options: Patient(backend, *arguments, **options)


@pytest.fixture
def pair(fairlead, patient):
    """(proxy, a, b): both healthy."""

    def start(*flags, **options):
        a, b = patient("a"), patient("b")
        proxy = fairlead(checked(a, b, **options), *flags)
        wait_state(proxy, "healthy", 2)
        return proxy, a, b

    return start


def test_the_request_of_a_probe(fairlead, patient):
    asked = patient(path="/ready?deep=1")
    fairlead(checked(asked, path="/ready?deep=1", host="pods.example.com"))
    probe = asked.probes[0]
    assert probe.method == "GET" and probe.target == "/ready?deep=1"
    assert probe.get("Host") == "pods.example.com"
    assert probe.get("User-Agent") == "fairlead-health-check"


def test_an_endpoint_that_fails_is_left_out_after_failures_in_a_row(pair):
    proxy, a, b = pair(unhealthy=3)
    assert served_by(proxy) == {"a", "b"}
    b.says = UNWELL
    b.wait_probes(2)
    assert proxy.metric("fairlead_health_endpoints", state="unhealthy") == 0
    wait_state(proxy, "unhealthy")
    assert served_by(proxy) == {"a"}
    line = proxy.log.wait_for("endpoint is unhealthy")
    assert f"127.0.0.1:{b.port}" in line.string and "default/app/80" in line.string
    assert "status=500" in line.string


def test_a_success_in_between_begins_anew(pair):
    proxy, a, b = pair(unhealthy=2)
    for _ in range(2):
        b.says = UNWELL
        b.wait_probes(1)
        b.says = OK
        b.wait_probes(1)
    assert proxy.metric("fairlead_health_changes_total", to="unhealthy") == 0


def test_it_is_back_after_successes_in_a_row(pair):
    proxy, a, b = pair(unhealthy=1, healthy=2)
    b.says = UNWELL
    wait_state(proxy, "unhealthy")
    b.says = OK
    b.wait_probes(1)
    assert served_by(proxy) == {"a"}
    wait_state(proxy, "healthy", 2)
    assert served_by(proxy) == {"a", "b"}
    assert proxy.metric("fairlead_health_changes_total", to="unhealthy") == 1
    assert proxy.log.find("endpoint is healthy endpoint=127.0.0.1:%d" % b.port)


def test_503_is_unhealthy_at_once(pair):
    proxy, a, b = pair(unhealthy=10)
    b.says = AWAY
    wait_state(proxy, "unhealthy")
    assert proxy.metric("fairlead_health_probes_total", result="unavailable") == 1
    assert served_by(proxy) == {"a"}


@pytest.mark.parametrize("status", ["204 No Content", "301 Moved Permanently", "404 Not Found"])
def test_only_200_is_healthy(pair, status):
    proxy, a, b = pair(unhealthy=1)
    b.says = answer(b"", status, "Location: /")
    wait_state(proxy, "unhealthy")
    assert served_by(proxy) == {"a"}


def test_interim_answers_are_not_the_answer(fairlead, patient):
    asked = patient()
    asked.says = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK
    wait_state(fairlead(checked(asked)), "healthy")


def test_a_fresh_endpoint_needs_one_success(fairlead, patient):
    asked = patient()
    proxy = fairlead(checked(asked, interval=60, healthy=5))
    wait_state(proxy, "healthy")
    assert len(asked.probes) == 1


def test_silence_counts_as_failure(fairlead, patient, origin):
    silent = origin()
    proxy = fairlead(checked(patient("a"), silent, unhealthy=1))
    wait_state(proxy, "unhealthy")
    assert served_by(proxy) == {"a"}
    assert proxy.metric("fairlead_health_probes_total", result="timeout") >= 1


def test_an_endpoint_that_closes_or_refuses_fails(fairlead, patient):
    closing = patient("b")
    closing.says = None
    proxy = fairlead(checked(patient("a"), closing, closed_port(), unhealthy=1))
    wait_state(proxy, "unhealthy", 2)
    assert served_by(proxy) == {"a"}
    assert proxy.metric("fairlead_health_probes_total", result="closed") >= 1
    assert proxy.metric("fairlead_health_probes_total", result="connect_refused") >= 1


def test_without_a_healthy_endpoint_requests_get_503(pair):
    proxy, a, b = pair(unhealthy=1)
    a.says = b.says = UNWELL
    wait_state(proxy, "unhealthy", 2)
    before = len(a.endpoint.requests) - len(a.probes)
    refused = proxy.get("/")
    assert (refused.status, refused.reason_code) == (503, "no_healthy_endpoint")
    assert len(a.endpoint.requests) - len(a.probes) == before
    assert proxy.metric("fairlead_requests_total", code="5xx", reason="no_healthy_endpoint") == 1
    a.says = OK
    wait_state(proxy, "healthy")
    assert served_by(proxy) == {"a"}


def test_idle_connections_to_an_unhealthy_endpoint_close(fairlead, patient):
    asked = patient()
    proxy = fairlead(checked(asked, unhealthy=1))
    assert proxy.get("/").status == 200
    proxy.wait_gauge("fairlead_upstream_connections", 1, state="idle")
    asked.says = UNWELL
    proxy.wait_gauge("fairlead_upstream_connections", 0, state="open")


def test_a_request_under_way_at_an_unhealthy_endpoint_is_finished(fairlead, patient, origin):
    """And its connection is not kept."""
    upstream = origin()
    manifest = checked(upstream, unhealthy=1)
    proxy = fairlead(manifest, ready=False)

    def answer_probe(data):
        peer = upstream.accept()
        assert peer.read_request().target == "/ready"
        peer.send(data)

    answer_probe(OK)
    proxy.wait_ready()
    client = proxy.client()
    client.send(request("GET", "/slow"))
    peer = upstream.accept()
    assert peer.read_request().target == "/slow"
    answer_probe(UNWELL)
    wait_state(proxy, "unhealthy")
    peer.send(OK)
    assert client.read_response().status == 200
    peer.read_to_end()


# ---- one probe for all ----


@pytest.mark.tsan
def test_probes_are_shared_by_workers_and_clusters(fairlead, patient):
    """k probes take at least k - 1 intervals, less their jitter, however many ask for them."""
    asked = patient()
    parts = [checked(asked, name=f"app-{number}", fqdn=f"{number}.test") for number in range(3)]
    began = time.monotonic()
    proxy = fairlead(manifests.documents(*parts), "--workers", "3")
    asked.wait_probes(4)
    assert time.monotonic() - began >= 3 * 0.9 - 0.1
    states = proxy.metrics()
    assert sum(states.value("fairlead_health_endpoints", state=state)
               for state in ("healthy", "unhealthy", "unknown")) == 1


def test_different_checks_of_one_endpoint_are_probed_apart(fairlead, backend):
    target = backend(lambda asked: UNWELL if asked.target == "/b" else OK)
    proxy = fairlead(manifests.documents(
        checked(target, name="a", fqdn="a.test", path="/a"),
        checked(target, name="b", fqdn="b.test", path="/b", unhealthy=1)))
    wait_state(proxy, "healthy")
    wait_state(proxy, "unhealthy")
    assert proxy.get("/", "a.test").status == 200
    assert proxy.get("/", "b.test").status == 503


@pytest.mark.tsan
def test_every_worker_hears_of_it(pair):
    proxy, a, b = pair("--workers", "3", unhealthy=1)
    b.says = UNWELL
    wait_state(proxy, "unhealthy")
    # Messages to the other workers are on their way; afterwards nobody sends anything to b.
    wait_until(lambda: served_by(proxy, 40) == {"a"}, "all workers to leave b out")
    b.says = OK
    wait_until(lambda: served_by(proxy, 40) == {"a", "b"}, "all workers to choose b again")


# ---- changes ----


def test_an_endpoint_that_is_removed_is_probed_no_more(pair):
    proxy, a, b = pair()
    proxy.write("test.yaml", checked(a))
    wait_state(proxy, "healthy", 1)
    count = len(b.probes)
    a.wait_probes(3)
    assert len(b.probes) == count


def test_a_check_that_is_removed_ends(fairlead, patient):
    asked = patient()
    asked.says = UNWELL
    proxy = fairlead(checked(asked, unhealthy=1))
    wait_state(proxy, "unhealthy")
    proxy.write("test.yaml", manifests.app(asked))
    wait_state(proxy, "unhealthy", 0)
    wait_until(lambda: proxy.get("/").status == 200, "the endpoint to be chosen")


def test_a_verdict_survives_changes_of_other_endpoints(pair, patient):
    proxy, a, b = pair(unhealthy=1, healthy=9)
    b.says = UNWELL
    wait_state(proxy, "unhealthy")
    b.says = OK  # nine successes away from being chosen
    c = patient("c")
    proxy.write("test.yaml", checked(a, b, c, unhealthy=1, healthy=9))
    wait_state(proxy, "healthy", 2)
    assert served_by(proxy) == {"a", "c"}


def test_a_check_with_other_numbers_goes_on_with_what_is_known(pair):
    """Not one request goes to an endpoint that is known to be unhealthy."""
    proxy, a, b = pair(unhealthy=1)
    b.says = UNWELL
    wait_state(proxy, "unhealthy")
    asked = len(b.endpoint.requests) - len(b.probes)
    generation = proxy.metric("fairlead_table_generation")
    proxy.write("test.yaml", checked(a, b, unhealthy=9, healthy=9, interval=2))
    while proxy.metric("fairlead_table_generation") == generation:
        assert served_by(proxy) == {"a"}
    assert served_by(proxy) == {"a"}
    b.wait_probes(2)
    assert served_by(proxy) == {"a"}
    assert len(b.endpoint.requests) - len(b.probes) == asked
    assert proxy.metric("fairlead_health_changes_total", to="unhealthy") == 1


def test_a_check_that_is_added_fails_no_request(fairlead, backend):
    """Also while its answer takes its time."""
    may_answer = threading.Event()

    def respond(asked):
        if asked.target == "/ready":
            may_answer.wait()
        return OK

    upstream = backend(respond)
    proxy = fairlead(manifests.app(upstream))
    assert proxy.get("/").status == 200
    proxy.write("test.yaml", checked(upstream, timeout=30, interval=60))
    wait_state(proxy, "unknown")
    for _ in range(20):
        assert proxy.get("/").status == 200
    may_answer.set()
    wait_state(proxy, "healthy")


# ---- what people see ----


def test_readiness_waits_for_first_results(fairlead, origin):
    upstream = origin()
    proxy = fairlead(checked(upstream, timeout=4), ready=False)
    peer = upstream.accept()
    waiting = wait_until(lambda: [page for page in [proxy.admin("/readyz")]
                                  if b"health check" in page.body], "the detail line")[0]
    assert waiting.status == 503
    assert waiting.body == b"waiting for the first health check of 1 endpoint\n"
    peer.send(OK)
    proxy.wait_ready()


@pytest.mark.slow
def test_readiness_does_not_wait_for_ever(fairlead, origin):
    proxy = fairlead(checked(origin(), timeout=60), ready=False)
    proxy.wait_ready()
    wait_state(proxy, "unknown")


def test_a_failing_endpoint_does_not_hold_readiness(fairlead):
    fairlead(checked(closed_port(), unhealthy=10))


def test_explain_and_table_name_health(pair):
    proxy, a, b = pair(unhealthy=1)
    b.says = UNWELL
    wait_state(proxy, "unhealthy")
    walk = proxy.admin("/explain?url=http://a.test/").body.decode()
    assert f"127.0.0.1:{a.port} healthy" in walk
    assert f"127.0.0.1:{b.port} unhealthy" in walk and "its answer was not 200" in walk
    table = proxy.admin("/table").body.decode()
    assert f"127.0.0.1:{a.port} health=healthy\n" in table
    assert f"127.0.0.1:{b.port} health=unhealthy\n" in table
    [cluster] = json.loads(proxy.admin("/table?format=json").body)["clusters"]
    assert {"address": f"127.0.0.1:{b.port}", "weight": 1, "health": "unhealthy"} \
        in cluster["endpoints"]
    a.says = UNWELL
    wait_state(proxy, "unhealthy", 2)
    walk = proxy.admin("/explain?url=http://a.test/")
    assert walk.status == 404
    assert b"503: no service of this route has a healthy endpoint" in walk.body
