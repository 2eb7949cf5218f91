# SPDX-License-Identifier: Apache-2.0
"""Health checks in the protocol that traffic is spoken in: TLS, HTTP/2, and TCP alone."""
import pytest

from support import frames, manifests
from support.certificates import Authority
from support.checked import Patient, checked, served_by, wait_state
from support.origin import OK
from support.ports import closed_port
from support.tls import wrapped_by
from support.wait import wait_until


def test_tls(fairlead, backend, authority):
    asked = Patient(backend, wrap=wrapped_by(authority.issue("b.test").server_context()))
    proxy = fairlead(checked(asked, service_annotations=manifests.upstream_protocol("tls")))
    wait_state(proxy, "healthy")
    assert asked.probes[0].get("Host") == "probe.test"
    assert proxy.get("/").status == 200


def test_an_endpoint_that_cannot_be_verified_is_unhealthy(fairlead, backend, authority):
    """A probe verifies as traffic does."""
    good = Patient(backend, "good", wrap=wrapped_by(authority.issue("b.test").server_context()))
    bad = Patient(backend, "bad", wrap=wrapped_by(Authority().issue("b.test").server_context()))
    proxy = fairlead(manifests.documents(
        checked(good, bad, unhealthy=1, service_annotations=manifests.upstream_protocol("tls"),
                validation={"caSecret": "ca", "subjectName": "b.test"}),
        manifests.secret("ca", {"ca.crt": authority.pem})))
    wait_state(proxy, "unhealthy")
    wait_state(proxy, "healthy")
    assert served_by(proxy) == {"good"}
    assert proxy.metric("fairlead_health_probes_total", result="tls") >= 1


def test_plain_http_where_tls_is_to_be_spoken(fairlead, backend):
    proxy = fairlead(checked(Patient(backend), unhealthy=1, service_annotations=manifests.upstream_protocol("tls")))
    wait_state(proxy, "unhealthy")


@pytest.mark.parametrize("protocol", ["h2c", "h2"])
def test_http2(fairlead, h2_backend, authority, protocol):
    options = {}
    if protocol == "h2":
        options["wrap"] = wrapped_by(authority.issue("b.test").server_context("h2"))
    says = {"status": 200}
    upstream = h2_backend(lambda asked: (b"x", says["status"]), **options)
    proxy = fairlead(checked(upstream, path="/ready?deep=1", unhealthy=1,
                             service_annotations=manifests.upstream_protocol(protocol)))
    wait_state(proxy, "healthy")
    probe = upstream.requests[0]
    assert probe.get("user-agent") == "fairlead-health-check"
    assert probe.target == "/ready?deep=1" and probe.get(":authority") == "probe.test"
    assert proxy.get("/").status == 200
    says["status"] = 503
    wait_state(proxy, "unhealthy")


def test_http_1_where_http2_is_to_be_spoken(fairlead, backend):
    proxy = fairlead(checked(Patient(backend), unhealthy=1, service_annotations=manifests.upstream_protocol("h2c")))
    wait_state(proxy, "unhealthy")


def test_an_http2_endpoint_that_refuses_the_stream(fairlead, h2_backend):
    upstream = h2_backend(lambda asked, conn: conn.send(frames.rst_stream(asked.stream, 7)),
                          speaks=True)
    proxy = fairlead(checked(upstream, unhealthy=1, service_annotations=manifests.upstream_protocol("h2c")))
    wait_state(proxy, "unhealthy")
    assert proxy.metric("fairlead_health_probes_total", result="closed") >= 1


def test_tcp_is_a_connect(fairlead, origin):
    upstream = origin()
    proxy = fairlead(checked(upstream, closed_port(), is_tcp=True, unhealthy=1))
    wait_state(proxy, "healthy")
    wait_state(proxy, "unhealthy")
    assert upstream.accept().read_to_end() == b""
